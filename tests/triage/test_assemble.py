from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.engine.verdict import Evaluation, NotAssessed, RuleCoverage, Verdict
from nhiscan.model import (
    Confidence,
    Credential,
    Declared,
    Identity,
    IdentityKind,
    Member,
    OwnerBasis,
    OwnerKind,
    PrincipalKind,
    Resource,
    ScopeKind,
    Severity,
    Trust,
    TrustKind,
)
from nhiscan.store.inventory import Inventory
from nhiscan.triage import baseline, context
from nhiscan.triage.assemble import HIDDEN, triage
from nhiscan.triage.fingerprint import fingerprint
from nhiscan.triage.suppress import Suppression
from tests.triage.build import (
    ACCOUNT,
    AS_OF,
    ETL,
    KEY,
    KEY_ID,
    KEYED,
    REPO,
    estate,
    evaluation,
    exposure,
    owner,
    rule,
    scope,
    verdict,
)

RULES = [rule(i) for i in ("NS-LEK-001", "NS-TOX-007", "NS-TOX-001", "NS-AGT-001", "NS-PRV-001", "NS-CID-001")]


@pytest.fixture
def store():
    with Inventory.memory() as inventory:
        inventory.add(estate())
        yield inventory


def judge(store, *verdicts, known=None, suppressions=(), **more):
    store.lock()
    found = verdicts[0] if len(verdicts) == 1 and isinstance(verdicts[0], Evaluation) else evaluation(*verdicts)
    return triage(store, found, RULES, known, suppressions, AS_OF, **more)


def test_credential_finding_has_its_places_worst_first_then_the_cloud_record(store):
    ((found,), notices) = judge(store, verdict())
    assert [(p.uri, p.line, p.note) for p in found.locations] == [
        (".mcp.json", 9, None),
        ("old.py", 4, "in history"),
        (".env", 3, "on this machine only"),
        ("notes.md", 2, "key id only"),
        (ETL, None, None),
    ]
    assert found.locations[-1].scope_id == ACCOUNT
    assert found.subject.kind == "access_key"
    assert found.subject.provider == "aws"
    assert found.subject.name.startswith("AKIA")
    assert notices == ()


def test_best_owner_comes_from_the_identity_and_fix_from_the_provider(store):
    ((found,), _) = judge(store, verdict())
    assert (found.owner.name, found.owner.basis) == ("platform", "tag")
    assert found.fix.startswith("Run aws iam")


def test_a_fix_tells_what_breaks_in_the_words_of_the_rules_rows(store):
    promising = rule(fix={"default": "Stop it.", "aws": "Stop {key}. What stops: {breaks}."})
    store.lock()
    told = replace(verdict(), facts={"breaks": "etl and 2 more; last used 2026-10-31"})
    (known,), _ = triage(store, evaluation(told), [promising], None, (), AS_OF)
    (unknown,), _ = triage(store, evaluation(verdict()), [promising], None, (), AS_OF)
    assert known.fix == f"Stop {KEY_ID}. What stops: etl and 2 more; last used 2026-10-31."
    assert unknown.fix == f"Stop {KEY_ID}. What stops: not known, so watch it first."


def test_own_owner_of_the_subject_goes_before_the_identitys(store):
    store.add([owner(KEY, "sec", OwnerBasis.CODEOWNERS), owner(KEY, "zoe", OwnerBasis.CODEOWNERS, OwnerKind.PERSON)])
    ((found,), _) = judge(store, verdict())
    assert found.owner.name == "sec"


def test_consumer_is_placed_at_its_declaration_and_has_no_provider(store):
    agent = f"{REPO}#.:claude-code"
    ((found,), _) = judge(store, verdict("NS-AGT-001", agent, subject_table="consumer"))
    assert [(p.uri, p.line) for p in found.locations] == [(".claude/settings.json", 2)]
    assert (found.subject.provider, found.subject.name, found.owner) == (None, "claude-code", None)
    assert found.fix.startswith("Rotate")


def test_trust_is_placed_at_the_role_it_opens(store):
    ((found,), _) = judge(store, verdict("NS-CID-001", "trust-1", subject_table="trust", scope_id=ACCOUNT))
    assert [p.uri for p in found.locations] == ["arn:aws:iam::123456789012:role/ci"]
    assert (found.subject.name, found.subject.provider) == ("* → ci", "aws")


