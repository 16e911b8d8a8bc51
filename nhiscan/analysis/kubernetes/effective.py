"""What identities of a cluster can effectively do, as `effective` rows that name the role and the binding.

Sources: kubernetes.io/docs/concepts/security/rbac-good-practices and
kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping: nobody can
grant more than he has, unless by `bind` or `escalate`; so creating bindings alone is granting access, no escalation.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.kubernetes.estate import EVERYWHERE, SOURCE, everybody
from nhiscan.model import Capability, Certainty, Effective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.kubernetes.estate import Bound, Estate
    from nhiscan.analysis.kubernetes.ways import Way

RBAC = "rbac.authorization.k8s.io"
SYSTEM = "kube-system"
_ROUNDS = 5
_CHANGES = ("create", "update", "patch")
_READS = ("get", "list", "watch")
_DATA = ("configmaps", "persistentvolumeclaims", "secrets")
_DATA_VERBS = ("update", "patch", "delete", "deletecollection")
_WORTH = (Capability.ADMIN, Capability.ESCALATE, Capability.READ_SECRETS)


@dataclass(frozen=True, slots=True)
class Fact:
    """One capability, where it holds, and why."""

    capability: Capability
    method: str
    where: str
    steps: tuple[str, ...]
    certainty: Certainty = Certainty.CERTAIN


def effective(estate: Estate, edges: Mapping[str, Mapping[str, Way]]) -> Iterator[Effective]:
    """Rows ordered by identity; `edges` are those of `ways.ways`.

    `method` is the right that gives it, followed by `@namespace` where it holds in one only.
    """
    facts: dict[str, list[Fact]] = {i: list(_own(rules)) for i, rules in everybody(estate)}
    for identity_id, fact in _through(estate, facts, edges):
        facts[identity_id].append(fact)
    for identity_id in estate.identities:
        scope_id = estate.identities[identity_id].scope_id
        seen: set[str] = set()
        for fact in facts.get(identity_id, []):
            method = fact.method if fact.where == EVERYWHERE else f"{fact.method}@{fact.where}"
            row_id = f"{identity_id}#{fact.capability}:{method}"
            if row_id not in seen:
                seen.add(row_id)
                yield Effective(
                    id=row_id,
                    scope_id=scope_id,
                    source=SOURCE,
                    identity_id=identity_id,
                    capability=fact.capability,
                    certainty=fact.certainty,
                    method=method,
                    steps=fact.steps,
                )


def _own(rules: list[Bound]) -> Iterator[Fact]:
    """What follows from the rules alone."""
    for bound in rules:
        if bound.rule.everything and bound.namespace == EVERYWHERE:
            yield _fact(Capability.ADMIN, "all", bound, "every verb on every resource")
        if "*" in bound.rule.verbs and "*" in bound.rule.resources and not bound.rule.names:
            groups = ", ".join(sorted(g or "core" for g in bound.rule.groups))
            yield _fact(Capability.WILDCARD, "all", bound, f"every verb on every resource of {groups}")
        for verb in _READS:
            if bound.rule.allows(verb, "", "secrets"):
                yield _fact(Capability.READ_SECRETS, "secrets", bound, f"{verb} secrets returns their values")
                break
        written = [r for r in _DATA if any(bound.rule.allows(v, "", r) for v in _DATA_VERBS)]
        if written:
            yield _fact(Capability.WRITE_DATA, "objects", bound, f"changes or deletes {', '.join(written)}")
        yield from _granting(bound)
    yield from _escalations(rules)


def _granting(bound: Bound) -> Iterator[Fact]:
    for kind in ("rolebindings", "clusterrolebindings"):
        if any(bound.rule.allows(v, RBAC, kind) for v in _CHANGES):
            yield _fact(Capability.GRANT_ACCESS, kind, bound, f"{kind} hand what it may do to anybody")


def _escalations(rules: list[Bound]) -> Iterator[Fact]:
    """Rights that make an identity as powerful as it likes, wherever they hold."""
    for kind in ("roles", "clusterroles"):
        yield from _pair(rules, ("bind", kind), ("create", "update", "patch"), ("rolebindings", "clusterrolebindings"))
        yield from _pair(rules, ("escalate", kind), ("update", "patch"), (kind,))
    for bound in rules:
        for kind in ("users", "groups"):
            if bound.rule.allows("impersonate", "", kind) and bound.namespace == EVERYWHERE:
                yield _fact(Capability.ESCALATE, "impersonate", bound, f"impersonate {kind} acts as an administrator")
        if bound.namespace == EVERYWHERE:
            yield from _cluster_wide(bound)
        if bound.holds_in(SYSTEM) and bound.rule.allows("create", "", "serviceaccounts/token"):
            words = f"create serviceaccounts/token issues tokens of the controllers in {SYSTEM}"
            yield _fact(Capability.ESCALATE, "controller_token", bound, words)
        elif bound.holds_in(SYSTEM) and bound.rule.allows("create", "", "pods"):
            words = f"create pods in {SYSTEM} runs as its controllers, where they have accounts"
            yield _fact(Capability.ESCALATE, "create_pods", bound, words, Certainty.CONDITIONAL)


def _cluster_wide(bound: Bound) -> Iterator[Fact]:
    hooks = "mutatingwebhookconfigurations"
    if any(bound.rule.allows(v, "admissionregistration.k8s.io", hooks) for v in _CHANGES):
        yield _fact(Capability.ESCALATE, "webhook", bound, f"{hooks} change whatever others create")
    if any(bound.rule.allows(v, "", "nodes/proxy") for v in ("get", "create")):
        yield _fact(Capability.ESCALATE, "nodes_proxy", bound, "nodes/proxy runs commands in every pod of a node")
    if bound.rule.allows("create", "", "persistentvolumes"):
        words = "create persistentvolumes reaches the files of a node, where pods may mount them"
        yield _fact(Capability.ESCALATE, "volume", bound, words, Certainty.CONDITIONAL)
    approves = bound.rule.allows("update", "certificates.k8s.io", "certificatesigningrequests/approval")
    if approves and bound.rule.allows("approve", "certificates.k8s.io", "signers"):
        yield _fact(Capability.ESCALATE, "csr", bound, "approves a certificate in any name")
    elif approves:
        words = "approves certificates, where another rule names the signer"
        yield _fact(Capability.ESCALATE, "csr", bound, words, Certainty.CONDITIONAL)


def _pair(rules: list[Bound], first: tuple[str, str], verbs: tuple[str, ...], kinds: tuple[str, ...]) -> Iterator[Fact]:
    """A verb on roles, and the right to write where it counts, wherever both hold."""
    for one in rules:
        if not one.rule.allows(first[0], RBAC, first[1]):
            continue
        for other in rules:
            both = one.namespace == other.namespace or EVERYWHERE in {one.namespace, other.namespace}
            kind = next((k for k in kinds if any(other.rule.allows(v, RBAC, k) for v in verbs)), None)
            if kind is None or not both:
                continue
            where = one.namespace if other.namespace == EVERYWHERE else other.namespace
            steps = (one.step, *((other.step,) if other.step != one.step else ()), f"{first[0]} {first[1]} with {kind}")
            yield Fact(Capability.ESCALATE, first[0], where, steps)


def _fact(
    capability: Capability, method: str, bound: Bound, words: str, certainty: Certainty = Certainty.CERTAIN
) -> Fact:
    return Fact(capability, method, bound.namespace, (bound.step, words), certainty)


def strength(facts: list[Fact]) -> Fact | None:
    """The greatest of what makes an identity worth becoming: it holds in the whole cluster."""
    worth = [f for f in facts if f.capability in _WORTH and f.where == EVERYWHERE]
    return min(worth, key=lambda f: (_WORTH.index(f.capability), f.certainty, f.method), default=None)


def _through(
    estate: Estate, facts: Mapping[str, list[Fact]], edges: Mapping[str, Mapping[str, Way]]
) -> Iterator[tuple[str, Fact]]:
    """Escalation by becoming somebody stronger, over several hops; an administrator gains nothing by it."""
    power = {i: f for i, mine in facts.items() if (f := strength(mine))}
    back: dict[str, list[str]] = defaultdict(list)
    for start, ends in sorted(edges.items()):
        for end in ends:
            back[end].append(start)
    layer = sorted(i for i, f in power.items())
    told: set[str] = set()
    for _ in range(_ROUNDS):
        following: dict[str, Fact] = {}
        for end in layer:
            for start in back.get(end, ()):
                if start in told or start in following or not _weaker(power.get(start), power[end]):
                    continue
                way = edges[start][end]
                target = power[end]
                why = f"{estate.who(end)} has {target.capability} ({target.method})"
                where = EVERYWHERE
                steps = (*way.steps, why, *target.steps)
                following[start] = Fact(Capability.ESCALATE, way.method, where, steps, target.certainty)
        for start, fact in following.items():
            told.add(start)
            if start not in power:
                power[start] = fact
            yield start, fact
        layer = sorted(following)
        if not layer:
            break


def _weaker(mine: Fact | None, other: Fact) -> bool:
    return mine is None or _WORTH.index(mine.capability) > _WORTH.index(other.capability)
