"""Who can become whom, one step at a time: by trusts, by rights in Azure, by rights in the directory.

A right that many hold leads to the same targets for all of them, so targets are kept in hubs that ways share: an estate
of ten thousand principals has as many ways as assignments, however many things lie below.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.azure.decide import Level
from nhiscan.analysis.azure.hubs import End, Hub, Way
from nhiscan.analysis.azure.ways_arm import arm_ways
from nhiscan.analysis.azure.ways_entra import entra_ways
from nhiscan.model import Certainty, IdentityKind, IdentityState, PrincipalKind, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.analysis.azure.estate import Estate
    from nhiscan.model import Trust

ISSUERS = ("login.microsoftonline.com/{}/v2.0", "sts.windows.net/{}")
"""Under which issuers Entra itself gives out tokens (learn.microsoft.com/entra/identity-platform/access-tokens)."""

_MAY = {
    "entra.group_owned": "owns it and may add itself",
    "entra.blueprint": "is the blueprint it is made from and signs in as it",
    "entra.agent_user": "acts as its agent user",
    "entra.federation": "is trusted by a federated credential of it",
    "entra.owner": "owns it and may add a secret",
}

_PAIRS: dict[tuple[IdentityKind | None, IdentityKind], str] = {
    (IdentityKind.AGENT_BLUEPRINT, IdentityKind.AGENT_IDENTITY): "entra.blueprint",
    (IdentityKind.AGENT_IDENTITY, IdentityKind.USER): "entra.agent_user",
}


@dataclass(slots=True)
class Ways:
    """All ways, by the principal they start from and by the hub that holds their ends."""

    out: dict[str, list[Way]] = field(default_factory=lambda: defaultdict(list))
    starts: dict[int, list[Way]] = field(default_factory=lambda: defaultdict(list))
    holding: dict[str, list[Hub]] = field(default_factory=lambda: defaultdict(list))
    _hubs: dict[int, Hub] = field(default_factory=dict)

    def add(self, way: Way) -> None:
        """Keep a way and where it leads."""
        self.out[way.start].append(way)
        key = id(way.hub)
        if key not in self._hubs:
            self._hubs[key] = way.hub
            for end in way.hub.ends:
                self.holding[end].append(way.hub)
        self.starts[key].append(way)

    def from_hub(self, hub: Hub) -> list[Way]:
        """The ways that lead to a hub."""
        return self.starts[id(hub)]

    def hubs_of(self, targets: Iterable[str]) -> list[tuple[Hub, list[str]]]:
        """The hubs that hold any of some targets, each with those it holds, in the order they are met."""
        found: dict[int, tuple[Hub, list[str]]] = {}
        for target in targets:
            for hub in self.holding.get(target, ()):
                found.setdefault(id(hub), (hub, []))[1].append(target)
        return list(found.values())


def ways(estate: Estate) -> Ways:
    """Every way there is; none leads to what is deleted or run by Microsoft."""
    found = Ways()
    for way in _trusted(estate):
        found.add(way)
    for way in arm_ways(estate):
        found.add(way)
    for way in entra_ways(estate):
        found.add(way)
    return found


def _trusted(estate: Estate) -> Iterator[Way]:
    """Ways that records of trust tell: owners, blueprints, and identities that federated credentials accept."""
    for trust in estate.trusts:
        target = estate.identities[trust.target_id]
        if trust.kind is TrustKind.ACCESS or target.state is IdentityState.DELETED:
            continue
        for start in _starts(estate, trust):
            method = _method(estate, trust, start)
            words = f"{estate.who(start)} {_MAY[method]}: {estate.who(target.id)}"
            level = Level.YES if trust.certainty is Certainty.CERTAIN else Level.CONDITIONAL
            if target.state is IdentityState.DISABLED:
                level, words = Level.CONDITIONAL, f"{words}, once it is enabled"
            yield Way(start, level, (), Hub({target.id: End(method, level, words)}))


def _starts(estate: Estate, trust: Trust) -> Iterator[str]:
    if trust.principal_kind is PrincipalKind.IDENTITY:
        if trust.principal in estate.identities or trust.principal in estate.abroad:
            yield trust.principal
    elif trust.kind is TrustKind.FEDERATE:
        issuer = trust.principal.rstrip("/")
        tenant = next((t for t in estate.tenants if issuer in {i.format(t) for i in ISSUERS}), None)
        for subject in trust.subjects if tenant else ():
            start = f"entra:{tenant}/{subject.lower()}"
            if start in estate.identities:
                yield start


def _method(estate: Estate, trust: Trust, start: str) -> str:
    target = estate.identities[trust.target_id]
    if target.kind is IdentityKind.GROUP:
        return "entra.group_owned"
    if trust.kind is TrustKind.FEDERATE:
        return "entra.federation"
    known = estate.identities.get(start)
    pair = (known.kind if known is not None else None, target.kind)
    return _PAIRS.get(pair, "entra.owner")
