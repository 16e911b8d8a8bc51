"""What identities can do, with the assignment that proves it."""

from __future__ import annotations

import random
import time

import pytest

from nhiscan.analysis.azure import scopes
from nhiscan.analysis.azure.effective import abilities, effective
from nhiscan.analysis.azure.estate import Records, build
from nhiscan.analysis.azure.reach import reach
from nhiscan.analysis.azure.ways import ways
from nhiscan.model import Attachment, Consumer, Identity, IdentityClass, IdentityKind, Member, Policy, Scope, Trust, Use
from tests.analysis.azure.sample import GRAPH, SUBS, Tenant, guid, who

# learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples, "Constrain roles".
BACKUP = "(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {5e467623-bb1f-42f4-a55d-6e525e11384b})"
VM = "a/app/Microsoft.Compute/virtualMachines/web"


@pytest.fixture
def tenant() -> Tenant:
    made = Tenant()
    made.identity("app")
    return made


def test_an_owner_of_a_subscription_is_administrator_and_does_not_escalate(tenant):
    tenant.assign("Owner", "app", "sub:a")
    able = tenant.able("app")
    assert able["admin:Owner"] == "certain"
    assert tenant.ways("app") == {}
    assert tenant.capabilities("app").keys() == {
        "admin",
        "grant_access",
        "read_secrets",
        "write_data",
        "alter_logs",
        "wildcard",
    }
    (row,) = [r for r in tenant.effective() if r.capability == "admin"]
    assert row.method == f"Owner@/subscriptions/{SUBS['a']}"
    assert row.steps == (f"role Owner is assigned at subscription {SUBS['a']}",)


def test_an_owner_of_a_resource_group_is_not_administrator_of_anything_wide(tenant):
    tenant.assign("Owner", "app", "a/app")
    assert tenant.capabilities("app") == {"grant_access": "certain", "wildcard": "certain"}


def test_contributor_and_user_access_administrator_together_are_an_administrator(tenant):
    tenant.assign("Contributor", "app", "sub:a")
    assert "admin" not in tenant.capabilities("app")
    tenant.assign("User Access Administrator", "app", "mg:prod")
    assert tenant.able("app")["admin:several roles"] == "certain"


def test_a_contributor_changes_data_and_logs_and_reads_keys(tenant):
    tenant.assign("Contributor", "app", "sub:a")
    able = tenant.capabilities("app")
    assert able == {"read_secrets": "certain", "write_data": "certain", "alter_logs": "certain", "wildcard": "certain"}


def test_a_reader_has_no_capability(tenant):
    tenant.assign("Reader", "app", "mg:root")
    assert tenant.able("app") == {}


def test_a_wider_assignment_is_told_once(tenant):
    tenant.assign("Owner", "app", "mg:prod")
    tenant.assign("Owner", "app", "sub:a")
    assert [r.method for r in tenant.effective() if r.capability == "admin"] == [
        "Owner@" + scopes.normal("/providers/Microsoft.Management/managementGroups/prod")
    ]


def test_a_surer_assignment_below_is_told_too(tenant):
    tenant.assign("Owner", "app", "mg:prod", eligible=True)
    tenant.assign("Owner", "app", "sub:a")
    assert sorted(r.certainty for r in tenant.effective() if r.capability == "admin") == ["certain", "conditional"]


def test_an_eligible_owner_is_conditional(tenant):
    tenant.assign("Owner", "app", "sub:a", eligible=True)
    assert set(tenant.able("app").values()) == {"conditional"}
    (row,) = [r for r in tenant.effective() if r.capability == "admin"]
    assert row.steps[0].endswith(", after activation")


def test_an_unread_role_is_no_capability_and_no_grant_of_a_false_one(tenant):
    tenant.role("Hidden", None)
    tenant.assign("Hidden", "app", "sub:a")
    assert tenant.able("app") == {}
    assert tenant.grants() == []


def test_who_may_assign_roles_makes_itself_owner(tenant):
    tenant.assign("User Access Administrator", "app", "sub:a")
    assert tenant.ways("app") == {"arm.role_assignment": "certain"}
    assert tenant.capabilities("app")["grant_access"] == "certain"