def test_trust_that_a_file_declares_is_placed_in_that_file(store):
    bucket, declared = f"{REPO}#stack.yaml:Logs", "arn:aws:s3:::kept"
    store.add(
        [
            Resource(
                id=bucket, scope_id=REPO, source="t", kind="bucket", name="b", provider="aws", locator="stack.yaml:7"
            ),
            Resource(
                id=declared, scope_id=ACCOUNT, source="t", kind="bucket", name="b", provider="aws", locator=declared
            ),
            *(
                Trust(
                    id=f"t-{n}",
                    scope_id=where,
                    source="t",
                    target_id=target,
                    kind=TrustKind.ACCESS,
                    principal="x",
                    principal_kind=PrincipalKind.SERVICE,
                )
                for n, (where, target) in enumerate(((REPO, bucket), (ACCOUNT, declared)))
            ),
        ]
    )
    for n, where, place in ((0, REPO, ("stack.yaml", 7)), (1, ACCOUNT, (declared, None))):
        ((found,), _) = judge(store, verdict("NS-CID-001", f"t-{n}", subject_table="trust", scope_id=where))
        assert [(p.uri, p.line) for p in found.locations] == [place]


@pytest.mark.parametrize(("table", "id_"), [("scope", REPO), ("nothing", "gone"), ("identity", "gone")])
def test_any_subject_gets_a_place(store, table, id_):
    ((found,), _) = judge(store, verdict(subject=id_, subject_table=table))
    assert [p.uri for p in found.locations] == [id_]


def test_relation_is_placed_at_its_identity(store):
    store.add([Member(id="m", scope_id=REPO, source="t", identity_id=ETL, group_id="g")])
    ((found,), _) = judge(store, verdict(subject="m", subject_table="member"))
    assert [p.uri for p in found.locations] == [ETL]


def test_name_of_a_place_bound_credential_is_its_key_name(store):
    spot = f"{REPO}#a.py:TOKEN:1"
    store.add([Credential(id=spot, scope_id=REPO, source="t", locator="a.py")])
    store.add(
        [
            exposure("a.py", 0, spot, key_name=None),
            exposure("b.py", 1, spot, key_name="TOKEN", commit="ab", at_head=True),
        ]
    )
    ((found,), _) = judge(store, verdict(subject=spot))
    assert found.subject.name == "TOKEN"
    assert [(p.uri, p.line, p.note) for p in found.locations] == [("a.py", None, None), ("b.py", 1, None)]


def test_verdicts_of_one_subject_are_one_entry_led_by_the_worst(store):
    findings, _ = judge(
        store,
        verdict("NS-AGT-001"),
        verdict("NS-LEK-001"),
        verdict("NS-TOX-001", severity=Severity.CRITICAL),
        verdict("NS-CID-001", ETL, subject_table="identity", severity=Severity.LOW),
    )
    assert [f.rule.id for f in findings] == ["NS-TOX-001", "NS-AGT-001", "NS-LEK-001", "NS-CID-001"]
    lead = findings[0]
    assert lead.related == (findings[1].id, findings[2].id)
    assert [f.folded_into for f in findings] == [None, lead.id, lead.id, None]


def test_the_same_of_the_same_line_is_one_entry_however_often_it_is_deployed(store):
    same = {"source": "t", "kind": IdentityKind.SERVICE_ACCOUNT, "provider": "kubernetes", "name": "argo"}
    spots = {"one": "base/sa.yaml:3", "two": "base/sa.yaml:3", "three": "base/sa.yaml:9"}
    store.add(Identity(id=f"{REPO}#{n}", scope_id=REPO, locator=spot, **same) for n, spot in spots.items())
    findings, _ = judge(
        store, *(verdict("NS-PRV-001", f"{REPO}#{n}", subject_table="identity") for n in spots),
        verdict("NS-CID-001", f"{REPO}#two", subject_table="identity", severity=Severity.LOW),
    )  # fmt: skip
    entries = {f.id: f for f in findings if f.folded_into is None}
    assert [(e.locations[0].line, len(e.related)) for e in entries.values()] == [(3, 2), (9, 0)]
    assert {f.folded_into for f in findings} <= {None, *entries}
    assert len(findings) == 4


def test_two_values_on_one_line_stay_two_entries(store):
    ids = [f"{REPO}#a.csv:token:{n}" for n in (1, 2)]
    store.add(Credential(id=i, scope_id=REPO, source="t", name="token", locator="a.csv:1") for i in ids)
    store.add(exposure("a.csv", 1, i) for i in ids)
    findings, _ = judge(store, *(verdict(subject=i, message="a token lies in a.csv:1") for i in ids))
    assert [f.folded_into for f in findings] == [None, None]


def test_combination_wins_a_tie_even_at_lower_confidence(store):
    findings, _ = judge(store, verdict("NS-AGT-001"), verdict("NS-TOX-007", confidence=Confidence.LOW))
    assert [(f.rule.id, f.folded_into is None) for f in findings] == [("NS-AGT-001", False), ("NS-TOX-007", True)]


