"""Every published path: found in the smallest tenant that has it, and not where a denial or condition closes it."""

from __future__ import annotations

import pytest

from nhiscan.analysis.azure import catalogue
from nhiscan.analysis.azure.catalogue import CatalogueError, Need, built_in, escalations, table, tiers
from nhiscan.model import IdentityKind, PrincipalKind, TrustKind
from tests.analysis.azure.sample import GRAPH, OWNER, TENANT, Tenant, guid, who

FOUND = [e for e in escalations() if e.elsewhere is None]
ARM = [e for e in FOUND if e.plane == "arm"]
DIRECTORY = [
    (e, via)
    for e in FOUND
    if e.plane == "entra"
    for via in ("target", "app_role", "role")
    if via != "target" or e.targets
]
DIRECTORY = [(e, via) for e, via in DIRECTORY if (via != "app_role" or e.app_roles) and (via != "role" or e.roles)]
CLOSED = "(!(ActionMatches{'*'})) OR (1 NumericEquals 2)"
VM = "a/app/Microsoft.Compute/virtualMachines/web"
SAYS_GROUP = {Need.GROUP: {}, Need.ROLE_GROUP: {"role_assignable": "true"}}


def prize(tenant: Tenant, name: str = "strong") -> None:
    """Somebody worth becoming: Owner of another subscription."""
    tenant.assign("Owner", name, "sub:b")


def arm(entry, **how) -> Tenant:
    """`app` holds exactly the actions of an entry at subscription a, where its target is."""
    tenant = Tenant()
    tenant.identity("app")
    key = "dataActions" if entry.data else "actions"
    body = {key: [t[0] for t in entry.targets]}
    body["actions"] = [*body.get("actions", []), *(t[0] for t in entry.others)]
    tenant.role("Exact", body)
    tenant.assign("Exact", "app", "sub:a", **how)
    match entry.need:
        case Need.CONSUMER:
            tenant.runs(VM, min(entry.platforms), "strong")
            prize(tenant)
        case Need.MANAGED_IDENTITY:
            tenant.user_assigned("strong")
            prize(tenant)
        case Need.VAULT:
            tenant.access_policy("a/app/Microsoft.KeyVault/vaults/kv", "somebody", secrets=["get"])
        case _:
            pass
    return tenant


def directory(entry, via: str) -> Tenant:
    """`app` holds the right of an entry by a directory role's actions, an application permission, or a role itself."""
    tenant = Tenant()
    tenant.identity("app")
    match via:
        case "target":
            tenant.directory_role("Exact", [t[0] for t in entry.targets])
            tenant.assign("Exact", "app")
        case "app_role":
            tenant.permit("app", tiers()[GRAPH, min(entry.app_roles)].value)
        case _:
            tenant.directory_role(min(entry.roles), None)
            tenant.assign(min(entry.roles), "app")
    kinds = {Need.APP: IdentityKind.APP, Need.BLUEPRINT: IdentityKind.AGENT_BLUEPRINT, Need.PERSON: IdentityKind.USER}
    if entry.need in kinds:
        tenant.identity("strong", kinds[entry.need])
        prize(tenant)
    elif entry.need in SAYS_GROUP:
        tenant.group("strong", **SAYS_GROUP[entry.need])
        prize(tenant)
    return tenant


def named(tenant: Tenant) -> set[str]:
    """Methods of what `app` can do."""
    return {key.partition(":")[2] for key in tenant.able("app")}


@pytest.mark.parametrize("entry", ARM, ids=lambda e: e.id)
def test_a_path_of_azure_is_found(entry):
    assert entry.id in named(arm(entry))
    surely = {key.partition(":")[2]: certainty for key, certainty in arm(entry).able("app").items()}
    assert surely[entry.id] == ("conditional" if entry.doubt else "certain")


@pytest.mark.parametrize("entry", ARM, ids=lambda e: e.id)
def test_no_path_through_a_denial(entry):
    tenant = arm(entry)
    for key in ("actions", "dataActions"):
        tenant.deny({key: ["*"], "at": "sub:a", "principals": ["everyone"]})
    assert tenant.able("app").keys() <= {f"wildcard:{a}" for t in entry.targets for a in t}
    assert (who("app"), who("strong")) not in tenant.reach()


@pytest.mark.parametrize("entry", ARM, ids=lambda e: e.id)
def test_no_path_through_a_condition_that_nothing_meets(entry):
    tenant = arm(entry, condition=CLOSED)
    assert entry.id not in named(tenant)
    assert (who("app"), who("strong")) not in tenant.reach()


@pytest.mark.parametrize("entry", ARM, ids=lambda e: e.id)
def test_an_eligible_right_is_a_conditional_path(entry):
    able = {k.partition(":")[2]: c for k, c in arm(entry, eligible=True).able("app").items()}
    assert able[entry.id] == "conditional"


