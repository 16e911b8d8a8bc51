from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.engine.evaluate import ERROR_REMEDY, evaluate
from nhiscan.engine.rule import Unknown
from nhiscan.engine.verdict import NotAssessed
from nhiscan.model import (
    Confidence,
    Credential,
    CredentialKind,
    CredentialState,
    Gap,
    GapReason,
    Owner,
    OwnerBasis,
    OwnerKind,
    Scope,
    ScopeKind,
    Severity,
)
from nhiscan.store import StoreError
from nhiscan.store.inventory import Inventory

from .sample import rule

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
UNKNOWN = ("the issue date is not known", "list the keys of the account")
ORPHAN = {
    "from_": None,
    "query": "SELECT c.id, c.scope_id, count(o.id) AS owners FROM credential c LEFT JOIN owner o ON o.subject_id = c.id "
    "GROUP BY c.id, c.scope_id",
    "needs": ("credential", "owner"),
    "absence": ("owner",),
    "applies_when": None,
    "fails_when": "owners = 0",
    "severity_when": {},
    "confidence_when": {},
    "message": "{id} has no owner",
}


def key(name="k", days=91, scope="aws:1", **columns):
    issued = None if days is None else AS_OF - timedelta(days=days)
    plain = {"state": CredentialState.ACTIVE, "kind": CredentialKind.ACCESS_KEY, "name": name}
    return Credential(id=name, scope_id=scope, source="test", issued_at=issued, **(plain | columns))


def gap(*covers, scope="aws:1", subject=None, number=1):
    return Gap(
        id=f"gap-{number}",
        scope_id=scope,
        source="test",
        covers=covers,
        reason=GapReason.DENIED,
        remedy=f"allow call-{number}",
        operation=f"call-{number}",
        subject_id=subject,
    )


def scope(name="aws:1"):
    return Scope(id=name, scope_id=name, source="test", provider="aws", kind=ScopeKind.ACCOUNT, name=name)


def said(records, *rules, as_of=AS_OF, **options):
    with Inventory.memory() as inventory:
        inventory.add(records)
        return evaluate(inventory, rules or (rule(),), as_of, **options)


def test_true_fails_with_message_facts_and_place():
    evaluation = said([key("etl")])
    (verdict,) = evaluation.verdicts
    assert verdict.rule_id == "TEST-LLV-001"
    assert (verdict.subject_table, verdict.subject_id, verdict.scope_id) == ("credential", "etl", "aws:1")
    assert (verdict.severity, verdict.confidence) == (Severity.MEDIUM, Confidence.HIGH)
    assert verdict.message == "etl was issued 2026-08-02, more than 90 days ago"
    assert verdict.facts["issued_at"] == "2026-08-02T00:00:00Z"
    assert evaluation.coverage[0].failed == 1


def test_false_passes():
    (coverage,) = said([key(days=90)]).coverage
    assert (coverage.failed, coverage.passed, coverage.not_assessed) == (0, 1, ())


def test_null_is_not_assessed_for_the_reason_the_rule_gives():
    (coverage,) = said([key("a", days=None), key("b", days=None)]).coverage
    assert coverage.not_assessed == (NotAssessed("aws:1", 2, *UNKNOWN),)


def test_without_a_reason_of_its_own_the_rule_says_when_it_cannot_assess():
    (coverage,) = said([key(days=None)], rule(unknown=None)).coverage
    assert coverage.not_assessed[0].reason == "the issuer does not tell when"
    (coverage,) = said([key(days=None)], rule(unknown=None, not_assessable_when=())).coverage
    assert coverage.not_assessed[0].reason == "a fact the rule needs is not known"
    assert "TEST-LLV-001" in coverage.not_assessed[0].remedy


def test_what_the_rule_does_not_speak_of_is_not_counted():
    (coverage,) = said([key(kind=CredentialKind.PASSWORD)]).coverage
    assert (coverage.failed, coverage.passed, coverage.not_assessed) == (0, 0, ())


def test_a_fail_whose_applicability_is_unknown_is_not_assessed():
    doubtful = rule(applies_when="environment = 'production'")
    assert said([key()], doubtful).coverage[0].not_assessed[0].count == 1
    assert said([key(days=1)], doubtful).coverage[0].passed == 1


def test_the_first_true_condition_decides_severity_and_confidence():
    (verdict,) = said([key(environment="production", confidence=Confidence.LOW)]).verdicts
    assert (verdict.severity, verdict.confidence) == (Severity.HIGH, Confidence.LOW)
    assert "environment" in verdict.facts


def test_a_threshold_can_be_overridden_for_its_rule_alone():
    records = [key(days=31)]
    assert said(records, params={"TEST-LLV-001": {"rotation_days": 30, "unheard_of": 1}}).verdicts
    assert not said(records, params={"OTHER-LLV-001": {"rotation_days": 30}}).verdicts


def test_the_moment_counts_in_utc_whatever_its_zone():
    records = [key(days=90)]
    far_east = timezone(timedelta(hours=14))
    assert not said(records, as_of=AS_OF.astimezone(far_east)).verdicts
    assert said(records, as_of=(AS_OF + timedelta(days=1)).astimezone(far_east)).verdicts
    assert not said(records, as_of=AS_OF.replace(tzinfo=None)).verdicts


