"""What holds for every group of workloads and resources, over its committed export."""

import json
import logging

import pytest

from nhiscan.plugin import GapReason
from nhiscan.store.schema import to_line
from tests.collectors.aws.consumers import (
    CTX,
    WITH_VALUES,
    Answers,
    Exported,
    Tables,
    denied,
    group,
    missing,
    part,
    read,
)

GROUPS = ("functions", "compute", "containers", "pipelines", "data_jobs", "resources", "buckets")
HOLDERS = GROUPS[:5]
CALLS = [(name, op) for name in GROUPS for op in sorted(group(name).operations(WITH_VALUES))]
NEVER = ("GetSecretValue", "BatchGetSecretValue", "GetParameter", "GetParameters", "GetParametersByPath", "Decrypt")


@pytest.fixture
def exported(tmp_path):
    def load(name):
        return Exported(name, tmp_path, region="global" if name == "buckets" else "us-east-1")

    return load


def without_gaps(records):
    return {(r.table, r.id) for r in records if r.table != "gap"}


def tables_of(gaps):
    """The tables whose rows a gap says may be missing, with what hangs on them."""
    tables = {c.partition(".")[0] for gap in gaps for c in gap.covers}
    hanging = {"consumer": {"use", "owner", "policy", "attachment"}, "resource": {"policy", "attachment", "owner"}}
    hanging |= {"exposure": {"credential", "use"}, "use": {"trust", "exposure", "credential"}}
    for table in hanging:
        tables |= hanging[table] if table in tables else set()
    return tables


@pytest.mark.parametrize("name", GROUPS)
def test_a_whole_export_leaves_no_gap_but_that_of_unread_values(exported, name):
    answers, collector = exported(name), group(name)
    gaps = [g for g in Tables(read(collector, answers)).gap.values() if g.reason is not GapReason.MALFORMED]
    assert {g.covers for g in gaps} <= {("exposure",)}
    assert answers.asked == set(collector.operations(CTX)), "every declared operation is needed, no other is asked"


@pytest.mark.parametrize(("name", "operation"), CALLS)
def test_each_operation_denied_in_turn_costs_only_what_it_tells(exported, name, operation):
    answers, collector = exported(name), group(name)
    whole = without_gaps(read(collector, answers, WITH_VALUES))
    answers.refuse = {operation}
    found = Tables(read(collector, answers, WITH_VALUES))
    told = [g for g in found.gap.values() if g.operation == operation]
    assert told, "the refusal is told"
    for gap in told:
        assert (gap.reason, gap.remedy) == (GapReason.DENIED, f"allow {operation}")
        assert gap.covers
    # An instance profile stands in for the role that it hands out, where that could not be read.
    extra = {r for r in without_gaps(found) - whole if "instance-profile" not in r[1]}
    assert extra == set()
    declared = {c.strip().partition(".")[0] for c in collector.operations(WITH_VALUES)[operation].split(",")}
    lost = {r for r in whole - without_gaps(found) if r[0] not in tables_of(told) | declared}
    assert lost == set(), "what the gap does not name is still there"


@pytest.mark.parametrize("name", GROUPS)
def test_no_operation_changes_anything_or_reads_a_stored_secret(name):
    for operation in group(name).operations(WITH_VALUES):
        verb = operation.split(":")[1]
        assert verb.startswith(("List", "Get", "Describe", "BatchGet"))
        assert verb not in NEVER


@pytest.mark.parametrize("name", HOLDERS)
def test_values_are_found_with_the_option_and_leave_nowhere(exported, name, caplog, capsys):
    answers = exported(name)
    caplog.set_level(logging.DEBUG)
    records = Tables(read(group(name), answers, WITH_VALUES))
    text = "\n".join(to_line(r) + repr(r) for r in records) + caplog.text + "".join(capsys.readouterr())
    assert [s for s in answers.secrets if s in text] == []
    assert all(json.dumps(s)[1:-1] not in text for s in answers.secrets)
    assert records.credential, "something was planted"
    for exposure in records.exposure.values():
        assert exposure.uri in records.consumer
        assert exposure.credential_id in records.credential
    for gap in records.gap.values():
        assert "exposure" not in gap.covers


@pytest.mark.parametrize("name", HOLDERS)
def test_without_the_option_no_value_is_read(exported, name, monkeypatch):
    def fail(*_args):
        pytest.fail("a value went into the detector")

    monkeypatch.setattr("nhiscan.detect.scan.Scanner.scan", fail)
    records = Tables(read(group(name), exported(name)))
    assert records.credential == records.exposure == {}
    gaps = [g for g in records.gap.values() if g.covers == ("exposure",)]
    assert gaps
    for gap in gaps:
        assert gap.subject_id is None
        assert gap.reason is GapReason.SKIPPED
        assert "--read-config-values" in gap.remedy


