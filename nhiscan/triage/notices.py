"""What a reviewer must hear about suppressions and the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.triage.result import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from nhiscan.engine.rule import Rule
    from nhiscan.triage.baseline import Entry
    from nhiscan.triage.suppress import Suppression

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Match:
    """What a suppression did: `hidden` findings, and `partly` that lie in other places too and stay."""

    suppression: Suppression
    hidden: int
    partly: int


def suppression_notices(
    matches: Iterable[Match], as_of: datetime, rules: Sequence[Rule], all_rules: Sequence[Rule]
) -> Iterator[Notice]:
    """A notice for each suppression that expired, matches nothing, hides too much or lacks its reason or owner."""
    for match in matches:
        item = match.suppression
        label = f"{item.origin} ({', '.join(item.rules) or 'every rule'})"
        if not any(item.names(rule) for rule in all_rules):
            yield Notice(
                "suppression-unknown", f"suppression {label} names no rule", "correct the id: nhiscan rules list"
            )
            continue
        if item.expired(as_of):
            yield Notice(
                "suppression-expired",
                f"suppression {label} expired on {item.expires} and hides nothing: {_count(match.hidden)} shown again",
                "fix the finding, or renew the decision with a new date",
            )
            continue
        yield from _state(match, label, ran=any(item.names(rule) for rule in rules))


def _state(match: Match, label: str, *, ran: bool) -> Iterator[Notice]:
    if ran and not match.hidden and not match.partly:
        yield Notice("suppression-unmatched", f"suppression {label} matches no finding", "remove it")
    if match.partly:
        yield Notice(
            "suppression-partial",
            f"suppression {label} covers only some places of {_count(match.partly)}, which stay",
            "cover every place, or remove the credential from the others",
        )
    for weakness in match.suppression.weaknesses():
        yield Notice(
            f"suppression-{'broad' if 'broad' in weakness else 'weak'}",
            f"suppression {label} {weakness} and hides {_count(match.hidden)}",
            "give it a subject or path, an owner, a reason and a date",
        )


def baseline_notices(gone: Sequence[Entry], unseen: Sequence[Entry]) -> Iterator[Notice]:
    """A notice for baseline entries that are fixed, and one for those `gone` that this run could not see."""
    blind = set(unseen)
    fixed = [e for e in gone if e not in blind]
    if fixed:
        update = "run `nhiscan baseline update` to drop them"
        yield Notice("baseline-fixed", f"{_known(len(fixed))} fixed: {_named(fixed)}", update)
    if unseen:
        text = f"{_known(len(unseen))} not assessed in this run and stay in the baseline: {_named(unseen)}"
        yield Notice("baseline-unseen", text, None)


def _known(number: int) -> str:
    return "1 known finding is" if number == 1 else f"{number} known findings are"


def _named(entries: Sequence[Entry]) -> str:
    names = [f"{e.rule} on {e.subject}" for e in sorted(entries)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "; ".join(names[:_SHOWN]) + more


def _count(number: int) -> str:
    return "1 finding" if number == 1 else f"{number} findings"