def test_confidence_then_rule_id_break_ties(store):
    findings, _ = judge(
        store, verdict("NS-LEK-001"), verdict("NS-AGT-001", confidence=Confidence.MEDIUM), verdict("NS-PRV-001")
    )
    assert [f.rule.id for f in findings if f.folded_into is None] == ["NS-LEK-001"]


def test_suppressed_verdict_never_leads(store):
    quiet = Suppression(("NS-TOX-001",), "o", subject=KEY, owner="x", reason="y", expires=date(2027, 1, 1))
    findings, notices = judge(
        store, verdict("NS-TOX-001", severity=Severity.CRITICAL), verdict("NS-LEK-001"), suppressions=[quiet]
    )
    assert {f.rule.id: (f.state, f.folded_into) for f in findings} == {
        "NS-TOX-001": ("suppressed", None),
        "NS-LEK-001": ("new", None),
    }
    assert findings[0].suppression == str(quiet)
    assert notices == ()


def test_new_verdict_is_not_hidden_in_a_known_entry(store):
    findings, _ = judge(store, verdict("NS-TOX-001", severity=Severity.CRITICAL))
    known = baseline.create(findings)
    findings, _ = judge(store, verdict("NS-TOX-001", severity=Severity.CRITICAL), verdict("NS-LEK-001"), known=known)
    assert [(f.rule.id, f.state, f.folded_into) for f in findings] == [
        ("NS-TOX-001", "known", None),
        ("NS-LEK-001", "new", None),
    ]


def test_baseline_written_under_another_place_still_matches(store):
    ((found,), _) = judge(store, verdict())
    assert found.fingerprint == fingerprint("NS-LEK-001", KEY)
    other = fingerprint("NS-LEK-001", f"{REPO}#.env:KEY:1")
    assert found.aliases == (other,)
    known = baseline.Baseline((baseline.Entry("NS-LEK-001", "x", other),))
    ((found,), notices) = judge(store, verdict(), known=known)
    assert (found.state, notices) == ("known", ())


def test_fixed_entry_is_told_and_one_out_of_sight_is_not_called_fixed(store):
    known = baseline.Baseline(
        (
            baseline.Entry("NS-LEK-001", "gone", "0" * 32, "", REPO),
            baseline.Entry("NS-LEK-001", "far", "1" * 32, "", "aws:999999999999"),
            *(baseline.Entry("NS-AGT-001", f"s{n}", f"{n}" * 32, "", REPO) for n in range(2, 9)),
        )
    )
    coverage = (RuleCoverage("NS-LEK-001", 0, 1), RuleCoverage("NS-AGT-001", 0, 1, (NotAssessed(REPO, 1, "r", "m"),)))
    _, notices = judge(store, evaluation(coverage=coverage), known=known)
    assert [n.kind for n in notices] == ["baseline-fixed", "baseline-unseen"]
    assert notices[0].message == "1 known finding is fixed: NS-LEK-001 on gone"
    assert notices[1].message.startswith("8 known findings are not assessed")
    assert "and 3 more" in notices[1].message


def test_two_directories_with_the_same_file_are_told_apart(store):
    one, two = "dir:one#.env:K:1", "dir:two#.env:K:1"
    store.add([scope("dir:one", ScopeKind.DIRECTORY), scope("dir:two", ScopeKind.DIRECTORY)])
    findings, _ = judge(store, verdict(subject=one, scope_id="dir:one"), verdict(subject=two, scope_id="dir:two"))
    assert len({f.fingerprint for f in findings}) == len({f.id for f in findings}) == 2


def test_short_ids_grow_when_two_begin_alike(store, monkeypatch):
    prints = {"NS-LEK-001": "a" * 32, "NS-AGT-001": "a" * 15 + "b" * 17}
    monkeypatch.setattr("nhiscan.triage.assemble.fingerprint", lambda rule_id, *_: prints[rule_id])
    findings, _ = judge(store, verdict("NS-LEK-001"), verdict("NS-AGT-001"))
    assert {f.id for f in findings} == {f"NSF-{p[:20]}" for p in prints.values()}


def test_keyed_fingerprint_never_leaves_in_facts_or_message(store):
    other = "cd" * 32
    bad = verdict(message=f"value {KEYED}", facts={"a": KEYED, "b": (f"x {KEYED}", other), "c": other, "n": 1})
    ((found,), _) = judge(store, bad)
    assert KEYED not in repr(found)
    assert found.message == f"value {HIDDEN}"
    assert found.facts == {"a": HIDDEN, "b": (f"x {HIDDEN}", other), "c": other, "n": 1}
    ((found,), _) = judge(store, verdict(facts={"c": other}))
    assert found.facts == {"c": other}


def inline(value, rules='["NS-LEK-001"]', scope_id=REPO):
    note = f'{{"rules": {rules}, "reason": "r"}}'
    return Declared(id=f"i-{value}", scope_id=scope_id, source="t", kind="inline_ignore", value=value, note=note)


