"""Who can become whom inside a cluster, up to five hops, with each hop proven."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.analysis.kubernetes.estate import SOURCE
from nhiscan.model import Capability, Certainty, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.analysis.kubernetes.estate import Estate
    from nhiscan.analysis.kubernetes.ways import Way
    from nhiscan.model import Effective

MAX_HOPS = 5
MAX_PLAIN = 500
"""Of the one-hop targets that hold no capability, an identity keeps this many, the first by id."""

_WORTH = (Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS)


def reach(estate: Estate, edges: Mapping[str, Mapping[str, Way]], able: Iterable[Effective]) -> Iterator[Reach]:
    """Rows ordered by target and identity: all paths to targets worth reaching, and every single hop."""
    best: dict[str, Effective] = {}
    for row in able:
        known = best.get(row.identity_id)
        if row.capability in _WORTH and (known is None or _order(row) < _order(known)):
            best[row.identity_id] = row
    back: dict[str, list[str]] = defaultdict(list)
    for start in sorted(edges):
        for end in edges[start]:
            back[end].append(start)
    for target in sorted(best):
        for path in _backwards(back, target):
            yield _row(estate, edges, path, best[target])
    for start in sorted(edges):
        for end in sorted(set(edges[start]) - set(best))[:MAX_PLAIN]:
            yield _row(estate, edges, (start, end), None)


def _order(row: Effective) -> tuple[int, str, str]:
    return _WORTH.index(row.capability), row.certainty, row.id


def _backwards(back: Mapping[str, list[str]], target: str) -> Iterator[tuple[str, ...]]:
    """The shortest paths that end at the target, breadth first."""
    seen = {target}
    layer: list[tuple[str, ...]] = [(target,)]
    for _ in range(MAX_HOPS):
        following: list[tuple[str, ...]] = []
        for path in layer:
            for start in back.get(path[0], ()):
                if start not in seen:
                    seen.add(start)
                    following.append((start, *path))
        yield from sorted(following)
        layer = following


def _row(estate: Estate, edges: Mapping[str, Mapping[str, Way]], path: tuple[str, ...], why: Effective | None) -> Reach:
    start, target = path[0], path[-1]
    steps = tuple(s for a, b in pairwise(path) for s in edges[a][b].steps)
    if why is not None:
        steps += (f"{estate.who(target)} has {why.capability} ({why.method})", *why.steps)
    return Reach(
        id=f"{start}>{target}",
        scope_id=estate.identities[start].scope_id,
        source=SOURCE,
        identity_id=start,
        target_id=target,
        hops=len(path) - 1,
        path=path,
        certainty=Certainty.CERTAIN,
        steps=steps,
    )
