"""What `--deep` adds: last use of services, findings of Access Analyzer, and who uses a key."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.aws import activity, analyzer, key_use
from nhiscan.collectors.aws._clients_seen import Client, client_of
from nhiscan.plugin import LastUsed
from tests.collectors.aws.consumers import ACCOUNT, CTX, Answers, denied, missing, part

DEEP = replace(CTX, deep=True)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
USER = f"arn:aws:iam::{ACCOUNT}:user/etl"
DETAILS = "iam:GetServiceLastAccessedDetails"
KEY = "AKIA" + "2" * 16


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long was waited, in seconds, without waiting."""
    found = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def last_accessed(**given):
    answers = {"iam__ListRoles": {"Roles": [{"Arn": ROLE, "Path": "/"}]}, "iam__GenerateServiceLastAccessedDetails": {"JobId": "j"},
               **{f"iam__{name}": answer for name, answer in given.items()}}  # fmt: skip
    return part(activity.COLLECTOR, "last-accessed", Answers(**answers), DEEP)


def services(*names, when=None):
    return [{"ServiceNamespace": n, **({"LastAuthenticated": when} if when else {})} for n in names]


def done(*names, **more):
    return {"JobStatus": "COMPLETED", "ServicesLastAccessed": services(*names), **more}


def test_a_report_is_waited_for_a_little_longer_each_time(waits):
    answers = [{"JobStatus": "IN_PROGRESS"}, {"JobStatus": "IN_PROGRESS"}, done("s3")]
    found = last_accessed(GetServiceLastAccessedDetails=lambda _params: answers.pop(0))
    assert [(u.identity_id, u.service, u.last_used) for u in found.usage.values()] == [(ROLE, "s3", LastUsed.NEVER)]
    assert waits == [1, 2]


def test_a_report_that_never_comes_is_told(waits):
    found = last_accessed(GetServiceLastAccessedDetails={"JobStatus": "IN_PROGRESS"})
    assert not found.usage
    (gap,) = found.gap.values()
    assert "1 of 1" in gap.detail
    assert sum(waits) <= 60


def test_services_beyond_the_first_page_are_read():
    def page(params):
        if params.get("Marker"):
            return done("sqs", IsTruncated=True, Marker="m")
        return done("s3", IsTruncated=True, Marker="m")

    assert [u.service for u in last_accessed(GetServiceLastAccessedDetails=page).usage.values()] == ["s3", "sqs"]


def test_a_page_that_is_refused_leaves_those_before_it_and_a_gap():
    def page(params):
        if params.get("Marker"):
            raise denied(DETAILS)
        return done("s3", IsTruncated=True, Marker="m")

    found = last_accessed(GetServiceLastAccessedDetails=page)
    assert [u.service for u in found.usage.values()] == ["s3"]
    assert [g.subject_id for g in found.gap.values()] == [ROLE]


def test_refused_reports_are_one_gap_and_not_asked_for_again():
    found = last_accessed(GetServiceLastAccessedDetails=denied("iam:GetServiceLastAccessedDetails"))
    assert [g.operation for g in found if g.table == "gap"] == ["iam:GetServiceLastAccessedDetails"]


def test_jobs_that_may_not_be_started_are_one_gap():
    found = last_accessed(GenerateServiceLastAccessedDetails=denied("iam:GenerateServiceLastAccessedDetails"))
    assert [g.operation for g in found if g.table == "gap"] == ["iam:GenerateServiceLastAccessedDetails"]


def test_roles_that_cannot_be_listed_do_not_hide_users():
    found = last_accessed(
        ListRoles=denied("iam:ListRoles"),
        ListUsers={"Users": [{"Arn": USER}]},
        GetServiceLastAccessedDetails=done("s3"),
    )
    assert [u.identity_id for u in found.usage.values()] == [USER]
    assert [g.operation for g in found.gap.values()] == ["iam:ListRoles"]


def test_roles_of_services_are_not_asked_about():
    linked = {"Roles": [{"Arn": ROLE, "Path": "/aws-service-role/x.amazonaws.com/"}]}
    assert not last_accessed(ListRoles=linked).usage


UNUSED = f"arn:aws:access-analyzer:us-east-1:{ACCOUNT}:analyzer/unused"
ANALYZERS = {"analyzers": [{"arn": UNUSED, "name": "unused", "type": "ACCOUNT_UNUSED_ACCESS", "status": "ACTIVE"}]}


