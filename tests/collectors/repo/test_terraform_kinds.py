"""Kinds of resources that Terraform declares, by what each comes to."""

from __future__ import annotations

import pytest

from nhiscan.analysis.declared import names
from nhiscan.model import Identity, IdentityKind, IdentityState, Policy, PolicyKind, PrincipalKind, Trust, TrustKind
from tests.collectors.repo.test_terraform import records, snapshot, value

ROLE = 'resource "aws_iam_role" "r" {\n  name = "r"\n}\n'
USER = 'resource "aws_iam_user" "u" {\n  name = "u"\n}\nresource "aws_iam_group" "g" {\n  name = "g"\n}\n'
ACCOUNT = 'resource "google_service_account" "a" {\n  account_id = "a"\n}\n'
MANAGED = 'resource "azurerm_user_assigned_identity" "m" {\n  name = "m"\n}\n'
ROLE_OF = 'scope = "/subscriptions/s"\nrole_definition_name = "Owner"\nprincipal_id = azurerm_user_assigned_identity.m.principal_id\n'
MEMBER = 'role = "roles/owner"\nmember = "serviceAccount:${google_service_account.a.email}"\n'
AGENT = 'resource "aws_bedrockagent_agent" "b" {\n  agent_name = "b"\n}\n'


def block(kind: str, body: str) -> str:
    return f'resource "{kind}" "x" {{\n{body}\n}}\n'


