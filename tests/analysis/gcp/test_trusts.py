"""Who from outside may become which service account, and what his token must say."""

import json

import pytest

from nhiscan.analysis.federation import federated
from nhiscan.analysis.gcp import trusts as module
from nhiscan.model import Certainty, Consumer, ConsumerKind, IdentityKind, IdentityState, PrincipalKind, TrustKind
from tests.analysis.gcp.sample import POOL, World, member, row, sa

GITHUB = "https://token.actions.githubusercontent.com"
HOST = "token.actions.githubusercontent.com"
USER = "roles/iam.workloadIdentityUser"
MAPPING = json.dumps({"google.subject": "assertion.sub", "attribute.repository": "assertion.repository",
                      "attribute.repo": "assertion.repository"})  # fmt: skip


@pytest.fixture
def world():
    return World()


def only(found):
    (one,) = found
    return one


def test_a_repository_of_a_pool_is_a_claim(world):
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING)
    world.bind(f"principalSet://{POOL}/attribute.repository/acme/api", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.principal, found.principal_kind, found.kind) == (HOST, PrincipalKind.OIDC, TrustKind.FEDERATE)
    assert (found.target_id, found.subjects, found.claims) == (sa("ci"), (), ("repository=acme/api",))
    assert found.audiences == (
        "//iam.googleapis.com/projects/3001/locations/global/workloadIdentityPools/hub/providers/github",
    )
    assert (found.condition, found.certainty, found.external) == (None, Certainty.CERTAIN, None)


def test_an_attribute_is_told_by_the_claim_it_is_a_copy_of(world):
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING)
    world.bind(f"principalSet://{POOL}/attribute.repo/acme/api", USER, "sa/ci")
    assert only(world.trusts()).claims == ("repository=acme/api",)


def test_an_attribute_that_is_computed_keeps_its_name(world):
    world.provider(
        "github",
        issuer=GITHUB,
        attribute_mapping="google.subject=assertion.sub,attribute.org=assertion.repository.split('/')[0]",
    )
    world.bind(f"principalSet://{POOL}/attribute.org/acme", USER, "sa/ci")
    assert only(world.trusts()).claims == ("org=acme",)


def test_one_subject(world):
    world.provider("github", issuer=GITHUB, allowed_audiences="https://a.example, b")
    world.bind(f"principal://{POOL}/subject/repo:acme/api:ref:refs/heads/main", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.subjects, found.claims) == (("repo:acme/api:ref:refs/heads/main",), ())
    assert found.audiences == ("https://a.example", "b")


def test_the_whole_pool_without_a_condition_shows_itself_by_its_emptiness(world):
    world.provider("github", issuer=GITHUB)
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.subjects, found.claims, found.condition, found.certainty) == ((), (), None, Certainty.CERTAIN)


@pytest.mark.parametrize(
    ("condition", "subjects", "claims", "certainty"),
    [
        ("assertion.repository_owner == 'acme'", (), ("repository_owner=acme",), "certain"),
        ("'acme' == assertion.repository_owner", (), ("repository_owner=acme",), "certain"),
        ("assertion['repository_owner'] == 'acme'", (), ("repository_owner=acme",), "certain"),
        ("attribute.repository == 'acme/api' && assertion.ref == 'refs/heads/main'", (),
         ("ref=refs/heads/main", "repository=acme/api"), "certain"),
        ("assertion.sub.startsWith('repo:acme/')", ("repo:acme/*",), (), "certain"),
        ("google.subject.endsWith(':main')", ("*:main",), (), "certain"),
        ("assertion.ref.contains('release')", (), ("ref=*release*",), "certain"),
        ("assertion.repository in ['acme/a', 'acme/b']", (), ("repository=acme/a", "repository=acme/b"), "certain"),
        ("assertion.repository == 'acme/a' || assertion.repository == 'acme/b'", (),
         ("repository=acme/a", "repository=acme/b"), "certain"),
        ("assertion.repository == 'acme/a' || assertion.actor == 'x'", (), (), "certain"),
        ("assertion.repository == 'acme/a' && size(assertion.actor) > 3", (), ("repository=acme/a",), "certain"),
        ("assertion.repository == 'acme/a' && assertion.repository == 'acme/b'", (), ("repository=acme/a",), "certain"),
        ("assertion.a.b == 'x'", (), (), "certain"),
        ("assertion.a != 'x'", (), (), "certain"),
        ("assertion.a == assertion.b", (), (), "certain"),
        ("assertion.a ==", (), (), "conditional"),
        ("true", (), (), "certain"),
    ],
)  # fmt: skip
def test_what_a_condition_demands(world, condition, subjects, claims, certainty):
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING, attribute_condition=condition)
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.subjects, found.claims, found.certainty) == (subjects, claims, certainty)
    assert json.loads(found.condition) == {"attributeCondition": condition, "attributeMapping": json.loads(MAPPING)}


