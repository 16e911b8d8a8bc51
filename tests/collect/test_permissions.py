"""The printed policies and roles: exact, short enough for IAM, and nothing in them that changes anything."""

import json
import re
from types import MappingProxyType

import pytest
import yaml

from nhiscan.analysis.aws.actions import table
from nhiscan.collect import audit_role, registry
from nhiscan.collect.permissions import LONGEST_POLICY, aws_policies, aws_policy, caller_policy, required, size

COLLECTORS = [registry.load(name) for name in registry.names()]
OPTIONS = ("deep", "read-config-values")
READS = re.compile(r"[a-z0-9-]+:(Get|List|Describe|BatchGet|Search|Lookup|Query|Select|Filter)[A-Z]\w*")


class Bots:
    name = "aws.bots"
    title = "Bots"
    requires = MappingProxyType({f"svc:List{'Thing' * 8}{n:03}": "identity" for n in range(300)})
    requires_with = MappingProxyType({"deep": {"svc:GetMore": "usage", "svc:ListMore": "identity"}})

    def units(self, target, ctx):
        return iter(())

    def collect(self, unit, ctx):
        return iter(())


def actions(policy):
    return [action for statement in policy["Statement"] for action in statement["Action"]]


@pytest.mark.parametrize("options", [(), ("deep",), OPTIONS])
def test_every_action_is_declared_and_reads(options):
    declared = required(COLLECTORS, "aws", options)
    written = {p for c in COLLECTORS for p in getattr(c, "writes", {})} | {"apigateway:GET"}
    for action in actions(aws_policy(COLLECTORS, options)):
        assert action in declared
        assert READS.fullmatch(action) or action in written, action
        assert "*" not in action


def test_every_action_is_one_of_aws_and_reads_by_its_own_account():
    known_actions = table()
    declared = required(COLLECTORS, "aws", OPTIONS)
    assert {a for a in declared if not known_actions.knows_service(a)} == set()
    known = {a: known_actions.level(a) for a in declared if known_actions.knows(a)}
    assert {a for a, level in known.items() if level not in {"list", "read"}} == set()
    # Services that grow faster than the table; a name that it lacks anywhere else is mistyped.
    assert {a.partition(":")[0] for a in declared if a not in known} <= {"bedrock", "bedrock-agentcore"}


def test_signing_in_is_no_right_of_the_role():
    assert "sts:AssumeRole" not in actions(aws_policy(COLLECTORS, OPTIONS))
    assert caller_policy("arn:r")["Statement"][1] == {
        "Sid": "NhiscanEnter", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:r",
    }  # fmt: skip


def test_what_an_option_needs_stands_apart():
    policy = aws_policy([Bots()], OPTIONS)
    assert [s["Sid"] for s in policy["Statement"]] == ["NhiscanReadOnly", "NhiscanDeep"]
    assert policy["Statement"][1]["Action"] == ["svc:GetMore", "svc:ListMore"]
    assert "svc:GetMore" not in actions(aws_policy([Bots()]))


@pytest.mark.parametrize("collectors", [COLLECTORS, [Bots()]])
def test_parts_are_within_the_quota_and_together_the_whole(collectors):
    parts = aws_policies(collectors, OPTIONS)
    assert all(size(part) <= LONGEST_POLICY for part in parts)
    assert [action for part in parts for action in actions(part)] == actions(aws_policy(collectors, OPTIONS))
    assert len(parts) <= 10, "a role takes ten managed policies"


def test_the_template_is_a_role_with_all_parts():
    template = yaml.safe_load(audit_role.cloudformation(COLLECTORS, OPTIONS))
    assert template == audit_role.template(COLLECTORS, OPTIONS)
    policies = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::IAM::ManagedPolicy"}
    role = template["Resources"]["Role"]["Properties"]
    assert [p["Ref"] for p in role["ManagedPolicyArns"]] == list(policies)
    found = [action for p in policies.values() for action in actions(p["Properties"]["PolicyDocument"])]
    assert found == actions(aws_policy(COLLECTORS, OPTIONS))
    used = set(re.findall(r'"Ref": "(\w+)"', json.dumps(template)))
    assert used == set(template["Parameters"]) | set(policies)
    assert len(json.dumps(template)) < 51_200, "the longest template that needs no bucket"


def test_the_module_holds_the_same_as_the_template():
    module = audit_role.terraform(COLLECTORS, OPTIONS)
    held = [json.loads(text) for text in values(module)]
    assert held[0] == aws_policies(COLLECTORS, OPTIONS)
    assert held[1] == audit_role.template(COLLECTORS, OPTIONS)
    assert held[2]["Statement"][1]["Resource"] == "arn:aws:iam::*:role/${var.role_name}"
    for opening, closing in ("{}", "[]", "()"):
        assert module.count(opening) == module.count(closing)
    declared = set(re.findall(r'variable "(\w+)"', module))
    assert set(re.findall(r"\bvar\.(\w+)", module)) == declared
    # What looks like an expression of Terraform in the JSON would be one.
    assert set(re.findall(r"[$%]\{[^}]*\}", module)) == {"${var.role_name}", "${count.index + 1}"}


def values(module):
    """The JSON values that stand in the module, in order."""
    for match in re.finditer(r"(?:policies = |template = jsonencode\(|value = jsonencode\()(?=[\[{])", module):
        value, _ = json.JSONDecoder().raw_decode(module[match.end() :])
        yield json.dumps(value)


def test_the_command_prints_each_form(nhiscan):
    whole = nhiscan("permissions", "aws")
    assert whole.json == aws_policy(COLLECTORS)
    assert ("characters" in whole.err) == (size(aws_policy(COLLECTORS)) > LONGEST_POLICY)
    assert nhiscan("permissions", "aws", "--deep", "--read-config-values").json == aws_policy(COLLECTORS, OPTIONS)
    assert yaml.safe_load(nhiscan("permissions", "aws", "--cloudformation").out)["Resources"]
    assert nhiscan("permissions", "aws", "--terraform").out == audit_role.terraform(COLLECTORS)
    explained = nhiscan("permissions", "aws", "--explain", "--deep").out
    assert "for --deep; without it" in explained
    assert "iam:GenerateCredentialReport is no plain read: starts AWS's own report" in explained


@pytest.mark.parametrize("argv", [("oracle",), ("gcp", "--cloudformation"), ("aws", "--terraform", "--explain")])
def test_what_cannot_be_printed_is_told(nhiscan, argv):
    done = nhiscan("permissions", *argv)
    assert done.code == 2
    assert "try: " in done.err
