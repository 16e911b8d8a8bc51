"""One question to one principal: may it do this action there, and which statement says so.

Logic: IAM User Guide, reference_policies_evaluation-logic.  An explicit Deny anywhere wins; identity policies are a
union; every ceiling (a permissions boundary) and every guard (a node of the organisation) must allow as well.  This is
the search's view: the caller writes his request as it suits him.  One whole request, with the policy of the resource
and the answer AWS would give, is `request.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Facts, Truth, fill, holds
from nhiscan.analysis.aws.patterns import action_matches, covers, matches, overlap, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.analysis.aws.documents import Statement


class Level(IntEnum):
    """How surely an action is allowed; the weaker of two is their minimum."""

    NO = 0
    MAYBE = 1
    YES = 2


class Extent(Enum):
    """What a question asks of its resource pattern: this one, some match of it, or all matches of it."""

    ONE = "one"
    SOME = "some"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement that bears on a principal: of which policy, and through which group if any."""

    policy_id: str
    policy: str
    statement: Statement
    via: str | None = None

    @property
    def order(self) -> tuple[str, str, int]:
        """A sort key that does not depend on the order records came in."""
        return self.policy, self.policy_id, self.statement.number


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, role or group with everything that bears on it.

    `ceilings` are sets of statements each of which must allow; `incomplete` says that a document which bears on it
    could not be read, so nothing about it is certain; `key` is equal for principals that get equal answers.  `guards`
    are the nodes of the organisation that do not allow everything, and `bars` the Denies of all its nodes; `plain` says
    that no condition and no variable is among all these, so that facts decide nothing.
    """

    id: str
    allows: tuple[Bound, ...]
    denies: tuple[Bound, ...]
    facts: Facts
    ceilings: tuple[tuple[Bound, ...], ...] = ()
    incomplete: bool = False
    key: tuple[str, ...] = ()
    guards: tuple[tuple[Bound, ...], ...] = ()
    bars: tuple[Bound, ...] = ()
    plain: bool = False

    @property
    def limits(self) -> tuple[tuple[Bound, ...], ...]:
        """Ceilings and guards together."""
        return (*self.ceilings, *self.guards) if self.guards else self.ceilings

    @property
    def refusals(self) -> tuple[Bound, ...]:
        """Its own Denies and those of its organisation."""
        return (*self.denies, *self.bars) if self.bars else self.denies


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the statement that allows it in one sentence."""

    level: Level
    step: str | None = None


NO = Decision(Level.NO)
_GLOBAL = frozenset({"iam", "organizations", "account", "sso-directory", "cloudfront", "route53"})
_HOME = {"aws:requestedregion": ("us-east-1",)}


def decide(
    principal: Principal,
    action: str,
    resource: str = "*",
    extent: Extent = Extent.ONE,
    more: Mapping[str, tuple[str, ...] | Fact] | None = None,
) -> Decision:
    """Whether identity policies under their ceilings allow the action on the resource.

    `more` are facts of this request: tags of the target, the service a role is passed to.
    """
    facts = principal.facts
    if not principal.plain:
        facts = facts.extended(_HOME) if action.partition(":")[0] in _GLOBAL else facts
        facts = facts.extended(more or {})
    question = _Question(action, resource, extent, facts)
    best = _union(principal.allows, principal.refusals, principal.limits, question)
    if principal.incomplete and best.level is Level.YES:
        return Decision(Level.MAYBE, best.step)
    return best


def denied(principal: Principal, action: str, resource: str) -> Level:
    """YES when an explicit Deny surely hits, MAYBE when it may, NO when none does; ceilings count."""
    question = _Question(action, resource, Extent.ONE, principal.facts)
    left = _left(principal.refusals, question)
    for ceiling in principal.ceilings:
        left = min(left, _left([b for b in ceiling if not b.statement.allow], question))
    return Level(Level.YES - left)


@dataclass(frozen=True, slots=True)
class _Question:
    action: str
    resource: str
    extent: Extent
    facts: Facts

    def about(self, resource: str) -> _Question:
        return _Question(self.action, resource, self.extent, self.facts)


def _union(
    allows: Sequence[Bound], denies: Sequence[Bound], ceilings: Sequence[Sequence[Bound]], question: _Question
) -> Decision:
    best = NO
    for bound in allows:
        if not concerns(bound.statement, question.action):
            continue
        truth = holds(bound.statement.conditions, question.facts, allow=True)
        if truth is Truth.FALSE:
            continue
        for narrowed, sure, part in _allowed(bound.statement, question):
            level = Level.YES if sure and truth is Truth.TRUE else Level.MAYBE
            level = min(level, _left(denies, question.about(narrowed)))
            for ceiling in ceilings:
                if level > best.level:
                    level = min(level, _under(ceiling, question.about(narrowed)))
            if level > best.level:
                best = Decision(level, _sentence(bound, question, part, level))
        if best.level is Level.YES:
            break
    return best


