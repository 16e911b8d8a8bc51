"""One whole request, decided as AWS decides it, with the statements that decide.

Every statement comes to true, false or unknown, and so does every gate a request must pass; what is unknown stays
unknown only where it matters (Kleene's logic), so learning a fact never turns an answer into its opposite.  Logic: IAM
User Guide, reference_policies_evaluation-logic_policy-eval-denyallow, …-cross-account, reference_policies_
evaluation-logic_policy-eval-basics; keys: KMS Developer Guide, key-policies and control-access; organisations:
orgs_manage_policies_scps_evaluation and orgs_manage_policies_rcps_evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.askers import Asker, AskerKind, Grip, grips, means
from nhiscan.analysis.aws.conditions import Fact, Facts, Truth, fill, holds, open_keys
from nhiscan.analysis.aws.evaluate import Bound, blank, concerns
from nhiscan.analysis.aws.patterns import covers, is_wild, matches, overlap, shown
from nhiscan.analysis.aws.standing import KEY_SHARING, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.analysis.aws.documents import Statement
    from nhiscan.analysis.aws.organisation import Node
    from nhiscan.analysis.aws.standing import Standing

_NO_OWN_POLICIES = frozenset({AskerKind.SERVICE, AskerKind.PROVIDER, AskerKind.ANYONE})
# Services that take no request without a signature (KMS Developer Guide, key-policy-overview; STS API Reference).
_SIGNED_ONLY = frozenset({"kms", "sts", "iam", "organizations"})


@dataclass(frozen=True, slots=True)
class Rights:
    """What bears on the caller, each a set of statements; `boundary` and `session` are None where none is set.

    `nodes` are those of his organisation, `walls` the Denies of resource control policies on the resource; `unread`
    says that something of it could not be read or was not collected.
    """

    identity: tuple[Bound, ...] = ()
    boundary: tuple[Bound, ...] | None = None
    session: tuple[Bound, ...] | None = None
    nodes: tuple[Node, ...] = ()
    walls: tuple[Bound, ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks to do what, where, and what is known of it."""

    asker: Asker
    action: str
    resource: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Clause:
    """A statement that is not false here: its part that speaks of the resource, and the keys that leave it open."""

    bound: Bound
    truth: Truth
    part: str
    grip: Grip = Grip.DIRECT
    keys: tuple[str, ...] = ()

    def sentence(self, action: str) -> str:
        """The statement in words."""
        s = self.bound.statement
        through = f" through group {self.bound.via.rpartition('/')[2]}" if self.bound.via else ""
        given = " and ".join(f"{key} {operator} {', '.join(values)}" for operator, key, values in s.conditions)
        when = f" when {shown(given)}" if given else ""
        verb = "allows" if s.allow else "denies"
        return f"{self.bound.policy} statement {s.number}{through} {verb} {action} on {shown(self.part)}{when}"


@dataclass(frozen=True, slots=True)
class Gate:
    """Something a request must pass: what it came to, the statements behind that, and what it says when it is shut."""

    truth: Truth
    clauses: tuple[Clause, ...] = ()
    shut: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the request is granted, the Denies that hit it or may, and the gates of the way that decided."""

    granted: Truth
    refused: Truth
    denies: tuple[Clause, ...] = ()
    gates: tuple[Gate, ...] = field(default=())


def every(truths: Iterable[Truth]) -> Truth:
    """All of them hold."""
    found = set(truths)
    return Truth.FALSE if Truth.FALSE in found else Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def some(truths: Iterable[Truth]) -> Truth:
    """One of them holds."""
    found = set(truths)
    return Truth.TRUE if Truth.TRUE in found else Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def decided(request: Request, rights: Rights, standing: Standing) -> Outcome:
    """What comes of a request."""
    ways = tuple(_ways(request, rights, standing))
    # Of equal ways the last is told of: the caller's own policies, where he has some.
    best = max(reversed(ways), key=lambda way: _RANK[every(g.truth for g in way)])
    denies = tuple(_denies(request, rights, standing))
    refused = some(c.truth for c in denies)
    if rights.unread and refused is Truth.FALSE:
        refused = Truth.UNKNOWN
    return Outcome(some(every(g.truth for g in way) for way in ways), refused, denies, best)


_RANK = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}


def _ways(request: Request, rights: Rights, standing: Standing) -> Iterator[tuple[Gate, ...]]:
    """The ways in which a request can be granted: each is a row of gates that all must open."""
    who, word = request.asker, standing.word
    service = request.action.partition(":")[0].lower()
    stands = _Stands(request, standing)
    organisation = tuple(_nodes(request, rights))
    if who.kind in _NO_OWN_POLICIES:
        signed = who.kind is not AskerKind.ANYONE or service not in _SIGNED_ONLY
        closed = Gate(Truth.FALSE, shut=f"{service} answers no anonymous request")
        yield (stands.gate(Grip.DIRECT),) if signed else (closed,)
        return
    if who.kind is AskerKind.ROOT and standing.word is Word.FIRST and service == "sts":
        yield (Gate(Truth.FALSE, shut="the root user cannot assume a role"),)
        return
    own = (*_own(request, rights), *organisation)
    if standing.account is not None and standing.account != who.account:
        name = request.action.partition(":")[2]
        if service == "kms" and name.lower() not in KEY_SHARING:
            yield (*own, Gate(Truth.FALSE, shut=f"{request.action} does not work on a key of another account"))
            return
        yield (*own, stands.gate(Grip.DIRECT, Grip.IDENTITY, Grip.ACCOUNT))
        return
    limited = (*_ceilings(request, rights), *organisation)
    yield (stands.gate(Grip.DIRECT), *organisation)
    yield (stands.gate(Grip.IDENTITY), *limited)
    yield (stands.gate(Grip.ACCOUNT), *own) if word is Word.FIRST else own


def _own(request: Request, rights: Rights) -> tuple[Gate, ...]:
    """What the caller's own policies leave."""
    who = request.asker
    if who.kind is AskerKind.ROOT:
        return (Gate(Truth.TRUE),)
    shut = f"no policy of {who.words} allows {request.action} on {request.resource}"
    found = _allowing(request, rights.identity)
    truth = some((*(c.truth for c in found), *((Truth.UNKNOWN,) if rights.unread else ())))
    return (Gate(truth, found, shut), *_ceilings(request, rights))


