"""Terraform: what expressions come to, how modules expand, and that HCL, plan and state say the same."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from nhiscan import analysis
from nhiscan.collect import registry
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._pulumi.program import kind_of, snake
from nhiscan.collectors.repo._terraform import documents, kinds, modules, snapshot
from nhiscan.collectors.repo._terraform.desk import Desk
from nhiscan.collectors.repo._terraform.hcl import parse_hcl, unescape
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, Writer, known_text
from nhiscan.model import Consumer, Credential, Effective, Exposure, Gap, Identity, Policy, Trust
from nhiscan.sensitive import FingerprintKey
from nhiscan.store.inventory import Inventory
from tests.test_collectors import CASES_DIR, context, materialise, units_of

if TYPE_CHECKING:
    from pathlib import Path

SCOPE = "dir:x"


def things(files: dict[str, str], texts: dict[str, str] | None = None) -> dict[str, object]:
    folders: dict[str, modules.Folder] = {}
    for path, text in files.items():
        home = path.rpartition("/")[0]
        folder = folders.setdefault(home, modules.Folder(home))
        (folder.variables if path.endswith(".tfvars") else folder.files)[path] = parse_hcl(text)
    found = list(modules.declared(folders, (texts or {}).get))
    return {t.address: t for t in found}


def value(expression: str, rest: str = "") -> object:
    return things({"main.tf": f"{rest}\nresource a b {{\n  v = {expression}\n}}\n"})["a.b"].values["v"]


def records(files: dict[str, str]) -> list:
    book = Book(SCOPE, "repo.terraform", FingerprintKey(b"k" * 32))
    folders: dict[str, modules.Folder] = {}
    for path, text in files.items():
        home = path.rpartition("/")[0]
        folders.setdefault(home, modules.Folder(home)).files[path] = parse_hcl(text)
    return list(kinds.records(Desk(book, list(modules.declared(folders, lambda _: None)))))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"a"', "a"),
        ("12", 12),
        ("true", True),
        ("null", None),
        ('"x-${local.y}"', "x-z"),
        ('format("%s/%d%%", local.y, 3)', "z/3%"),
        ('join(",", ["a", local.y])', "a,z"),
        ("concat([1], [2])", [1, 2]),
        ("merge({ a = 1 }, { b = local.y })", {"a": 1, "b": "z"}),
        ('lower("AB")', "ab"),
        ('toset(["a"])', ["a"]),
        ('replace("https://i", "https://", "")', "i"),
        ('trimprefix("https://i", "https://")', "i"),
        ('flatten([["a"], "b"])', ["a", "b"]),
        ('coalesce(null, "a")', "a"),
        ('jsondecode("{\\"a\\": 1}").a', 1),
        ("jsonencode({ a = [local.y] })", '{"a": ["z"]}'),
        ('local.y == "z" ? "yes" : "no"', "yes"),
        ("var.unset ? 1 : 1", 1),
        ("60 * 60", 3600),
        ("-1", -1),
        ("!true", False),
        ("var.given", "default"),
        ('["a", "b"][1]', "b"),
        ('{ a = { b = "c" } }.a.b', "c"),
        ('"\\u0041\\n$${x}"', "A\n${x}"),
    ],
)
def test_an_expression_is_worked_out(expression, expected):
    rest = 'locals {\n  y = "z"\n}\nvariable "given" {\n  default = "default"\n}'
    assert value(expression, rest) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "var.nowhere", "local.nowhere", "each.value", "terraform.workspace", 'templatefile("a", {})', "timestamp()",
        "[for x in var.y : x]", "var.unset ? 1 : 2", "1 + 1", 'file("missing")', 'jsondecode("{")', 'format("%s")',
        'replace("a", "/a/", "b")', "join(var.x, [])", "path.root", "module.none.out", "local.loop", "lower(var.x)",
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_unknown(expression):
    assert isinstance(value(expression, "locals {\n  loop = local.back\n  back = local.loop\n}"), Unknown)


def test_a_string_keeps_its_known_parts():
    found = value('"arn:${aws_sqs_queue.q.arn}/${var.x}"', 'resource "aws_sqs_queue" "q" {}')
    assert isinstance(found, Text)
    assert Writer(lambda r: r.address).plain(found) == "arn:aws_sqs_queue.q/unknown:var.x"


def test_files_and_variable_files_are_read():
    files = {
        "m/main.tf": 'variable "n" {}\nresource a b {\n  v = jsondecode(file("${path.module}/p.json")).x\n  n = var.n\n}',
        "m/terraform.tfvars": 'n = "given"',
        "m/other.tfvars": 'n = "other"',
    }
    thing = things(files, {"m/p.json": '{"x": "y"}'})["a.b"]
    assert (thing.values["v"], thing.values["n"]) == ("y", "given")


def test_a_module_is_expanded_with_its_arguments_and_not_read_alone():
    found = things({
        "live/main.tf": 'module "a" {\n  source = "../mod"\n  name = "one"\n}\nresource x y {\n  v = module.a.out\n}',
        "mod/main.tf": 'variable "name" {}\nresource aws_iam_role r {\n  name = var.name\n}\n'
        "output out {\n  value = aws_iam_role.r.arn\n}",
    })  # fmt: skip
    assert set(found) == {"x.y", "module.a.aws_iam_role.r"}
    assert found["module.a.aws_iam_role.r"].text("name") == "one"
    assert found["x.y"].values["v"] == Ref("module.a.aws_iam_role.r", "arn")


@pytest.mark.parametrize("text", ['module "a" {\n  source = "./"\n}', 'module "a" {\n  source = "../m"\n}'])
def test_modules_that_call_themselves_end(text):
    assert things({"m/main.tf": text + "\nresource a b {}"})


@pytest.mark.parametrize(
    ("count", "expected"), [("count = 0", []), ("count = 2", ["a0", "a1"]), ('for_each = toset(["x"])', ["ax"])]
)
def test_instances_share_one_address(count, expected):
    text = f'resource a b {{\n  {count}\n  v = "a${{try_it}}"\n}}'.replace(
        "${try_it}", "${each.key}" if "each" in count else "${count.index}"
    )
    found = modules.declared({"": modules.Folder("", {"main.tf": parse_hcl(text)})}, lambda _: None)
    assert [known_text(t.values["v"]) for t in found] == expected


def test_a_document_has_principals_conditions_and_overrides():
    tree = documents.from_data({
        "source_policy_documents": ['{"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "x:Y"}]}'],
        "override_policy_documents": ['{"Statement": {"Sid": "a", "Effect": "Deny", "Action": "x:Y"}}'],
        "statement": [{
            "actions": ["s3:Get*"], "resources": ["arn:aws:s3:::b/&{aws:username}"],
            "not_principals": [{"type": "*", "identifiers": ["*"]}],
            "condition": [{"test": "StringEquals", "variable": "aws:x", "values": ["1"]}],
        }],
    })  # fmt: skip
    text, doubt = documents.render(tree, lambda r: r.address)
    assert doubt is None
    first, second = json.loads(text)["Statement"]
    assert first["Effect"] == "Deny"
    assert second == {
        "Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::b/${aws:username}"], "NotPrincipal": "*",
        "Condition": {"StringEquals": {"aws:x": ["1"]}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tree", "known", "doubted"),
    [
        (Unknown("var.p"), False, True),
        ({"Statement": []}, False, True),
        ({"Statement": [{"Effect": Unknown("var.e"), "Action": "*"}]}, False, True),
        ({"Statement": [{"Effect": "Allow", "Action": Unknown("var.a"), "Resource": "*"}]}, True, True),
        ({"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": Unknown("var.r")}]}, True, False),
        ({"Statement": [{"Effect": "Allow", "Action": "a:B", "Condition": Unknown("var.c")}]}, False, True),
        ({"Statement": [Unknown("var.s"), {"Effect": "Allow", "Action": "a:B"}]}, True, True),
    ],
)
def test_what_is_unknown_never_widens_a_document(tree, known, doubted):
    text, doubt = documents.render(tree, lambda r: r.address)
    assert (text is not None, doubt is not None) == (known, doubted)
    assert text is None or '"*"' not in json.loads(text)["Statement"][0]["Action"]


def test_the_issuer_of_an_unknown_provider_names_its_conditions():
    statement = {
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1"},
        "Condition": {"StringEquals": {"unknown:sub": "system:serviceaccount:a:b"}},
    }  # fmt: skip
    text, _ = documents.render({"Statement": [statement]}, lambda r: r.address)
    assert json.loads(text)["Statement"][0]["Condition"] == {
        "StringEquals": {"oidc.example.com/id/1:sub": "system:serviceaccount:a:b"}
    }


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "malformed"), ("[1]", None), ('{"terraform_version": "1", "resources": 1}', None)]
)
def test_json_that_is_no_plan_or_state(text, reason):
    if reason:
        with pytest.raises(MalformedError):
            snapshot.read(text, "", "a.json")
    else:
        assert snapshot.read(text, "", "a.json") is None


def collected(case: str, place: Path, git) -> list:
    root, _ = materialise(CASES_DIR / "repo.terraform" / case, place / case / "acme", git, "")
    collector, ctx = registry.load("repo.terraform"), context()
    return [r for unit in units_of(collector, root, ctx) for r in collector.collect(unit, ctx)]


def judged(found: list) -> tuple[set, set, set]:
    with Inventory.memory() as inventory:
        inventory.add(found)
        analysis.run(inventory, datetime(2026, 11, 1, tzinfo=UTC))
        able = {(e.identity_id, e.capability, e.method, e.certainty) for e in inventory.rows(Effective)}
        trusts = {(t.target_id, t.principal, t.subjects) for t in inventory.rows(Trust) if t.principal_kind == "oidc"}
        return {i.id for i in inventory.rows(Identity)}, able, trusts


def test_hcl_plan_and_state_of_one_module_say_the_same(tmp_path, git):
    hcl, plan, state = (judged(collected(case, tmp_path, git)) for case in ("hcl", "plan", "state"))
    assert hcl == plan == state
    identities, able, trusts = hcl
    assert "dir:acme#infra:aws_iam_role.ci" in identities
    assert ("dir:acme#infra:aws_iam_role.ci", "admin", "all IAM actions on *", "certain") in able
    assert any(i.endswith("aws_iam_role.app") and c == "escalate" for i, c, _, _ in able)
    assert trusts == {("dir:acme#infra:aws_iam_role.ci", "token.actions.githubusercontent.com", ("repo:*",))}


def test_together_they_are_one_inventory_with_lines_and_arns(tmp_path, git):
    for case in ("hcl", "plan", "state"):
        materialise(CASES_DIR / "repo.terraform" / case, tmp_path / "acme", git, "")
    collector, ctx = registry.load("repo.terraform"), context()
    found = [r for unit in units_of(collector, tmp_path / "acme", ctx) for r in collector.collect(unit, ctx)]
    role = next(r for r in found if isinstance(r, Identity) and r.name == "ci-acme")
    assert (role.locator, role.native_id) == ("infra/main.tf:27", "arn:aws:iam::123456789012:role/ci-acme")
    assert len({(r.table, r.id) for r in found}) == len(found)
    assert not [r for r in found if isinstance(r, Gap)]


def test_a_key_in_state_is_one_credential_with_its_secret(tmp_path, git):
    found = collected("state", tmp_path, git)
    keys = [r for r in found if isinstance(r, Credential) and r.id.startswith("aws:access_key/")]
    assert [(k.fingerprint is not None, k.account_id) for k in keys] == [(True, "123456789012")]
    assert [e.file_class for e in found if isinstance(e, Exposure)] == ["state"]


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ('resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{ Effect = "Allow" }] })\n}', False),
        ('resource "aws_iam_policy" "p" {\n  policy = var.document\n}', True),
        ('resource "aws_iam_policy" "p" {\n  policy = templatefile("a", {})\n}', True),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_told_is_a_gap(text, gap):
    found = records({"main.tf": text})
    assert [type(r) for r in found] == ([Policy, Gap] if gap else [Policy])
    assert (found[0].document is None) is gap


def test_attachments_in_every_form_lead_to_their_role():
    head = 'resource "aws_iam_role" "r" {\n  name = "r"\n  managed_policy_arns = ["arn:aws:iam::aws:policy/A"]\n}\n'
    rest = """
