"""Roles, bindings and principals of every cluster that was seen, put together for the questions to come."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.kubernetes.rules import Role, Rule, read_role
from nhiscan.model import AttachmentKind, IdentityKind, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.model import Attachment, Identity, Member, Policy, Use

SOURCE = "analysis"
PROVIDER = "kubernetes"
MARK = "#k8s:"
EVERYWHERE = "*"
_UNKNOWN = "-"
_ALL = "system:serviceaccounts"
_AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of an id `{cluster}#k8s:{realm:}{namespace}/{Kind}/{name}`; `cluster` holds scope and realm."""

    cluster: str
    namespace: str
    kind: str
    name: str


def name_of(record_id: str) -> Name | None:
    """The parts of an id, None for any other."""
    scope, mark, rest = record_id.partition(MARK)
    parts = rest.rsplit("/", 2)
    if not mark or len(parts) != 3:
        return None
    realm, _, namespace = parts[0].rpartition(":")
    return Name(f"{scope}{MARK}{realm}", namespace, parts[1], parts[2])


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule that bears on a principal in a namespace, or everywhere; `via` is the group it comes by."""

    rule: Rule
    number: int
    namespace: str
    policy_id: str
    binding_id: str
    via: str | None = None

    def holds_in(self, namespace: str) -> bool:
        """Whether it bears on objects of the namespace."""
        return self.namespace in {EVERYWHERE, namespace}

    @property
    def step(self) -> str:
        """The sentence that proves it: which binding gives which role where."""
        binding, role = name_of(self.binding_id), name_of(self.policy_id)
        where = "in every namespace" if self.namespace == EVERYWHERE else f"in namespace {self.namespace}"
        given = f"{binding.kind} {binding.name}" if binding else self.binding_id
        what = f"{role.kind} {role.name}" if role else self.policy_id
        group = name_of(self.via) if self.via else None
        to = f" to Group {group.name}" if group else ""
        return f"{given} gives {what}{to} {where}"


@dataclass(slots=True)
class Estate:
    """Principals by id with the rules that bear on them, in order of binding and rule."""

    identities: dict[str, Identity] = field(default_factory=dict)
    bound: dict[str, list[Bound]] = field(default_factory=lambda: defaultdict(list))
    accounts: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    running: set[str] = field(default_factory=set)

    def who(self, identity_id: str) -> str:
        """Kind and name for people."""
        found = name_of(identity_id)
        if found is None:
            return identity_id
        inside = f" of namespace {found.namespace}" if found.namespace != _UNKNOWN else ""
        return f"{found.kind} {found.name}{inside}"

    def in_reach(self, cluster: str, namespace: str) -> list[str]:
        """The service accounts of a namespace of a cluster, or of all of them."""
        if namespace != EVERYWHERE:
            return self.accounts.get((cluster, namespace), [])
        return [a for (c, _), ids in self.accounts.items() if c == cluster for a in ids]


def build(
    identities: Iterable[Identity],
    policies: Iterable[Policy],
    attachments: Iterable[Attachment],
    members: Iterable[Member],
    uses: Iterable[Use] = (),
) -> Estate:
    """The estate of what belongs to Kubernetes; everything else is left out."""
    estate = Estate()
    for identity in sorted((i for i in identities if i.provider == PROVIDER), key=lambda i: i.id):
        estate.identities[identity.id] = identity
        found = name_of(identity.id)
        if found and identity.kind is IdentityKind.SERVICE_ACCOUNT:
            estate.accounts[found.cluster, found.namespace].append(identity.id)
    estate.running = {u.identity_id for u in uses if u.how is UseHow.RUNS_AS and u.identity_id in estate.identities}
    roles = _roles(policies)
    groups = _groups(estate, members)
    for attachment in sorted(attachments, key=lambda a: a.id):
        if attachment.kind is AttachmentKind.GRANTS and attachment.policy_id in roles:
            _bind(estate, attachment, roles[attachment.policy_id], groups)
    return estate


def _roles(policies: Iterable[Policy]) -> dict[str, tuple[Rule, ...]]:
    """Rules by policy id, those that an aggregated role takes from others included."""
    read = {p.id: r for p in policies if p.provider == PROVIDER and (r := read_role(p.document)) is not None}
    by_cluster: dict[str, list[Role]] = defaultdict(list)
    for policy_id, role in sorted(read.items()):
        if (found := name_of(policy_id)) and role.kind == "ClusterRole" and role.labels:
            by_cluster[found.cluster].append(role)
    rules: dict[str, tuple[Rule, ...]] = {}
    for policy_id, role in read.items():
        found = name_of(policy_id)
        near = by_cluster[found.cluster] if found and role.aggregate else []
        more = (rule for other in near if other is not role and role.takes(other) for rule in other.rules)
        rules[policy_id] = (*role.rules, *more)
    return rules


def _groups(estate: Estate, members: Iterable[Member]) -> Mapping[str, list[str]]:
    """Identities by the group they belong to, those that Kubernetes fills by itself included.

    Source: kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects and
    /docs/reference/access-authn-authz/service-accounts-admin.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for member in members:
        if member.identity_id in estate.identities:
            found[member.group_id].add(member.identity_id)
    for group in [i for i in estate.identities.values() if i.kind is IdentityKind.GROUP]:
        named = name_of(group.id)
        if named is None:
            continue
        if named.name in {_ALL, _AUTHENTICATED}:
            found[group.id].update(estate.in_reach(named.cluster, EVERYWHERE))
        elif named.name.startswith(f"{_ALL}:"):
            found[group.id].update(estate.in_reach(named.cluster, named.name.removeprefix(f"{_ALL}:")))
    return {g: sorted(ids) for g, ids in found.items()}


def _bind(estate: Estate, attachment: Attachment, rules: tuple[Rule, ...], groups: Mapping[str, list[str]]) -> None:
    binding_id = attachment.id.partition(">")[0]
    binding = name_of(binding_id)
    if binding is None:
        return
    namespace = EVERYWHERE if binding.kind == "ClusterRoleBinding" else binding.namespace
    principal = attachment.principal_id
    for number, rule in enumerate(rules):
        bound = Bound(rule, number, namespace, attachment.policy_id, binding_id)
        if principal in estate.identities:
            estate.bound[principal].append(bound)
        for member in groups.get(principal, ()):
            via = Bound(rule, number, namespace, attachment.policy_id, binding_id, principal)
            estate.bound[member].append(via)


def everybody(estate: Estate) -> Iterator[tuple[str, list[Bound]]]:
    """Every principal that a rule bears on, by id."""
    yield from ((i, estate.bound[i]) for i in estate.identities if estate.bound.get(i))