def test_who_may_assign_harmless_roles_only_gives_access_and_does_not_escalate(tenant):
    tenant.assign("Role Based Access Control Administrator", "app", "sub:a", condition=BACKUP)
    assert tenant.ways("app") == {}
    assert tenant.capabilities("app") == {"grant_access": "conditional"}


def test_who_may_assign_all_but_privileged_roles_makes_itself_contributor(tenant):
    most = BACKUP.replace("ForAnyOfAnyValues:GuidEquals", "ForAnyOfAllValues:GuidNotEquals").replace(
        "5e467623-bb1f-42f4-a55d-6e525e11384b",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635, 18d7d88d-d35e-4fb5-a5c3-7773c20a72d9, f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    )
    tenant.assign("Role Based Access Control Administrator", "app", "sub:a", condition=most)
    (row,) = [r for r in tenant.effective() if r.capability == "escalate"]
    assert row.certainty == "certain"
    assert "so it may assign Contributor to itself" in row.steps[-1]


def test_what_it_may_assign_to_itself_leads_further(tenant):
    tenant.assign("User Access Administrator", "app", "sub:a")
    tenant.runs(VM, "azure_vm", "strong")
    tenant.permit("strong", "RoleManagement.ReadWrite.Directory")
    row = tenant.reach()[who("app"), who("strong")]
    assert row.certainty == "certain"
    assert "assigns Owner to itself" in row.steps[1]
    assert "web, which runs as managed identity strong" in row.steps[2]
    assert row.steps[-2:] == (
        "application permission RoleManagement.ReadWrite.Directory is granted",
        "it assigns any directory role to anybody",
    )


def test_a_custom_role_that_changes_definitions_gains_what_it_writes(tenant):
    tenant.role("Definer", {"actions": ["Microsoft.Authorization/roleDefinitions/write"]})
    tenant.assign("Definer", "app", "a/app")
    assert tenant.ways("app") == {"arm.role_definition": "certain"}


def test_a_built_in_role_cannot_be_changed(tenant):
    tenant.assign("User Access Administrator", "app", "a/app")
    assert "arm.role_definition" not in tenant.ways("app")


def test_vaults_known_to_use_access_policies_make_it_certain(tenant):
    tenant.role("Vaults", {"actions": ["Microsoft.KeyVault/*"]})
    tenant.assign("Vaults", "app", "sub:a")
    assert tenant.able("app")["read_secrets:arm.vault_access_policy"] == "conditional"
    tenant.access_policy("a/app/Microsoft.KeyVault/vaults/kv", "other", secrets=["get"])
    assert tenant.able("app")["read_secrets:arm.vault_access_policy"] == "certain"


def test_vaults_known_to_use_roles_close_the_way(tenant):
    tenant.role("Vaults", {"actions": ["Microsoft.KeyVault/*"]})
    tenant.assign("Vaults", "app", "sub:a")
    tenant.vault("a/app/Microsoft.KeyVault/vaults/kv", "rbac")
    tenant.vault("b/app/Microsoft.KeyVault/vaults/kv", "access_policy")
    assert tenant.able("app") == {"wildcard:microsoft.keyvault/*": "certain"}
    tenant.vault("a/app/Microsoft.KeyVault/vaults/old", "access_policy")
    assert tenant.able("app")["read_secrets:arm.vault_access_policy"] == "certain"


def test_an_application_permission_that_is_tenant_admin(tenant):
    for name in ("by name", "by id"):
        tenant.identity(name)
    tenant.permit("by name", "AppRoleAssignment.ReadWrite.All")
    tenant.permit("by id", "06b708a9-e830-4db3-a914-8e69da51d44f")
    tenant.permit("app", "AppRoleAssignment.ReadWrite.All", api=guid("an api of one's own"))
    assert tenant.able("by name") == {"admin:AppRoleAssignment.ReadWrite.All": "certain"}
    assert tenant.capabilities("by id") == {"admin": "certain"}
    assert tenant.able("app") == {}


@pytest.mark.parametrize(
    ("value", "capability"),
    [
        ("Mail.Send", "write_data"),
        ("BitlockerKey.Read.All", "read_secrets"),
        ("GroupMember.ReadWrite.All", "grant_access"),
    ],
)
def test_application_permissions_by_tier(tenant, value, capability):
    tenant.permit("app", value)
    assert tenant.capabilities("app")[capability] == "certain"


@pytest.mark.parametrize("value", ["Mail.Read", "Files.Read.All", "Sites.Read.All", "Chat.Read.All"])
def test_reading_what_everybody_writes_is_reading_data(tenant, value):
    tenant.permit("app", value)
    assert tenant.capabilities("app") == {"read_data": "certain"}


def test_reading_the_directory_is_sensitive_and_no_capability(tenant):
    tenant.permit("app", "Directory.Read.All")
    assert tenant.able("app") == {}


def test_a_delegated_permission_for_everybody_waits_for_an_administrator(tenant):
    tenant.identity("single")
    tenant.delegate("app", "RoleManagement.ReadWrite.Directory", "AllPrincipals")
    tenant.delegate("single", "RoleManagement.ReadWrite.Directory", "Principal")
    assert tenant.able("app") == {"escalate:delegated:RoleManagement.ReadWrite.Directory": "conditional"}
    assert tenant.able("single") == {}


def test_a_global_administrator_needs_no_path(tenant):
    tenant.directory_role("62e90394-69f5-4237-9190-012177145e10", None)
    tenant.assign("62e90394-69f5-4237-9190-012177145e10", "app")
    assert tenant.able("app") == {"admin:Global Administrator": "certain"}


def test_an_eligible_global_administrator_is_told_once_beside_what_stands(tenant):
    for role in ("62e90394-69f5-4237-9190-012177145e10", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"):
        tenant.directory_role(role, None)
        tenant.assign(role, "app", eligible=role.startswith("62"))
    able = tenant.able("app")
    assert {k: v for k, v in able.items() if v == "conditional"} == {"admin:Global Administrator": "conditional"}
    assert able["grant_access:entra.service_principal_credential"] == "certain"


def test_a_disabled_identity_keeps_its_rights_under_a_condition(tenant):
    tenant.identity("off", state="disabled")
    tenant.assign("Owner", "off", "sub:a")
    assert set(tenant.able("off").values()) == {"conditional"}


def test_a_deleted_identity_has_none(tenant):
    tenant.identity("gone", state="deleted")
    tenant.assign("Owner", "gone", "sub:a")
    tenant.permit("gone", "RoleManagement.ReadWrite.Directory")
    tenant.owner("app", "gone")
    assert tenant.effective() == []
    assert tenant.grants() == []
    assert tenant.reach() == {}


def test_members_have_what_groups_have_and_groups_have_no_row(tenant):
    tenant.group("team")
    tenant.member("app", "team")
    tenant.assign("Owner", "team", "sub:a")
    assert tenant.capabilities("app")["admin"] == "certain"
    assert {r.identity_id for r in tenant.effective()} == {who("app")}
    assert any("through group" in s for r in tenant.effective() for s in r.steps)


# Reach


def test_a_path_over_three_hops_is_proven_hop_by_hop(tenant):
    tenant.identity("pipeline")
    tenant.owner("pipeline", "app")
    tenant.assign("Contributor", "app", "a/app")
    tenant.runs(VM, "azure_vm", "machine")
    tenant.permit("machine", "Application.ReadWrite.All")
    tenant.identity("strong")
    tenant.permit("strong", "RoleManagement.ReadWrite.Directory")
    row = tenant.reach()[who("pipeline"), who("strong")]
    assert row.path == tuple(map(who, ("pipeline", "app", "machine", "strong")))
    assert (row.hops, row.certainty) == (3, "certain")
    said = " / ".join(row.steps)
    for words in (
        "owns it and may add a secret",
        "role Contributor is assigned at resource group app",
        "Application.ReadWrite.All",
        "has admin",
    ):
        assert words in said
    assert tenant.ways("pipeline").keys() == {"entra.owner"}


def test_a_group_that_one_may_enter_leads_on(tenant):
    tenant.directory_role("fdd7a751-b60b-444a-984c-02652fe8fa1c", None)
    tenant.assign("fdd7a751-b60b-444a-984c-02652fe8fa1c", "app")
    tenant.group("team")
    tenant.assign("Contributor", "team", "a/app")
    tenant.runs(VM, "azure_vm", "strong")
    tenant.assign("Owner", "strong", "sub:b")
    assert tenant.reach()[who("app"), who("strong")].path == tuple(map(who, ("app", "team", "strong")))


@pytest.mark.parametrize("tags", [{"role_assignable": "true"}, {"membership_rule": "x"}, {"synced": "true"}])
def test_groups_that_a_groups_administrator_cannot_fill(tenant, tags):
    tenant.permit("app", "Group.ReadWrite.All")
    tenant.group("team", **tags)
    tenant.assign("Owner", "team", "sub:b")
    assert tenant.reach() == {}


def test_a_group_that_holds_a_directory_role_is_role_assignable(tenant):
    tenant.permit("app", "Group.ReadWrite.All")
    tenant.group("team")
    tenant.directory_role("62e90394-69f5-4237-9190-012177145e10", None)
    tenant.assign("62e90394-69f5-4237-9190-012177145e10", "team")
    assert tenant.reach() == {}
    tenant.permit("app", "PrivilegedAccess.ReadWrite.AzureADGroup")
    assert (who("app"), who("team")) in tenant.reach()


def test_nothing_leads_into_managed_identities_agents_or_microsoft_by_a_secret(tenant):
    tenant.permit("app", "Application.ReadWrite.All")
    for name, kind, more in (
        ("managed", IdentityKind.MANAGED_IDENTITY, {}),
        ("agent", IdentityKind.AGENT_IDENTITY, {}),
        ("blueprint", IdentityKind.AGENT_BLUEPRINT, {}),
        ("first party", IdentityKind.APP, {"class_": IdentityClass.PROVIDER_MANAGED}),
        ("person", IdentityKind.USER, {}),
    ):
        tenant.identity(name, kind, **more)
        tenant.assign("Owner", name, "sub:b")
    assert tenant.reach() == {}


def test_an_application_of_another_tenant_may_be_locked(tenant):
    tenant.permit("app", "Application.ReadWrite.All")
    tenant.identity("bought", tags={"home_tenant": guid("somewhere else")})
    tenant.assign("Owner", "bought", "sub:b")
    row = tenant.reach()[who("app"), who("bought")]
    assert row.certainty == "conditional"
    assert "may have locked" in " ".join(row.steps)


def test_a_disabled_target_must_be_enabled_first(tenant):
    tenant.identity("off", state="disabled")
    tenant.identity("owner")
    tenant.assign("Owner", "off", "sub:b")
    tenant.owner("owner", "off")
    tenant.permit("app", "Application.ReadWrite.All")
    tenant.runs(VM, "azure_vm", "machine")
    rows = tenant.reach()
    assert {rows[who(n), who("off")].certainty for n in ("owner", "app")} == {"conditional"}


def test_a_role_at_one_application_leads_there_alone(tenant):
    tenant.directory_role("Keys", ["microsoft.directory/applications/credentials/update"])
    for name in ("near", "far"):
        tenant.identity(name)
        tenant.assign("Owner", name, "sub:b")
    tenant.assign("Keys", "app", "registration:near")
    assert set(tenant.reach()) == {(who("app"), who("near"))}


def test_people_with_directory_roles_are_reset_by_privileged_administrators_only(tenant):
    tenant.directory_role("729827e3-9c14-49f7-bb1b-9608f156bbb8", None)
    tenant.assign("729827e3-9c14-49f7-bb1b-9608f156bbb8", "app")
    for name in ("plain", "holder", "member", "owner"):
        tenant.identity(name, IdentityKind.USER)
        tenant.assign("Owner", name, "sub:b")
    tenant.group("admins", role_assignable="true")
    tenant.assign("729827e3-9c14-49f7-bb1b-9608f156bbb8", "holder")
    tenant.member("member", "admins")
    tenant.owner("owner", "admins")
    assert {t for s, t in tenant.reach() if s == who("app")} == {who("plain")}


def test_another_system_reaches_in_by_a_joined_trust(tenant):
    aws = "arn:aws:iam::123456789012:role/deploy"
    tenant.rows[Identity].append(
        Identity(id=aws, provider="aws", kind=IdentityKind.ROLE, name="deploy", scope_id="aws:123456789012", source="t")
    )
    tenant.assign("Owner", "app", "sub:a")
    tenant.trust(aws, "app")
    row = tenant.reach()[aws, who("app")]
    assert (row.scope_id, row.path) == ("aws:123456789012", (aws, who("app")))


def test_a_trust_of_somebody_unknown_or_of_another_issuer_is_no_way(tenant):
    tenant.assign("Owner", "app", "sub:a")
    tenant.trust("entra:nowhere/nobody", "app")
    from nhiscan.model import PrincipalKind, TrustKind

    tenant.trust(
        "token.actions.githubusercontent.com",
        "app",
        TrustKind.FEDERATE,
        principal_kind=PrincipalKind.OIDC,
        subjects=(guid("app"),),
    )
    tenant.trust(who("app"), "app", TrustKind.ACCESS)
    assert tenant.reach() == {}


def test_a_single_hop_to_somebody_plain_is_told_and_longer_ones_are_not(tenant):
    for name in ("plain", "plainer"):
        tenant.identity(name)
    tenant.owner("app", "plain")
    tenant.owner("plain", "plainer")
    rows = tenant.reach()
    assert set(rows) == {(who("app"), who("plain")), (who("plain"), who("plainer"))}


def test_a_denial_on_one_machine_leaves_the_other(tenant):
    tenant.assign("Contributor", "app", "sub:a")
    for name in ("one", "two"):
        tenant.runs(f"a/{name}/Microsoft.Compute/virtualMachines/{name}", "azure_vm", name)
        tenant.assign("Owner", name, "sub:b")
    tenant.deny({"actions": ["*"], "at": "a/one", "principals": ["everyone"], "exempt": []})
    assert {t for s, t in tenant.reach() if s == who("app")} == {who("two")}


def test_an_unread_denial_makes_paths_conditional(tenant):
    tenant.assign("Contributor", "app", "sub:a")
    tenant.runs(VM, "azure_vm", "strong")
    tenant.assign("Owner", "strong", "sub:b")
    tenant.deny({"unread": True, "at": "sub:a", "principals": ["app"]})
    assert tenant.reach()[who("app"), who("strong")].certainty == "conditional"


def test_a_denial_of_a_management_group_may_bear_on_a_subscription_whose_place_is_unknown(tenant):
    tenant.assign("Owner", "app", "sub:c")
    assert tenant.capabilities("app")["admin"] == "certain"
    tenant.deny({"actions": ["*"], "at": "mg:prod", "principals": ["app"]})
    assert tenant.capabilities("app")["admin"] == "conditional"
    tenant.deny({"actions": ["*"], "at": "mg:root", "principals": ["other"]})
    assert tenant.capabilities("app")["admin"] == "conditional"


# Grants


def test_grants_keep_scope_condition_group_and_denials(tenant):
    tenant.group("team")
    tenant.member("app", "team")
    tenant.assign("Storage Blob Data Reader", "team", "sub:a", condition="'a' StringEquals 'a'")
    tenant.permit("app", "Mail.Send")
    tenant.deny({"actions": ["*/delete"], "at": "a/app", "principals": ["everyone"]})
    rows = {(r.effect, r.statement, r.level): r for r in tenant.grants() if r.identity_id == who("app")}
    assert rows.keys() == {("allow", 0, "read"), ("allow", 1, "read"), ("allow", 0, "write"), ("deny", 0, "write")}
    data = rows["allow", 1, "read"]
    assert data.actions == ("microsoft.storage/storageaccounts/blobservices/containers/blobs/read",)
    assert (data.via, data.condition) == (who("team"), "('a' StringEquals 'a')")
    assert data.resources == (f"/subscriptions/{SUBS['a']}",)
    assert rows["allow", 0, "write"].resources == (GRAPH,)
    assert rows["deny", 0, "write"].actions == ("*/delete",)


@pytest.mark.parametrize(
    ("role", "level"), [("Owner", "wildcard"), ("Reader", "read"), ("User Access Administrator", "permissions")]
)
def test_the_level_of_a_grant(tenant, role, level):
    tenant.assign(role, "app", "sub:a")
    (row,) = tenant.grants()
    assert row.level == level


# Order, bad input, size


def test_the_order_of_records_changes_nothing(tenant):
    for name in ("x", "y", "strong"):
        tenant.identity(name)
    tenant.group("team")
    tenant.member("x", "team")
    tenant.assign("Contributor", "team", "a/app")
    tenant.assign("User Access Administrator", "y", "sub:b")
    tenant.runs(VM, "azure_vm", "machine")
    tenant.permit("machine", "Application.ReadWrite.All")
    tenant.permit("strong", "RoleManagement.ReadWrite.Directory")
    tenant.deny({"actions": ["*/delete"], "at": "sub:a", "principals": ["everyone"], "exempt": ["y"]})
    before = (tenant.effective(), tenant.reach(), tenant.grants())
    for seed in range(3):
        for rows in tenant.rows.values():
            random.Random(seed).shuffle(rows)
        assert (tenant.effective(), tenant.reach(), tenant.grants()) == before


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", "null", '{"permissions": 3}', '{"permissions": [null, {"actions": [1, null]}]}', "[" * 5000],
)
def test_a_document_that_is_no_role_is_no_traceback(tenant, document):
    from nhiscan.model import AttachmentKind, PolicyKind

    for prefix in ("azure:role/x/", "entra:role/x/", "azure:whatever/", "aws:"):
        policy = tenant.policy(prefix, f"{prefix}odd", PolicyKind.MANAGED, document)
        tenant.attach(policy, who("app"), AttachmentKind.GRANTS, None)
    tenant.policy("d", "azure:deny/odd", PolicyKind.DENY, document)
    tenant.attach("azure:deny/odd", who("app"), AttachmentKind.DENIES, None)
    assert tenant.able("app") == {}


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("/", "the root scope of the tenant"),
        ("/providers/Microsoft.Management/managementGroups/Corp/", "management group corp"),
        ("/subscriptions/X", "subscription x"),
        ("/subscriptions/x/resourceGroups/G", "resource group g of subscription x"),
        ("/subscriptions/x/resourceGroups/g/providers/a/b/c", "/subscriptions/x/resourcegroups/g/providers/a/b/c"),
    ],
)
def test_scopes_in_words(scope, words):
    assert scopes.words(scopes.normal(scope)) == words


