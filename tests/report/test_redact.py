import io

import pytest

from nhiscan.model import Gap, GapReason
from nhiscan.report import ReportOptions, load
from nhiscan.report._redact import redact
from nhiscan.triage.result import Location, Notice, Ownership, Subject
from tests.report.build import PERSON, finding, result
from tests.triage.build import ACCOUNT, ETL, KEY_ID


@pytest.mark.parametrize("name", ["json", "sarif", "text"])
@pytest.mark.parametrize("verbosity", [0, 1])
def test_people_and_accounts_are_out_of_every_format(name, verbosity):
    out = io.StringIO()
    load(name).write(result(), out, ReportOptions(verbosity=verbosity, redact=frozenset({"people", "accounts"})))
    text = out.getvalue()
    for word in ("dana", "123456789012", KEY_ID):
        assert word not in text
    assert "acct-1" in text


def test_result_may_ask_for_redaction_itself():
    out = io.StringIO()
    load("json").write(result(redact=frozenset({"people"})), out, ReportOptions())
    assert PERSON not in out.getvalue()
    assert KEY_ID in out.getvalue()


def test_nothing_asked_nothing_changed():
    whole = result()
    assert redact(whole, ()) is whole


def test_people_go_and_teams_and_machines_stay():
    name = Ownership("Dana Smith", "person", "blame", "low")
    facts = {
        "author": "Dana S.", "owner_kind": "person", "owners": ("platform", "Dana Smith"), "n": 1, "x": "by Dana Smith",
        "sa": "etl@acme.iam.gserviceaccount.com", "remote": "git@github.com:a/b", "owner_count": 2,
    }  # fmt: skip
    (found, team) = redact(
        result(
            finding(owner=name, facts=facts, message="Dana Smith, DanaSmithson and eve@x.example"),
            finding(2, owner=Ownership("platform", "team", "tag", "high"), facts={"owner": "platform", "author": "z"}),
        ),
        {"people"},
    ).findings
    assert found.owner.name == "redacted"
    assert found.message == "redacted, DanaSmithson and redacted"
    assert found.facts == {
        "author": "redacted", "owner_kind": "person", "owners": ("redacted", "redacted"), "n": 1, "x": "by redacted",
        "sa": "etl@acme.iam.gserviceaccount.com", "remote": "git@github.com:a/b", "owner_count": 2,
    }  # fmt: skip
    assert team.owner.name == "platform"
    assert team.facts == {"owner": "platform", "author": "redacted"}


def test_result_without_a_person_still_loses_addresses():
    (found,) = redact(result(finding(owner=None, message="of a@b.example")), {"people"}).findings
    assert found.message == "of redacted"


def test_account_numbers_get_stable_names_and_fingerprints_stay():
    other = finding(
        2,
        subject=Subject("identity", "arn:aws:iam::000000000001:role/x", "role", "aws", "aws:000000000001", None),
        locations=(Location("arn:aws:iam::000000000001:role/x"),),
        message="1234567890123 and f123456789012 are no accounts; 000000000001 is",
        fingerprint="123456789012" + "0" * 20,
        suppression="config: of 123456789012",
    )
    gap = Gap(
        id=f"{ACCOUNT}!g", scope_id=ACCOUNT, source="s", covers=("policy",), reason=GapReason.DENIED, remedy="r",
        locator=ETL, detail="in 123456789012",
    )  # fmt: skip
    shown = redact(
        result(finding(), other, gaps=(gap,), notices=(Notice("k", "of 123456789012", "for 555555555555"),)),
        {"accounts"},
    )
    assert shown.findings[1].message.endswith("; acct-1 is")
    assert "1234567890123 and f123456789012" in shown.findings[1].message
    assert shown.findings[1].subject.id == "arn:aws:iam::acct-1:role/x"
    assert shown.findings[1].fingerprint.startswith("123456789012")
    assert shown.findings[0].subject.name == "AKIA…7Q"
    assert shown.gaps[0].detail == "in acct-2"
    assert shown.gaps[0].locator == "arn:aws:iam::acct-2:user/etl"
    assert shown.notices[0].message == "of acct-2"
    assert shown.notices[0].remedy == "for redacted"
    assert "aws:acct-2" in shown.scopes