def test_a_condition_that_no_token_meets_trusts_nobody(world):
    world.provider("github", issuer=GITHUB, attribute_condition="assertion.x == 'y' && false")
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    assert world.trusts() == []


def test_a_condition_without_a_mapping_and_audiences_as_json(world):
    world.provider("github", issuer=GITHUB, attribute_condition="assertion.x == 'y'", allowed_audiences='["a", 3]')
    world.provider("bad", issuer=GITHUB, allowed_audiences="[")
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    found = {t.audiences: t.condition for t in world.trusts()}
    assert found[("a",)] == '{"attributeCondition": "assertion.x == \'y\'"}'
    assert len(found) == 2


def test_a_member_that_the_condition_shuts_out_is_no_trust(world):
    world.provider(
        "github", issuer=GITHUB, attribute_mapping=MAPPING, attribute_condition="assertion.repository == 'acme/web'"
    )
    world.bind(f"principalSet://{POOL}/attribute.repository/acme/api", USER, "sa/ci")
    assert world.trusts() == []


def test_a_member_within_the_condition_is_the_narrower_demand(world):
    condition = "assertion.repository.startsWith('acme/')"
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING, attribute_condition=condition)
    world.bind(f"principalSet://{POOL}/attribute.repository/acme/api", USER, "sa/ci")
    assert only(world.trusts()).claims == ("repository=acme/api",)


def test_each_provider_of_a_pool_is_trusted_and_the_dead_are_not(world):
    world.provider("github", issuer=GITHUB)
    world.provider("gitlab", issuer="https://gitlab.com/")
    world.provider("old", issuer="https://old.example", state=IdentityState.DISABLED)
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    assert {t.principal for t in world.trusts()} == {HOST, "gitlab.com"}


def test_a_pool_that_is_switched_off_trusts_nobody(world):
    world.provider("github", issuer=GITHUB)
    world.identity(
        f"gcp:pool/{POOL.removeprefix('iam.googleapis.com/')}", IdentityKind.IDENTITY_POOL, state=IdentityState.DELETED
    )
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    assert world.trusts() == []


def test_an_aws_provider_trusts_an_account(world):
    world.provider(
        "aws", aws_account="111122223333", attribute_mapping=json.dumps({"attribute.aws_role": "assertion.arn"})
    )
    world.bind(f"principalSet://{POOL}/attribute.aws_role/arn:aws:sts::111122223333:assumed-role/deploy", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.principal, found.principal_kind, found.account_id) == (
        "111122223333",
        PrincipalKind.ACCOUNT,
        "111122223333",
    )
    assert found.claims == ("arn=arn:aws:sts::111122223333:assumed-role/deploy",)
    assert found.audiences == ()


def test_a_saml_provider(world):
    id_ = world.provider("corp", kind=IdentityKind.SAML_PROVIDER)
    world.bind(f"principalSet://{POOL}/group/admins", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.principal, found.principal_kind, found.claims) == (id_, PrincipalKind.SAML, ("google.groups=admins",))


def test_a_provider_whose_issuer_is_unknown_is_named_itself(world):
    id_ = world.provider("x509")
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    assert (only(world.trusts()).principal, only(world.trusts()).principal_kind) == (id_, PrincipalKind.IDENTITY)


def test_a_pool_that_nobody_read_is_trusted_in_somebody_unknown(world):
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci")
    found = only(world.trusts())
    assert (found.principal, found.certainty) == (f"gcp:principal/{POOL}/*", Certainty.CONDITIONAL)


def test_bound_on_the_project_a_pool_becomes_all_its_accounts(world, monkeypatch):
    world.provider("github", issuer=GITHUB)
    world.bind(f"principalSet://{POOL}/*", USER, "project/shop")
    assert {t.target_id for t in world.trusts()} >= {sa("ci"), sa("deploy")}
    monkeypatch.setattr(module, "MAX_TARGETS", 1)
    assert len([t for t in world.trusts() if t.target_id.startswith("gcp:sa/")]) == 1


def test_a_role_on_a_resource_makes_the_federated_identity_act_by_itself(world):
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING)
    world.bind(f"principalSet://{POOL}/attribute.repository/acme/api", "roles/storage.admin", "project/shop")
    found = only(world.trusts())
    assert found.target_id == f"gcp:principal/{POOL}/attribute.repository/acme/api"
    assert (found.principal, found.claims, found.scope_id) == (HOST, ("repository=acme/api",), "gcp:project/shop")


def test_accounts_of_clusters_in_both_spellings(world):
    world.bind("serviceAccount:shop.svc.id.goog[web/api]", USER, "sa/ci")
    pool = "iam.googleapis.com/projects/3001/locations/global/workloadIdentityPools/shop.svc.id.goog"
    world.bind(f"principal://{pool}/subject/ns/web/sa/db", USER, "sa/deploy")
    world.bind(f"principalSet://{pool}/namespace/web", USER, "sa/deploy")
    world.bind(f"principalSet://{pool}/*", USER, "sa/deploy")
    found = {(t.target_id, t.principal, t.subjects) for t in world.trusts() if t.principal_kind is PrincipalKind.OIDC}
    assert found == {
        (sa("ci"), "shop.svc.id.goog", ("system:serviceaccount:web:api",)),
        (sa("deploy"), "shop.svc.id.goog", ("system:serviceaccount:web:db",)),
        (sa("deploy"), "shop.svc.id.goog", ()),
    }


def test_other_identities_impersonate_or_act_as(world):
    world.account("own", "lab")
    world.bind("user:ann@acme.example", "roles/iam.serviceAccountTokenCreator", "sa/ci")
    world.bind(member("own", "lab"), "roles/iam.serviceAccountUser", "sa/ci")
    world.bind(member("x", "elsewhere"), "roles/iam.serviceAccountKeyAdmin", "sa/ci")
    world.bind("allAuthenticatedUsers", "roles/iam.serviceAccountTokenCreator", "sa/deploy")
    world.bind(member("ci"), "roles/iam.serviceAccountTokenCreator", "sa/ci")
    world.bind("user:ann@acme.example", "roles/viewer", "sa/deploy")
    found = {(t.principal, t.principal_kind, t.kind, t.external, t.target_id) for t in world.trusts()}
    assert found == {
        ("gcp:user/ann@acme.example", PrincipalKind.IDENTITY, TrustKind.IMPERSONATE, None, sa("ci")),
        (sa("own", "lab"), PrincipalKind.IDENTITY, TrustKind.ACT_AS, False, sa("ci")),
        (sa("x", "elsewhere"), PrincipalKind.IDENTITY, TrustKind.IMPERSONATE, True, sa("ci")),
        ("*", PrincipalKind.ANYONE, TrustKind.IMPERSONATE, True, sa("deploy")),
    }


def test_conditions_and_denials_of_the_binding_count(world):
    world.provider("github", issuer=GITHUB)
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci", 'resource.matchTag("1000/env", "dev")')
    assert only(world.trusts()).certainty is Certainty.CONDITIONAL
    world.deny("org", deniedPrincipals=["principalSet://goog/public:all"],
               deniedPermissions=["iam.googleapis.com/serviceAccounts.*"])  # fmt: skip
    assert world.trusts() == []


def test_a_binding_that_has_ended_or_a_dead_account_trusts_nobody(world):
    world.provider("github", issuer=GITHUB)
    world.bind(f"principalSet://{POOL}/*", USER, "sa/ci", 'request.time < timestamp("2026-01-01T00:00:00Z")')
    world.bind(f"principalSet://{POOL}/*", USER, "sa/deploy")
    world.disable("deploy")
    assert world.trusts() == []


def test_jobs_meet_the_trusts_that_accept_them(world):
    world.provider("github", issuer=GITHUB)
    world.bind(f"principal://{POOL}/subject/repo:acme/api:ref:refs/heads/main", USER, "sa/ci")
    job = row(Consumer, "job", kind=ConsumerKind.PIPELINE, name="job", issuer=GITHUB,
              subjects=("repo:acme/api:ref:refs/heads/main",))  # fmt: skip
    assert [(u.identity_id, u.name) for u in federated([job], world.trusts(), [])] == [(sa("ci"), "exact")]


def test_ids_are_unique(world):
    world.provider("github", issuer=GITHUB, attribute_mapping=MAPPING)
    world.provider("gitlab", issuer="https://gitlab.com")
    for name in ("a", "b"):
        world.bind(f"principalSet://{POOL}/attribute.repository/acme/{name}", USER, "sa/ci")
        world.bind(f"principal://{POOL}/subject/{name}", USER, "project/shop")
    rows = world.trusts()
    assert len({t.id for t in rows}) == len(rows)
