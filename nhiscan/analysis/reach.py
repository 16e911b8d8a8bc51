"""Who can become whom over roles, up to five hops, with the path kept.

An edge needs the target's trust policy; within one account a trust that names the identity itself is enough, a trust
that names the account also needs the identity's own permission, and between accounts both are always needed (IAM User
Guide, reference_policies_evaluation-logic-cross-account).  Federated trusts start outside any identity: no edges.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Truth, holds
from nhiscan.analysis.aws.documents import Conditions, MalformedDocumentError, parse
from nhiscan.analysis.aws.estate import SOURCE, account_of, target_facts
from nhiscan.analysis.aws.evaluate import Level, Principal, decide, denied
from nhiscan.analysis.aws.ground import patterns_of
from nhiscan.analysis.aws.patterns import matches
from nhiscan.model import Capability, Certainty, PrincipalKind, Reach, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.model import Effective, Trust

MAX_HOPS = 5
MAX_PLAIN = 500
"""Of the one-hop targets that hold no capability, an identity keeps this many, the first by id."""

ASSUME = "sts:AssumeRole"
_WORTH = frozenset({Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS})
Edges = dict[str, dict[str, Level]]


@dataclass(frozen=True, slots=True)
class _Way:
    """The shortest path from an identity to one target, and its weakest edge."""

    path: tuple[str, ...]
    level: Level


def reach(estate: Estate, trusts: Sequence[Trust], effective: Iterable[Effective]) -> Iterator[Reach]:
    """Rows ordered by target and identity: all paths to targets worth reaching, and every single hop."""
    rows = list(effective)
    worth = sorted({e.identity_id for e in rows if e.capability in _WORTH} & set(estate.principals))
    sure = frozenset(
        e.identity_id for e in rows if e.capability is Capability.ADMIN and e.certainty is Certainty.CERTAIN
    )
    edges = assume_edges(estate, trusts, sure)
    back: Edges = defaultdict(dict)
    for start, ends in edges.items():
        for end, level in ends.items():
            back[end][start] = level
    for target in worth:
        for start, way in sorted(_backwards(back, target).items()):
            yield _row(estate, start, target, way)
    skip = set(worth)
    for start in sorted(edges):
        for end in sorted(set(edges[start]) - skip)[:MAX_PLAIN]:
            yield _row(estate, start, end, _Way((start, end), edges[start][end]))


def _row(estate: Estate, start: str, target: str, way: _Way) -> Reach:
    return Reach(
        id=f"{start}>{target}",
        scope_id=estate.identities[start].scope_id,
        source=SOURCE,
        identity_id=start,
        target_id=target,
        hops=len(way.path) - 1,
        path=way.path,
        certainty=Certainty.CERTAIN if way.level is Level.YES else Certainty.CONDITIONAL,
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


def assume_edges(estate: Estate, trusts: Iterable[Trust], sure_admins: frozenset[str]) -> Edges:
    """Single hops with how sure they are.

    A certain administrator gains nothing by roles of its own account that trust the whole account, so those edges are
    left out of a graph they would only swell.
    """
    edges: Edges = defaultdict(dict)
    open_roles: dict[str, list[Trust]] = defaultdict(list)
    for trust in sorted(trusts, key=lambda t: t.id):
        if trust.kind is not TrustKind.ASSUME or trust.target_id not in estate.principals:
            continue
        match trust.principal_kind:
            case PrincipalKind.IDENTITY if trust.principal in estate.principals:
                _keep(edges, trust.principal, trust.target_id, _named(estate, trust))
            case PrincipalKind.ACCOUNT:
                open_roles[trust.principal].append(trust)
            case PrincipalKind.ANYONE:
                open_roles["*"].append(trust)
            case _:
                pass
    for who in estate.principals.values():
        _through_accounts(estate, who, open_roles, edges, admin=who.id in sure_admins)
    return edges


def _keep(edges: Edges, start: str, end: str, level: Level) -> None:
    if level and start != end:
        edges[start][end] = max(level, edges[start].get(end, Level.NO))


def _named(estate: Estate, trust: Trust) -> Level:
    """A trust that names the identity: enough at home unless a Deny hits; abroad the identity needs permission too."""
    who = estate.principals[trust.principal]
    level = _trust_level(trust, who)
    if account_of(trust.principal) != account_of(trust.target_id):
        return min(level, _may(estate, who, trust.target_id))
    level = min(level, Level(Level.YES - denied(who, ASSUME, trust.target_id)))
    if who.ceilings and level:
        # What a boundary leaves out still limits a role's session; AWS spares only some direct grants.
        level = min(level, max(_under_ceilings(who, trust.target_id), Level.MAYBE))
    return level


def _under_ceilings(who: Principal, target: str) -> Level:
    from dataclasses import replace

    everything = parse(json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))[0]
    bound = replace(who.ceilings[0][0], statement=everything) if who.ceilings[0] else None
    return decide(replace(who, allows=(bound,), denies=()), ASSUME, target).level if bound else Level.NO


def _through_accounts(
    estate: Estate, who: Principal, open_roles: Mapping[str, Sequence[Trust]], edges: Edges, *, admin: bool
) -> None:
    patterns = patterns_of(who, ASSUME)
    if patterns == ():
        return
    home = account_of(who.id) or ""
    for trust in (*open_roles.get(home, ()), *open_roles.get("*", ())):
        if admin and account_of(trust.target_id) == home:
            continue
        if patterns is not None and not any(matches(p, trust.target_id) for p in patterns):
            continue
        level = min(_trust_level(trust, who), _may(estate, who, trust.target_id))
        _keep(edges, who.id, trust.target_id, level)


def _may(estate: Estate, who: Principal, target: str) -> Level:
    return decide(who, ASSUME, target, more=target_facts(estate.identities.get(target))).level


def _trust_level(trust: Trust, who: Principal) -> Level:
    """The trust's own condition, asked again now that the caller is known."""
    base = Level.YES if trust.certainty is Certainty.CERTAIN else Level.MAYBE
    if trust.condition is None:
        return base
    conditions = _conditions(trust.condition)
    truth = holds(conditions, who.facts.extended({"sts:externalid": Fact.CHOICE}), allow=True)
    if truth is Truth.FALSE:
        return Level.NO
    return base if truth is Truth.TRUE else Level.MAYBE


def _conditions(text: str) -> Conditions:
    try:
        body = {"Statement": {"Effect": "Allow", "Action": ASSUME, "Condition": json.loads(text)}}
        return parse(json.dumps(body))[0].conditions
    except (ValueError, MalformedDocumentError):
        return (("unreadable", "", ()),)
