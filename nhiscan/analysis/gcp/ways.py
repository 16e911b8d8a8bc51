"""Which service accounts a principal can become, and by which entry of the catalogue.

A way to every account of a project is kept once for the project, so that ten thousand principals cost what their
bindings cost, and not what the accounts below them do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.asking import Asking, asking, ground, weakest
from nhiscan.analysis.gcp.catalogue import Need, searched
from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.decide import dead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.asking import Ground
    from nhiscan.analysis.gcp.catalogue import Escalation
    from nhiscan.analysis.gcp.decide import Decision
    from nhiscan.analysis.gcp.estate import Estate

_ACT_AS = "iam.serviceAccounts.actAs"
_TOKEN = "iam.serviceAccounts.getAccessToken"  # noqa: S105 - the name of a permission
_ACROSS = "an organisation policy keeps accounts from being attached in other projects unless it was lifted"
MAX_ELSEWHERE = 50
"""So many projects are looked at for a place to deploy to, when the account's own project is none."""


@dataclass(frozen=True, slots=True)
class Way:
    """One step from a principal to an account; `after` is the way by which the second half of a chain goes."""

    entry: Escalation
    answer: Answer
    decisions: tuple[Decision, ...]
    doubt: str | None = None
    middle: str | None = None
    after: Way | None = None

    def steps(self, estate: Estate, target: str) -> tuple[str, ...]:
        """The sentences that prove it, the bindings first."""
        given = dict.fromkeys(d.step(estate) for d in self.decisions)
        doubt = f", where {self.doubt}" if self.doubt else ""
        using = " and ".join(dict.fromkeys(d.permission for d in self.decisions))
        said = f"{using}: {self.entry.does} {estate.who(self.middle or target)}{doubt}"
        return (*given, said, *(self.after.steps(estate, target) if self.after else ()))


@dataclass(slots=True)
class Edges:
    """Ways by principal, to single accounts and to all accounts of a project."""

    ground: Ground
    direct: dict[str, dict[str, Way]] = field(default_factory=dict)
    areas: dict[str, dict[str, Way]] = field(default_factory=dict)
    asked: dict[str, Asking] = field(default_factory=dict)

    def targets(self, start: str) -> Iterator[tuple[str, Way]]:
        """Every account that a principal reaches in one step."""
        direct, areas = self.direct.get(start, {}), self.areas.get(start, {})
        for target, way in direct.items():
            yield target, way
        for project, way in areas.items():
            for target in self.ground.estate.accounts.get(project, ()):
                if target != start and target not in direct and not dead(self.ground.estate, target):
                    yield target, way

    def way(self, start: str, target: str) -> Way | None:
        """The surest of what leads from one to the other in one step."""
        home = self.ground.estate.home_of(target)
        found = (self.direct.get(start, {}).get(target), self.areas.get(start, {}).get(home or ""))
        return max((w for w in found if w), key=lambda w: w.answer, default=None)


def ways(estate: Estate) -> Edges:
    """The surest way to each account or project, by principal, the first of the catalogue where several are as sure."""
    shared = ground(estate)
    edges = Edges(shared)
    starts = {i for i in estate.identities if not dead(estate, i)}
    for start in sorted(starts | {s for s in estate.sets if s.startswith(names.FEDERATED)}):
        one = asking(shared, start)
        if not one.bindings:
            continue
        edges.asked[start] = one
        _accounts(edges, one)
        _workloads(edges, one)
        _agents(edges, one)
    # These go on where others can go, so they come when that is known.
    for one in edges.asked.values():
        _delegates(edges, one)
        _pools(edges, one)
    return edges


def _keep(found: dict[str, dict[str, Way]], start: str, target: str, way: Way) -> None:
    mine = found.setdefault(start, {})
    if start != target and (target not in mine or way.answer > mine[target].answer):
        mine[target] = way


def _sure_of(found: dict[str, dict[str, Way]], start: str, target: str) -> bool:
    """Whether nothing better can be found any more."""
    known = found.get(start, {}).get(target)
    return known is not None and known.answer is Answer.YES


def _entries(one: Asking, need: Need) -> Iterator[Escalation]:
    return (e for e in searched(need) if one.where.keys() >= e.permissions)


def _accounts(edges: Edges, one: Asking) -> None:
    estate = one.ground.estate
    for entry in _entries(one, Need.ACCOUNT):
        first = (entry.target or entry.project)[0]
        for project in one.projects_with(first):
            if _sure_of(edges.areas, one.id, project) or not estate.accounts.get(project):
                continue
            on_all = one.may_all(entry.target, project)
            way = None if on_all is None else _way(one, entry, on_all, project)
            if way:
                _keep(edges.areas, one.id, project, way)
        for account in _named(one, first) if entry.target else ():
            home = estate.home_of(account)
            if _sure_of(edges.direct, one.id, account) or _sure_of(edges.areas, one.id, home or ""):
                continue
            on_one = one.may_all(entry.target, estate.resource_of(account))
            way = None if on_one is None or home is None else _way(one, entry, on_one, home)
            if way:
                _keep(edges.direct, one.id, account, way)