def test_comment_hides_a_finding_only_when_every_file_is_covered(store):
    store.add([inline(".mcp.json:8")])
    ((found,), notices) = judge(store, verdict())
    assert found.state == "new"
    assert [n.kind for n in notices] == ["suppression-partial"]
    assert "1 finding" in notices[0].message


def test_comments_together_cover_what_none_covers_alone(store):
    store.add([inline(v) for v in (".mcp.json:8", "old.py:4", ".env:2", "notes.md:1")])
    ((found,), notices) = judge(store, verdict())
    assert found.state == "suppressed"
    assert notices == ()


def test_path_suppression_never_hides_a_finding_without_files(store):
    everywhere = Suppression(("NS-PRV-001",), "o", path="**/x", owner="x", reason="y", expires=date(2027, 1, 1))
    ((found,), notices) = judge(store, verdict("NS-PRV-001", ETL, subject_table="identity"), suppressions=[everywhere])
    assert found.state == "new"
    assert [n.kind for n in notices] == ["suppression-unmatched"]


def test_suppression_of_another_subject_changes_nothing(store):
    other = Suppression(("NS-LEK-001",), "o", subject="aws:access_key/other", owner="x", reason="y")
    ((found,), _) = judge(store, verdict(), suppressions=[other])
    assert found.state == "new"


def test_path_suppression_that_covers_every_file_hides(store):
    paths = [Suppression(("NS-LEK-001",), "o", path=p, owner="x", reason="y") for p in (".*", "*.md", "*.py")]
    ((found,), notices) = judge(store, verdict(), suppressions=paths[:2])
    assert (found.state, [n.kind for n in notices if "partial" in n.kind]) == ("new", ["suppression-partial"] * 2)
    ((found,), _) = judge(store, verdict(), suppressions=paths)
    assert found.state == "suppressed"


def test_every_doubtful_suppression_is_told(store):
    expired = Suppression(("NS-LEK-001",), "a", subject=KEY, owner="x", reason="y", expires=date(2026, 1, 1))
    unknown = Suppression(("NS-XXX-999",), "b", subject="x", owner="x", reason="y", expires=date(2027, 1, 1))
    left_out = Suppression(("NS-HUM-001",), "c", subject="x", owner="x", reason="y", expires=date(2027, 1, 1))
    broad = Suppression(("NS-AGT-001",), "d", owner="x", reason="y", expires=date(2027, 1, 1))
    weak = Suppression(("NS-PRV-001",), "e", subject="*etl", owner="x", expires=date(2027, 1, 1))
    store.add([inline("a.py:1", "7")])
    findings, notices = judge(
        store,
        verdict(),
        verdict("NS-AGT-001"),
        verdict("NS-PRV-001", ETL, subject_table="identity"),
        suppressions=[expired, unknown, left_out, broad, weak, broad],
        all_rules=[*RULES, rule("NS-HUM-001")],
    )
    assert {f.rule.id: f.state for f in findings} == {
        "NS-LEK-001": "new",
        "NS-AGT-001": "suppressed",
        "NS-PRV-001": "suppressed",
    }
    assert [n.kind for n in notices] == [
        "suppression-broad",
        "suppression-broad",
        "suppression-broken",
        "suppression-expired",
        "suppression-unknown",
        "suppression-weak",
    ]
    assert all(n.remedy for n in notices)


def test_verdict_of_a_rule_that_is_not_given_is_left_out(store):
    findings, _ = judge(store, verdict("NS-ZZZ-001"))
    assert findings == ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([r.id for r in RULES[:4]]))
def test_order_of_verdicts_does_not_matter(store, order):
    findings, _ = judge(store, *(verdict(i) for i in order))
    again, _ = judge(store, *(verdict(i) for i in sorted(order)))
    assert findings == again


@pytest.mark.parametrize(
    ("name", "text"),
    [("etl", "--user-name etl --key AKIAX"), ("a b; rm -rf /", "--user-name 'a b; rm -rf /' --key AKIAX")],
)
def test_the_fix_names_who_and_what_quoted_for_a_shell(name, text):
    facts = context.Facts(
        rows={("credential", "c"): {"key_id": "AKIAX", "name": None}},
        exposures={},
        owners={},
        members={},
        scopes={},
        arns={},
    )
    verdict = Verdict(
        "NS-LLV-001", "credential", "c", "s", Severity.HIGH, Confidence.HIGH, "m", {"identity_name": name}
    )
    assert context.fix(facts, verdict, "--user-name {user} --key {key}") == text
    assert context.fix(facts, verdict, '{name} {"a": 1} ') == 'NAME {"a": 1}'
