"""Ways by rights in Azure Resource Manager: running code as a workload's identity, taking a managed identity.

Whoever may assign roles counts as holding the strongest role it may assign to itself, with that as its first step.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.azure import scopes as places
from nhiscan.analysis.azure.catalogue import Need, built_in, searched
from nhiscan.analysis.azure.decide import (
    ASSIGN,
    STRONG,
    Answer,
    Level,
    Question,
    allowed,
    raises,
    restrained,
    step,
)
from nhiscan.analysis.azure.estate import Assignment
from nhiscan.analysis.azure.hubs import End, Hub, Way
from nhiscan.analysis.azure.roles import Plane, Role
from nhiscan.model import IdentityClass, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.azure.catalogue import Alternatives, Escalation
    from nhiscan.analysis.azure.estate import Estate

_USER_ASSIGNED = "/providers/microsoft.managedidentity/userassignedidentities/"
_NEEDS = (Need.CONSUMER, Need.MANAGED_IDENTITY)
Profile = dict[tuple[bool, tuple[str, ...]], Level]


@dataclass(frozen=True, slots=True)
class Right:
    """An assignment, or a role that one may assign to oneself, with its proof."""

    one: Assignment
    level: Level
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Thing:
    """A workload or managed identity that rights can be used on."""

    resource: str
    platform: str | None
    identity_id: str
    words: str


@dataclass(slots=True)
class _Search:
    """What is worked out once for all principals."""

    estate: Estate
    below: dict[str, list[_Thing]] = field(default_factory=lambda: defaultdict(list))
    profiles: dict[tuple[str, str | None, bool], Profile] = field(default_factory=dict)
    hubs: dict[tuple[object, ...], Hub] = field(default_factory=dict)
    asked: tuple[tuple[bool, Alternatives], ...] = ()
    entries: tuple[Escalation, ...] = ()


def arm_ways(estate: Estate) -> Iterator[Way]:
    """Ways of every principal with a role assignment, groups included, in order of principal."""
    search = _prepare(estate)
    for principal in sorted(set(estate.direct) | set(estate.seats)):
        held = [a for a in estate.assignments(principal) if a.role.plane is Plane.ARM]
        if not held or principal not in estate.identities or estate.deleted(principal):
            continue
        rights = [r for r in rights_of(estate, principal, held) if search.below.get(r.one.scope)]
        if rights:
            yield from _of(search, principal, rights)


def rights_of(estate: Estate, principal: str, held: list[Assignment]) -> Iterator[Right]:
    """The assignments themselves, and what a principal may add to them."""
    for one in held:
        if one.role.blocks is not None:
            yield Right(one, Level.YES, ())
    full = {a.scope for a in held if not a.condition and not a.eligible and _is_full(a.role)}
    for scope in sorted({a.scope for a in held if a.role.blocks is not None and a.scope not in full}):
        if not any(a.scope == scope and allowed(a, ASSIGN) for a in held):
            continue
        answer, name = raises(estate, principal, scope)
        if answer.level > Level.UNKNOWN:
            guid = next(g for g, n in STRONG if n == name)
            role = Role(f"azure:role/{guid}", name, Plane.ARM, (built_in()[guid].block,))
            words = f"with it {estate.who(principal)} assigns {name} to itself at {places.words(scope)}"
            yield Right(Assignment(f"{principal}+{name}", role, scope), answer.level, (*answer.steps, words))


def _is_full(role: Role) -> bool:
    return any("*" in b.actions and not b.not_actions for b in role.blocks or ())


def _prepare(estate: Estate) -> _Search:
    search = _Search(estate, entries=tuple(e for need in _NEEDS for e in searched(need, "arm")))
    search.asked = tuple({(e.data, t): None for e in search.entries for t in e.targets} | {
        (False, t): None for e in search.entries for t in e.others
    })  # fmt: skip
    for thing in _things(estate):
        target = estate.identities[thing.identity_id]
        if target.state is not IdentityState.DELETED and target.class_ is not IdentityClass.PROVIDER_MANAGED:
            for scope in estate.tree.chain(thing.resource):
                search.below[scope].append(thing)
    return search


def _things(estate: Estate) -> Iterator[_Thing]:
    for load in estate.workloads:
        words = f"{load.name}, which runs as {estate.who(load.identity_id)}"
        yield _Thing(load.resource, load.platform, load.identity_id, words)
    for identity in estate.identities.values():
        resource = places.arm_id(identity.native_id)
        if identity.kind is IdentityKind.MANAGED_IDENTITY and resource and _USER_ASSIGNED in resource:
            yield _Thing(resource, None, identity.id, estate.who(identity.id))


def _of(search: _Search, principal: str, rights: list[Right]) -> Iterator[Way]:
    for right in rights:
        one = right.one
        denied = frozenset(search.estate.denying(principal, one.scope, below=True))
        key = (one.role.id, one.condition, one.eligible, one.scope, denied)
        hub = search.hubs.get(key)
        if hub is None:
            chosen = [(e, level) for e in search.entries if (level := _whole(e, _profile(search, one)))]
            hub = search.hubs[key] = _hub(search, one.scope, chosen, denied)
        if hub.ends:
            yield Way(principal, right.level, right.steps or (step(one),), hub)
    if len(rights) > 1:
        yield from _joined(search, principal, rights)


def _profile(search: _Search, one: Assignment) -> Profile:
    """How surely an assignment gives each set of alternatives the catalogue asks about."""
    key = (one.role.id, one.condition, one.eligible)
    known = search.profiles.get(key)
    if known is None:
        known = search.profiles[key] = {}
        for data, alternatives in search.asked:
            level = max(allowed(one, action, data=data) for action in alternatives)
            if level > Level.UNKNOWN:
                known[data, alternatives] = level
    return known


def _whole(entry: Escalation, profile: Mapping[tuple[bool, Alternatives], Level]) -> Level:
    """How surely one assignment alone gives everything an entry asks for."""
    asked = [*((entry.data, t) for t in entry.targets), *((False, t) for t in entry.others)]
    level = min(profile.get(a, Level.NO) for a in asked)
    return min(level, Level.CONDITIONAL) if entry.doubt else level


def _hub(search: _Search, scope: str, chosen: list[tuple[Escalation, Level]], denied: frozenset[int]) -> Hub:
    """The targets below a scope, each by the surest entry that reaches it."""
    ends: dict[str, End] = {}
    for thing in search.below.get(scope, ()) if chosen else ():
        for entry, level in chosen:
            if not _fits(entry, thing):
                continue
            known = ends.get(thing.identity_id)
            if known is not None and known.level >= level:
                continue
            left = _left(search, entry, thing, level, denied)
            if left > Level.UNKNOWN and (known is None or left > known.level):
                doubt = f" ({entry.doubt})" if entry.doubt else ""
                ends[thing.identity_id] = End(entry.id, left, f"it {entry.says} {thing.words}{doubt}")
    return Hub(ends)


def _fits(entry: Escalation, thing: _Thing) -> bool:
    if entry.need is Need.MANAGED_IDENTITY:
        return thing.platform is None
    return thing.platform in entry.platforms


def _left(search: _Search, entry: Escalation, thing: _Thing, level: Level, denied: frozenset[int]) -> Level:
    """What deny assignments leave of a right on one target, and whether its identity can be used at all."""
    identity = search.estate.identities[thing.identity_id]
    if identity.state is IdentityState.DISABLED:
        level = min(level, Level.CONDITIONAL)
    if not denied:
        return level
    near = [n for n in search.estate.denials_over(thing.resource) if n in denied]
    for alternatives in entry.targets if near else ():
        best = Level.NO
        for action in alternatives:
            question = Question(action, thing.resource, entry.data)
            best = max(best, restrained(search.estate, near, question, Answer(level)).level)
        level = best
    return level


def _joined(search: _Search, principal: str, rights: list[Right]) -> Iterator[Way]:
    """Entries that no single assignment gives and several do together."""
    profiles = [(_profile(search, r.one), r) for r in rights]
    for entry in search.entries:
        asked = [*((entry.data, t) for t in entry.targets), *((False, t) for t in entry.others)]
        if len(asked) < 2 or any(_whole(entry, p) is Level.YES for p, _ in profiles):
            continue
        having = [[(r, p[a]) for p, r in profiles if a in p] for a in asked]
        if not all(having):
            continue
        others = [max(h, key=lambda x: min(x[1], x[0].level)) for h in having[len(entry.targets) :]]
        for chosen in _nested(search.estate, having[: len(entry.targets)]):
            parts = [*chosen, *others]
            level = min(min(lv, r.level) for r, lv in parts)
            level = min(level, Level.CONDITIONAL) if entry.doubt else level
            scope = max((r.one.scope for r, _ in chosen), key=lambda s: len(search.estate.tree.chain(s)))
            hub = _hub(search, scope, [(entry, level)], frozenset(search.estate.denying(principal, scope, below=True)))
            if hub.ends:
                steps = tuple(dict.fromkeys(s for r, _ in parts for s in (r.steps or (step(r.one),))))
                yield Way(principal, Level.YES, steps, hub)


def _nested(estate: Estate, having: list[list[tuple[Right, Level]]]) -> Iterator[list[tuple[Right, Level]]]:
    """Choices of one right for each target action whose scopes lie in one another."""
    found: list[list[tuple[Right, Level]]] = [[]]
    for options in having:
        found = [
            [*known, option]
            for known in found
            for option in options
            if all(_touch(estate, option[0].one.scope, other.one.scope) for other, _ in known)
        ]
    yield from found


def _touch(estate: Estate, one: str, other: str) -> bool:
    return one in estate.tree.chain(other) or other in estate.tree.chain(one)