def _named(one: Asking, permission: str) -> Iterator[str]:
    """The living accounts whose own policy gives a permission."""
    for node in one.where.get(permission, ()):
        account = names.ACCOUNT + node.rpartition("/serviceAccounts/")[2]
        seen = "/serviceAccounts/" in node and account in one.ground.estate.identities
        if seen and not dead(one.ground.estate, account):
            yield account


def _way(one: Asking, entry: Escalation, on_target: tuple[Decision, ...], home: str) -> Way | None:
    """The way with what it needs in a project: that of the account, or else, for deployment, any other."""
    doubt = entry.doubt
    here = one.may_all(entry.project, home)
    if here is None and _ACT_AS in entry.target:
        doubt = _ACROSS
        others = (p for p in one.projects_with(entry.project[0])[:MAX_ELSEWHERE] if p != home)
        here = next((found for p in others if (found := one.may_all(entry.project, p))), None)
    elif here is not None and entry.exists and not one.ground.running.get((entry.exists, home)):
        doubt = f"something of {entry.exists.removeprefix('gcp_').replace('_', ' ')} exists there already"
    if here is None:
        return None
    return Way(entry, min(weakest(on_target, here), _sure(doubt)), (*on_target, *here), doubt)


def _sure(doubt: str | None) -> Answer:
    return Answer.CONDITIONAL if doubt else Answer.YES


def _workloads(edges: Edges, one: Asking) -> None:
    estate = one.ground.estate
    for entry in _entries(one, Need.WORKLOAD):
        places = one.projects_with(entry.project[0])
        for run in (r for p in places for r in one.ground.running.get((entry.platform, p), ())):
            if dead(estate, run.account_id):
                continue
            known = edges.way(one.id, run.account_id)
            if known and known.answer is Answer.YES:
                continue
            there = one.may_all(entry.project, run.project or "")
            on_one = one.may_all(entry.target, estate.resource_of(run.account_id))
            if not there or on_one is None or (entry.platform == "gcp_gke" and run.hidden):
                continue
            doubt = None if entry.platform == "gcp_gke" and run.hidden is False else entry.doubt
            doubt = doubt or ("the access scopes of the workload narrow its tokens" if run.narrow else None)
            answer = min(weakest(there, on_one), _sure(doubt))
            _keep(edges.direct, one.id, run.account_id, Way(entry, answer, (*there, *on_one), doubt))


def _agents(edges: Edges, one: Asking) -> None:
    estate = one.ground.estate
    for entry in _entries(one, Need.AGENT):
        for project in one.projects_with(entry.project[0]):
            number = one.ground.numbers.get(names.project_in(project) or "", "")
            account = names.ACCOUNT + (entry.account or "").format(number=number)
            there = one.may_all(entry.project, project) if account in estate.identities else None
            if there and not dead(estate, account):
                answer = min(weakest(there), _sure(entry.doubt))
                _keep(edges.direct, one.id, account, Way(entry, answer, there, entry.doubt))


def _delegates(edges: Edges, one: Asking) -> None:
    """By an account that may delegate to another that makes tokens of a third."""
    for entry in _entries(one, Need.DELEGATE):
        through: dict[str, tuple[Decision, ...]] = {}
        for project in one.projects_with(entry.target[0]):
            found = one.may_all(entry.target, project)
            if found:
                through |= dict.fromkeys(one.ground.estate.accounts.get(project, ()), found)
        for account in _named(one, entry.target[0]):
            found = one.may_all(entry.target, one.ground.estate.resource_of(account))
            if found:
                through[account] = found
        for middle, decisions in sorted(through.items()):
            # Whoever makes tokens of the account in the middle needs no delegation: that is a path of two steps.
            mine = edges.way(one.id, middle)
            if mine and mine.answer >= weakest(decisions) and mine.entry.need is Need.ACCOUNT:
                continue
            _onward(edges, one, Way(entry, weakest(decisions), decisions, middle=middle), tokens=True)


def _pools(edges: Edges, one: Asking) -> None:
    """By a provider of one's own in a pool whose identities may act as accounts or have roles."""
    estate = one.ground.estate
    for entry in _entries(one, Need.POOL):
        places = set(one.projects_with(entry.project[0]))
        for middle in (s for s in estate.sets if "/workloadIdentityPools/" in s):
            number = names.project_in(f"/{middle}") or ""
            project = f"{names.MANAGER}projects/{estate.numbers.get(number, number)}"
            there = one.may_all(entry.project, project) if project in places else None
            if there:
                way = Way(entry, weakest(there), there, middle=middle)
                _onward(edges, one, way, tokens=False)
                if middle in estate.identities:
                    _keep(edges.direct, one.id, middle, Way(entry, way.answer, there))


def _onward(edges: Edges, one: Asking, way: Way, *, tokens: bool) -> None:
    """Join a way to some principal with those that lead on from it."""
    for target, after in list(edges.targets(way.middle or "")):
        if not after.after and (after.entry.target == (_TOKEN,) or not tokens):
            joined = Way(way.entry, min(way.answer, after.answer), way.decisions, None, way.middle, after)
            _keep(edges.direct, one.id, target, joined)