def test_user_data_is_a_permission_of_its_own():
    compute = group("compute")
    assert "ec2:DescribeInstanceAttribute" not in compute.requires
    assert compute.requires_with == {"read-config-values": {"ec2:DescribeInstanceAttribute": "exposure"}}


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("functions", 2),
        ("compute", 4),
        ("containers", 4),
        ("pipelines", 6),
        ("data_jobs", 10),
        ("resources", 6),
        ("buckets", 1),
    ],
)
def test_a_region_with_nothing_in_it_costs_a_call_for_each_list(name, calls):
    answers = Answers()
    assert read(group(name), answers, WITH_VALUES) == []
    assert len(answers.asked) == calls


def test_a_refused_batch_hides_rows_of_the_whole_account():
    answers = Answers()
    names = [f"p{n}" for n in range(150)]
    answers.given = {
        "codebuild:ListProjects": {"projects": names},
        "codebuild:BatchGetProjects": lambda params: (
            denied("codebuild:BatchGetProjects") if "p149" in params["names"] else {"projects": []}
        ),
    }
    (gap,) = part(group("pipelines"), "builds", answers).gap.values()
    assert (gap.subject_id, gap.covers) == (None, ("consumer", "use"))


def test_times_and_attributes_that_make_no_sense_are_unknown():
    answers = Answers()
    answers.given = {
        "sqs:ListQueues": {"QueueUrls": ["https://x/q"]},
        "sqs:GetQueueAttributes": {"Attributes": {"CreatedTimestamp": "999999999999999", "Policy": 7}},
    }
    (queue,) = part(group("resources"), "queues", answers).resource.values()
    assert (queue.created_at, queue.public) == (None, None)


def test_instances_of_one_template_version_or_group_are_asked_for_their_user_data_once():
    tags = [
        {"Key": "aws:ec2launchtemplate:id", "Value": "lt-9"},
        {"Key": "aws:ec2launchtemplate:version", "Value": "4"},
    ]
    several = [{"InstanceId": f"i-{n}", "State": {"Name": "running"}, "Tags": tags} for n in range(5)]
    answers = Answers()
    answers.given = {"ec2:DescribeInstances": {"Reservations": [{"Instances": [*several, {"InstanceId": "i-own"}]}]}}
    part(group("compute"), "machines", answers, WITH_VALUES)
    asked = [p["InstanceId"] for op, p in answers.asked if op == "ec2:DescribeInstanceAttribute"]
    assert asked == ["i-0", "i-own"]


def test_user_data_that_came_with_the_template_is_not_asked_for_again():
    tags = [
        {"Key": "aws:ec2launchtemplate:id", "Value": "lt-9"},
        {"Key": "aws:ec2launchtemplate:version", "Value": "4"},
    ]
    version = {"LaunchTemplateId": "lt-9", "VersionNumber": 4, "DefaultVersion": True, "LaunchTemplateData": {}}
    answers = Answers()
    answers.given = {
        "ec2:DescribeLaunchTemplates": {"LaunchTemplates": [{"LaunchTemplateId": "lt-9"}]},
        "ec2:DescribeLaunchTemplateVersions": {"LaunchTemplateVersions": [version]},
        "ec2:DescribeInstances": {"Reservations": [{"Instances": [{"InstanceId": "i-1", "Tags": tags}]}]},
    }
    found = part(group("compute"), "machines", answers, WITH_VALUES)
    assert "ec2:DescribeInstanceAttribute" not in {op for op, _ in answers.asked}
    (instance,) = (c for c in found.consumer.values() if c.name == "i-1")
    assert found.consumer[instance.parent_id].name == "lt-9"


def test_a_role_that_is_only_named_is_the_one_that_iam_knows_or_none():
    answers = Answers()
    answers.given = {
        "glue:GetJobs": {"Jobs": [{"Name": "a", "Role": "known"}, {"Name": "b", "Role": "gone"}, {"Name": "c"}]},
        "iam:GetRole": lambda params: (
            {"Role": {"Arn": "arn:aws:iam::123456789012:role/team/known"}}
            if params["RoleName"] == "known"
            else missing()
        ),
    }
    found = part(group("data_jobs"), "glue", answers)
    assert {u.identity_id for u in found.use.values()} == {"arn:aws:iam::123456789012:role/team/known"}
    assert found.gap == {}
