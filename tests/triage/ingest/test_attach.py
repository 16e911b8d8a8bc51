"""What other tools say of our places becomes evidence of ours, and nothing else of ours changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nhiscan.model import Confidence, Severity
from nhiscan.store.inventory import Inventory
from nhiscan.triage.assemble import triage
from nhiscan.triage.baseline import create
from nhiscan.triage.ingest.attach import Estate, attach, estate
from nhiscan.triage.ingest.load import parse
from nhiscan.triage.ingest.paths import Ground
from nhiscan.triage.result import Location, Subject, Unmatched
from nhiscan.triage.suppress import Suppression
from tests.report.build import finding
from tests.triage import build
from tests.triage.build import ACCOUNT, AS_OF, ETL, KEY, REPO
from tests.triage.ingest import samples

FLOW = ".github/workflows/ci.yml"


def credential(*places, number=1, kind="token", **changes):
    spots = tuple(Location(uri, line, scope_id=REPO) for uri, line in places)
    subject = Subject("credential", f"c{number}", kind, None, REPO, "KEY")
    return finding(number, locations=spots, subject=subject, **changes)


def consumer(uri, line, number=2, id_="job", **changes):
    subject = Subject("consumer", id_, "pipeline", None, REPO, id_)
    return finding(number, "NS-CIC-001", locations=(Location(uri, line, scope_id=REPO),), subject=subject, **changes)


def known(*uris, **more):
    return Estate(Ground({u: frozenset({REPO}) for u in uris}), **more)


def lay(findings, *texts, on=None):
    reports = [parse(text.encode(), f"r{n}.json") for n, text in enumerate(texts)]
    uris = {p.uri for f in findings for p in f.locations if (p.scope_id or "").startswith("repo:")}
    return attach(list(findings), reports, on or known(*uris, "app/.env", "infra/main.tf", FLOW))


@pytest.mark.parametrize("name", samples.SECRETS)
def test_a_secret_at_the_same_line_is_evidence_of_ours(name):
    (found,), laid = lay([credential(("app/.env", 3))], samples.SECRETS[name]())
    (item,) = found.evidence
    assert (item.uri, item.line, item.scope_id) == ("app/.env", 3, REPO)
    assert item.tool == name.partition("_")[0].replace("sarif", "gitleaks")
    assert (laid.reports[0].findings, laid.reports[0].matched, laid.unmatched) == (1, 1, ())


def test_any_place_of_ours_counts_and_the_line_must_be_the_same():
    ours = credential(("a.py", 1), ("app/.env", 3))
    assert lay([ours], samples.gitleaks())[0][0].evidence
    (near,), laid = lay([ours], samples.gitleaks(line=4))
    assert (near, laid.unmatched) == (ours, (Unmatched("gitleaks", "aws-access-token", "app/.env:4"),))


def test_a_range_of_lines_holds_ours():
    assert lay([credential(("app/.env", 5))], samples.gitleaks(line=3, last=9))[0][0].evidence
    assert not lay([credential(("app/.env", 5))], samples.gitleaks(line=3, last=900))[0][0].evidence


@pytest.mark.parametrize(
    ("kind", "line", "told"), [("private_key", 20, True), ("private_key", 90, False), ("token", 20, False)]
)
def test_a_line_inside_a_value_of_many_lines_is_its_place(kind, line, told):
    (found,), _ = lay([credential(("app/.env", 3), kind=kind)], samples.trufflehog(line=line))
    assert bool(found.evidence) is told


def test_inside_two_long_values_the_nearer_one_is_meant():
    first, second = (credential(("app/.env", n), number=n, kind="private_key") for n in (1, 30))
    found, _ = lay([first, second], samples.trufflehog(line=40))
    assert [bool(f.evidence) for f in found] == [False, True]


def test_a_file_without_lines_is_its_own_place():
    (found,), _ = lay([credential(("app/.env", None))], samples.kingfisher(line=1))
    assert (found.evidence[0].line, found.raised_from) == (1, None)


def test_a_secret_is_said_of_the_credential_and_not_of_what_stands_on_the_same_line():
    found, _ = lay([consumer("app/.env", 3), credential(("app/.env", 3))], samples.gitleaks())
    assert [bool(f.evidence) for f in found] == [False, True]
    (alone,), _ = lay([consumer("app/.env", 3)], samples.gitleaks())
    assert alone.evidence


def test_all_verdicts_on_the_credential_carry_the_evidence():
    found, laid = lay([credential(("app/.env", 3)), credential(("app/.env", 3), number=4)], samples.gitleaks())
    assert [len(f.evidence) for f in found] == [1, 1]
    assert laid.reports[0].matched == 1


def test_two_reports_of_one_tool_are_told_once_and_two_tools_twice():
    texts = (
        samples.gitleaks(),
        samples.sarif(),
        samples.kingfisher_lines(),
        samples.kingfisher(),
        samples.kingfisher(),
    )
    (found,), _ = lay([credential(("app/.env", 3))], *texts)
    assert [(e.tool, e.verified) for e in found.evidence] == [("gitleaks", None), ("kingfisher", True)]


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        (Confidence.LOW, Confidence.MEDIUM, Confidence.LOW),
        (Confidence.MEDIUM, Confidence.HIGH, Confidence.MEDIUM),
        (Confidence.HIGH, Confidence.HIGH, None),
    ],
)
def test_confidence_rises_one_step_however_many_agree(before, after, raised):
    ours = credential(("app/.env", 3), confidence=before)
    (found,), _ = lay([ours], samples.gitleaks(), samples.trufflehog())
    assert (found.confidence, found.raised_from) == (after, raised)


@pytest.mark.parametrize(
    "ours",
    [
        consumer("app/.env", 3, confidence=Confidence.LOW),
        credential(("app/.env", 1), confidence=Confidence.LOW, kind="private_key"),
        credential(("app/.env", 3), confidence=Confidence.LOW, rule=build.rule("NS-REU-001", family="authorisation")),
    ],
)
def test_confidence_rises_only_where_the_same_is_judged_of_the_same_line(ours):
    (found,), _ = lay([ours], samples.gitleaks())
    assert found.evidence
    assert (found.confidence, found.raised_from) == (Confidence.LOW, None)


def test_checkov_means_the_block_that_begins_there():
    begin, inner = consumer("infra/main.tf", 3), consumer("infra/main.tf", 5, number=3, id_="inner")
    found, _ = lay([begin, inner], samples.checkov())
    assert [bool(f.evidence) for f in found] == [True, False]
    assert lay([inner], samples.checkov())[0][0].evidence


JOBS = ((4, "job", None), (6, "step", "job"), (12, "other", None))


@pytest.mark.parametrize(
    ("line", "audit", "told"),
    [
        (4, "unpinned-uses", ["job"]),
        (4, "anonymous-definition", []),
        (5, "excessive-permissions", ["job"]),
        (9, "secrets-outside-env", ["job"]),
        (9, "unpinned-uses", []),
        (13, "self-hosted-runner", ["other"]),
        (2, "dangerous-triggers", ["job", "other"]),
        (2, "artipacked", []),
    ],
)
def test_zizmor_on_a_line_of_a_job_speaks_of_the_job(line, audit, told):
    ours = [consumer(FLOW, 4), consumer(FLOW, 12, number=3, id_="other")]
    found, _ = lay(ours, samples.zizmor(line=line, audit=audit), on=known(FLOW, jobs={(REPO, FLOW): JOBS}))
    assert [f.subject.id for f in found if f.evidence] == told


def test_a_circle_of_parents_ends():
    jobs = ((1, "a", "b"), (2, "b", "a"))
    found, _ = lay([consumer(FLOW, 1, id_="a")], samples.zizmor(line=5), on=known(FLOW, jobs={(REPO, FLOW): jobs}))
    assert found[0].evidence


def test_prowler_meets_ours_by_the_resource():
    user = finding(1, subject=Subject("identity", ETL, "user", "aws", ACCOUNT, "etl"), locations=())
    key = finding(2)
    role = finding(3, subject=Subject("identity", f"{REPO}#main.tf:role", "role", "aws", REPO, "r"), locations=())
    on = known(natives={"arn:aws:iam::123456789012:role/ci": [role.subject.id]})
    found, laid = lay([user, key, role], samples.prowler(), on=on)
    assert [bool(f.evidence) for f in found] == [True, True, False]
    assert (found[0].evidence[0].uri, found[0].raised_from) == (None, None)
    found, laid = lay([user, key, role], samples.prowler(uid="arn:aws:iam::123456789012:role/ci"), on=on)
    assert [bool(f.evidence) for f in found] == [False, False, True]
    _, laid = lay([user], samples.prowler(uid="arn:aws:iam::123456789012:user/other"))
    assert laid.unmatched[0].place == "arn:aws:iam::123456789012:user/other"


def test_what_only_others_report_is_named_once_without_foreign_directories():
    texts = (
        samples.gitleaks(path="/home/dana/x/y.env"), samples.gitleaks(path="z.env"), samples.gitleaks(path="z.env"),
        samples.trufflehog(source="Slack"),
    )  # fmt: skip
    _, laid = lay([], *texts)
    assert [(u.tool, u.place) for u in laid.unmatched] == [
        ("gitleaks", ""),
        ("gitleaks", "z.env:3"),
        ("trufflehog", ""),
    ]
    assert laid.notices[0].message == (
        "r0.json (gitleaks JSON): 1 finding, 0 at places of ours, 1 reported by others only"
    )


def test_a_value_in_a_path_is_concealed_where_it_is_shown(tokens):
    value = tokens.github_pat("ingest-path")
    _, laid = lay([], samples.gitleaks(path=f"backup/{value}.txt"))
    assert value not in repr(laid)
    assert laid.unmatched[0].place == "backup/***.txt:3"


def test_an_empty_report_is_said():
    _, laid = lay([], "[]")
    assert laid.notices[0].message == "r0.json holds no findings, of whatever format it is"


@pytest.fixture
def store():
    with Inventory.memory() as inventory:
        inventory.add(build.estate())
        yield inventory


def test_the_estate_comes_from_the_inventory(store):
    found = estate(store, [(REPO, "/x")], "/")
    assert found.ground.files[".mcp.json"] == {REPO}
    assert found.jobs[REPO, ".claude/settings.json"] == [(2, f"{REPO}#.:claude-code", None)]


@pytest.mark.parametrize("state", ["new", "known", "suppressed"])
def test_states_ids_and_fingerprints_stay_and_order_follows_the_raised_confidence(store, state):
    low = replace(build.verdict(), confidence=Confidence.LOW)
    found = build.evaluation(low)
    rules = [build.rule()]
    (plain,), _ = triage(store, found, rules, None, (), AS_OF)
    baseline = create([plain]) if state == "known" else None
    hidden = (Suppression(("NS-LEK-001",), "nhiscan.yaml:3", reason="r"),) if state == "suppressed" else ()
    report = parse(samples.gitleaks(path=".mcp.json", line=9).encode(), "r")

    def lay_(findings):
        return attach(findings, [report], estate(store, [], "/"))[0]

    (told,), _ = triage(store, found, rules, baseline, hidden, AS_OF, attach=lay_)
    assert (told.state, told.id, told.fingerprint, told.severity) == (state, plain.id, plain.fingerprint, Severity.HIGH)
    assert (told.confidence, told.raised_from, told.subject.id) == (Confidence.MEDIUM, Confidence.LOW, KEY)
    assert [e.tool for e in told.evidence] == ["gitleaks"]
