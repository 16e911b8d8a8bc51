"""What identities of Google Cloud can effectively do, as `effective` rows that name permission, place and binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.estate import SOURCE
from nhiscan.analysis.gcp.power import gains
from nhiscan.model import Capability, Certainty, Effective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.estate import Estate
    from nhiscan.analysis.gcp.power import Fact, Path, Power


def effective(estate: Estate, power: Power) -> Iterator[Effective]:
    """Rows ordered by identity.

    `method` is the permission or escalation, followed by `@` and the scope where it holds; an escalation by way of
    another identity is named by its first step alone.
    """
    raised: dict[str, dict[str, tuple[Path, Fact]]] = {}
    for path in power.paths:
        start, target = path.ids[0], path.ids[-1]
        gained = gains(estate, power.facts.get(start, ()), power.facts[target])
        way = power.edges.way(start, path.ids[1])
        if gained and way:
            mine = raised.setdefault(start, {})
            known = mine.get(way.entry.id)
            if known is None or _order(path, gained) < _order(*known):
                mine[way.entry.id] = (path, gained)
    for identity_id in estate.identities:
        for fact in power.facts.get(identity_id, ()):
            method = f"{fact.method}@{names.scope_id(fact.where)}"
            yield _row(estate, identity_id, fact.capability, method, fact.answer, fact.steps(estate))
        for method, (path, fact) in sorted(raised.get(identity_id, {}).items()):
            steps = (*power.walked(estate, path.ids), *why(estate, path.ids[-1], fact))
            yield _row(estate, identity_id, Capability.ESCALATE, method, min(path.answer, fact.answer), steps)


def _order(path: Path, fact: Fact) -> tuple[int, int, tuple[str, ...]]:
    return -min(path.answer, fact.answer), len(path.ids), path.ids


def why(estate: Estate, target: str, fact: Fact) -> tuple[str, ...]:
    """The sentences that say what makes a target worth reaching."""
    under = "" if fact.answer is Answer.YES else " under a condition"
    held = f"{estate.who(target)} has {fact.capability} in {estate.title(fact.where)}{under} ({fact.method})"
    return (held, *fact.steps(estate))


def certainty(answer: Answer) -> Certainty:
    """An answer as the inventory keeps it."""
    return Certainty.CERTAIN if answer is Answer.YES else Certainty.CONDITIONAL


def _row(
    estate: Estate, identity_id: str, capability: Capability, method: str, answer: Answer, steps: tuple[str, ...]
) -> Effective:
    identity = estate.identities[identity_id]
    return Effective(
        id=f"{identity_id}#{capability}:{method}",
        scope_id=identity.scope_id,
        source=SOURCE,
        locator=identity.locator,
        identity_id=identity_id,
        capability=capability,
        certainty=certainty(answer),
        method=method,
        steps=steps,
    )
