"""Edges and paths between identities of several projects, and what each can do by itself."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.analysis.gcp import power, reach, ways
from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.decide import decide
from nhiscan.analysis.gcp.names import principal_id
from nhiscan.model import Attachment, AttachmentKind, Capability, Certainty, IdentityKind, Policy, PolicyKind
from tests.analysis.gcp.sample import NOW, World, member, place, row, sa

TOKEN = "roles/iam.serviceAccountTokenCreator"
ANN = "user:ann@acme.example"
ID = "gcp:user/ann@acme.example"


@pytest.fixture
def world():
    made = World()
    made.user("ann@acme.example")
    return made


def test_impersonation_goes_over_projects_and_each_hop_is_proven(world):
    world.account("admin", "pay")
    world.bind(ANN, TOKEN, "sa/ci")
    world.bind(member("ci"), TOKEN, f"sa/{sa('admin', 'pay').removeprefix('gcp:sa/')}")
    world.bind(member("admin", "pay"), "roles/resourcemanager.organizationAdmin", "org")
    found = world.reached(ID)
    assert {t: (r.hops, r.certainty) for t, r in found.items()} == {
        sa("ci"): (1, Certainty.CERTAIN),
        sa("admin", "pay"): (2, Certainty.CERTAIN),
    }
    path = found[sa("admin", "pay")]
    assert path.path == (ID, sa("ci"), sa("admin", "pay"))
    assert path.steps == (
        f"{TOKEN} on service account ci@shop.iam.gserviceaccount.com is granted to user ann@acme.example",
        "iam.serviceAccounts.getAccessToken: makes access tokens of service account ci@shop.iam.gserviceaccount.com",
        f"{TOKEN} on service account admin@pay.iam.gserviceaccount.com is granted to service account ci@shop.iam.gserviceaccount.com",
        "iam.serviceAccounts.getAccessToken: makes access tokens of service account admin@pay.iam.gserviceaccount.com",
        "service account admin@pay.iam.gserviceaccount.com has admin in organization acme.example (resourcemanager.organizations.setIamPolicy)",
        "roles/resourcemanager.organizationAdmin on organization acme.example is granted to service account admin@pay.iam.gserviceaccount.com",
        "resourcemanager.organizations.setIamPolicy gives anybody any role (organization acme.example)",
    )
    raised = world.able(ID)["escalate:access_token"]
    assert raised.certainty is Certainty.CERTAIN
    assert raised.steps == path.steps


def test_paths_end_after_five_hops(world):
    names = [f"a{n}" for n in range(7)]
    for name in names:
        world.account(name)
    world.bind(ANN, TOKEN, "sa/a0")
    for one, other in pairwise(names):
        world.bind(member(one), TOKEN, f"sa/{other}")
    world.bind(member("a4"), "roles/owner", "project/pay")
    assert world.reached(ID)[sa("a4")].hops == 5
    world.bind(member("a5"), "roles/owner", "project/lab")
    assert sa("a5") not in world.reached(ID)
    assert sa("a5") in world.reached(sa("a0"))


def test_whoever_goes_round_in_circles_does_not_reach_itself(world):
    world.bind(member("ci"), TOKEN, "sa/deploy")
    world.bind(member("deploy"), TOKEN, "sa/ci")
    world.bind(member("ci"), TOKEN, "sa/ci")
    world.bind(member("ci"), "roles/owner", "project/pay")
    assert set(world.reached(sa("ci"))) == {sa("deploy")}
    assert set(world.reached(sa("deploy"))) == {sa("ci")}


def test_a_disabled_account_is_neither_start_nor_target(world):
    world.disable("ci")
    world.bind(ANN, TOKEN, "project/shop")
    world.bind(member("ci"), TOKEN, "sa/deploy")
    world.bind(member("ci"), "roles/owner", "project/shop")
    assert set(world.reached(ID)) == {sa("deploy")}
    assert world.reached(sa("ci")) == {}
    assert world.able(sa("ci")) == {}


def test_agents_of_google_are_no_accounts_of_the_project(world):
    agent = "service-3001@container-engine-robot.iam.gserviceaccount.com"
    world.identity(f"gcp:sa/{agent}", IdentityKind.SERVICE_ACCOUNT)
    world.bind(f"serviceAccount:{agent}", "roles/owner", "project/pay")
    world.bind(ANN, TOKEN, "project/shop")
    assert set(world.reached(ID)) == {sa("ci"), sa("deploy")}


def test_deploying_with_an_account_of_another_project_is_conditional(world):
    world.bind(member("ci"), "roles/owner", "project/pay")
    world.bind(ANN, "roles/iam.serviceAccountUser", "sa/ci")
    world.may(ANN, "project/lab", "run.services.create")
    found = world.reached(ID)[sa("ci")]
    assert found.certainty is Certainty.CONDITIONAL
    assert any("unless it was lifted" in s for s in found.steps)
    world.may(ANN, "project/shop", "run.services.create")
    assert world.reached(ID)[sa("ci")].certainty is Certainty.CERTAIN


def test_acting_as_an_account_with_nowhere_to_deploy_is_no_way(world):
    world.bind(ANN, "roles/iam.serviceAccountUser", "project/shop")
    assert world.reached(ID) == {}


def test_a_service_that_must_exist_makes_it_conditional_until_it_was_seen(world):
    world.bind(member("ci"), "roles/owner", "project/pay")
    world.may(ANN, "project/shop", "iam.serviceAccounts.actAs", "run.services.update")
    assert world.able(ID)["escalate:run_update"].certainty is Certainty.CONDITIONAL
    world.workload("api", "gcp_run", sa("deploy"))
    assert world.able(ID)["escalate:run_update"].certainty is Certainty.CERTAIN


def test_a_machine_with_narrow_scopes_is_worth_less(world):
    world.bind(member("ci"), "roles/owner", "project/pay")
    world.may(ANN, "project/shop", "iam.serviceAccounts.actAs", "compute.instances.setMetadata")
    world.workload("vm", "gcp_compute", sa("ci"), tags={"gcp:scopes": "devstorage.read_only logging.write"})
    found = world.reached(ID)[sa("ci")]
    assert found.certainty is Certainty.CONDITIONAL
    assert any("access scopes" in s for s in found.steps)
    world.workload("vm", "gcp_compute", sa("ci"), tags={"gcp:scopes": "cloud-platform"})
    assert world.reached(ID)[sa("ci")].certainty is Certainty.CERTAIN


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, Certainty.CONDITIONAL),
        ({"gcp:workload_pool": "shop.svc.id.goog"}, None),
        ({"gcp:workload_pool": "shop.svc.id.goog", "gcp:node_identity": "open to pods"}, Certainty.CERTAIN),
    ],
)
def test_pods_reach_the_account_of_their_node_unless_it_is_hidden(world, tags, expected):
    world.workload("main", "gcp_gke", sa("ci"), tags=tags)
    world.may(ANN, "project/shop", "container.pods.create")
    found = world.reached(ID).get(sa("ci"))
    assert (found.certainty if found else None) is expected


def test_a_group_gives_its_ways_to_the_members_that_are_known(world):
    world.group("team@acme.example", ANN)
    world.bind("group:team@acme.example", TOKEN, "sa/ci")
    found = world.reached(ID)[sa("ci")]
    assert found.steps[0].endswith("is granted to group team@acme.example")
    assert set(world.reached("gcp:group/team@acme.example")) == {sa("ci")}


def test_a_group_whose_members_nobody_read_keeps_it_to_itself(world):
    world.group("team@acme.example")
    world.bind("group:team@acme.example", TOKEN, "sa/ci")
    assert world.reached(ID) == {}
    assert set(world.reached("gcp:group/team@acme.example")) == {sa("ci")}


def test_what_everybody_may_is_told_of_everybody(world):
    world.identity("gcp:allUsers", IdentityKind.GROUP)
    world.bind("allUsers", TOKEN, "sa/ci")
    assert set(world.reached("gcp:allUsers")) == {sa("ci")}
    assert world.reached(ID) == {}


def test_a_federated_identity_reaches_what_its_pool_is_trusted_with(world):
    one = "principal://iam.googleapis.com/projects/3001/locations/global/workloadIdentityPools/hub/subject/x"
    id_ = world.identity(principal_id(one), IdentityKind.WORKLOAD_IDENTITY)
    world.bind(one, "roles/iam.workloadIdentityUser", "sa/ci")
    world.bind(member("ci"), "roles/owner", "project/shop")
    assert world.reached(id_)[sa("ci")].certainty is Certainty.CERTAIN


def test_a_provider_of_ones_own_reaches_federated_identities_with_roles(world):
    one = "principal://iam.googleapis.com/projects/3001/locations/global/workloadIdentityPools/hub/subject/x"
    id_ = world.identity(principal_id(one), IdentityKind.WORKLOAD_IDENTITY)
    world.bind(one, "roles/owner", "project/pay")
    world.may(ANN, "project/shop", "iam.googleapis.com/workloadIdentityPoolProviders.create")
    assert world.reached(ID)[id_].hops == 1


def test_a_project_of_many_accounts_gives_few_plain_rows(world, monkeypatch):
    monkeypatch.setattr(reach, "MAX_PLAIN", 3)
    for n in range(9):
        world.account(f"x{n}")
    world.bind(ANN, TOKEN, "project/shop")
    assert len(world.reached(ID)) == 3
    world.bind(member("x7"), "roles/owner", "project/pay")
    assert sa("x7") in world.reached(ID)


def test_of_many_targets_worth_becoming_the_greatest_are_told(world, monkeypatch):
    monkeypatch.setattr(power, "MAX_PATHS", 2)
    for n in range(4):
        world.account(f"x{n}")
        world.bind(member(f"x{n}"), "roles/secretmanager.secretAccessor", "project/shop")
    world.bind(member("x3"), "roles/owner", "project/shop")
    world.bind(ANN, TOKEN, "project/shop")
    worth = [t for t, r in world.reached(ID).items() if any(" has " in s for s in r.steps)]
    assert worth == [sa("x0"), sa("x3")]


def test_places_to_deploy_to_are_looked_for_within_bounds(world, monkeypatch):
    monkeypatch.setattr(ways, "MAX_ELSEWHERE", 0)
    world.bind(ANN, "roles/iam.serviceAccountUser", "sa/ci")
    world.may(ANN, "project/lab", "run.services.create")
    assert world.reached(ID) == {}


def test_two_ways_of_the_same_length_take_the_surer(world):
    world.account("a")
    world.account("b")
    tag = 'resource.matchTag("1000/env", "dev")'
    world.bind(ANN, TOKEN, "sa/a", tag)
    world.bind(ANN, TOKEN, "sa/b")
    for one in "ab":
        world.bind(member(one), TOKEN, "sa/ci")
    world.bind(member("ci"), "roles/owner", "project/pay")
    found = world.reached(ID)[sa("ci")]
    assert (found.path[1], found.certainty) == (sa("b"), Certainty.CERTAIN)


# Capabilities


def test_an_owner_has_every_capability_in_the_project(world):
    world.bind(ANN, "roles/owner", "project/shop")
    found = world.able(ID)
    assert {r.capability for r in found.values()} == set(Capability) - {Capability.ESCALATE, Capability.READ_DATA}
    assert "admin:resourcemanager.projects.setIamPolicy@gcp:project/shop" in found
    assert "wildcard:roles/owner@gcp:project/shop" in found


def test_an_editor_is_wide_and_no_administrator(world):
    world.bind(ANN, "roles/editor", "project/shop")
    found = {r.capability for r in world.able(ID).values()}
    assert Capability.WILDCARD in found
    assert Capability.ADMIN not in found


def test_an_editor_becomes_whoever_owns_the_project(world):
    world.bind(ANN, "roles/editor", "project/shop")
    world.bind(member("ci"), "roles/owner", "project/shop")
    raised = {k for k, r in world.able(ID).items() if r.capability is Capability.ESCALATE}
    assert raised == {"escalate:key"}


def test_an_owner_gains_nothing_from_an_account_of_the_same_project(world):
    world.bind(ANN, "roles/owner", "project/shop")
    world.bind(member("ci"), "roles/owner", "project/shop")
    assert not [k for k in world.able(ID) if k.startswith("escalate")]
    world.bind(member("ci"), "roles/owner", "project/pay")
    assert [k for k in world.able(ID) if k.startswith("escalate")]


def test_a_viewer_of_everything_has_no_wildcard_and_reads_keys(world):
    world.bind(ANN, "roles/viewer", "org")
    assert set(world.able(ID)) == {"read_secrets:apikeys.keys.getKeyString@gcp:org/1000"}


def test_a_capability_of_the_organisation_is_not_told_again_below(world):
    world.bind(ANN, "roles/secretmanager.secretAccessor", "org")
    world.bind(ANN, "roles/secretmanager.secretAccessor", "project/shop")
    assert set(world.able(ID)) == {"read_secrets:secretmanager.versions.access@gcp:org/1000"}


def test_one_secret_is_not_reading_secrets(world):
    secret = "//secretmanager.googleapis.com/projects/shop/secrets/db"
    world.bind(ANN, "roles/secretmanager.secretAccessor", secret)
    assert world.able(ID) == {}


def test_a_permission_for_folders_is_none_on_a_project(world):
    world.bind(ANN, "roles/resourcemanager.folderIamAdmin", "project/shop")
    assert world.able(ID) == {}


def test_a_conditional_owner_is_told_so_with_the_condition(world):
    world.bind(ANN, "roles/owner", "project/shop", 'resource.matchTag("1000/env", "dev")')
    found = world.able(ID)["admin:resourcemanager.projects.setIamPolicy@gcp:project/shop"]
    assert found.certainty is Certainty.CONDITIONAL
    assert 'under the condition resource.matchTag("1000/env", "dev")' in found.steps[0]


def test_an_eligible_owner_is_told_so(world):
    world.bind(ANN, "roles/owner", "project/shop", eligible=True)
    found = world.able(ID)["wildcard:roles/owner@gcp:project/shop"]
    assert found.certainty is Certainty.CONDITIONAL
    assert "after activation" in found.steps[0]


def test_a_custom_role_that_one_may_change_is_an_escalation_where_it_is_bound(world):
    role = world.custom("mine", "iam.roles.update")
    world.bind(ANN, role, "project/shop")
    assert world.able(ID)["escalate:role_update@gcp:project/shop"].certainty is Certainty.CERTAIN


def test_a_custom_role_of_others_is_none(world):
    world.custom("theirs", "iam.roles.list")
    world.bind(ANN, "roles/iam.roleAdmin", "project/shop")
    assert world.able(ID) == {}


def test_a_deny_that_may_hit_makes_it_conditional_and_says_so(world):
    world.bind(ANN, "roles/owner", "project/shop")
    world.deny("org", deniedPrincipals=["principalSet://goog/group/x@acme.example"],
               deniedPermissions=["cloudresourcemanager.googleapis.com/projects.setIamPolicy"])  # fmt: skip
    found = world.able(ID)["admin:resourcemanager.projects.setIamPolicy@gcp:project/shop"]
    assert found.certainty is Certainty.CONDITIONAL
    assert found.steps[0].endswith("unless a deny policy applies")


def test_a_deny_policy_nobody_could_read_may_deny_anything(world):
    world.bind(ANN, TOKEN, "sa/ci")
    world.add(row(Policy, "gcp:policies/cloudresourcemanager.googleapis.com%2Fprojects%2Fshop/denypolicies/d",
                  provider="gcp", kind=PolicyKind.DENY, name="d"))  # fmt: skip
    assert world.reached(ID)[sa("ci")].certainty is Certainty.CONDITIONAL


# Laws

ROLES = ("roles/owner", "roles/editor", TOKEN, "roles/iam.serviceAccountUser")
PLACES = ("org", "folder/prod", "project/shop", "sa/ci")
WHO = (ANN, member("ci"), member("deploy"))
ASKED = ("iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.actAs", "resourcemanager.projects.setIamPolicy")
bindings = st.lists(st.tuples(st.sampled_from(WHO), st.sampled_from(ROLES), st.sampled_from(PLACES)), max_size=6)


def answers(world):
    estate = world.estate()
    return {(w, p, r): decide(estate, principal_id(w), p, place(r)).answer for w in WHO for p in ASKED for r in PLACES}


def holding(rows):
    made = World()
    for one in rows:
        made.bind(*one)
    return made


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bindings,
    st.sampled_from(PLACES[:3]),
    st.sampled_from(["iam.googleapis.com/*.*", "iam.googleapis.com/serviceAccounts.actAs"]),
)
def test_a_deny_never_widens_and_a_binding_never_narrows(rows, at, permission):
    before = answers(holding(rows))
    denied = holding(rows)
    denied.deny(at, deniedPrincipals=["principalSet://goog/public:all"], deniedPermissions=[permission])
    assert all(answer <= before[key] for key, answer in answers(denied).items())
    wider = answers(holding([*rows, (ANN, "roles/owner", "org")]))
    assert all(answer >= before[key] for key, answer in wider.items())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bindings, st.randoms(use_true_random=False))
def test_the_order_of_records_is_irrelevant(rows, random):
    one = holding(rows)
    expected = one.power()[1]
    mixed = list(one.records.items())
    random.shuffle(mixed)
    one.records = dict(mixed)
    found = one.power()[1]
    assert found.paths == expected.paths
    assert found.facts == expected.facts


def test_no_clock_is_asked(world):
    assert world.estate().as_of == NOW
    assert power.MAX_HOPS == 5
    assert Answer.NO < Answer.CONDITIONAL < Answer.YES


def test_attachments_of_others_and_without_a_place_are_left_out(world):
    world.add(
        row(
            Attachment,
            "aws",
            policy_id="arn:aws:iam::aws:policy/X",
            principal_id=ID,
            kind=AttachmentKind.GRANTS,
            target_id="x",
        )
    )
    world.add(row(Attachment, "declared", policy_id="gcp:roles/owner", principal_id=ID, kind=AttachmentKind.GRANTS))
    assert world.estate().bindings == {}
