"""Who can become whom over roles, up to five hops, with the path kept and each hop proven."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.assume import MAX_HOPS, hops
from nhiscan.analysis.aws.estate import SOURCE
from nhiscan.analysis.aws.evaluate import Level
from nhiscan.model import Capability, Certainty, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.analysis.aws.assume import Hop
    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.model import Effective, Trust

MAX_PLAIN = 500
"""Of the one-hop targets that hold no capability, an identity keeps this many, the first by id."""

_WORTH = (Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS)
_WHY = {
    Capability.ADMIN: "is administrator",
    Capability.ESCALATE: "can raise its own privileges",
    Capability.READ_SECRETS: "reads every secret",
}
Edges = dict[str, dict[str, "Hop"]]


@dataclass(frozen=True, slots=True)
class _Way:
    """The shortest path from an identity to one target, and its weakest edge."""

    path: tuple[str, ...]
    level: Level


def reach(
    estate: Estate,
    trusts: Sequence[Trust],
    effective: Iterable[Effective],
    edges: Mapping[str, Mapping[str, Hop]] | None = None,
) -> Iterator[Reach]:
    """Rows ordered by target and identity: all paths to targets worth reaching, and every single hop.

    `edges` are those of `assume.hops` where they are known already.
    """
    rows = [e for e in effective if e.capability in _WORTH and e.identity_id in estate.principals]
    worth = _worth(estate, rows)
    if edges is None:
        edges = hops(estate, trusts, frozenset(e.identity_id for e in rows if _sure_admin(e)))
    back: dict[str, dict[str, Level]] = defaultdict(dict)
    for start, ends in edges.items():
        for end, hop in ends.items():
            back[end][start] = hop.level
    told: dict[tuple[str, str], tuple[str, ...]] = {}
    for target in sorted(worth):
        for _, way in sorted(_backwards(back, target).items()):
            yield _row(estate, way, _proof(estate, edges, told, way.path) + worth[target])
    for start in sorted(edges):
        for end in sorted(set(edges[start]) - set(worth))[:MAX_PLAIN]:
            way = _Way((start, end), edges[start][end].level)
            yield _row(estate, way, _proof(estate, edges, told, way.path))


def _sure_admin(row: Effective) -> bool:
    return row.capability is Capability.ADMIN and row.certainty is Certainty.CERTAIN


def _worth(estate: Estate, rows: Iterable[Effective]) -> dict[str, tuple[str, ...]]:
    """The targets that hold a capability, with sentences that say which and why: the greatest, and the surest of it."""
    best: dict[str, Effective] = {}
    for row in rows:
        known = best.get(row.identity_id)
        if known is None or _order(row) < _order(known):
            best[row.identity_id] = row
    return {i: _why(estate, row) for i, row in best.items()}


def _order(row: Effective) -> tuple[int, str, str]:
    return _WORTH.index(row.capability), row.certainty, row.id


def _why(estate: Estate, row: Effective) -> tuple[str, ...]:
    identity = estate.identities[row.identity_id]
    under = "" if row.certainty is Certainty.CERTAIN else " under a condition"
    words = f"{identity.kind} {identity.name} {_WHY[row.capability]}{under}"
    if row.capability is Capability.ESCALATE:
        return (f"{words} ({row.method})", *row.steps)
    return (f"{words}: {row.steps[0]}", *row.steps[1:]) if row.steps else (words,)


def _proof(
    estate: Estate,
    edges: Mapping[str, Mapping[str, Hop]],
    told: dict[tuple[str, str], tuple[str, ...]],
    path: Sequence[str],
) -> tuple[str, ...]:
    """The sentences of every hop of a path, made once for each hop."""
    steps: tuple[str, ...] = ()
    for pair in pairwise(path):
        if pair not in told:
            told[pair] = edges[pair[0]][pair[1]].steps(estate)
        steps += told[pair]
    return steps


def _row(estate: Estate, way: _Way, steps: tuple[str, ...]) -> Reach:
    start, target = way.path[0], way.path[-1]
    return Reach(
        id=f"{start}>{target}",
        scope_id=estate.identities[start].scope_id,
        source=SOURCE,
        identity_id=start,
        target_id=target,
        hops=len(way.path) - 1,
        path=way.path,
        certainty=Certainty.CERTAIN if way.level is Level.YES else Certainty.CONDITIONAL,
        steps=steps,
    )


def _backwards(back: Mapping[str, Mapping[str, Level]], target: str) -> dict[str, _Way]:
    """Breadth first from the target; of equally short paths the surer one wins, then the first in order."""
    found: dict[str, _Way] = {}
    layer = {target: _Way((target,), Level.YES)}
    for _ in range(MAX_HOPS):
        following: dict[str, _Way] = {}
        for end in sorted(layer):
            for start, level in back.get(end, {}).items():
                if start == target or start in found:
                    continue
                way = _Way((start, *layer[end].path), min(level, layer[end].level))
                known = following.get(start)
                if known is None or (-way.level, way.path) < (-known.level, known.path):
                    following[start] = way
        if not following:
            break
        found.update(following)
        layer = following
    return found
