"""Scorecards in the text report: a line for each item, then every reason why something was not assessed, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.scorecard import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.engine.scorecard import ItemScore, Missing, Scorecard

Line = list[tuple[str, str]]

_STYLES = {
    State.FAILED: "red",
    State.PASSED: "green",
    State.PARTIAL: "yellow",
    State.NOT_ASSESSED: "yellow",
    State.NOT_APPLICABLE: "dim",
    State.NOT_COVERABLE: "dim",
}
_WORDS = {
    State.FAILED: "failed",
    State.PASSED: "passed",
    State.PARTIAL: "passed in part",
    State.NOT_ASSESSED: "not assessed",
    State.NOT_APPLICABLE: "not applicable",
    State.NOT_COVERABLE: "not coverable",
}
_STATE = max(map(len, _WORDS.values()))
_HEAD = "A check is one rule judging one subject. The numbers in brackets say below why checks were not assessed."
_AGENTS = (
    "Only agents, tool servers and what they use are counted. A rule bears on an item directly, in part, by the size "
    "of the damage (blast radius) or by what would be noticed (telemetry); no item is covered as a whole."
)
_PARTLY = "Items that no rule can bear on are not listed."
_SHOWN = 6


class Reasons:
    """Why checks were not assessed: each reason with its remedy gets one number over a whole report."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._found: dict[tuple[str, str], list[Missing]] = {}

    def number(self, missing: Missing) -> int:
        """The number of a reason."""
        key = (missing.reason, missing.remedy)
        self._found.setdefault(key, []).append(missing)
        return self._numbers.setdefault(key, len(self._numbers) + 1)

    def lines(self) -> Iterator[str]:
        """One sentence for each, with its remedy."""
        for key, number in self._numbers.items():
            reason, remedy = key
            rules = sorted({rule for missing in self._found[key] for rule in missing.rules})
            more = f" and {len(rules) - _SHOWN} more" if len(rules) > _SHOWN else ""
            yield f"[{number}] {', '.join(rules[:_SHOWN])}{more}: {reason} → {remedy}"


def scorecards(cards: Sequence[Scorecard], families: Sequence[ItemScore], *, everything: bool) -> Iterator[Line]:
    """The scorecards, the families of controls, and the reasons; with `everything` the rules of each item."""
    reasons = Reasons()
    for card in cards:
        yield [("", "")]
        yield [(f"{card.title} ({card.edition})", "bold")]
        yield [(_AGENTS if card.agents else _HEAD, "dim")]
        if not card.complete:
            yield [(_PARTLY, "dim")]
        yield from _items(card.items, reasons, everything=everything)
    yield [("", "")]
    yield [("Control families", "bold")]
    yield from _items(families, reasons, everything=everything, named=False)
    yield [("", "")]
    yield [("Not assessed", "bold")]
    told = list(reasons.lines())
    for line in told:
        yield [(line, "")]
    if not told:
        yield [("Everything was assessed.", "")]


def _items(items: Sequence[ItemScore], reasons: Reasons, *, everything: bool, named: bool = True) -> Iterator[Line]:
    width = max((len(item.id) if named else len(item.title) for item in items), default=0)
    for item in items:
        yield [
            (f"{item.id if named else item.title:<{width}}  ", "bold"),
            (f"{_WORDS[item.state]:<{_STATE}}  ", _STYLES[item.state]),
            (_counts(item, reasons), ""),
            (f"  {item.title}" if named else "", "dim"),
        ]
        indent = " " * (width + 2)
        for text in _more(item, everything=everything, named=named):
            yield [(f"{indent}{text}", "dim")]


def _counts(item: ItemScore, reasons: Reasons) -> str:
    if item.state is State.NOT_COVERABLE:
        return f"{item.reason}."
    subjects = f" ({_count(item.failing, 'subject')})" if item.failed else ""
    numbers = sorted({reasons.number(m) for m in item.missing})
    why = f" [{', '.join(map(str, numbers))}]" if numbers else ""
    return f"{item.failed:>4} failed{subjects}, {item.passed:>5} passed, {item.not_assessed:>4} not assessed{why}"


def _more(item: ItemScore, *, everything: bool, named: bool) -> Iterator[str]:
    levels = [(level.replace("_", " "), rules) for level, rules in item.levels.items()]
    if named and any(level != "direct" for level, _ in levels):
        yield "; ".join(f"{level}: {_count(len(rules), 'rule')}" for level, rules in levels)
    if item.limits:
        yield f"not seen: {item.limits}"
    if everything:
        for level, rules in levels:
            yield f"{level}: {', '.join(rules)}"
        if item.related:
            yield f"related: {'; '.join(_related(item.related.items()))}"


def _related(pairs: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for framework, ids in pairs:
        if ids:
            yield f"{framework} {', '.join(ids)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
