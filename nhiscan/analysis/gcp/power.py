"""What each principal has by itself, and by which paths it comes to what others have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.catalogue import CAPABILITIES, Need, searched
from nhiscan.analysis.gcp.conditions import Answer, Facts, holds
from nhiscan.analysis.gcp.decide import Decision, strikes
from nhiscan.analysis.gcp.roles import BASIC
from nhiscan.model import Capability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.analysis.gcp.asking import Asking
    from nhiscan.analysis.gcp.estate import Estate
    from nhiscan.analysis.gcp.ways import Edges, Way

MAX_HOPS = 5
MAX_PATHS = 100
"""So many targets worth becoming are told of one identity, the greatest first: a project has thousands of accounts."""

WORTH = (Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS)
"""What makes an identity worth becoming, the greatest first."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One capability at a project, folder or organisation; `words` say what the permission does there."""

    capability: Capability
    method: str
    where: str
    answer: Answer
    decision: Decision
    words: str

    def steps(self, estate: Estate) -> tuple[str, ...]:
        """The binding, and what follows from it."""
        return (self.decision.step(estate), f"{self.words} ({estate.title(self.where)})")


class Path(NamedTuple):
    """The shortest path between two identities, and how sure its weakest step is; there are millions of them."""

    ids: tuple[str, ...]
    answer: Answer


@dataclass(slots=True)
class Power:
    """Facts and paths of a whole estate; `worth` is the greatest fact of whoever is worth becoming."""

    edges: Edges
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    worth: dict[str, Fact] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    _told: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def walked(self, estate: Estate, path: tuple[str, ...]) -> tuple[str, ...]:
        """The sentences of every step of a path, made once for each step."""
        steps: tuple[str, ...] = ()
        for pair in pairwise(path):
            if pair not in self._told:
                way = self.edges.way(*pair)
                self._told[pair] = way.steps(estate, pair[1]) if way else ()
            steps += self._told[pair]
        return steps


def power(estate: Estate, edges: Edges) -> Power:
    """Facts of every identity, and the paths to all that are worth becoming, ordered by target and start."""
    found = Power(edges)
    for identity_id, one in edges.asked.items():
        if identity_id in estate.identities:
            mine = list(facts(one))
            found.facts[identity_id] = mine
            best = min((f for f in mine if f.capability in WORTH), key=_order, default=None)
            if best:
                found.worth[identity_id] = best
    back = _Back(estate, edges)
    told: dict[str, int] = defaultdict(int)
    for target in sorted(found.worth, key=lambda t: (_order(found.worth[t]), t)):
        for path in back.paths(target):
            told[path.ids[0]] += 1
            if told[path.ids[0]] <= MAX_PATHS:
                found.paths.append(path)
    found.paths.sort(key=lambda p: (p.ids[-1], p.ids))
    return found


def _order(fact: Fact) -> tuple[int, int, str, str]:
    return WORTH.index(fact.capability), -fact.answer, fact.where, fact.method


def gains(estate: Estate, own: Iterable[Fact], other: Iterable[Fact]) -> Fact | None:
    """The greatest that the other has worth becoming and the own have not, there or above, as surely."""
    mine = [f for f in own if f.capability in WORTH]
    return next(
        (
            f
            for f in sorted((f for f in other if f.capability in WORTH), key=_order)
            if not any(_rank(m) <= _rank(f) and m.answer >= f.answer and estate.within(f.where, m.where) for m in mine)
        ),
        None,
    )


def _rank(fact: Fact) -> int:
    return WORTH.index(fact.capability)


def facts(one: Asking) -> Iterator[Fact]:
    """What follows from the bindings of one principal on projects, folders and the organisation."""
    held: dict[tuple[Capability, str], Fact] = {}
    for node in sorted(_nodes(one), key=lambda n: (len(one.ground.estate.chain(n)), n)):
        for fact in (*_wild(one, node), *_capable(one, node), *_raised(one, node)):
            above = (held.get((fact.capability, n)) for n in one.ground.estate.chain(node))
            if fact.capability is Capability.ESCALATE or all(a is None or a.answer < fact.answer for a in above):
                held.setdefault((fact.capability, node), fact)
                if not (fact.capability is Capability.ESCALATE and _admin(held, one, node)):
                    yield fact


def _admin(held: Mapping[tuple[Capability, str], Fact], one: Asking, node: str) -> bool:
    found = (held.get((Capability.ADMIN, n)) for n in one.ground.estate.chain(node))
    return any(f is not None and f.answer is Answer.YES for f in found)


def _nodes(one: Asking) -> set[str]:
    return {b.target for b in one.bindings if names.scope_id(b.target)}


def _capable(one: Asking, node: str) -> Iterator[Fact]:
    kind = names.split(node)[1].partition("/")[0]
    for capability, permissions in CAPABILITIES.items():
        best: Decision | None = None
        for permission in permissions:
            if node not in one.where.get(permission, ()) or not _sensible(capability, permission, kind):
                continue
            decision = one.may(permission, node)
            if decision.answer and (best is None or decision.answer > best.answer):
                best = decision
            if best and best.answer is Answer.YES:
                break
        if best:
            words = f"{best.permission} {_WORDS[capability]}"
            yield Fact(capability, best.permission, node, best.answer, best, words)


_WORDS = {
    Capability.ADMIN: "gives anybody any role",
    Capability.GRANT_ACCESS: "gives access to others",
    Capability.READ_SECRETS: "reads secret values",
    Capability.WRITE_DATA: "changes or deletes data",
    Capability.ALTER_LOGS: "ends or changes logs",
}


def _sensible(capability: Capability, permission: str, kind: str) -> bool:
    """A policy of folders is not set from a project: the permission means something at its kind of node and above."""
    if capability is not Capability.ADMIN and not permission.startswith("resourcemanager."):
        return True
    ranks = ("projects", "folders", "organizations")
    own = permission.split(".")[1]
    return ranks.index(kind) >= ranks.index(own)


def _wild(one: Asking, node: str) -> Iterator[Fact]:
    """Basic roles that write, which reach into every service."""
    for bound in one.bindings:
        if bound.target == node and BASIC.get(bound.role.name) == "write":
            answer = holds(bound.condition, Facts(one.ground.estate.as_of))
            answer = min(answer, Answer.CONDITIONAL if bound.eligible else Answer.YES)
            via = bound.principal_id if bound.principal_id != one.id else None
            if answer:
                decision = Decision(answer, bound.role.name, bound, via)
                words = f"{bound.role.name} changes what it likes in every service"
                yield Fact(Capability.WILDCARD, bound.role.name, node, answer, decision, words)


def _raised(one: Asking, node: str) -> Iterator[Fact]:
    """Escalations that need nobody to become."""
    for entry in searched(Need.OWN_ROLE, Need.OWN_DENY, Need.NOTHING):
        permission = entry.project[0]
        if permission not in one.where:
            continue
        sure, decision = Answer.CONDITIONAL if entry.doubt else Answer.YES, None
        if entry.need is Need.OWN_ROLE:
            decision = _own_role(one, node, permission)
        elif node in one.where[permission]:
            decision = one.may(permission, node)
        if decision is None or not decision.answer:
            continue
        if entry.need is Need.OWN_DENY:
            sure = _bound(one, node)
        answer = min(decision.answer, sure)
        if answer:
            doubt = f", though {entry.doubt}" if entry.doubt else ""
            yield Fact(Capability.ESCALATE, entry.id, node, answer, decision, f"{permission} {entry.does}{doubt}")


def _bound(one: Asking, node: str) -> Answer:
    """Whether a deny policy at a place or below it binds the principal; it may be of nothing that it has."""
    estate = one.ground.estate
    points = (p for p in estate.denials if estate.within(p, node))
    hit = max((strikes(estate, r, one.id) for p in points for r in estate.denials[p]), default=Answer.NO)
    return min(Answer.CONDITIONAL, hit)


def _own_role(one: Asking, node: str, permission: str) -> Decision | None:
    """Whether it may change a custom role that is bound to it here."""
    best: Decision | None = None
    for bound in one.bindings:
        kind, _, rest = bound.role.name.partition("/")
        if bound.target == node and kind in {"projects", "organizations"}:
            found = one.may(permission, f"{names.MANAGER}{kind}/{rest.partition('/')[0]}")
            best = found if best is None or found.answer > best.answer else best
    return best


class _Back:
    """The edges turned round."""

    def __init__(self, estate: Estate, edges: Edges) -> None:
        self._estate = estate
        self._direct: dict[str, list[tuple[str, Way]]] = defaultdict(list)
        self._areas: dict[str, list[tuple[str, Way]]] = defaultdict(list)
        self._homes: dict[str, str] = {}
        for index, by_start in ((self._direct, edges.direct), (self._areas, edges.areas)):
            for start, mine in by_start.items():
                for target, way in mine.items() if start in estate.identities else ():
                    index[target].append((start, way))

    def paths(self, target: str) -> list[Path]:
        """Breadth first from the target; of equally short paths the surer one wins, then the first in order."""
        found: dict[str, Path] = {}
        layer = {target: Path((target,), Answer.YES)}
        crossed: dict[str, Answer] = {}
        for _ in range(MAX_HOPS):
            following: dict[str, Path] = {}
            going = [end for end in layer if end in self._direct or self._crosses(end, layer[end].answer, crossed)]
            for end in sorted(going, key=lambda e: (-layer[e].answer, e)):
                path = layer[end]
                home = self._home(end)
                # Everybody who enters a project reaches all its accounts: once is enough, if it was as sure.
                areas = () if crossed.get(home, Answer.NO) >= path.answer else self._areas.get(home, ())
                crossed[home] = max(crossed.get(home, Answer.NO), path.answer)
                for start, way in chain(self._direct.get(end, ()), areas):
                    if start in found or start in path.ids:
                        continue
                    answer = min(way.answer, path.answer)
                    known = following.get(start)
                    if known is None or answer > known.answer:
                        following[start] = Path((start, *path.ids), answer)
            if not following:
                break
            found.update(following)
            layer = following
        return list(found.values())

    def _crosses(self, end: str, answer: Answer, crossed: Mapping[str, Answer]) -> bool:
        """Whether going back from an account to everybody who enters its project finds anything new."""
        home = self._home(end)
        return home in self._areas and crossed.get(home, Answer.NO) < answer

    def _home(self, account: str) -> str:
        if account not in self._homes:
            self._homes[account] = self._estate.home_of(account) or ""
        return self._homes[account]