def signals(*findings, **given):
    listed = {"findings": [{"id": f"f{n}", "status": "ACTIVE", **f} for n, f in enumerate(findings)]}
    answers = {"accessanalyzer__ListAnalyzers": ANALYZERS, "accessanalyzer__ListFindingsV2": listed,
               **{f"accessanalyzer__{name}": answer for name, answer in given.items()}}  # fmt: skip
    return part(analyzer.COLLECTOR, "findings", Answers(**answers), DEEP)


def test_many_findings_about_one_thing_are_one_signal_with_the_newest_time():
    days = [f"2026-0{n}-01T00:00:00Z" for n in (2, 5, 3)]
    finding = {"resource": ROLE, "findingType": "UnusedPermission"}
    found = signals(*({**finding, "updatedAt": day} for day in days), finding)
    (signal,) = found.signal.values()
    assert signal.detail.startswith("4 findings")
    assert signal.seen_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_an_unused_key_is_named_and_its_user_stands_in_when_it_cannot_be():
    finding = {"resource": USER, "findingType": "UnusedIAMUserAccessKey"}
    told = {"findingDetails": [{"unusedIamUserAccessKeyDetails": {"accessKeyId": KEY}}, {}]}
    assert [s.subject_id for s in signals(finding, GetFindingV2=told).signal.values()] == [f"aws:access_key/{KEY}"]
    found = signals(finding, GetFindingV2=denied("accessanalyzer:GetFindingV2"))
    assert [s.subject_id for s in found.signal.values()] == [USER]
    assert found.gap


def test_findings_that_cannot_be_listed_are_a_gap_and_a_deleted_analyzer_is_none():
    assert [g.operation for g in signals(ListFindingsV2=denied("accessanalyzer:ListFindingsV2")).gap.values()] == [
        "accessanalyzer:ListFindingsV2"
    ]
    assert not signals(ListFindingsV2=missing("accessanalyzer:ListFindingsV2"))


def row(name, region, when, active="true"):
    return {"user": name, "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "access_key_1_active": active,
             "access_key_1_last_rotated": "2024-01-01T00:00:00+00:00", "access_key_1_last_used_date": when,
             "access_key_1_last_used_region": region, "access_key_1_last_used_service": "s3"}  # fmt: skip


def report(*rows):
    heads = list(row("x", "r", "d"))
    return "\n".join([",".join(heads), *(",".join(r[h] for h in heads) for r in rows)])


HERE = row("etl", "us-east-1", "2026-10-30T00:00:00+00:00")


def event(source="10.0.0.1", agent="Boto3/1.35", when="2026-10-30T00:00:00Z", service="s3.amazonaws.com"):
    return {
        "EventTime": when,
        "EventSource": service,
        "CloudTrailEvent": json.dumps({"sourceIPAddress": source, "userAgent": agent}),
    }


def key_users(*events, rows=(HERE,), content=None, **given):
    keys = {"AccessKeyMetadata": [{"AccessKeyId": KEY, "Status": "Active"}]}
    answers = {"iam__GetCredentialReport": {"Content": content or report(*rows)}, "iam__ListAccessKeys": keys,
               "cloudtrail__LookupEvents": {"Events": list(events)}, **given}  # fmt: skip
    source = Answers(**answers)
    return part(key_use.COLLECTOR, "key-use", source, DEEP), source


def test_the_newest_call_of_each_client_is_told():
    found, _ = key_users(
        event(), event(when="2026-10-31T00:00:00Z", service="sqs.amazonaws.com"), event(agent="aws-cli/2")
    )
    assert {c.name for c in found.consumer.values()} == {
        "boto3 from a private network",
        "aws-cli from a private network",
    }
    assert {u.place for u in found.use.values()} == {"sqs on 2026-10-31", "s3 on 2026-10-30"}
    assert {u.credential_id for u in found.use.values()} == {f"aws:access_key/{KEY}"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        row("a", "eu-west-1", "2026-10-30T00:00:00+00:00"),
        row("b", "us-east-1", "2026-01-01T00:00:00+00:00"),
        row("c", "us-east-1", "2026-10-30T00:00:00+00:00", active="false"),
        row("d", "N/A", "N/A"),
    ],
)
def test_only_keys_that_were_last_used_here_and_lately_are_looked_up(elsewhere):
    _, source = key_users(rows=[elsewhere])
    assert [operation for operation, _ in source.asked] == ["iam:GetCredentialReport"]