def test_a_gap_in_a_needed_table_hides_a_pass_and_not_a_fail():
    evaluation = said([key("old"), key("young", days=1)], gaps=[gap("credential")])
    assert [v.subject_id for v in evaluation.verdicts] == ["old"]
    assert evaluation.coverage[0].not_assessed == (NotAssessed("aws:1", 1, "call-1 denied", "allow call-1"),)


def test_gaps_of_the_inventory_count_by_themselves():
    (coverage,) = said([key("young", days=1), gap("credential")]).coverage
    assert coverage.not_assessed[0].remedy == "allow call-1"


def test_a_gap_elsewhere_or_in_another_table_hides_nothing():
    elsewhere = [gap("credential", scope="aws:2"), gap("policy", number=2), gap("credential.key_id", number=3)]
    (coverage,) = said([key(days=1)], gaps=elsewhere).coverage
    assert coverage.passed == 1
    assert coverage.not_assessed == (NotAssessed("aws:2", 0, "call-1 denied", "allow call-1"),)


def test_a_gap_in_a_column_hides_the_rules_that_read_it():
    (coverage,) = said([key(days=1)], gaps=[gap("credential.issued_at")]).coverage
    assert coverage.not_assessed[0].count == 1


def test_a_gap_in_a_column_does_not_hide_the_list_of_subjects():
    (coverage,) = said([], gaps=[gap("credential.issued_at")]).coverage
    assert coverage.not_assessed == ()


def test_a_gap_of_one_subject_hides_that_subject_alone():
    (coverage,) = said([key("a", days=1), key("b", days=1)], gaps=[gap("credential", subject="a")]).coverage
    assert coverage.passed == 1
    assert coverage.not_assessed == (NotAssessed("aws:1", 1, "call-1 denied", "allow call-1"),)


def test_a_gap_explains_what_is_null_before_the_rule_does():
    (coverage,) = said([key(days=None)], gaps=[gap("credential")]).coverage
    assert coverage.not_assessed == (NotAssessed("aws:1", 1, "call-1 denied", "allow call-1"),)


def test_several_gaps_are_joined_and_counted_once():
    gaps = [gap("credential", number=n) for n in (4, 3, 2, 1, 5)]
    (coverage,) = said([key(days=1)], gaps=gaps).coverage
    (missing,) = coverage.not_assessed
    assert missing.reason == "call-1 denied; call-2 denied; call-3 denied; and 2 more"
    assert missing.count == 1


def test_a_gap_without_operation_names_what_it_covers():
    unnamed = Gap(
        id="g", scope_id="aws:1", source="t", covers=("credential", "use"), reason=GapReason.SKIPPED, remedy="read it"
    )
    (coverage,) = said([key(days=1)], gaps=[unnamed]).coverage
    assert coverage.not_assessed[0].reason == "credential, use skipped"


@pytest.mark.parametrize(
    ("derived", "collected"),
    [("effective", "policy"), ("reach", "member"), ("cluster", "exposure"), ("reach", "policy")],
)
def test_a_gap_in_a_collected_table_hides_what_is_derived_from_it(derived, collected):
    needing = rule(needs=("credential", derived))
    (coverage,) = said([key(days=1)], needing, gaps=[gap(collected)]).coverage
    assert coverage.not_assessed[0].count == 1


def test_a_gap_in_the_scope_that_a_column_names_counts_too():
    sql = "SELECT id, 'repo:x' AS scope_id, scope_id AS issuer_scope_id, state, kind, issued_at, name FROM credential"
    far = rule(from_=None, query=sql, severity_when={}, confidence_when={})
    (coverage,) = said([key(days=1)], far, gaps=[gap("credential")]).coverage
    assert NotAssessed("repo:x", 1, "call-1 denied", "allow call-1") in coverage.not_assessed


def test_missing_rows_as_evidence_are_not_believed_when_a_gap_may_hide_them():
    owned = Owner(
        id="o",
        scope_id="aws:1",
        source="t",
        subject_id="b",
        name="ann",
        kind=OwnerKind.PERSON,
        basis=OwnerBasis.TAG,
        confidence=Confidence.HIGH,
    )
    orphan = rule(**ORPHAN)
    evaluation = said([key("a"), key("b"), owned], orphan)
    assert [v.subject_id for v in evaluation.verdicts] == ["a"]
    hidden = said([key("a"), key("b"), owned], orphan, gaps=[gap("owner")])
    assert hidden.verdicts == ()
    assert hidden.coverage[0].failed == 0
    assert hidden.coverage[0].not_assessed[0].count == 2


def test_an_absence_outside_needs_is_heeded_too():
    orphan = rule(**(ORPHAN | {"needs": ("credential",)}))
    assert said([key("a")], orphan, gaps=[gap("owner")]).verdicts == ()


def test_the_absence_of_one_subject_is_hidden_by_its_own_gap():
    evaluation = said([key("a"), key("b")], rule(**ORPHAN), gaps=[gap("owner", subject="a")])
    assert [v.subject_id for v in evaluation.verdicts] == ["b"]