def _under(ceiling: Sequence[Bound], question: _Question) -> Level:
    allows = [b for b in ceiling if b.statement.allow]
    denies = [b for b in ceiling if not b.statement.allow]
    return _union(allows, denies, (), question).level


def _sentence(bound: Bound, question: _Question, part: str, level: Level) -> str:
    conditional = level is Level.MAYBE and bound.statement.conditions
    through = f" through group {bound.via.rpartition('/')[2]}" if bound.via else ""
    under = " under a condition" if conditional else ""
    return (
        f"{bound.policy} statement {bound.statement.number}{through} allows {question.action} on {shown(part)}{under}"
    )


@lru_cache(1 << 17)
def _concerns(actions: tuple[str, ...], not_actions: tuple[str, ...], action: str) -> bool:
    if actions:
        return any(action_matches(p, action) for p in actions)
    return not any(action_matches(p, action) for p in not_actions)


def concerns(statement: Statement, action: str) -> bool:
    """Whether a statement speaks of an action at all."""
    return _concerns(statement.actions, statement.not_actions, action)


def _filled(patterns: Sequence[str], facts: Facts, *, variable: bool) -> Iterable[tuple[str, bool]]:
    """Patterns with their variables filled in, and whether that was sure; those that can match nothing are left out."""
    return _anew(patterns, facts) if variable else [(p, True) for p in patterns]


def _anew(patterns: Sequence[str], facts: Facts) -> Iterator[tuple[str, bool]]:
    for pattern in patterns:
        text = fill(pattern, facts)
        if isinstance(text, str):
            yield text, True
        elif text is Fact.UNKNOWN:
            yield blank(pattern), False


def blank(pattern: str) -> str:
    """An unknown variable may be anything."""
    head, _, rest = pattern.partition("${")
    while rest:
        head += "*" + rest.partition("}")[2].partition("${")[0]
        rest = rest.partition("}")[2].partition("${")[2]
    return head


def _allowed(statement: Statement, question: _Question) -> Iterator[tuple[str, bool, str]]:
    """What of the question's resource an Allow speaks of: the part, whether surely, and how it is written."""
    target, extent = question.resource, question.extent
    if statement.not_resources:
        spared = list(_filled(statement.not_resources, question.facts, variable=statement.variable))
        if not _excluded([p for p, _ in spared], question):
            yield target, all(sure for _, sure in spared), "all but " + ", ".join(statement.not_resources)
        return
    for pattern, sure in _filled(statement.resources or ("*",), question.facts, variable=statement.variable):
        if extent is Extent.ONE:
            if matches(pattern, target):
                yield target, sure, pattern
        elif extent is Extent.ALL:
            if covers(_every_region(pattern), target):
                yield target, sure, pattern
        elif covers(target, pattern):
            yield pattern, sure, pattern
        elif overlap(pattern, target):
            yield target, sure, pattern


def _every_region(pattern: str) -> str:
    """All of one region counts as all: `arn:aws:ssm:eu-west-1:…` is read as `arn:aws:ssm:*:…`."""
    parts = pattern.split(":", 5)
    if len(parts) == 6 and parts[3]:
        parts[3] = "*"
    return ":".join(parts)


def _excluded(patterns: Sequence[str], question: _Question) -> bool:
    match question.extent:
        case Extent.ONE:
            return any(matches(p, question.resource) for p in patterns)
        case Extent.SOME:
            return any(covers(p, question.resource) for p in patterns)
        case Extent.ALL:
            return any(overlap(p, question.resource) for p in patterns)


def _left(denies: Sequence[Bound], question: _Question) -> Level:
    """What explicit Denies leave of an allowed question."""
    left = Level.YES
    for bound in denies:
        if not concerns(bound.statement, question.action):
            continue
        hit = _hit(bound.statement, question)
        if hit is Level.NO:
            continue
        truth = holds(bound.statement.conditions, question.facts, allow=False)
        if truth is Truth.FALSE:
            continue
        if hit is Level.YES and truth is Truth.TRUE:
            return Level.NO
        left = Level.MAYBE
    return left


def _hit(statement: Statement, question: _Question) -> Level:
    """YES: the Deny takes the whole resource; MAYBE: a part that matters or that we cannot tell; NO: nothing."""
    target, some = question.resource, question.extent is Extent.SOME
    part = Level.NO if some else Level.MAYBE
    if statement.not_resources:
        spared = [p for p, _ in _filled(statement.not_resources, question.facts, variable=statement.variable)]
        if not any(overlap(p, target) for p in spared):
            return Level.YES
        return Level.NO if any(covers(p, target) for p in spared) else part
    hit = Level.NO
    for pattern, sure in _filled(statement.resources or ("*",), question.facts, variable=statement.variable):
        if covers(pattern, target):
            hit = max(hit, Level.YES if sure else Level.MAYBE)
        elif overlap(pattern, target):
            hit = max(hit, part)
    return hit