@pytest.mark.parametrize(
    ("text", "table", "expected"),
    [
        (USER + block("aws_iam_user_group_membership", "user = aws_iam_user.u.name\ngroups = [aws_iam_group.g.name]"),
         "member", {"identity_id": "dir:x#.:aws_iam_user.u", "group_id": "dir:x#.:aws_iam_group.g"}),
        (USER + block("aws_iam_group_membership", 'group = "g"\nusers = ["u"]'),
         "member", {"identity_id": "dir:x#.:aws_iam_user.u"}),
        (ROLE + block("aws_iam_instance_profile", 'role = "r"'), "member", {"group_id": "dir:x#.:aws_iam_instance_profile.x"}),
        (USER + block("aws_iam_user_policy", 'user = "u"\npolicy = "{\\"Statement\\": []}"'),
         "policy", {"kind": "inline", "id": "dir:x#.:aws_iam_user.u#inline/aws_iam_user_policy.x"}),
        (USER + block("aws_iam_user_login_profile", 'user = "u"'), "credential", {"kind": "password"}),
        (USER + block("aws_iam_access_key", 'user = "u"\nstatus = "Inactive"'), "credential", {"state": "inactive"}),
        ('resource "aws_iam_role" "r" {\n  permissions_boundary = "arn:aws:iam::aws:policy/PowerUserAccess"\n}',
         "attachment", {"kind": "boundary", "policy_id": "arn:aws:iam::aws:policy/PowerUserAccess"}),
        (block("aws_iam_saml_provider", 'name = "okta"'), "identity", {"kind": "saml_provider", "name": "okta"}),
        (block("aws_kms_key", "enable_key_rotation = true"), "store", {"kind": "kms_key", "rotation": True}),
        (block("aws_kms_key", ""), "store", {"rotation": False}),
        (block("aws_kms_key", "enable_key_rotation = var.x"), "store", {"rotation": None}),
        (block("aws_ssm_parameter", 'name = "/a"\ntype = "SecureString"'), "store", {"kind": "parameter", "name": "/a"}),
        (ACCOUNT + block("google_project_iam_binding", 'role = "roles/editor"\nmembers = [google_service_account.a.member]'),
         "policy", {"provider": "gcp", "name": "roles/editor"}),
        (ACCOUNT + 'data "google_iam_policy" "p" {\n  binding {\n    role = "roles/owner"\n    members = '
         '["serviceAccount:${google_service_account.a.email}"]\n  }\n}\n' +
         block("google_project_iam_policy", 'project = "p"\npolicy_data = data.google_iam_policy.p.policy_data'),
         "attachment", {"principal_id": "dir:x#.:google_service_account.a"}),
        (ACCOUNT + block("google_service_account_iam_member", 'service_account_id = google_service_account.a.name\n'
         'role = "roles/iam.serviceAccountTokenCreator"\nmember = "allUsers"'),
         "trust", {"kind": "impersonate", "principal_kind": "anyone", "external": True}),
        (block("google_project_iam_custom_role", 'role_id = "r"\npermissions = ["a.b.c"]'),
         "policy", {"document": '{"includedPermissions": ["a.b.c"]}'}),
        (block("azuread_service_principal", 'client_id = "11111111-1111-1111-1111-111111111111"'),
         "identity", {"provider": "azure", "kind": "app"}),
        (block("kubernetes_cluster_role_v1", 'metadata {\n  name = "all"\n}\nrule {\n  api_groups = ["*"]\n  resources = ["*"]'
         '\n  verbs = ["*"]\n}\nrule {\n  verbs = var.v\n}'),
         "policy", {"id": "dir:x#k8s:-/ClusterRole/all", "document": '{"kind": "ClusterRole", "partial": true, "rules": '
                    '[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}'}),
        (block("vault_kubernetes_auth_backend_role", 'role_name = "k"\nbound_service_account_names = ["*"]\n'
         'bound_service_account_namespaces = ["a"]\naudience = "vault"'),
         "trust", {"principal": "kubernetes", "subjects": ("system:serviceaccount:a:*",), "audiences": ("vault",)}),
        (ROLE + block("vault_aws_auth_backend_role", 'role = "a"\nbound_iam_principal_arns = [aws_iam_role.r.arn]'),
         "trust", {"principal": "dir:x#.:aws_iam_role.r", "kind": "federate"}),
        (block("vault_aws_auth_backend_role", 'role = "a"\nbound_iam_principal_arns = var.arns\ntoken_max_ttl = 0'),
         "trust", {"principal": "${bound_iam_principal_arns}", "principal_kind": "identity", "certainty": "conditional"}),
        (block("vault_aws_auth_backend_role", 'role = "a"\nbound_account_ids = ["111122223333"]\nbound_ami_ids = [var.ami]'),
         "trust", {"principal": "111122223333", "principal_kind": "account", "claims": ("bound_ami_ids=${bound_ami_ids}",)}),
        (block("vault_aws_auth_backend_role", 'role = "a"\nbound_vpc_ids = ["vpc-1"]'),
         "trust", {"principal": "${bound_account_ids}", "principal_kind": "account", "claims": ("bound_vpc_ids=vpc-1",)}),
        (block("vault_jwt_auth_backend_role", 'role_name = "a"\nbound_claims = var.claims\nbound_audiences = [var.a]'),
         "trust", {"claims": ("${bound_claims}",), "audiences": ("${bound_audiences}",), "subjects": ()}),
        (block("vault_jwt_auth_backend_role", 'role_name = "a"\nbound_claims = {\n  sub = "repo:${var.org}/x:*"\n  ref = var.ref\n}'),
         "trust", {"claims": ("ref=${ref}",), "subjects": ("repo:${var.org}/x:*",)}),
        (block("vault_jwt_auth_backend_role", 'role_name = "a"\nbound_claims = var.claims'),
         "gap", {"covers": ("trust.claims",), "subject_id": "dir:x#.:vault_jwt_auth_backend_role.x#trust:vault_jwt_auth_backend_role.x"}),
        (block("vault_kubernetes_auth_backend_role", 'role_name = "k"\nbound_service_account_names = [var.n]\n'
         'bound_service_account_namespaces = ["a"]'), "trust", {"subjects": ("system:serviceaccount:a:${bound_service_account_names}",)}),
        (block("vault_approle_auth_backend_role", 'role_name = "a"\ntoken_max_ttl = 0'), "identity", {"max_session": None}),
        (block("vault_approle_auth_backend_role", 'role_name = "a"\ntoken_max_ttl = 900'), "identity", {"max_session": 900}),
        *((MANAGED + block(kind, f"{ROLE_OF}{more}"), "attachment", expected) for kind, more, expected in [
            ("azurerm_role_assignment", "", {"time_bound": False, "condition": None, "eligible": None}),
            ("azurerm_role_assignment", 'condition = "@Environment[UtcNow] DateTimeLessThan \'2027-01-01T00:00:00Z\'"', {"time_bound": True}),
            ("azurerm_role_assignment", 'condition = "@Resource[a:b] StringEquals \'x\'"', {"time_bound": False}),
            ("azurerm_role_assignment", "condition = var.c", {"time_bound": None, "condition": "${condition}"}),
            ("azurerm_pim_eligible_role_assignment", "", {"time_bound": True, "eligible": True}),
            ("azurerm_pim_active_role_assignment", "", {"time_bound": False, "eligible": False}),
            ("azurerm_pim_active_role_assignment", "schedule {\n  expiration {\n    duration_hours = 8\n  }\n}", {"time_bound": True}),
            ("azurerm_pim_active_role_assignment", 'schedule {\n  start_date_time = "2027-01-01T00:00:00Z"\n}', {"time_bound": False}),
            ("azurerm_pim_active_role_assignment", "schedule = var.s", {"time_bound": None}),
        ]),
        *((ACCOUNT + block("google_project_iam_member", f"{MEMBER}{more}"), "attachment", expected) for more, expected in [
            ("", {"time_bound": False}),
            ('condition {\n  title = "t"\n  expression = "request.time < timestamp(\\"2027-01-01T00:00:00Z\\")"\n}', {"time_bound": True}),
            ('condition {\n  title = "t"\n  expression = "request.time < timestamp(\\"${var.end}\\")"\n}', {"time_bound": True}),
            ('condition {\n  title = "t"\n  expression = "resource.name == \\"x\\""\n}', {"time_bound": False}),
            ('condition {\n  title = "t"\n  expression = var.e\n}', {"time_bound": None}),
            ('condition {\n  title = "t"\n  expression = "request.time < timestamp(x) || true"\n}', {"time_bound": None}),
        ]),
        (MANAGED + 'data "azurerm_role_definition" "d" {\n  name = "Contributor"\n}\n' + block("azurerm_role_assignment",
         'scope = "/s"\nrole_definition_id = data.azurerm_role_definition.d.id\nprincipal_id = azurerm_user_assigned_identity.m.principal_id'),
         "policy", {"name": "Contributor"}),
        (MANAGED + 'data "azurerm_subscription" "s" {}\n' + block("azurerm_pim_eligible_role_assignment",
         'scope = data.azurerm_subscription.s.id\nrole_definition_id = "${data.azurerm_subscription.s.id}/providers/Microsoft.'
         'Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"\n'
         'principal_id = azurerm_user_assigned_identity.m.principal_id'), "policy", {"name": "Owner"}),
        (block("vault_token", 'ttl = "24h"\nnum_uses = 3\npolicies = ["ops"]'),
         "credential", {"ttl": 86400, "max_uses": 3, "scopes": ("ops",)}),
        (block("vault_approle_auth_backend_role", 'role_name = "a"\nsecret_id_ttl = 600\nsecret_id_bound_cidrs = ["10.0.0.0/8"]'),
         "credential", {"ttl": 600, "bound": True, "lifetime": None}),
        (block("vault_policy", 'policy = "{\\"path\\": {}}"'), "policy", {"document": '{"path": {}}'}),
        (block("github_repository_deploy_key", "read_only = true"), "credential", {"scopes": ("contents: read",)}),
        (block("github_repository_webhook", 'configuration {\n  url = "https://h.example.com/a"\n  secret = var.s\n}'),
         "resource", {"authenticated": True, "tls": True, "name": "https://h.example.com"}),
        (block("github_repository_webhook", 'configuration {\n  url = "https://h.example.com/a"\n  secret = random_password.p.result\n}'),
         "resource", {"authenticated": True}),
        (block("github_repository_webhook", "configuration {\n  secret = var.on ? var.s : null\n}"),
         "resource", {"authenticated": None}),
        (block("github_repository_webhook", 'configuration {\n  url = "https://h.example.com/a"\n}'),
         "resource", {"authenticated": False}),
        (block("github_repository_webhook", "configuration = var.hook"), "resource", {"authenticated": None}),
        (block("github_repository", 'name = "shop"\nvisibility = "public"\nsecurity_and_analysis {\n  secret_scanning {\n    status = "disabled"\n  }\n  secret_scanning_push_protection {\n    status = var.p\n  }\n}'),
         "resource", {"name": "shop", "public": True, "tags": {"secret_scanning": "disabled"}}),
        (block("github_repository", 'name = "shop"'), "resource", {"public": None, "tags": {}}),
        (AGENT + block("aws_bedrockagent_agent_knowledge_base_association", "agent_id = aws_bedrockagent_agent.b.agent_id"),
         "tool", {"class_": "read"}),
        (AGENT + 'resource "aws_lambda_function" "f" {}\n' + block("aws_bedrockagent_agent_action_group",
         'agent_id = aws_bedrockagent_agent.b.agent_id\naction_group_name = "do"\naction_group_executor {\n'
         '  lambda = aws_lambda_function.f.arn\n}'),
         "hop", {"to_id": "dir:x#.:aws_lambda_function.f", "via": "action_group"}),
        (block("aws_bedrock_model_invocation_logging_configuration", 'logging_config {\n  s3_config {\n    bucket_name = "b"\n'
         "  }\n}"), "logging", {"enabled": True, "destination": "s3"}),
    ],
)  # fmt: skip
def test_a_resource_comes_to_its_record(text, table, expected):
    found = [r for r in records({"main.tf": text}) if r.table == table]
    assert any(all(getattr(r, k) == v for k, v in expected.items()) for r in found), found