def test_a_scope_whose_subjects_could_not_be_listed_is_named_with_count_zero():
    (coverage,) = said([scope()], gaps=[gap("credential")]).coverage
    assert coverage.not_assessed == (NotAssessed("aws:1", 0, "call-1 denied", "allow call-1"),)


MANY = "SELECT c.id, c.scope_id, t.days, c.name FROM credential c CROSS JOIN (SELECT {}) t"


@pytest.mark.parametrize(
    ("rows", "failed", "passed", "unknown"),
    [("1 AS days UNION ALL SELECT 0", 1, 0, 0), ("NULL AS days UNION ALL SELECT 0", 0, 0, 1), ("0 AS days", 0, 1, 0)],
)
def test_a_subject_in_several_rows_has_its_worst_verdict(rows, failed, passed, unknown):
    many = rule(
        from_=None,
        query=MANY.format(rows),
        applies_when=None,
        fails_when="days > 0",
        severity_when={},
        confidence_when={},
        message="{name}",
    )
    (coverage,) = said([key()], many).coverage
    assert (coverage.failed, coverage.passed, sum(n.count for n in coverage.not_assessed)) == (failed, passed, unknown)


def test_the_worst_row_of_a_subject_speaks():
    many = rule(
        from_=None,
        query=MANY.format("1 AS days UNION ALL SELECT 3 UNION ALL SELECT 2"),
        applies_when=None,
        fails_when="days > 0",
        severity_when={"critical": "days = 2"},
        confidence_when={},
        message="{days} days",
    )
    (verdict,) = said([key()], many).verdicts
    assert (verdict.severity, verdict.message) == (Severity.CRITICAL, "2 days")


BREAKING = [
    {"fails_when": "nobody > 1"},
    {"fails_when": "CAST(name AS INTEGER) > 1"},
    {"fails_when": "now() > issued_at"},
    {"from_": None, "query": "SELECT scope_id FROM credential"},
    {"from_": None, "query": "SELECT id FROM credential"},
    {"from_": "nobody"},
    {"severity_when": {"worse": "TRUE"}},
]


@pytest.mark.parametrize("change", BREAKING)
def test_a_rule_that_breaks_is_not_assessed_anywhere_and_the_others_go_on(change):
    whole = rule(id="TEST-LLV-002", name="other")
    evaluation = said([scope("aws:2"), scope("aws:1"), key()], whole, rule(**change))
    (error,) = evaluation.errors
    assert error.rule_id == "TEST-LLV-001"
    assert error.message
    broken, sound = evaluation.coverage
    assert [(n.scope_id, n.count, n.remedy) for n in broken.not_assessed] == [
        ("aws:1", 0, ERROR_REMEDY),
        ("aws:2", 0, ERROR_REMEDY),
    ]
    assert (broken.failed, broken.passed) == (0, 0)
    assert sound.failed == 1
    assert [v.rule_id for v in evaluation.verdicts] == ["TEST-LLV-002"]


def test_a_rule_that_breaks_in_an_empty_inventory_is_still_named():
    evaluation = said([], rule(from_="nobody"))
    assert [n.scope_id for n in evaluation.coverage[0].not_assessed] == [""]


def test_a_query_that_takes_too_long_is_an_error_of_its_rule():
    with Inventory.memory() as inventory:
        stream = inventory.stream

        def slow(query, params=None):
            if "_nhi_code" in query:
                msg = "INTERRUPT Error: Query exceeded maximum execution time"
                raise StoreError(msg)
            return stream(query, params)

        inventory.stream = slow
        evaluation = evaluate(inventory, [rule()], AS_OF)
    assert "exceeded maximum execution time" in evaluation.errors[0].message


def test_rules_run_on_a_locked_inventory():
    with Inventory.memory() as inventory:
        evaluate(inventory, [], AS_OF)
        with pytest.raises(StoreError):
            inventory.sql("INSERT INTO gap (id) VALUES ('x')")


def test_the_keyed_fingerprint_is_no_fact():
    (verdict,) = said([key(fingerprint="canary")]).verdicts
    assert "fingerprint" not in verdict.facts
    assert "canary" not in repr(verdict)


def test_verdicts_are_ordered_by_rule_and_subject():
    second = rule(id="TEST-LLV-002", name="other")
    evaluation = said([key("b"), key("a")], second, rule())
    assert [(v.rule_id[-1], v.subject_id) for v in evaluation.verdicts] == [
        ("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"),
    ]  # fmt: skip
    assert [c.rule_id for c in evaluation.coverage] == ["TEST-LLV-001", "TEST-LLV-002"]


@settings(max_examples=5, deadline=None)
@given(st.permutations([key("a"), key("b", days=1), key("c", days=None), key("d", scope="aws:2"), gap("credential")]))
def test_the_order_of_records_does_not_matter(records):
    assert said(records) == said(sorted(records, key=lambda r: r.id))


def test_an_unknown_reason_is_kept_per_rule():
    other = rule(unknown=Unknown("nobody asked", "ask"))
    assert said([key(days=None)], other).coverage[0].not_assessed[0].reason == "nobody asked"
