"""One principal, what it holds and where, and its questions answered once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.catalogue import known
from nhiscan.analysis.gcp.decide import Decision, decide

if TYPE_CHECKING:
    from nhiscan.analysis.gcp.conditions import Answer
    from nhiscan.analysis.gcp.estate import Binding, Estate, Running
    from nhiscan.analysis.gcp.roles import Role

_GLOBAL = frozenset({names.EVERYBODY, names.SIGNED_IN})


@dataclass(slots=True)
class Ground:
    """What all principals share.

    The projects below each node, the permissions of each role that matter, what runs by platform and project, and the
    number of each project.
    """

    estate: Estate
    projects: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    running: dict[tuple[str | None, str | None], list[Running]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[str, str] = field(default_factory=dict)

    def matter(self, role: Role) -> frozenset[str]:
        """The permissions of a role that the analysis asks about."""
        if role.policy_id not in self.roles:
            self.roles[role.policy_id] = (role.permissions or frozenset()) & known()
        return self.roles[role.policy_id]


def ground(estate: Estate) -> Ground:
    """The shared part; projects are those that were collected, or that hold accounts, bindings or workloads."""
    found = Ground(estate, numbers={p: n for n, p in estate.numbers.items()})
    for run in estate.running:
        found.running[run.platform, run.project].append(run)
    seen = {n for n in estate.titles if "/projects/" in n} | set(estate.accounts)
    seen |= {t for held in estate.bindings.values() for t in held if t.startswith(f"{names.MANAGER}projects/")}
    seen |= {r.project for r in estate.running if r.project}
    for project in sorted(seen):
        for node in estate.chain(project):
            found.projects[node].append(project)
    return found


@dataclass(slots=True)
class Asking:
    """A principal that asks.  `where` are the places at which some binding gives a permission."""

    ground: Ground
    id: str
    bindings: list[Binding] = field(default_factory=list)
    where: dict[str, list[str]] = field(default_factory=dict)
    _told: dict[tuple[str, str], Decision] = field(default_factory=dict)

    def may(self, permission: str, place: str) -> Decision:
        """The decision about whatever lies in a project or above, or about a thing itself."""
        key = (permission, place)
        if key not in self._told:
            below = place.startswith(names.MANAGER)
            self._told[key] = decide(self.ground.estate, self.id, permission, place, below=below)
        return self._told[key]

    def may_all(self, permissions: tuple[str, ...], place: str) -> tuple[Decision, ...] | None:
        """The decisions about all of them, None where one is refused."""
        found: list[Decision] = []
        for permission in permissions:
            decision = self.may(permission, place)
            if not decision.answer:
                return None
            found.append(decision)
        return tuple(found)

    def projects_with(self, permission: str) -> list[str]:
        """The projects that a permission may reach, in order."""
        nodes = self.where.get(permission, ())
        return sorted({p for n in nodes for p in self.ground.projects.get(n, ())})


def asking(found: Ground, principal: str) -> Asking:
    """What a principal holds by itself and by its groups.

    What everybody has is left out, unless it is everybody who asks: it is told once, of everybody.
    """
    one = Asking(found, principal)
    where: dict[str, dict[str, None]] = defaultdict(dict)
    for asker in found.estate.askers(principal):
        if asker.id in _GLOBAL and asker.id != principal:
            continue
        for target, held in found.estate.bindings.get(asker.id, {}).items():
            for bound in held:
                one.bindings.append(bound)
                for permission in found.matter(bound.role):
                    where[permission][target] = None
    one.where = {p: list(nodes) for p, nodes in where.items()}
    return one


def weakest(*parts: tuple[Decision, ...]) -> Answer:
    """How sure all of the decisions together are; there is at least one."""
    return min(d.answer for part in parts for d in part)
