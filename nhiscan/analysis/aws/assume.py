"""Who can assume which role in one step, with the statements that let him.

An edge needs the target's trust policy; within one account a trust that names the identity itself is enough, a trust
that names the account also needs the identity's own permission, and between accounts both are always needed (IAM User
Guide, reference_policies_evaluation-logic-cross-account).  Federated trusts start outside any identity: no edges.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Truth, holds
from nhiscan.analysis.aws.documents import Conditions, MalformedDocumentError, parse
from nhiscan.analysis.aws.estate import account_of, target_facts
from nhiscan.analysis.aws.evaluate import Decision, Level, Principal, decide, denied
from nhiscan.analysis.aws.ground import patterns_of, with_everything
from nhiscan.analysis.aws.patterns import matches
from nhiscan.model import Certainty, PrincipalKind, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.model import Trust

ASSUME = "sts:AssumeRole"
MAX_HOPS = 5
"""Roles in a row that are followed."""
Edges = dict[str, dict[str, "Hop"]]


@dataclass(frozen=True, slots=True)
class Hop:
    """One step from an identity to a role: how sure it is, the trust that lets it, and the identity's own statement."""

    level: Level
    trust: Trust = field(compare=False)
    step: str | None = field(default=None, compare=False)

    def steps(self, estate: Estate) -> tuple[str, ...]:
        """The sentences that prove it: what the identity may do, then what the role accepts."""
        role = estate.identities[self.trust.target_id]
        by = f"trust policy of {role.kind} {role.name} statement {statement_of(self.trust)}"
        who = "everybody" if self.trust.principal == "*" else self.trust.principal
        under = " under a condition" if self.trust.certainty is not Certainty.CERTAIN else ""
        accepts = f"{by} lets {who} assume it{under}"
        return (self.step, accepts) if self.step else (accepts,)


def statement_of(trust: Trust) -> str:
    """The number of the statement of the trust policy that a trust comes from, `?` for one collected elsewhere."""
    number = trust.id.removeprefix(f"{trust.target_id}#trust:").partition(":")[0]
    return number if number.isdigit() else "?"


def hops(estate: Estate, trusts: Iterable[Trust], sure_admins: frozenset[str]) -> Edges:
    """Single hops by start and end.

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
                _keep(edges, trust.principal, _named(estate, trust))
            case PrincipalKind.ACCOUNT:
                open_roles[trust.principal].append(trust)
            case PrincipalKind.ANYONE:
                open_roles["*"].append(trust)
            case _:
                pass
    patterns: dict[tuple[str, ...], tuple[str, ...] | None] = {}
    for who in estate.principals.values() if open_roles else ():
        if who.key not in patterns:
            patterns[who.key] = patterns_of(who, ASSUME)
        if patterns[who.key] != ():
            _through_accounts(estate, who, patterns[who.key], open_roles, edges, admin=who.id in sure_admins)
    return edges


def _keep(edges: Edges, start: str, hop: Hop) -> None:
    end = hop.trust.target_id
    known = edges[start].get(end) if start in edges else None
    if hop.level and start != end and (known is None or hop.level > known.level):
        edges[start][end] = hop


def _named(estate: Estate, trust: Trust) -> Hop:
    """A trust that names the identity: enough at home unless a Deny hits; abroad the identity needs permission too."""
    who = estate.principals[trust.principal]
    level = trust_level(trust, who)
    own = _may(estate, who, trust.target_id)
    if account_of(trust.principal) != account_of(trust.target_id):
        return Hop(min(level, own.level), trust, own.step)
    level = min(level, Level(Level.YES - denied(who, ASSUME, trust.target_id)))
    free = with_everything(who)
    if who.guards and level:
        level = min(level, decide(replace(free, ceilings=()), ASSUME, trust.target_id).level)
    if who.ceilings and level:
        # What a boundary leaves out still limits a role's session; AWS spares only some direct grants.
        level = min(level, max(decide(replace(free, guards=()), ASSUME, trust.target_id).level, Level.MAYBE))
    return Hop(level, trust, own.step)


def _through_accounts(
    estate: Estate,
    who: Principal,
    patterns: Sequence[str] | None,
    open_roles: Mapping[str, Sequence[Trust]],
    edges: Edges,
    *,
    admin: bool,
) -> None:
    home = account_of(who.id) or ""
    for trust in (*open_roles.get(home, ()), *open_roles.get("*", ())):
        if admin and account_of(trust.target_id) == home:
            continue
        if patterns is not None and not any(matches(p, trust.target_id) for p in patterns):
            continue
        own = _may(estate, who, trust.target_id)
        if own.level:
            _keep(edges, who.id, Hop(min(trust_level(trust, who), own.level), trust, own.step))


def _may(estate: Estate, who: Principal, target: str) -> Decision:
    return decide(who, ASSUME, target, more=target_facts(estate.identities.get(target)))


def trust_level(trust: Trust, who: Principal) -> Level:
    """The trust's own condition, asked again now that the caller is known."""
    base = Level.YES if trust.certainty is Certainty.CERTAIN else Level.MAYBE
    if trust.condition is None:
        return base
    facts = who.facts.extended({"sts:externalid": Fact.CHOICE})
    truth = holds(conditions(trust.condition), facts, allow=True)
    if truth is Truth.FALSE:
        return Level.NO
    return base if truth is Truth.TRUE else Level.MAYBE


def conditions(text: str) -> Conditions:
    """The conditions of a trust from their JSON; one that nobody can evaluate where it cannot be read."""
    try:
        statement = {"Effect": "Allow", "Action": ASSUME, "Condition": json.loads(text)}
        body = {"Version": "2012-10-17", "Statement": statement}
        return parse(json.dumps(body))[0].conditions
    except (ValueError, MalformedDocumentError):
        return (("unreadable", "", ()),)