def _ceilings(request: Request, rights: Rights) -> Iterator[Gate]:
    if rights.boundary is not None:
        unread = Gate(Truth.UNKNOWN, shut="the permissions boundary could not be read")
        shut = f"{''.join(b.policy for b in rights.boundary[:1])} does not allow {request.action} there"
        yield _gate(request, rights.boundary, shut) if rights.boundary else unread
    if rights.session is not None:
        yield _gate(request, rights.session, f"the session policy does not allow {request.action} there")
    elif request.asker.kind is AskerKind.FEDERATED_USER:
        yield Gate(Truth.FALSE, shut="a federated user without a session policy has no permissions")


def _nodes(request: Request, rights: Rights) -> Iterator[Gate]:
    for node in rights.nodes:
        gate = _gate(request, node.service, f"no service control policy of {node.name} allows {request.action}")
        unread = node.unread and gate.truth is Truth.FALSE
        yield Gate(Truth.UNKNOWN, (), f"a policy of {node.name} could not be read") if unread else gate


def _gate(request: Request, bounds: Sequence[Bound], shut: str) -> Gate:
    found = _allowing(request, bounds)
    return Gate(some(c.truth for c in found), found, shut)


def _allowing(request: Request, bounds: Iterable[Bound]) -> tuple[Clause, ...]:
    return tuple(c for b in bounds if b.statement.allow and (c := _clause(request, b)))


class _Stands:
    """What the policy of the resource grants the caller, by the grip it takes hold of him with."""

    def __init__(self, request: Request, standing: Standing) -> None:
        self._clauses = tuple(_standing_clauses(request, standing.bounds))
        needed = standing.word is Word.FIRST or standing.account not in {None, request.asker.account}
        blind = not standing.seen and (needed or request.asker.kind in _NO_OWN_POLICIES)
        self._blind = (Truth.UNKNOWN,) if blind else ()
        self._shut = (
            f"the policy of {standing.name} was not collected"
            if blind
            else f"the policy of {standing.name} does not allow {request.action} to {request.asker.words}"
        )

    def gate(self, *wanted: Grip) -> Gate:
        found = tuple(c for c in self._clauses if c.grip in wanted)
        return Gate(some((*(c.truth for c in found), *self._blind)), found, self._shut)


def _standing_clauses(request: Request, bounds: Iterable[Bound]) -> Iterator[Clause]:
    for bound in bounds:
        if bound.statement.allow:
            for grip, truth in grips(bound.statement, request.asker).items():
                clause = _clause(request, bound, truth, grip)
                if clause:
                    yield clause


def _denies(request: Request, rights: Rights, standing: Standing) -> Iterator[Clause]:
    """Every Deny that is not false: of the caller's policies, his limits, his organisation and the resource."""
    mine = (*rights.identity, *(rights.boundary or ()), *(rights.session or ()))
    above = (b for node in rights.nodes for b in node.service)
    for bound in (*mine, *above):
        if not bound.statement.allow and (clause := _clause(request, bound)):
            yield clause
    for bound in (*rights.walls, *standing.bounds):
        if not bound.statement.allow:
            meant = means(bound.statement, request.asker)
            if meant is not Truth.FALSE and (clause := _clause(request, bound, meant)):
                yield clause


def _clause(request: Request, bound: Bound, principal: Truth = Truth.TRUE, grip: Grip = Grip.DIRECT) -> Clause | None:
    """A statement as it bears on the request, None when it is surely out of play."""
    statement = bound.statement
    if not concerns(statement, request.action):
        return None
    place, part = _place(statement, request)
    if place is Truth.FALSE:
        return None
    conditions = holds(statement.conditions, request.facts, allow=statement.allow)
    truth = every((principal, place, conditions))
    if truth is Truth.FALSE:
        return None
    keys = tuple(open_keys(statement.conditions, request.facts)) if conditions is Truth.UNKNOWN else ()
    return Clause(bound, truth, part, grip, keys)


def _place(statement: Statement, request: Request) -> tuple[Truth, str]:
    """Whether a statement speaks of the resource, and in which words; without Resource it means where it stands."""
    if statement.not_resources:
        hit = some(_fits(p, request) for p in statement.not_resources)
        spared = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(hit, Truth.UNKNOWN)
        return spared, f"all but {', '.join(statement.not_resources)}"
    patterns = statement.resources or ("*",)
    found = [(_fits(p, request), p) for p in patterns]
    return max(found, key=lambda pair: _RANK[pair[0]])


def _fits(pattern: str, request: Request) -> Truth:
    text = fill(pattern, request.facts)
    if text is Fact.ABSENT:
        return Truth.FALSE
    if isinstance(text, Fact):
        return Truth.UNKNOWN if overlap(blank(pattern), request.resource) else Truth.FALSE
    target = request.resource
    if target == "*" or not is_wild(target):
        return Truth.TRUE if matches(text, target) else Truth.FALSE
    if covers(text, target):
        return Truth.TRUE
    return Truth.UNKNOWN if overlap(text, target) else Truth.FALSE
