"""From a result to an exit code.  Precedence 5, 2, 4, 1, 3: a crash never looks like clean or like findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.model import Confidence, Severity
from nhiscan.triage.exitcode import ExitCode

if TYPE_CHECKING:
    from nhiscan.triage.result import Finding, Result

SEVERITIES = tuple(Severity)
CONFIDENCES = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Gate:
    """When a run fails: `fail_on` None never fails on findings; `min_confidence` leaves out what is less sure."""

    fail_on: Severity | None = Severity.HIGH
    min_confidence: Confidence = Confidence.LOW
    new_only: bool = False
    require_coverage: bool = False
    allow_failed_targets: bool = False

    def counts(self, finding: Finding) -> bool:
        """Whether this verdict is at or above the thresholds and not suppressed (or known, with `new_only`)."""
        return (
            self.fail_on is not None
            and finding.state != "suppressed"
            and not (self.new_only and finding.state == "known")
            and SEVERITIES.index(finding.severity) <= SEVERITIES.index(self.fail_on)
            and CONFIDENCES.index(finding.confidence) <= CONFIDENCES.index(self.min_confidence)
        )


def exit_code(result: Result, gate: Gate) -> ExitCode:
    """The exit code of a finished audit."""
    if result.errors or result.crashes:
        return ExitCode.INTERNAL
    failed = [t for t in result.targets if t.failed]
    if failed and (len(failed) == len(result.targets) or not gate.allow_failed_targets):
        return ExitCode.NOTHING_AUDITED
    if any(gate.counts(f) for f in result.findings):
        return ExitCode.FINDINGS
    if gate.require_coverage and (result.gaps or any(c.not_assessed for c in result.coverage)):
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN
