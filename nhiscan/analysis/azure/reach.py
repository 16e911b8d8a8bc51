"""Who can become whom in Azure and Entra, up to five hops, with each hop proven."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.analysis.azure.decide import Level
from nhiscan.analysis.azure.effective import certainty, worth
from nhiscan.analysis.azure.estate import SOURCE
from nhiscan.model import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.azure.effective import Ability
    from nhiscan.analysis.azure.estate import Estate
    from nhiscan.analysis.azure.facts import Fact
    from nhiscan.analysis.azure.hubs import Hub
    from nhiscan.analysis.azure.ways import Ways
    from nhiscan.model import Capability

MAX_HOPS = 5
MAX_TARGETS = 10
"""Of the targets with one capability an identity keeps this many, the nearest: where everybody can become everybody,
their number would be the square of the estate."""

MAX_PLAIN = 50
"""Of the one-hop targets that hold no capability, an identity keeps this many, the first by id."""


@dataclass(frozen=True, slots=True)
class _Path:
    """A shortest path, as sure as its weakest step."""

    level: Level
    nodes: tuple[str, ...]

    @property
    def order(self) -> tuple[int, tuple[str, ...]]:
        """The surer first, then by name."""
        return -self.level, self.nodes


@dataclass(slots=True)
class _Found:
    """Paths by start and target, and how many of each capability a start has."""

    aims: Mapping[str, Fact]
    paths: dict[str, dict[str, _Path]] = field(default_factory=lambda: defaultdict(dict))
    counts: dict[str, Counter[Capability]] = field(default_factory=lambda: defaultdict(Counter))
    told: dict[int, dict[Capability, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))

    def room(self, start: str, target: str) -> bool:
        """Whether a start has not got the target, and may have another of its sort."""
        return target not in self.paths[start] and self.counts[start][self.aims[target].capability] < MAX_TARGETS

    def add(self, start: str, target: str, path: _Path) -> None:
        """Keep a path; that to oneself takes no room."""
        self.paths[start][target] = path
        self.counts[start][self.aims[target].capability] += start != target


def reach(estate: Estate, ways: Ways, able: Ability) -> Iterator[Reach]:
    """Rows ordered by start and target: shortest paths to targets worth reaching, and every single hop."""
    aims = worth(able)
    found = _search(ways, aims)
    for start in sorted(ways.out):
        for target, path in sorted(found.paths.get(start, {}).items()):
            if target != start:
                steps = tuple(s for a, b in pairwise(path.nodes) for s in _best(ways, a, b)[1])
                yield _row(estate, path, steps, aims[target])
        for end in _plain(ways, start, aims):
            level, steps = _best(ways, start, end)
            yield _row(estate, _Path(level, (start, end)), steps, None)


def _plain(ways: Ways, start: str, aims: Mapping[str, Fact]) -> list[str]:
    """The first by id of those one hop away who hold no capability; of a hub too, no more than that many count."""
    ends: set[str] = set()
    for way in ways.out[start]:
        ends.update(nsmallest(MAX_PLAIN + 1, (e for e in way.hub.ends if e not in aims)))
    return sorted(ends - {start})[:MAX_PLAIN]


def _search(ways: Ways, aims: Mapping[str, Fact]) -> _Found:
    """Breadth first from all targets at once; of equally short paths the surer, then the first in order."""
    found = _Found(aims)
    layer: dict[str, list[str]] = {target: [target] for target in sorted(aims)}
    for target in layer:
        found.add(target, target, _Path(Level.YES, (target,)))
    for _ in range(MAX_HOPS):
        following: dict[str, dict[str, _Path]] = defaultdict(dict)
        for hub, ends in ways.hubs_of(layer):
            offers = _offers(found, hub, [(end, target) for end in ends for target in layer[end]])
            for way in ways.from_hub(hub) if offers else ():
                for target, path in offers.items():
                    if way.start in path.nodes or not found.room(way.start, target):
                        continue
                    made = _Path(min(way.level, path.level), (way.start, *path.nodes))
                    known = following[way.start].get(target)
                    if known is None or made.order < known.order:
                        following[way.start][target] = made
        layer = {}
        for start, paths in sorted(following.items()):
            layer[start] = _keep(found, start, paths)
        if not layer:
            break
    return found


def _offers(found: _Found, hub: Hub, ends: list[tuple[str, str]]) -> dict[str, _Path]:
    """The best path from a hub to each target that it did not lead to before."""
    best: dict[str, _Path] = {}
    for end, target in ends:
        path = found.paths[end][target]
        made = _Path(min(path.level, hub.ends[end].level), path.nodes)
        if target not in best or made.order < best[target].order:
            best[target] = made
    told, offers = found.told[id(hub)], {}
    for target in sorted(best, key=lambda t: best[t].order):
        sort = found.aims[target].capability
        # One more than a start keeps: it may be one of them itself.
        if target not in told[sort] and len(told[sort]) <= MAX_TARGETS:
            told[sort].add(target)
            offers[target] = best[target]
    return offers


def _keep(found: _Found, start: str, paths: dict[str, _Path]) -> list[str]:
    """The targets that a start gains, as many as there is room for."""
    kept = []
    for target, path in sorted(paths.items(), key=lambda item: item[1].order):
        if found.room(start, target):
            found.add(start, target, path)
            kept.append(target)
    return kept


def _best(ways: Ways, start: str, end: str) -> tuple[Level, tuple[str, ...]]:
    """The surest single step between two, with its proof."""
    chosen = max(
        (way for way in ways.out[start] if end in way.hub.ends),
        key=lambda way: min(way.level, way.hub.ends[end].level),
    )
    return min(chosen.level, chosen.hub.ends[end].level), chosen.proof(end)


def _row(estate: Estate, path: _Path, steps: tuple[str, ...], why: Fact | None) -> Reach:
    start, target, level = path.nodes[0], path.nodes[-1], path.level
    if why is not None:
        steps += (f"{estate.who(target)} has {why.capability} ({why.method})", *why.steps)
        level = min(level, why.level)
    known = estate.identities.get(start) or estate.abroad[start]
    return Reach(
        id=f"{start}>{target}",
        scope_id=known.scope_id,
        source=SOURCE,
        locator=known.locator,
        identity_id=start,
        target_id=target,
        hops=len(path.nodes) - 1,
        path=path.nodes,
        certainty=certainty(level),
        steps=steps,
    )
