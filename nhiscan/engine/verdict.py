"""What evaluation says: verdicts that failed, and for every rule how far it could be decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nhiscan.model import Confidence, Severity

Fact = str | int | float | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule failed on a subject.  `facts` are the columns of the rule's view for that subject, JSON-ready."""

    rule_id: str
    subject_table: str
    subject_id: str
    scope_id: str
    severity: Severity
    confidence: Confidence
    message: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """`count` subjects of a scope (0: they could not be listed) that a rule could not decide, and why."""

    scope_id: str
    count: int
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """How many subjects a rule failed, passed and could not decide; all zero is not applicable."""

    rule_id: str
    failed: int
    passed: int
    not_assessed: tuple[NotAssessed, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that broke while running: never a pass."""

    rule_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything the rules said, ordered by rule id and subject id; many verdicts lie on disk until they are read."""

    verdicts: Sequence[Verdict]
    coverage: tuple[RuleCoverage, ...]
    errors: tuple[RuleError, ...] = ()
