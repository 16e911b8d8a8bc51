"""The catalogue as data, and each published path: found on an estate that has just what it needs, or why it is not."""

import pytest

from nhiscan.analysis.gcp import catalogue as module
from nhiscan.analysis.gcp.catalogue import CAPABILITIES, CatalogueError, Need, catalogue, known
from nhiscan.analysis.gcp.roles import by_heart
from nhiscan.model import Capability, Certainty, IdentityKind
from tests.analysis.gcp.sample import POOL, World, member, sa

ANN = "user:ann@acme.example"
ID = "gcp:user/ann@acme.example"
LIVE = [e for e in catalogue() if not e.elsewhere]
LISTED = [e for e in catalogue() if e.elsewhere]
CONDITION = 'request.time < timestamp("2026-01-01T00:00:00Z")'

# The methods of "Privilege Escalation in Google Cloud Platform" (Rhino Security Labs, 2020), parts 1 and 2.
RHINO = {
    "iam.roles.update", "iam.serviceAccountKeys.create", "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccounts.implicitDelegation", "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt",
    "iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.actAs", "cloudfunctions.functions.create",
    "cloudfunctions.functions.update", "compute.instances.create", "run.services.create", "cloudscheduler.jobs.create",
    "cloudbuild.builds.create", "orgpolicy.policy.set", "deploymentmanager.deployments.create",
    "deploymentmanager.deployments.update", "storage.hmacKeys.create", "serviceusage.apiKeys.create",
    "serviceusage.apiKeys.list", "apikeys.keys.create", "apikeys.keys.list", "setIamPolicy",
}  # fmt: skip


def setting(entry, *, where="project/shop", condition=None, leave=None, project="shop"):
    """An estate in which ann has what the entry needs, and an account with power that it leads to."""
    world = World()
    world.user("ann@acme.example")
    target = sa("deploy")
    if entry.account:
        target = world.identity(f"gcp:sa/{entry.account.format(number=3001)}", IdentityKind.SERVICE_ACCOUNT)
    world.bind(f"serviceAccount:{target.removeprefix('gcp:sa/')}", "roles/owner", "project/pay")
    if entry.platform:
        world.workload("w", entry.platform, target)
    if entry.exists:
        world.workload("w", entry.exists, sa("ci"))
    permissions = sorted(entry.permissions - {leave})
    role = world.custom("held", *permissions)
    world.bind(ANN, role, where, condition)
    match entry.need:
        case Need.DELEGATE:
            world.may(member("ci"), "sa/deploy", "iam.serviceAccounts.getAccessToken")
        case Need.POOL:
            world.bind(f"principalSet://{POOL}/*", "roles/iam.workloadIdentityUser", "sa/deploy")
        case Need.OWN_DENY:
            world.deny("project/shop", deniedPrincipals=["principalSet://goog/public:all"], deniedPermissions=["x/y.z"])
    return world, target


def found(world, entry):
    """The row by which an entry shows itself, None where there is none."""
    rows = world.able(ID)
    if entry.need is Need.NODE:
        return next((r for k, r in rows.items() if k.startswith(f"admin:{entry.project[0]}@")), None)
    return next((r for k, r in rows.items() if k.partition("@")[0] == f"escalate:{entry.id}"), None)


@pytest.mark.parametrize("entry", LIVE, ids=[e.id for e in LIVE])
def test_a_published_path_is_found_with_just_its_permissions(entry):
    world, target = setting(entry, where="org" if entry.need is Need.NODE else "project/shop")
    row = found(world, entry)
    assert row is not None
    doubted = bool(entry.doubt) or entry.need is Need.OWN_DENY
    assert row.certainty is (Certainty.CONDITIONAL if doubted else Certainty.CERTAIN)
    assert any("projects/shop/roles/held on " in s for s in row.steps), row.steps
    if entry.need in {Need.ACCOUNT, Need.WORKLOAD, Need.AGENT, Need.DELEGATE, Need.POOL}:
        assert target in world.reached(ID)
        assert any("roles/owner on project pay" in s for s in row.steps)


@pytest.mark.parametrize("entry", LIVE, ids=[e.id for e in LIVE])
def test_without_one_of_its_permissions_it_is_not(entry):
    for permission in entry.permissions:
        world, _ = setting(entry, leave=permission, where="org" if entry.need is Need.NODE else "project/shop")
        assert found(world, entry) is None, permission


@pytest.mark.parametrize("entry", LIVE, ids=[e.id for e in LIVE])
def test_no_path_through_a_deny_or_a_condition_that_has_ended(entry):
    where = "org" if entry.need is Need.NODE else "project/shop"
    world, _ = setting(entry, where=where, condition=CONDITION)
    assert found(world, entry) is None
    for permission in entry.permissions:
        world, _ = setting(entry, where=where)
        service, _, rest = permission.partition("." if "/" not in permission else "/")
        service = {"resourcemanager": "cloudresourcemanager"}.get(service, service).removesuffix(".googleapis.com")
        world.deny("org", deniedPrincipals=["principal://goog/subject/ann@acme.example"],
                   deniedPermissions=[f"{service}.googleapis.com/{rest}"])  # fmt: skip
        assert found(world, entry) is None, permission


@pytest.mark.parametrize("entry", LIVE, ids=[e.id for e in LIVE])
def test_a_condition_that_nobody_can_judge_makes_it_conditional(entry):
    where = "org" if entry.need is Need.NODE else "project/shop"
    world, _ = setting(entry, where=where, condition='resource.matchTag("1000/env", "dev")')
    assert found(world, entry).certainty is Certainty.CONDITIONAL


@pytest.mark.parametrize("entry", LISTED, ids=[e.id for e in LISTED])
def test_what_is_only_listed_says_why(entry):
    assert len(entry.elsewhere) > 30
    world, _ = setting(entry)
    assert found(world, entry) is None


def test_the_published_research_is_all_there():
    names = {k for e in catalogue() for k in e.known}
    assert {n.removeprefix("rhino:") for n in names if n.startswith("rhino:")} == RHINO
    assert {n.partition(":")[0] for n in names} == {"rhino", "gitlab", "unit42", "tenable", "orca", "mitiga"}


def test_the_catalogue_is_large_cited_and_says_what_it_does():
    assert len(LIVE) >= 60
    for entry in LIVE:
        assert entry.source.startswith("https://docs.cloud.google.com/"), entry.id
        assert entry.does, entry.id
        assert entry.permissions, entry.id
        assert bool(entry.platform) is (entry.need is Need.WORKLOAD), entry.id
        assert bool(entry.account) is (entry.need is Need.AGENT), entry.id


def test_an_entry_of_unknown_need_or_a_double_id_is_an_error(monkeypatch):
    with pytest.raises(CatalogueError, match="no need"):
        module._entry({"id": "x", "need": "luck", "source": "y"})

    group = {"need": "nothing", "source": "s", "entries": [{"id": "a"}, {"id": "a"}]}
    monkeypatch.setattr(module.yamldata, "shipped", lambda *_: [group])
    with pytest.raises(CatalogueError, match="one id"):
        catalogue.__wrapped__()


def test_roles_known_by_heart_speak_of_what_is_asked():
    held = by_heart()
    assert len(held) >= 90
    assert not {p for permissions in held.values() for p in permissions} - known()
    assert "iam.serviceAccounts.getAccessToken" not in held["roles/owner"]
    assert held["roles/cloudtasks.enqueuer"] == {"cloudtasks.tasks.create"}
    assert set(CAPABILITIES) == set(Capability) - {Capability.ESCALATE, Capability.WILDCARD, Capability.READ_DATA}
