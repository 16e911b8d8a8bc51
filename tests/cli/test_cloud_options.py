"""The options of cloud targets: parsed once, the same in every command, refused when they make no sense."""

import inspect
from typing import Annotated, get_type_hints

import pytest
import typer

from nhiscan.api import Cloud
from nhiscan.cli import audit, baseline, common, doctor, explain, inventory
from nhiscan.collect.targets import TargetSyntaxError, parse
from nhiscan.model import Gap, GapReason

CLOUD = ("accounts", "regions", "role", "external_id", "expect_account", "endpoint", "deep", "read_config_values")


def test_lists_may_be_written_with_commas_or_repeated():
    given = common.CloudSettings(
        accounts=["123456789012, !210987654321", "123456789012"], regions=["us-east-1,eu-west-1"]
    )
    assert given.parsed() == Cloud(accounts=("123456789012", "!210987654321"), regions=("us-east-1", "eu-west-1"))
    assert common.CloudSettings(regions=["all,us-east-1"]).parsed().regions == ("all",)


@pytest.mark.parametrize(
    "role", ["audit", "team/audit", "arn:aws:iam::{account}:role/a", "arn:aws-cn:iam::123456789012:role/a"]
)
def test_a_role_is_a_name_or_an_arn(role):
    assert common.CloudSettings(role=role).parsed().role == role


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--accounts", "prod"), ("--accounts", "1234"), ("--regions", "us-east-1,Mars"), ("--role", "a b"),
        ("--role", "arn:aws:iam::123456789012:user/x"), ("--external-id", "x"), ("--external-id", "a b c"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["audit", "inventory", "doctor"])
def test_nonsense_is_a_usage_error_with_a_remedy(nhiscan, command, option, value):
    done = nhiscan(command, ".", option, value)
    assert done.code == 2
    assert done.err.startswith(f"error: {option} does not understand")
    assert "  try: " in done.err


@pytest.mark.parametrize(
    "command",
    [
        audit.audit,
        inventory.inventory,
        inventory.query,
        doctor.doctor,
        explain.explain,
        baseline.create,
        baseline.update,
    ],
)
def test_every_command_that_reads_targets_takes_the_same_options(command):
    names = list(inspect.signature(command).parameters)
    assert set(CLOUD) <= set(names)
    assert {"as_of", "no_cache", "jobs", "config"} <= set(names)


def test_a_block_becomes_its_options_and_comes_back_whole():
    seen = {}

    @common.with_blocks
    def command(
        name: Annotated[str, typer.Option("--name")] = "x", cloud: common.CloudSettings = common.CLOUD_DEFAULTS
    ) -> int:
        """Say so."""
        seen.update(name=name, cloud=cloud)
        return 0

    assert command.__doc__ == "Say so."
    assert set(get_type_hints(command, include_extras=True)) == {"name", *CLOUD, "return"}
    given = {n: p.default for n, p in inspect.signature(command).parameters.items()}
    assert command(**given | {"role": "audit", "deep": True}) == 0
    assert seen == {"name": "x", "cloud": common.CloudSettings(role="audit", deep=True)}


@pytest.mark.parametrize("text", ["aws", "aws:prod", "aws:org", "aws:org/audit"])
def test_targets_of_aws(text):
    target = parse(text)
    assert (target.kind, target.value) == ("aws", text.partition(":")[2])


def test_what_is_no_target_says_what_would_be():
    with pytest.raises(TargetSyntaxError) as error:
        parse("nowhere")
    assert "aws:org[/PROFILE]" in error.value.remedy


def test_calls_for_single_identities_are_told_apart(capsys):
    audit._say_calls({"iam:GetCredentialReport": 2, "iam:ListAccessKeys": 12, "iam:ListSSHPublicKeys": 3})
    first, second = capsys.readouterr().err.splitlines()
    assert first == "17 API calls: iam:GetCredentialReport 2"
    assert second == "  and for single users and roles 15: iam:ListAccessKeys 12, iam:ListSSHPublicKeys 3"


def test_the_doctor_names_each_reason_once_and_the_missing_permissions_together(capsys):
    def gap(scope, operation, remedy):
        return Gap(
            id=f"{scope}#{operation}", scope_id=scope, source="aws.x", covers=("store",), reason=GapReason.DENIED,
            remedy=remedy, operation=operation,
        )  # fmt: skip

    granted = gap("azure:sub/1", "arm:a.list", "grant A/b/read, C/d/read")
    doctor._say([granted])
    assert capsys.readouterr().out.splitlines()[-1] == "  missing permissions: A/b/read, C/d/read"
    denied = [gap(f"aws:{n}", "kms:ListKeys", "allow kms:ListKeys") for n in range(3)]
    doctor._say([*denied, gap("aws:1", "acm:ListCertificates", "allow acm:ListCertificates")])
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "  denied in 3 scopes: kms:ListKeys hides store"
    assert out[-1] == "  missing permissions: acm:ListCertificates, kms:ListKeys"
    assert len(out) == 5