def test_dynamic_blocks_are_expanded():
    text = """
resource "aws_iam_role" "r" {
  dynamic "inline_policy" {
    for_each = { a = "s3:Get*", b = "sqs:*" }
    iterator = it
    content {
      name   = it.key
      policy = jsonencode({ Statement = [{ Effect = "Allow", Action = it.value, Resource = "*" }] })
    }
  }
}
"""
    found = {r.name: r.document for r in records({"main.tf": text}) if r.table == "policy" and r.kind == "inline"}
    assert set(found) == {"a", "b"}
    assert "sqs:*" in found["b"]


def test_a_shown_state_and_modules_in_a_state():
    shown = '{"format_version": "1.0", "terraform_version": "1", "values": {"root_module": {"child_modules": [{"resources": '
    shown += '[{"address": "module.a[0].x.y", "type": "x", "name": "y", "values": {"n": 1}}]}]}}}'
    assert [t.address for t in snapshot.read(shown, "", "s.json")] == ["module.a.x.y"]
    raw = '{"version": 4, "terraform_version": "1", "resources": [{"module": "module.a[\\"k\\"]", "mode": "data", "type": '
    raw += '"x", "name": "y", "instances": [{"attributes": {}}, {"deposed": "1"}]}]}'
    assert [t.address for t in snapshot.read(raw, "", "s.json")] == ["module.a.data.x.y"]