@pytest.mark.parametrize(
    "encode", [str, lambda text: text.encode(), lambda text: base64.b64encode(text.encode()).decode()]
)
def test_the_report_is_read_as_the_sdk_and_the_cli_give_it(encode):
    found, _ = key_users(event(), content=encode(report(HERE)))
    assert found.use


@pytest.mark.parametrize("content", ["no report", "bm90IGEgcmVwb3J0", 5, {}])
def test_what_is_no_report_is_a_gap(content):
    found, _ = key_users(iam__GetCredentialReport={"Content": content})
    assert [g.covers for g in found.gap.values()] == [("use",)]


def test_a_report_that_is_being_made_is_waited_for(waits):
    answers = [denied("iam:GetCredentialReport", code="ReportNotPresent"), {"Content": report(HERE)}]

    def ask(_params):
        answer = answers.pop(0)
        if not isinstance(answer, dict):
            raise answer
        return answer

    found, _ = key_users(event(), iam__GetCredentialReport=ask)
    assert found.use
    assert waits[0] == 5


def test_a_report_that_is_never_there_or_refused_is_a_gap(waits):
    for code in ("ReportNotPresent", "AccessDenied"):
        found, _ = key_users(iam__GetCredentialReport=denied("iam:GetCredentialReport", code=code))
        assert [g.operation for g in found.gap.values()] == ["iam:GetCredentialReport"]
    assert waits == [5, 10, 20]


def test_two_look_ups_a_second_and_no_more_than_allowed(waits, monkeypatch):
    monkeypatch.setattr(key_use, "_MOST_KEYS", 3)
    keys = {"AccessKeyMetadata": [{"AccessKeyId": f"{KEY}{n}", "Status": "Active"} for n in range(5)]}
    found, source = key_users(event(), iam__ListAccessKeys=keys)
    assert [operation for operation, _ in source.asked].count("cloudtrail:LookupEvents") == 3
    assert waits == [0.5, 0.5]
    assert ["2 of 5 access keys" in g.detail for g in found.gap.values()] == [True]


def test_a_refused_look_up_is_one_gap():
    found, _ = key_users(cloudtrail__LookupEvents=denied("cloudtrail:LookupEvents"))
    assert [g.operation for g in found.gap.values()] == ["cloudtrail:LookupEvents"]


@pytest.mark.parametrize(
    ("source", "agent", "client"),
    [
        ("8.8.4.4", "APN/1.0 HashiCorp/1.0 Terraform/1.9 aws-sdk-go-v2/1.30", Client("terraform from the internet")),
        ("10.0.0.1", "Boto3/1 exec-env/AWS_ECS_FARGATE", Client("boto3 from a private network", "aws_ecs", machine=True)),
        ("2001:4860:4860::8844", "aws-sdk-js/3", Client("aws-sdk-js from the internet")),
        ("glue.amazonaws.com", "glue.amazonaws.com", Client("glue.amazonaws.com", machine=True)),
        ("AWS Internal", None, Client("an AWS service", machine=True)),
        ("8.8.4.4", "jane.doe's laptop", Client("another client from the internet")),
        ("8.8.4.4", None, Client("another client from the internet")),
        (None, "curl/8", Client("curl from an unknown network")),
        ("8.8.4.4", "Boto3/1 nhiscan/0.1", None),
        (None, None, None),
    ],
)  # fmt: skip
def test_a_client_is_its_family_and_its_network_and_nothing_more(source, agent, client):
    assert client_of(json.dumps({"sourceIPAddress": source, "userAgent": agent})) == client


@pytest.mark.parametrize("raw", [None, 5, "", "{", "[]", "[" * 100_000, '{"userAgent": 5}', "x" * 300_001])
def test_what_is_no_event_has_no_client(raw):
    assert client_of(raw) is None


@pytest.mark.parametrize("odd", [{}, {"CloudTrailEvent": event()["CloudTrailEvent"]}])
def test_an_event_without_time_or_client_is_passed_over(odd):
    assert not key_users(odd)[0].use
