"""Exit codes and their precedence."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nhiscan.engine.verdict import NotAssessed, RuleCoverage, RuleError
from nhiscan.model import Confidence, Severity
from nhiscan.triage.gate import Gate, exit_code
from nhiscan.triage.result import Result, TargetSummary
from tests.report.build import finding

GOOD = TargetSummary(".", ("s",), 1, 1)
BAD = TargetSummary("aws", (), 0, 0, failed=True, error="expired", remedy="log in")
HOLE = RuleCoverage("NS-X-001", 0, 0, (NotAssessed("s", 1, "denied", "allow"),))
CLEAN = Result("0", datetime(2026, 11, 1, tzinfo=UTC), (GOOD,), (), (), (), ())
HIGH = finding(severity=Severity.HIGH, confidence=Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("change", "gate", "code"),
    [
        ({}, Gate(), 0),
        ({"findings": (HIGH,)}, Gate(), 1),
        ({"findings": (HIGH,)}, Gate(fail_on=None), 0),
        ({"findings": (HIGH,)}, Gate(fail_on=Severity.CRITICAL), 0),
        ({"findings": (HIGH,)}, Gate(min_confidence=Confidence.HIGH), 0),
        ({"findings": (replace(HIGH, state="known"),)}, Gate(), 1),
        ({"findings": (replace(HIGH, state="known"),)}, Gate(new_only=True), 0),
        ({"findings": (replace(HIGH, state="suppressed"),)}, Gate(), 0),
        ({"coverage": (HOLE,)}, Gate(), 0),
        ({"coverage": (HOLE,)}, Gate(require_coverage=True), 3),
        ({"coverage": (HOLE,), "findings": (HIGH,)}, Gate(require_coverage=True), 1),
        ({"targets": (GOOD, BAD), "findings": (HIGH,)}, Gate(), 4),
        ({"targets": (GOOD, BAD)}, Gate(allow_failed_targets=True), 0),
        ({"targets": (BAD,)}, Gate(allow_failed_targets=True), 4),
        ({"targets": (BAD,), "errors": (RuleError("NS-X-001", "x"),)}, Gate(), 5),
        ({"crashes": ("repo.secrets: RuntimeError in x.py:1",)}, Gate(), 5),
    ],
)
def test_the_exit_code_follows_from_the_worst_that_happened(change, gate, code):
    assert exit_code(replace(CLEAN, **change), gate) == code
