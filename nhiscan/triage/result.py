"""The result of an audit as reporters see it: nothing but data, already sorted, free of secrets and local paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.engine.rule import Rule
    from nhiscan.engine.scorecard import ItemScore, Scorecard
    from nhiscan.engine.verdict import Fact, RuleCoverage, RuleError
    from nhiscan.model import Confidence, Gap, Severity


@dataclass(frozen=True, slots=True)
class Location:
    """A place: a repository-relative `uri` with line and commit, or an ARN-like locator of a cloud record.

    `scope_id` is the scope the place belongs to, which may be another than the subject's; `basis` says why a value that
    lies there is believed to be a credential.
    """

    uri: str
    line: int | None = None
    commit: str | None = None
    note: str | None = None
    scope_id: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about."""

    table: str
    id: str
    kind: str | None
    provider: str | None
    scope_id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Ownership:
    """The best-ranked owner of a subject."""

    name: str
    kind: str
    basis: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What another tool reports of a finding's place; `uri` and `line` in `scope_id`, None for a cloud resource.

    `message` is the tool's text on its rule.  `verified`: the tool asked the issuer, and the credential works (True) or
    does not (False).
    """

    tool: str
    rule: str
    message: str | None = None
    uri: str | None = None
    line: int | None = None
    verified: bool | None = None
    scope_id: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One failed verdict with everything a reader needs.

    `fingerprint` is stable (rule and public identity of the subject); `aliases` are the fingerprints the same subject
    had or could have under its other places, used to match baselines; `state` is `new`, `known` or `suppressed`;
    `folded_into` is the id of the entry that carries this verdict as a reason, None for an entry itself;
    `related` are the ids of the verdicts folded into this entry.  `evidence` is what other tools say of its place;
    `raised_from` the confidence before they agreed, None when they changed nothing.  `base` is the severity the rule
    gave where the circumstances named in `modifiers` changed it, else None.  `frameworks` is framework -> item -> level
    of this finding: frameworks about agents only where an agent is concerned; None stands for all the rule maps to.
    """

    id: str
    rule: Rule
    severity: Severity
    confidence: Confidence
    subject: Subject
    message: str
    locations: tuple[Location, ...]
    related: tuple[str, ...]
    facts: Mapping[str, Fact]
    owner: Ownership | None
    fix: str
    fingerprint: str
    aliases: tuple[str, ...] = ()
    state: str = "new"
    suppression: str | None = None
    folded_into: str | None = None
    evidence: tuple[Evidence, ...] = ()
    raised_from: Confidence | None = None
    base: Severity | None = None
    modifiers: tuple[str, ...] = ()
    frameworks: Mapping[str, Mapping[str, str]] | None = None

    @property
    def maps(self) -> Mapping[str, Mapping[str, str]]:
        """Framework -> item -> level."""
        return self.rule.maps if self.frameworks is None else self.frameworks


@dataclass(frozen=True, slots=True)
class Ingested:
    """One report of another tool laid beside the findings: how many it holds, and how many are at a place of ours."""

    file: str
    format: str
    findings: int
    matched: int


@dataclass(frozen=True, slots=True, order=True)
class Unmatched:
    """What only another tool reports.

    `place` is a path with its line or the id of a resource; "" when the tool gave none, or one outside the targets.
    """

    tool: str
    rule: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """One named target: what it turned out to be, what was found, whether it failed and what would help."""

    text: str
    scopes: tuple[str, ...]
    identities: int
    credentials: int
    failed: bool = False
    error: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the run itself: an expired suppression, a fixed baseline entry, an aliased label."""

    kind: str
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One audit.  `findings` holds entries and folded verdicts, worst first; `counts` is rows per inventory table.

    `ingested` are the reports of other tools, `unmatched` what only those report: no finding of ours, and no gate.
    `families` is how far the control families hold, `scorecards` the same for the frameworks asked for.
    `calls` counts the API calls by operation; `crashes` names the units whose collector broke.
    """

    version: str
    as_of: datetime
    targets: tuple[TargetSummary, ...]
    findings: tuple[Finding, ...]
    coverage: tuple[RuleCoverage, ...]
    gaps: tuple[Gap, ...]
    rules: tuple[Rule, ...]
    errors: tuple[RuleError, ...] = ()
    notices: tuple[Notice, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    redact: frozenset[str] = frozenset()
    calls: Mapping[str, int] = field(default_factory=dict)
    crashes: tuple[str, ...] = ()
    ingested: tuple[Ingested, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    families: tuple[ItemScore, ...] = ()
    scorecards: tuple[Scorecard, ...] = ()

    @property
    def entries(self) -> tuple[Finding, ...]:
        """The findings a reader counts: those not folded into another."""
        return tuple(f for f in self.findings if f.folded_into is None)