@pytest.mark.parametrize("depth", [50, 5_000])
def test_deep_nesting_ends(depth):
    assert value("[" * depth + "]" * depth) is not None


def declared(name: str, address: str, native: str | None = None) -> Identity:
    return Identity(
        id=f"dir:x#m:{address}", scope_id="dir:x", source="t", provider="aws", kind=IdentityKind.ROLE, name=name,
        state=IdentityState.DECLARED, native_id=native,
    )  # fmt: skip


def test_declared_roles_get_an_arn_and_lose_it_again():
    first, second = declared("a", "aws_iam_role.a"), declared("a", "module.b.aws_iam_role.a")
    called = names([first, second], [])
    given = called.given([first, second])
    assert len({i.id for i in given}) == 2
    assert all(i.id.startswith("arn:aws:iam::9") for i in given)
    assert list(called.taken(given)) == [first, second]


def test_an_account_that_is_known_is_the_account_of_all_beside_it():
    native = "arn:aws:iam::123456789012:role/a"
    called = names([declared("a", "aws_iam_role.a", native), declared("b", "aws_iam_role.b")], [])
    assert set(called.arns.values()) == {native, "arn:aws:iam::123456789012:role/b"}


def test_documents_name_arns_while_they_are_analysed():
    role = declared("a", "aws_iam_role.a")
    policy = Policy(
        id="dir:x#m:aws_iam_policy.p", scope_id="dir:x", source="t", provider="aws", kind=PolicyKind.MANAGED, name="p",
        document='{"a": ["dir:x#m:aws_iam_role.a", "dir:x#m:aws_iam_role.a/*", "arn:aws:iam::${AWS::AccountId}:root"]}',
    )  # fmt: skip
    called = names([role], [policy])
    text = called.given([policy])[0].document
    arn = called.arns[role.id]
    assert f'"{arn}"' in text
    assert f'"{arn}/*"' in text
    assert "${" not in text


def test_whether_an_account_is_foreign_is_open_where_ones_own_is_made_up():
    role = declared("a", "aws_iam_role.a")
    called = names([role], [])
    trust = Trust(
        id=f"{called.arns[role.id]}#trust:1", scope_id="dir:x", source="analysis", principal="210987654321",
        principal_kind=PrincipalKind.ACCOUNT, target_id=called.arns[role.id], kind=TrustKind.ASSUME, external=True,
    )  # fmt: skip
    (taken,) = called.taken([trust])
    assert (taken.target_id, taken.external) == (role.id, None)


def test_without_anything_declared_nothing_changes():
    live = Identity(
        id="arn:aws:iam::123456789012:role/a", scope_id="aws:123456789012", source="t", provider="aws",
        kind=IdentityKind.ROLE, name="a",
    )  # fmt: skip
    called = names([live], [])
    assert called.given([live]) == [live]
    assert list(called.taken([live])) == [live]
