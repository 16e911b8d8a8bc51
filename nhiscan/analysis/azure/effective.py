"""What identities of Azure and Entra can effectively do, as `effective` rows that name the assignment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.azure.decide import Level
from nhiscan.analysis.azure.estate import SOURCE
from nhiscan.analysis.azure.facts import Fact, facts
from nhiscan.model import Capability, Certainty, Effective, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.azure.estate import Estate
    from nhiscan.analysis.azure.hubs import Way
    from nhiscan.analysis.azure.ways import Ways

ROUNDS = 5
"""Becoming somebody who can become somebody counts; longer chains than this are not followed."""

_POWER = (Capability.ADMIN, Capability.ESCALATE)


@dataclass(slots=True)
class Ability:
    """Facts by principal, groups included; what makes each one worth becoming, and what of that it has by itself."""

    facts: dict[str, list[Fact]] = field(default_factory=dict)
    power: dict[str, Fact] = field(default_factory=dict)
    own: dict[str, Fact] = field(default_factory=dict)


def abilities(estate: Estate, ways: Ways) -> Ability:
    """What everybody can do by himself, then by becoming others."""
    found = Ability()
    shared: dict[object, tuple[Fact, ...]] = {}
    for principal in estate.identities:
        held = estate.assignments(principal)
        if not held:
            continue
        # Facts name no principal, so whoever holds the same alone by the same groups has the same facts.
        key = None if any(a.condition for a in held) or estate.denials else (held, estate.identities[principal].state)
        if key is None or key not in shared:
            mine = facts(estate, principal)
            if key is not None:
                shared[key] = mine
        else:
            mine = shared[key]
        if mine:
            found.facts[principal] = list(mine)
            strongest = strength(mine)
            if strongest is not None:
                found.power[principal] = strongest
    found.own = dict(found.power)
    _spread(estate, found, ways)
    return found


def strength(mine: list[Fact] | tuple[Fact, ...]) -> Fact | None:
    """The greatest of what makes an identity worth becoming, and the surest of it."""
    worth = [f for f in mine if f.capability in _POWER]
    return min(worth, key=lambda f: (_POWER.index(f.capability), -f.level, f.method), default=None)


def _spread(estate: Estate, found: Ability, ways: Ways) -> None:
    """Whoever can become somebody more powerful escalates; as surely as the way and the target are.

    Of a hub the two surest targets count: whoever is one of them himself takes the other.
    """
    layer = sorted(found.power)
    for _ in range(ROUNDS):
        following: dict[str, tuple[Level, Way, str]] = {}
        for hub, targets in ways.hubs_of(layer):
            ranked = sorted(targets, key=lambda t: (-min(hub.ends[t].level, found.power[t].level), t))[:2]
            for way in ways.from_hub(hub):
                target = next((t for t in ranked if t != way.start), None)
                if target is None:
                    continue
                sure = min(way.level, hub.ends[target].level, found.power[target].level)
                known = following.get(way.start)
                if _gains(found.power.get(way.start), sure) and (known is None or known[0] < sure):
                    following[way.start] = sure, way, target
        facts_ = {start: _becoming(estate, found, *how) for start, how in following.items()}
        for start, fact in facts_.items():
            found.facts.setdefault(start, []).append(fact)
            mine = found.power.get(start)
            if mine is None or mine.capability is not Capability.ADMIN:
                found.power[start] = fact
        layer = sorted(following)
        if not layer:
            break


def _becoming(estate: Estate, found: Ability, sure: Level, way: Way, target: str) -> Fact:
    power = found.power[target]
    why = f"{estate.who(target)} has {power.capability} ({power.method})"
    steps = (*way.proof(target), why, *power.steps)
    return Fact(Capability.ESCALATE, way.hub.ends[target].method, sure, steps)


def _gains(mine: Fact | None, sure: Level) -> bool:
    """Whether such an escalation is more than what is known of somebody already."""
    return mine is None or mine.level < sure


def effective(estate: Estate, able: Ability) -> Iterator[Effective]:
    """Rows ordered by identity, for everybody but groups, whose members have what they give.

    `method` is what gives the capability, followed by `@` and the scope where it holds in a part of the tenant.
    """
    for identity_id, identity in estate.identities.items():
        if identity.kind is IdentityKind.GROUP:
            continue
        best: dict[str, Fact] = {}
        for fact in able.facts.get(identity_id, ()):
            key = f"{fact.capability}:{fact.method}"
            if key not in best or fact.level > best[key].level:
                best[key] = fact
        for key, fact in best.items():
            yield Effective(
                id=f"{identity_id}#{key}",
                scope_id=identity.scope_id,
                source=SOURCE,
                locator=identity.locator,
                identity_id=identity_id,
                capability=fact.capability,
                certainty=certainty(fact.level),
                method=fact.method,
                steps=fact.steps,
            )


def certainty(level: Level) -> Certainty:
    """What a level is called in a row."""
    return Certainty.CERTAIN if level is Level.YES else Certainty.CONDITIONAL


def worth(able: Ability) -> Mapping[str, Fact]:
    """What makes each identity worth reaching by itself: power of its own, or else the secrets it reads."""
    found = dict(able.own)
    for identity_id, mine in able.facts.items():
        if identity_id not in found:
            read = [f for f in mine if f.capability is Capability.READ_SECRETS]
            if read:
                found[identity_id] = min(read, key=lambda f: (-f.level, f.method))
    return found
