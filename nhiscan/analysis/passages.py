"""Paths that leave one system and end in another: what each cloud's own analysis reaches, joined by crossings.

Every cloud tells who can become whom inside it, hop by hop; a crossing (`analysis.crossings`) leads from an identity of
one to one of the next.  Here the two are one graph, walked backwards from what is worth reaching, up to five hops.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.analysis.crossings import accepted
from nhiscan.analysis.federation import SOURCE
from nhiscan.model import Capability, Certainty, PrincipalKind, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.model import Effective, Identity, Trust

MAX_HOPS = 5
MAX_STARTS = 2_000
"""Of the identities that reach one target over a crossing, so many are told, the nearest first."""

_WORTH = (Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS)
_WHY = {
    Capability.ADMIN: "is administrator",
    Capability.ESCALATE: "can raise its own privileges",
    Capability.READ_SECRETS: "reads every secret",
}


@dataclass(frozen=True, slots=True)
class _Edge:
    """One hop, what proves it, and whether it leads into another system."""

    sure: bool
    steps: tuple[str, ...]
    crosses: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """A path to a target, whether every hop of it is sure, and whether it leaves its system."""

    path: tuple[str, ...]
    sure: bool = True
    crosses: bool = False


@dataclass(slots=True)
class _Graph:
    """Edges by their end and their start."""

    edges: dict[str, dict[str, _Edge]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, start: str, end: str, edge: _Edge) -> None:
        """Keep the surer of two edges between the same identities."""
        known = self.edges[end].get(start)
        if known is None or (edge.sure and not known.sure):
            self.edges[end][start] = edge


def passages(
    identities: Iterable[Identity], trusts: Iterable[Trust], reached: Iterable[Reach], effective: Iterable[Effective]
) -> Iterator[Reach]:
    """Rows by target and start: every single crossing, and every path over one to a target that is worth reaching.

    `reached` are the rows of the clouds; those of this stage among them are not looked at.
    """
    people = {i.id: i for i in identities}
    given = list(trusts)
    rows = [r for r in reached if r.source != SOURCE]
    told = {(r.identity_id, r.target_id) for r in rows}
    graph = _Graph()
    for row in rows:
        if row.hops == 1:
            graph.add(row.identity_id, row.target_id, _Edge(row.certainty is Certainty.CERTAIN, row.steps))
    issuers = {t.id: _issuer(t) for t in given}
    single: list[tuple[str, str]] = []
    for trust in accepted(people.values(), given):
        if trust.target_id in people:
            graph.add(trust.principal, trust.target_id, _crossing(people, trust, issuers))
            single.append((trust.target_id, trust.principal))
    worth = {i: why for i, why in _worth(people, effective).items() if single}
    for target in sorted({*worth, *(end for end, _ in single)}):
        for start, way in sorted(_backwards(graph, target, deep=target in worth).items()):
            if (start, target) not in told and start in people:
                yield _row(people, graph, way, worth.get(target, ()))


def _issuer(trust: Trust) -> str:
    return f"AWS account {trust.principal}" if trust.principal_kind is PrincipalKind.ACCOUNT else trust.principal


def _crossing(people: dict[str, Identity], trust: Trust, issuers: dict[str, str]) -> _Edge:
    start, end = people[trust.principal], people[trust.target_id]
    issuer = issuers.get(trust.locator or "", "its provider")
    demanded = ", ".join((*trust.subjects, *trust.claims)) or "nothing more"
    sure = trust.certainty is Certainty.CERTAIN
    says = f"{end.kind} {end.name} takes tokens of {issuer} (it demands {demanded})"
    how = "gets such tokens" if sure else "may get such tokens"
    return _Edge(sure, (says, f"{start.kind} {start.name} {how}"), crosses=start.provider != end.provider)


def _of(identity: Identity) -> tuple[str, ...]:
    """How a sentence begins that says what an identity can do."""
    return tuple(f"{identity.kind} {identity.name} {verb} " for verb in ("is", "can", "reads", "has"))


def _worth(people: dict[str, Identity], effective: Iterable[Effective]) -> dict[str, tuple[str, ...]]:
    """The identities that hold a capability, with the sentences that say which and why: the greatest, the surest."""
    best: dict[str, Effective] = {}
    for row in effective:
        if row.capability in _WORTH and row.identity_id in people:
            known = best.get(row.identity_id)
            if known is None or _order(row) < _order(known):
                best[row.identity_id] = row
    found = {}
    for id_, row in best.items():
        under = "" if row.certainty is Certainty.CERTAIN else " under a condition"
        found[id_] = (f"{people[id_].kind} {people[id_].name} {_WHY[row.capability]}{under}", *row.steps)
    return found


def _order(row: Effective) -> tuple[int, str, str]:
    return _WORTH.index(row.capability), row.certainty, row.id


def _backwards(graph: _Graph, target: str, *, deep: bool) -> dict[str, _Way]:
    """The ways over a crossing to a target, by their start: the shortest, then the surest, then the first in order."""
    # A start is known twice: by a way inside the target's own system, and by one that crosses.
    found: dict[tuple[str, bool], _Way] = {(target, False): _Way((target,))}
    layer = dict(found)
    for _ in range(MAX_HOPS if deep else 1):
        following: dict[tuple[str, bool], _Way] = {}
        for (end, _), way in sorted(layer.items()):
            for start, edge in sorted(graph.edges.get(end, {}).items()):
                key = (start, way.crosses or edge.crosses)
                if start in way.path or key in found:
                    continue
                fresh = _Way((start, *way.path), way.sure and edge.sure, key[1])
                known = following.get(key)
                if known is None or (not fresh.sure, fresh.path) < (not known.sure, known.path):
                    following[key] = fresh
        found.update(following)
        layer = following
        if not layer or len(found) > 2 * MAX_STARTS:
            break
    across = sorted((way for (_, crosses), way in found.items() if crosses), key=lambda w: (len(w.path), w.path))
    return {way.path[0]: way for way in across[:MAX_STARTS]}


def _row(people: dict[str, Identity], graph: _Graph, way: _Way, why: tuple[str, ...]) -> Reach:
    start, target = way.path[0], way.path[-1]
    steps = [step for a, b in pairwise(way.path) for step in graph.edges[b][a].steps]
    # The last hop of a cloud's own row says already why its end is worth reaching.
    if graph.edges[target][way.path[-2]].crosses or not any(step.startswith(_of(people[target])) for step in steps):
        steps += [step for step in why if step not in steps]
    return Reach(
        id=f"{start}>{target}",
        scope_id=people[start].scope_id,
        source=SOURCE,
        identity_id=start,
        target_id=target,
        hops=len(way.path) - 1,
        path=way.path,
        certainty=Certainty.CERTAIN if way.sure else Certainty.CONDITIONAL,
        steps=tuple(steps),
    )