resource "aws_iam_role_policy_attachment" "b" {
  role = "r"
  policy_arn = "arn:aws:iam::aws:policy/B"
}
resource "aws_iam_policy_attachment" "c" {
  name = "c"
  roles = [aws_iam_role.r.name]
  policy_arn = "arn:aws:iam::aws:policy/C"
}
resource "aws_iam_role_policy_attachments_exclusive" "d" {
  role_name = aws_iam_role.r.name
  policy_arns = ["arn:aws:iam::aws:policy/D"]
}
resource "aws_iam_role_policy_attachment" "nowhere" {
  role = var.role
  policy_arn = "arn:aws:iam::aws:policy/E"
}
"""
    found = records({"main.tf": head + rest})
    given = {r.policy_id[-1] for r in found if r.table == "attachment" and r.kind == "grants"}
    assert given == {"A", "B", "C", "D"}


def test_a_task_refers_to_stored_secrets():
    text = """
resource "aws_ecs_task_definition" "t" {
  family = "t"
  container_definitions = jsonencode([{
    name = "c"
    environment = [{ name = "API_TOKEN", value = var.token }]
    secrets = [{ name = "DB_PASSWORD", valueFrom = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" }]
  }])
}
resource "aws_instance" "i" {
  metadata_options {
    http_tokens = "optional"
    http_put_response_hop_limit = 2
  }
}
"""
    found = records({"main.tf": text})
    uses = {r.name: (r.form, r.credential_id) for r in found if r.table == "use"}
    assert uses == {"API_TOKEN": ("reference", f"{SCOPE}#.:var.token"), "DB_PASSWORD": ("vault", None)}
    machine = next(r for r in found if isinstance(r, Consumer) and r.platform == "aws_ec2")
    assert (machine.metadata_v1, machine.metadata_hops) == (True, 2)


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("aws:iam:Role", "aws_iam_role"),
        ("aws:iam/role:Role", "aws_iam_role"),
        ("aws:iam:RolePolicyAttachment", "aws_iam_role_policy_attachment"),
        ("aws:lambda:Function", "aws_lambda_function"),
        ("azuread:Application", "azuread_application"),
        ("gcp:serviceaccount:Account", "google_service_account"),
        ("gcp:projects:IAMMember", "google_project_iam_member"),
        ("random:RandomPassword", "random_random_password"),
        ("acme:web:Site", None),
        ("nonsense", None),
    ],
)
def test_a_pulumi_type_is_a_terraform_one(token, kind):
    assert kind_of(token) == kind


def test_names_and_escapes():
    assert snake("assumeRolePolicy") == "assume_role_policy"
    assert unescape(r"a\u0041\UFFFFFFFF\"") == 'aA\N{REPLACEMENT CHARACTER}"'


def test_broken_files_raise_nothing_and_end():
    rng = random.Random(5)
    paths = [p for p in CASES_DIR.glob("repo.terraform/*/input/**/*") if p.suffix in {".tf", ".json", ".tfstate"}]
    texts = [(p.suffix, p.read_text(encoding="utf-8")) for p in sorted(paths)]
    for _ in range(200):
        suffix, text = rng.choice(texts)
        for _ in range(3):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(["{", "}", '"', "${", "<<E\n", "[", ""]) + text[at + rng.randrange(20) :]
        try:
            if suffix == ".tf":
                records({"m/main.tf": text})
            else:
                snapshot.read(text, "m", "m/a.json")
        except MalformedError:
            pass