def estate_of(size: int) -> Tenant:
    """So many identities, a third of them managed, with the mixture of assignments a tenant of that size has."""
    tenant, dice, groups = Tenant(), random.Random(6), max(size // 20, 1)
    for n in range(groups):
        tenant.group(f"g{n}")
        tenant.assign(dice.choice(["Contributor", "Reader"]), f"g{n}", f"a/rg{n}")
    for n in range(size):
        name, at = f"i{n}", f"{'ab'[n % 2]}/rg{n % groups}"
        if n % 3 == 0:
            tenant.runs(f"{at}/Microsoft.Compute/virtualMachines/{name}", "azure_vm", name)
        else:
            tenant.identity(name)
        tenant.assign(dice.choice(["Contributor", "Reader", "Reader", "Storage Blob Data Reader"]), name, at)
        if n % 8 == 0:
            tenant.member(name, f"g{n % groups}")
        if n % 50 == 0:
            tenant.assign(dice.choice(["Contributor", "Owner", "User Access Administrator"]), name, "sub:a")
        if n % 500 == 0:
            tenant.permit(
                name,
                dice.choice(["Application.ReadWrite.All", "Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory"]),
            )
        if n % 5 == 0:
            tenant.owner(f"i{dice.randrange(size)}", name)
    return tenant


def measured(tenant: Tenant) -> tuple[float, int, int]:
    rows = tenant.rows
    records = Records(
        identities=rows[Identity], policies=rows[Policy], attachments=rows[Attachment], members=rows[Member],
        scopes=rows[Scope], trusts=rows[Trust], consumers=rows[Consumer], uses=rows[Use],
    )  # fmt: skip
    began = time.process_time()
    estate = build(records)
    edges = ways(estate)
    able = abilities(estate, edges)
    found = len(list(effective(estate, able))), len(list(reach(estate, edges, able)))
    return time.process_time() - began, *found


def test_work_grows_with_the_estate_and_not_with_its_square():
    ways_of = {size: sum(map(len, ways(estate_of(size).built()).out.values())) for size in (300, 600)}
    assert ways_of[600] <= 2.5 * ways_of[300]


@pytest.mark.parametrize(("words", "told"), [(["all"], "certain"), (["get", "list"], None)])
def test_an_access_policy_that_gives_all_of_secrets_reads_every_secret_of_its_vault(tenant, words, told):
    place = "a/app/Microsoft.KeyVault/vaults/kv"
    tenant.vault(place, "access_policy")
    tenant.access_policy(place, "app", secrets=words)
    rows = [r for r in tenant.effective() if r.capability == "read_secrets"]
    assert [r.certainty for r in rows] == ([told] if told else [])
    assert all("/vaults/kv" in r.method for r in rows)