@pytest.mark.parametrize("entry", [e for e in ARM if len((*e.targets, *e.others)) > 1], ids=lambda e: e.id)
def test_two_assignments_make_one_path(entry):
    tenant = arm(entry)
    tenant.unassign("app")
    for number, alternatives in enumerate((*entry.targets, *entry.others)):
        tenant.role(f"Part {number}", {"actions": [alternatives[-1]]})
        at = "sub:a" if number == 0 else "a/ids" if entry.need is Need.MANAGED_IDENTITY else "a/app"
        tenant.assign(f"Part {number}", "app", at)
    assert entry.id in named(tenant)
    row = tenant.reach()[who("app"), who("strong")]
    assert sum("role Part" in s for s in row.steps) == len((*entry.targets, *entry.others))


@pytest.mark.parametrize(("entry", "via"), DIRECTORY, ids=lambda x: x if isinstance(x, str) else x.id)
def test_a_path_of_the_directory_is_found(entry, via):
    tenant = directory(entry, via)
    able = tenant.able("app")
    if tenant.capabilities("app").get("admin") == "certain":
        assert via == "app_role"
        assert tiers()[GRAPH, min(entry.app_roles)].tier == "tenant_admin"
    elif entry.need is Need.TENANT:
        assert able[f"escalate:{entry.id}"] == ("conditional" if entry.doubt else "certain")
    else:
        row = tenant.reach()[who("app"), who("strong")]
        assert row.certainty == ("conditional" if entry.doubt else "certain")
        assert row.hops == 1
        assert any("strong" in s for s in row.steps)
        assert "escalate" in tenant.capabilities("app")


def trusted(entry) -> Tenant:
    tenant = Tenant()
    starts = {"entra.blueprint": IdentityKind.AGENT_BLUEPRINT, "entra.agent_user": IdentityKind.AGENT_IDENTITY}
    tenant.identity("app", starts.get(entry.id, IdentityKind.APP))
    kinds = {
        "entra.blueprint": IdentityKind.AGENT_IDENTITY,
        "entra.agent_user": IdentityKind.USER,
        "entra.group_owned": IdentityKind.GROUP,
    }
    tenant.identity("strong", kinds.get(entry.id, IdentityKind.APP))
    prize(tenant)
    if entry.id == "entra.federation":
        issuer = f"login.microsoftonline.com/{TENANT}/v2.0"
        tenant.trust(
            issuer, "strong", TrustKind.FEDERATE, principal_kind=PrincipalKind.OIDC, subjects=(guid("app"), "stranger")
        )
    else:
        tenant.owner("app", "strong")
    return tenant


@pytest.mark.parametrize("entry", [e for e in FOUND if e.need is Need.TRUST], ids=lambda e: e.id)
def test_a_path_by_trust_is_found(entry):
    assert trusted(entry).ways("app") == {entry.id: "certain"}


def test_the_catalogue_is_whole():
    assert len(escalations()) >= 75
    assert len(FOUND) >= 65
    for entry in escalations():
        assert entry.source.startswith("https://learn.microsoft.com/"), entry.id
        assert entry.need is Need.TRUST or entry.targets or entry.app_roles or entry.roles, entry.id
        assert entry.need is not Need.CONSUMER or entry.platforms, entry.id
        assert entry.roles <= built_in().keys(), entry.id
        assert all((GRAPH, a) in tiers() for a in entry.app_roles), entry.id


def test_permissions_that_escalate_have_a_path_and_the_other_way_round():
    powerful = {p.value.lower() for p in tiers().values() if p.tier in {"tenant_admin", "escalation"}}
    with_path = {a for e in FOUND for a in e.app_roles}
    assert powerful == with_path
    assert len({p.value for p in tiers().values()}) >= 75
    assert all(p.source.startswith("https://learn.microsoft.com/") and p.why for p in tiers().values())
    admins = {p.value for p in tiers().values() if p.capability == "admin"}
    assert admins == {p.value for p in tiers().values() if p.tier == "tenant_admin"}


def test_the_table_names_every_path_and_why_it_is_not_found():
    found = {e.id: True for e in FOUND}
    text = table(found)
    assert text == table()
    rows = text.splitlines()[2:]
    assert len(rows) == len(escalations())
    assert all(" | yes" in row or " | no: " in row for row in rows)
    assert "| arm.vm_run_command | `microsoft.compute/virtualmachines/runcommand/action` | yes |" in text
    assert " | no | " in table({})


@pytest.mark.parametrize(
    "raw",
    [
        {"id": "x.y", "need": "luck", "source": "s", "says": "t"},
        {"id": "x.y", "need": "scope", "says": "t"},
    ],
)
def test_an_entry_that_cannot_be_read_is_an_error_and_not_a_harmless_tenant(raw):
    with pytest.raises(CatalogueError, match=r"x\.y"):
        catalogue._entry(raw)


def test_two_entries_of_one_name_are_an_error(monkeypatch):
    entry = {"id": "x.y", "need": "scope", "source": "s", "says": "t"}
    monkeypatch.setattr(catalogue.yamldata, "shipped", lambda *_: [{"entries": [entry, entry]}])
    with pytest.raises(CatalogueError, match="same id"):
        catalogue.escalations.__wrapped__()


def test_owner_is_known_by_its_documented_id():
    assert built_in()[OWNER].name == "Owner"
    assert sum(role.everything for role in built_in().values()) == 1
