"""What changed between two saved runs; a run that saw less never makes anything gone."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nhiscan.api import diff
from nhiscan.model import (
    Capability,
    Certainty,
    Cluster,
    Confidence,
    Credential,
    CredentialKind,
    Effective,
    Exposure,
    FindingRecord,
    Gap,
    GapReason,
    Grant,
    Identity,
    IdentityKind,
    Owner,
    OwnerBasis,
    OwnerKind,
    Reach,
    Scope,
    ScopeKind,
    Severity,
)
from nhiscan.store import StoreError, analysed
from nhiscan.store.analysed import Read, Undecided
from nhiscan.store.inventory import Inventory
from nhiscan.store.spool import SCHEMA, RunInfo, Spool

ACCOUNT = "aws:123456789012"
REPOSITORY = "repo:github.com/acme/app"
DAY = datetime(2026, 10, 1, tzinfo=UTC)
LATER = datetime(2026, 10, 20, tzinfo=UTC)
UNITS = (
    Read("aws.iam:123456789012", "aws.iam", ACCOUNT, "succeeded"),
    Read("repo.secrets:app", "repo.secrets", REPOSITORY, "succeeded"),
)
SCOPES = (
    Scope(id=ACCOUNT, scope_id=ACCOUNT, source="aws.iam", provider="aws", kind=ScopeKind.ACCOUNT, name="prod"),
    Scope(
        id=REPOSITORY,
        scope_id=REPOSITORY,
        source="repo.secrets",
        provider="repo",
        kind=ScopeKind.REPOSITORY,
        name="app",
    ),
)


@pytest.fixture
def save(tmp_path):
    """Save a run of some records; returns its directory."""

    def run(name, records=(), *, units=UNITS, key="k", complete=True, findings=(), coverage=None, scopes=SCOPES):
        place = tmp_path / name
        info = RunInfo(SCHEMA, "1", key, f"{DAY:%Y-%m-%d}T00:00:00+00:00", (".",))
        spool = Spool.begin(place, info)
        with Inventory.memory() as inventory:
            inventory.add([*scopes, *records])
            analysed.keep(inventory, place, units)
        if coverage is not None:
            analysed.keep_coverage(place, coverage.items())
        if complete:
            spool.finish(replace(info, complete=True), findings)
        return place

    return run


def role(name="etl", scope=ACCOUNT, **more):
    kind = {"source": "aws.iam", "provider": "aws", "kind": IdentityKind.ROLE} | more
    return Identity(id=f"arn:aws:iam::123456789012:role/{name}", scope_id=scope, name=name, **kind)


ETL = role().id


def key(id_="aws:access_key/one", **more):
    kind = {"source": "aws.iam", "scope_id": ACCOUNT, "kind": CredentialKind.ACCESS_KEY, "identity_id": ETL} | more
    return Credential(id=id_, **kind)


def value(fingerprint, name="TOKEN", **more):
    id_ = f"{REPOSITORY}#.env:{name}:1"
    kind = {"source": "repo.secrets", "scope_id": REPOSITORY, "locator": ".env:3", "kind": CredentialKind.TOKEN} | more
    return Credential(id=id_, fingerprint=fingerprint, **kind)


def exposure(credential, uri=".env", name="TOKEN"):
    return Exposure(
        id=f"{credential}@{uri}",
        scope_id=REPOSITORY,
        source="repo.secrets",
        credential_id=credential,
        uri=uri,
        key_name=name,
    )


def owner(name, subject=ETL, scope=ACCOUNT):
    return Owner(
        id=f"{subject}#{name}", scope_id=scope, source="aws.iam", subject_id=subject, name=name, kind=OwnerKind.TEAM,
        basis=OwnerBasis.TAG, confidence=Confidence.HIGH,
    )  # fmt: skip


def grant(action, number=0):
    return Grant(
        id=f"grant/{action}", scope_id=ACCOUNT, source="analysis", identity_id=ETL, policy_id="p", statement=number,
        effect="Allow", actions=(action,), resources=("*",),
    )  # fmt: skip


def gap(covers=("identity", "credential"), scope=ACCOUNT, source="aws.iam", **more):
    return Gap(
        id=f"{scope}#gap/{source}/{more}", scope_id=scope, source=source, covers=covers, reason=GapReason.DENIED,
        remedy="allow it", operation="iam:List", **more,
    )  # fmt: skip


def finding(rule="NS-X-001", subject=ETL, severity=Severity.HIGH, state="new", scope=ACCOUNT):
    return FindingRecord(
        id=f"NSF-{rule}-{subject}", scope_id=scope, source="audit", rule_id=rule, severity=severity,
        confidence=Confidence.HIGH, subject_table="identity", subject_id=subject, message="bad", state=state,
    )  # fmt: skip


def changes(old, new, part=None):
    """(part, change, id) of every change, with its reason where there is one."""
    with diff(old, new) as found:
        parts = [part] if part else ["identity", "credential", "finding"]
        rows = [row for p in parts for row in found.comparison.changes(p)]
        counts = found.comparison.counts()
    assert sum(counts.values()) >= len({(r["part"], r["change"], r["id"]) for r in rows}) or part
    return rows


def told(old, new, part=None):
    return [(r["part"], r["change"], r["id"]) for r in changes(old, new, part)]


def test_a_run_is_no_different_from_itself(save):
    run = save(
        "a", [role(), key(), value("f"), owner("data"), grant("s3:Get*"), gap()], findings=[finding()], coverage={}
    )
    assert changes(run, run) == []


def test_what_came_and_what_went(save):
    old = save("old", [role("etl"), key("aws:access_key/one", identity_id=None)])
    new = save("new", [role("web"), value("f")])
    assert told(old, new) == [
        ("identity", "gone", ETL),
        ("identity", "new", role("web").id),
        ("credential", "gone", "aws:access_key/one"),
        ("credential", "new", value("f").id),
    ]


def test_what_a_unit_would_have_shown_is_not_gone(save):
    old = save("old", [role(), key()])
    new = save("new", [], units=UNITS[1:])
    rows = changes(old, new)
    assert [(r["part"], r["change"]) for r in rows] == [("identity", "not_seen"), ("credential", "not_seen")]
    assert {r["reason"] for r in rows} == {f"aws.iam did not read {ACCOUNT}"}
    assert all(r["remedy"] for r in rows)


def test_a_unit_of_another_export_of_the_same_account_has_read_it(save):
    exported = [replace(u, id=f"{u.id}:snapshot-{digit * 12}") for digit, u in zip("ab", (UNITS[0],) * 2, strict=True)]
    old, new = save("old", [role()], units=exported[:1]), save("new", [], units=exported[1:])
    assert told(old, new) == [("identity", "gone", ETL)]


def test_a_run_over_a_part_of_the_history_shows_nothing_gone(save):
    part = Read("repo.history:app", "repo.history", REPOSITORY, analysed.WINDOW)
    old = save("old", [value("f", source="repo.history")], units=[replace(part, status="succeeded")])
    assert told(old, save("new", [], units=[part])) == [("credential", "not_seen", value("f").id)]


def test_another_scope_of_the_same_collector_does_not_stand_in(save):
    other = Read("aws.iam:210987654321", "aws.iam", "aws:210987654321", "succeeded")
    old, new = save("old", [role()], units=UNITS[:1]), save("new", [], units=[other])
    assert told(old, new) == [("identity", "not_seen", ETL)]


@pytest.mark.parametrize(
    ("hole", "change"),
    [
        (gap(), "not_seen"),
        (gap(covers=("credential",)), "gone"),
        (gap(covers=("identity.last_used",)), "gone"),
        (gap(source="aws.functions"), "gone"),
        (gap(scope="aws:210987654321"), "gone"),
        (gap(subject_id=ETL), "not_seen"),
        (gap(subject_id="arn:aws:iam::123456789012:role/web"), "gone"),
        (gap(subject_id="arn:aws:iam::123456789012:role/*"), "not_seen"),
        (gap(subject_id="arn:aws:iam::123456789012:user/*"), "gone"),
        (gap(subject_id=ACCOUNT), "not_seen"),
    ],
)
def test_a_gap_hides_what_it_is_about_and_nothing_else(save, hole, change):
    old, new = save("old", [role()]), save("new", [hole])
    (row,) = changes(old, new)
    assert (row["change"], row["id"]) == (change, ETL)
    if change == "not_seen":
        assert (row["reason"], row["remedy"]) == (f"iam:List: denied in {hole.scope_id}", "allow it")


def test_a_gap_about_an_identity_hides_its_credentials(save):
    old, new = save("old", [role(), key()]), save("new", [role(), gap(covers=("credential",), subject_id=ETL)])
    assert told(old, new) == [("credential", "not_seen", key().id)]


@pytest.mark.parametrize(("path", "change"), [(".env", "not_seen"), ("other.env", "not_seen"), ("web/.env", "gone")])
def test_a_file_that_could_not_be_read_hides_what_lies_in_it(save, path, change):
    hole = gap(covers=("credential",), scope=REPOSITORY, source="repo.secrets", locator=path)
    old = save("old", [value("f"), exposure(value("f").id, uri="other.env")])
    assert told(old, save("new", [hole])) == [("credential", change, value("f").id)]


def test_a_gap_of_an_organisation_hides_its_projects_and_one_of_a_project_that_alone(save):
    organisation = Read("gcp.iam:org", "gcp.iam", "gcp:org/1", "partial")
    records = [role("a", "gcp:project/a", source="gcp.iam"), role("b", "gcp:project/b", source="gcp.iam")]
    old = save("old", records, units=[organisation])
    whole = save("whole", [gap(scope="gcp:org/1", source="gcp.iam")], units=[organisation])
    assert {c for _, c, _ in told(old, whole)} == {"not_seen"}
    one = save("one", [gap(scope="gcp:project/a", source="gcp.iam")], units=[organisation])
    assert [c for _, c, _ in told(old, one)] == ["gone", "not_seen"]


def test_what_analysis_made_is_not_gone_when_its_scope_was_not_read(save):
    old = save("old", [role(source="analysis.federation")])
    assert told(old, save("new", [], units=UNITS[1:])) == [("identity", "not_seen", ETL)]
    assert told(old, save("other", [])) == [("identity", "gone", ETL)]


def test_what_the_old_run_could_not_see_is_new_with_that_reason(save):
    old, new = save("old", [gap()]), save("new", [role()])
    (row,) = changes(old, new)
    assert (row["change"], row["reason"]) == ("new", f"iam:List: denied in {ACCOUNT}")


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (value("f"), value("g"), "its value changed"),
        (key(key_id="AK1"), key(key_id="AK2"), "its public key id changed"),
        (key(rotated_at=DAY), key(rotated_at=LATER), "its issuer gives a later date"),
        (key(issued_at=DAY), key(issued_at=LATER), "its issuer gives a later date"),
    ],
)
def test_the_same_slot_with_another_key_is_rotated(save, before, after, how):
    (row,) = changes(save("old", [before]), save("new", [after]))
    assert (row["change"], row["how"], row["id"]) == ("rotated", how, before.id)
    assert "f" not in row.values()
    assert "g" not in row.values()


def test_values_under_different_keys_are_not_compared_and_that_is_said(save):
    old, new = save("old", [value("f")]), save("new", [value("g")], key="other")
    with diff(old, new) as found:
        assert found.comparison.counts() == {}
        assert any("fingerprint keys" in note for note in found.notes)


def test_a_date_that_goes_back_or_a_token_that_always_changes_is_no_rotation(save):
    old = save("old", [key(issued_at=LATER), value("f", lifetime="short_lived")])
    assert changes(old, save("new", [key(issued_at=DAY), value("g", lifetime="short_lived")])) == []


def test_the_next_key_of_an_identity_replaces_the_last(save):
    old = save("old", [role(), key("aws:access_key/one", issued_at=DAY)])
    new = save("new", [role(), key("aws:access_key/two", issued_at=LATER)])
    (row,) = changes(old, new)
    assert (row["change"], row["id"], row["old"]) == ("rotated", "aws:access_key/two", "aws:access_key/one")


def test_a_second_key_beside_the_first_is_new(save):
    old = save("old", [role(), key("aws:access_key/one")])
    new = save("new", [role(), key("aws:access_key/one"), key("aws:access_key/two")])
    assert told(old, new) == [("credential", "new", "aws:access_key/two")]


def test_what_was_not_seen_was_not_replaced(save):
    old = save("old", [role(), key("aws:access_key/one")])
    new = save("new", [role(), key("aws:access_key/two"), gap(covers=("credential",))])
    assert told(old, new) == [
        ("credential", "new", "aws:access_key/two"),
        ("credential", "not_seen", "aws:access_key/one"),
    ]


def test_another_key_under_the_same_name_in_the_same_file_replaces_it(save):
    one, two = (key(f"aws:access_key/{n}", identity_id=None, source="repo.secrets", scope_id=REPOSITORY) for n in "ab")
    old, new = save("old", [one, exposure(one.id)]), save("new", [two, exposure(two.id)])
    (row,) = changes(old, new)
    assert (row["change"], row["old"], row["new"]) == ("rotated", one.id, two.id)
    assert row["how"] == "another credential stands in its place"


def test_a_place_that_was_joined_with_another_is_not_gone(save):
    other = f"{REPOSITORY}#ci.yml:TOKEN:1"
    cluster = Cluster(
        id="c",
        scope_id=REPOSITORY,
        source="analysis",
        credential_id=other,
        member_id=value("f").id,
        basis="fingerprint",
    )
    joined = Credential(id=other, scope_id=REPOSITORY, source="repo.secrets", fingerprint="f")
    old, new = save("old", [value("f")]), save("new", [joined, cluster])
    assert told(old, new) == [("credential", "new", other)]
    assert told(new, old) == [("credential", "gone", other)]


def effective(capability, certainty=Certainty.CERTAIN):
    return Effective(
        id=f"e/{capability}",
        scope_id=ACCOUNT,
        source="analysis",
        identity_id=ETL,
        capability=capability,
        certainty=certainty,
    )


def reach(target):
    return Reach(
        id=f"r/{target}", scope_id=ACCOUNT, source="analysis", identity_id=ETL, target_id=target, hops=1,
        path=(ETL, target), certainty=Certainty.CERTAIN,
    )  # fmt: skip


def test_permissions_are_compared_by_what_they_allow(save):
    old = save("old", [role(), grant("s3:Get*", 0), grant("s3:Put*", 1), effective(Capability.READ_SECRETS)])
    new = save(
        "new", [role(), grant("s3:Get*", 5), grant("sqs:*"), grant("sns:*"), effective(Capability.ADMIN), reach("x")]
    )
    (row,) = changes(old, new)
    assert row["change"] == "repermissioned"
    assert row["gained"] == ["admin (certain)", "reach x", "2 grants"]
    assert row["lost"] == ["read_secrets (certain)", "1 grant"]


def test_a_renumbered_statement_is_no_change(save):
    assert changes(save("old", [role(), grant("s3:*", 0)]), save("new", [role(), grant("s3:*", 3)])) == []


def test_a_policy_that_could_not_be_read_takes_nothing_away(save):
    old, new = save("old", [role(), grant("s3:*")]), save("new", [role(), gap(covers=("policy.document",))])
    (row,) = changes(old, new)
    assert (row["change"], row["lost"], row["remedy"]) == ("not_seen", ["1 grant"], "allow it")
    (row,) = changes(new, old)
    assert (row["change"], row["gained"], row["remedy"]) == ("repermissioned", ["1 grant"], "allow it")


def test_other_owners(save):
    token = value("f").id
    old = save("old", [role(), value("f"), owner("data"), owner("ops", token, REPOSITORY)])
    new = save("new", [role(), value("f"), owner("web")])
    first, second = changes(old, new)
    assert (first["part"], first["change"], first["old"], first["new"]) == ("identity", "reowned", "data", "web")
    assert (second["part"], second["change"], second["old"], second["new"]) == ("credential", "reowned", "ops", None)


def test_owners_that_could_not_be_read_are_not_gone(save):
    old, new = save("old", [role(), owner("data")]), save("new", [role(), gap(covers=("owner",))])
    assert [(r["change"], r["how"]) for r in changes(old, new)] == [("not_seen", "owners")]


RAN = {"NS-X-001": [], "NS-X-002": []}


def test_findings_new_fixed_and_of_another_severity(save):
    old = save("old", [role()], findings=[finding(), finding("NS-X-002", severity=Severity.LOW)], coverage=RAN)
    new = save("new", [role()], findings=[finding("NS-X-002"), finding("NS-X-001", "other")], coverage=RAN)
    rows = [(r["change"], r["kind"], r["name"], r["old"], r["new"]) for r in changes(old, new, "finding")]
    assert rows == [
        ("fixed", "NS-X-001", ETL, "high", None),
        ("new", "NS-X-001", "other", None, "high"),
        ("severity", "NS-X-002", ETL, "low", "high"),
    ]


@pytest.mark.parametrize(
    ("coverage", "reason"),
    [
        ({}, "the rule did not run"),
        ({"NS-X-001": [Undecided(ACCOUNT, 3, "iam:List denied", "allow it")]}, "iam:List denied"),
        ({"NS-X-001": [Undecided("aws:210987654321", 3, "iam:List denied", "allow it")]}, None),
    ],
)
def test_what_could_not_be_judged_is_not_fixed(save, coverage, reason):
    old = save("old", [role()], findings=[finding()], coverage=RAN)
    (row,) = changes(old, save("new", [role()], coverage=coverage))
    assert (row["change"], row["reason"]) == ("not_seen" if reason else "fixed", reason)


def test_a_finding_in_a_scope_that_was_not_read_is_not_fixed(save):
    old = save("old", [], findings=[finding(subject="trust/1")], coverage=RAN)
    new = save("new", [], units=UNITS[1:], coverage=RAN, scopes=SCOPES[1:])
    assert told(old, new) == [("finding", "not_seen", "NSF-NS-X-001-trust/1")]


def test_the_finding_of_a_subject_goes_with_it(save):
    old = save("old", [role()], findings=[finding()], coverage=RAN)
    assert told(old, save("gone", [], coverage=RAN), "finding")[0][1] == "fixed"
    assert told(old, save("unseen", [gap()], coverage=RAN), "finding")[0][1] == "not_seen"


def test_a_finding_that_was_suppressed_is_not_fixed(save):
    old = save("old", [role()], findings=[finding()], coverage=RAN)
    new = save("new", [role()], findings=[finding(state="suppressed")], coverage=RAN)
    assert told(old, new)[0][1] == "suppressed"
    assert told(new, old)[0][1] == "new"


def test_the_order_of_the_rows_of_a_run_does_not_matter(save):
    before = [
        role("a"),
        role("b"),
        *(key(f"k{n}", issued_at=DAY) for n in range(5)),
        owner("x", role("a").id),
        grant("s3:*"),
    ]
    after = [role("b"), role("c"), *(key(f"l{n}", issued_at=LATER) for n in range(4)), owner("y", role("b").id)]
    first = changes(save("a", before), save("b", after))
    random.shuffle(before)
    random.shuffle(after)
    assert changes(save("c", before), save("d", after)) == first


def test_a_run_that_kept_nothing_is_refused_with_a_way_out(save, tmp_path):
    run = save("old")
    spool = Spool.begin(tmp_path / "bare", RunInfo(SCHEMA, "1", "k", "2026-10-01", (".",)))
    with pytest.raises(StoreError) as caught, diff(run, spool.directory):
        pass
    assert "audit snapshot:" in caught.value.remedy


def test_a_run_that_was_cut_off_says_so(save):
    old, new = save("old", [role()]), save("new", [], complete=False, units=())
    with diff(old, new) as found:
        assert any("cut off" in note for note in found.notes)
        (row,) = found.comparison.changes("identity")
        assert row["reason"] == f"aws.iam did not read {ACCOUNT}: the run was cut off"


def test_columns_that_an_older_version_did_not_keep_are_unknown(save):
    import duckdb

    old, new = (
        save("old", [role(), key(key_id="AK1"), grant("s3:*")]),
        save("new", [role(), key(key_id="AK1"), grant("s3:*")]),
    )
    for table, gone in (("credential", "rotated_at"), ("grant", "level")):
        path = old / "analysed" / f"{table}.parquet"
        duckdb.sql(f"COPY (SELECT * EXCLUDE ({gone}) FROM '{path}') TO '{path}.x' (FORMAT parquet)")
        path.with_name(f"{path.name}.x").rename(path)
    assert changes(old, new) == []


@pytest.mark.parametrize(("name", "data"), [("read.json", "{"), ("coverage.json", "[]"), ("credential.parquet", "no")])
def test_a_broken_run_is_told(save, name, data):
    old, new = save("old", coverage={}), save("new", coverage={})
    (new / "analysed" / name).write_text(data)
    with pytest.raises(StoreError) as caught, diff(old, new):
        pass
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "other"}', '{"schema": "nhiscan-result/1"}', None])
def test_what_is_neither_run_nor_report_is_told(save, tmp_path, text):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StoreError) as caught, diff(save("old"), path):
        pass
    assert caught.value.remedy


def test_everything_kept_is_private(save):
    for path in (save("run", [key()], coverage=RAN) / "analysed").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_reports_are_compared_by_their_findings(save, tmp_path, nhiscan):
    report = {
        "schema": "nhiscan-result/1", "version": "1", "as_of": "2026-10-01T00:00:00Z", "targets": [{"text": "."}],
        "coverage": {"rules": [{"rule": "NS-X-001", "gaps": []}]},
        "findings": [
            {
                "id": "NSF-1", "rule": {"id": "NS-X-001"}, "severity": "high", "confidence": "high", "state": "new",
                "subject": {"table": "identity", "id": ETL, "scope_id": ACCOUNT}, "message": "bad", "folded_into": None,
            }
        ],
    }  # fmt: skip
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps(report | {"findings": []}))
    two.write_text(json.dumps(report))
    done = nhiscan("diff", one, two, "-f", "json", "--fail-on", "high")
    assert (done.code, done.json["compared"]) == (1, ["findings"])
    assert [f["change"] for f in done.json["findings"]] == ["new"]
    assert "identities and credentials were not compared" in done.json["notes"][0]
    assert nhiscan("diff", two, one, "-f", "json").json["summary"]["findings"]["fixed"] == 1
    run = save("run", [role()], findings=[finding()], coverage=RAN)
    assert nhiscan("diff", run, two, "-f", "json").json["summary"]["findings"] == dict.fromkeys(
        ("new", "fixed", "severity", "suppressed", "not_seen"), 0
    )
