"""Principals, assignments, denials, groups and workloads of every tenant that was seen, put together for questions.

Source: learn.microsoft.com/azure/role-based-access-control/overview ("How Azure RBAC determines if a user has access
to a resource": groups count transitively); .../entra/identity/role-based-access-control/groups-concept ("Group nesting
isn't supported") and .../entra/identity/enterprise-apps/assign-user-or-group-access-portal (nor for application
roles): those count for direct members only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.azure import scopes as places
from nhiscan.analysis.azure.catalogue import built_in
from nhiscan.analysis.azure.roles import Plane, denial, read
from nhiscan.model import AttachmentKind, IdentityKind, IdentityState, PolicyKind, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.analysis.azure.roles import Denial, Role
    from nhiscan.model import Attachment, Consumer, Identity, Member, Policy, Resource, Scope, Trust, Use

SOURCE = "analysis"
PROVIDER = "azure"
_ENTRA = "entra:"
EVERYONE = frozenset({"everyone", "00000000-0000-0000-0000-000000000000"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role that a principal holds at a scope; `via` is the group it comes by."""

    id: str
    role: Role
    scope: str
    condition: str | None = None
    eligible: bool = False
    ends: bool | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """A denial at a scope, with whom it is for and whom it leaves out (ids; everybody is `everyone`)."""

    denial: Denial
    scope: str
    principals: frozenset[str]
    exempt: frozenset[str]
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that runs as an identity: its Azure id, where it runs, and its name."""

    resource: str
    platform: str
    identity_id: str
    name: str


@dataclass(slots=True)
class Estate:
    """Everything about Azure and Entra that questions are asked of.

    `abroad` are identities of other systems; `vaults` says of each key vault whether it uses access policies.
    """

    identities: dict[str, Identity] = field(default_factory=dict)
    abroad: dict[str, Identity] = field(default_factory=dict)
    tenants: list[str] = field(default_factory=list)
    tree: places.Tree = field(default_factory=places.Tree)
    roles: dict[str, Role] = field(default_factory=dict)
    direct: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    held: dict[str, tuple[Assignment, ...]] = field(default_factory=dict)
    denials: list[Denied] = field(default_factory=list)
    denied_at: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    denied_below: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    seats: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    workloads: list[Workload] = field(default_factory=list)
    trusts: list[Trust] = field(default_factory=list)
    vaults: dict[str, bool] = field(default_factory=dict)
    denied_high: list[int] = field(default_factory=list)
    named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def assignments(self, principal_id: str) -> tuple[Assignment, ...]:
        """What a principal holds by itself and by its groups, in order of id."""
        known = self.held.get(principal_id)
        if known is None:
            near = set(self.seats.get(principal_id, ()))
            found = list(self.direct.get(principal_id, ()))
            for group in self.groups_of(principal_id):
                counts = (a for a in self.direct.get(group, ()) if a.role.plane is Plane.ARM or group in near)
                found += (_through(one, group) for one in counts)
            known = self.held[principal_id] = tuple(sorted(found, key=lambda a: (a.id, a.via or "")))
        return known

    def groups_of(self, principal_id: str) -> frozenset[str]:
        """The groups it belongs to, those of its groups included."""
        known = self.groups.get(principal_id)
        if known is None:
            found: set[str] = set()
            layer = list(self.seats.get(principal_id, ()))
            while layer:
                group = layer.pop()
                if group not in found:
                    found.add(group)
                    layer += self.seats.get(group, ())
            known = self.groups[principal_id] = frozenset(found - {principal_id})
        return known

    def denying(self, principal_id: str, scope: str, *, below: bool = False) -> tuple[int, ...]:
        """The denials, by number, that bear on a principal and on the scope, or on anything below it too."""
        near = set(self.denials_over(scope))
        near.update(self.denied_below.get(scope, ()) if below else ())
        if not near:
            return ()
        names = {principal_id, *self.groups_of(principal_id)}
        named = {*names, *(f"entra:{tenant_of(principal_id)}/{word}" for word in EVERYONE)}
        found = ((n, self.denials[n]) for n in sorted(near))
        return tuple(n for n, d in found if not named.isdisjoint(d.principals) and names.isdisjoint(d.exempt))

    def denials_over(self, scope: str) -> list[int]:
        """The denials at the scope, above it, and at management groups that may be above it."""
        found = [n for place in self.tree.chain(scope) for n in self.denied_at.get(place, ())]
        return found + (self.denied_high if self.denied_high and self.tree.open(scope) else [])

    def deleted(self, principal_id: str) -> bool:
        """Whether the principal is known to be gone."""
        found = self.identities.get(principal_id)
        return found is not None and found.state is IdentityState.DELETED

    def who(self, identity_id: str) -> str:
        """Kind and name for people."""
        found = self.identities.get(identity_id) or self.abroad.get(identity_id)
        return f"{found.kind.replace('_', ' ')} {found.name}" if found else identity_id

    def role_group(self, group_id: str) -> bool:
        """Whether a directory role is, or can be, assigned to a group: then only few may change its members."""
        found = self.identities.get(group_id)
        if found is not None and _true(found.tags.get("role_assignable")):
            return True
        return any(a.role.plane is Plane.DIRECTORY for a in self.direct.get(group_id, ()))


def _true(value: str | None) -> bool:
    return (value or "").lower() in {"true", "yes", "1"}


def _through(one: Assignment, group: str) -> Assignment:
    return Assignment(one.id, one.role, one.scope, one.condition, one.eligible, one.ends, group)


def tenant_of(identity_id: str) -> str:
    """The tenant in the id of a principal."""
    return identity_id.removeprefix(_ENTRA).partition("/")[0]


def object_of(identity_id: str) -> str:
    """The object id in the id of a principal."""
    return identity_id.partition("#")[0].rpartition("/")[2]


def names_of(identity: Identity) -> frozenset[str]:
    """The object ids under which a directory role may name an identity: its own, and that of its registration."""
    return frozenset({object_of(identity.id), identity.tags.get("application", "")}) - {""}


@dataclass(frozen=True, slots=True)
class Records:
    """The tables the analysis of Azure reads."""

    identities: Iterable[Identity] = ()
    policies: Iterable[Policy] = ()
    attachments: Iterable[Attachment] = ()
    members: Iterable[Member] = ()
    scopes: Iterable[Scope] = ()
    trusts: Iterable[Trust] = ()
    consumers: Iterable[Consumer] = ()
    uses: Iterable[Use] = ()
    resources: Iterable[Resource] = ()


def build(records: Records) -> Estate:
    """The estate of what belongs to Azure and Entra; everything else is left out."""
    estate = Estate(tree=places.tree(records.scopes))
    _name(estate, records.identities)
    for member in sorted(records.members, key=lambda m: m.id):
        if member.identity_id.startswith(_ENTRA) and not estate.deleted(member.group_id):
            estate.seats[member.identity_id].append(member.group_id)
    _assign(estate, list(records.policies), list(records.attachments))
    for resource in records.resources:
        place = places.arm_id(resource.id)
        if resource.kind == "key_vault" and place is not None and "authorization" in resource.tags:
            estate.vaults[place] = resource.tags["authorization"] == "access_policy"
    _work(estate, records.consumers, records.uses)
    estate.trusts = sorted((t for t in records.trusts if t.target_id in estate.identities), key=lambda t: t.id)
    return estate


def _name(estate: Estate, identities: Iterable[Identity]) -> None:
    """Identities by id, and those of Entra by the names a directory role may use for them."""
    for identity in sorted(identities, key=lambda i: i.id):
        mine = identity.provider == PROVIDER and identity.id.startswith(_ENTRA)
        (estate.identities if mine else estate.abroad)[identity.id] = identity
    for known in estate.identities.values():
        for name in names_of(known):
            estate.named[name].append(known.id)
    estate.tenants = sorted({tenant_of(i) for i in estate.identities})


def _assign(estate: Estate, policies: list[Policy], attachments: list[Attachment]) -> None:
    denials = {p.id: denial(p) for p in policies if p.kind is PolicyKind.DENY and p.provider == PROVIDER}
    known = built_in()
    estate.roles = {p.id: role for p in policies if (role := read(p, known)) is not None}
    told: dict[tuple[str, AttachmentKind], dict[str, Attachment]] = defaultdict(dict)
    for one in sorted(attachments, key=lambda a: a.id):
        if one.policy_id in denials:
            told[one.policy_id, one.kind][one.principal_id] = one
        elif one.kind is AttachmentKind.GRANTS and one.policy_id in estate.roles:
            _grant(estate, one, estate.roles[one.policy_id])
    for policy_id, what in sorted(denials.items()):
        denied = told.get((policy_id, AttachmentKind.DENIES), {})
        for place in sorted({_place(a) for a in denied.values()}):
            found = Denied(
                denial=what,
                scope=place,
                principals=frozenset(p for p, a in denied.items() if _place(a) == place),
                exempt=frozenset(told.get((policy_id, AttachmentKind.EXEMPT), {})),
                condition=next((a.condition for a in denied.values() if a.condition), None),
            )
            _deny(estate, found)


def _deny(estate: Estate, denied: Denied) -> None:
    """Keep a denial, and where it bears."""
    number = len(estate.denials)
    estate.denials.append(denied)
    estate.denied_at[denied.scope].append(number)
    for place in estate.tree.chain(denied.scope):
        estate.denied_below[place].append(number)
    if places.is_group(denied.scope):
        estate.denied_high.append(number)


def _place(one: Attachment) -> str:
    return places.normal(one.target_id or places.ROOT)


def _grant(estate: Estate, one: Attachment, role: Role) -> None:
    place = _place(one) if role.plane in {Plane.ARM, Plane.DIRECTORY} else places.ROOT
    if role.vault:
        estate.vaults[place] = True
    estate.direct[one.principal_id].append(
        Assignment(one.id, role, place, one.condition, one.eligible is True, one.time_bound)
    )


def _work(estate: Estate, consumers: Iterable[Consumer], uses: Iterable[Use]) -> None:
    known = {c.id: c for c in consumers}
    for use in sorted(uses, key=lambda u: u.id):
        consumer = known.get(use.consumer_id)
        if use.how is not UseHow.RUNS_AS or consumer is None or use.identity_id not in estate.identities:
            continue
        resource = places.arm_id(consumer.id) or places.arm_id(consumer.locator) or places.arm_id(consumer.uri)
        if resource is not None:
            estate.workloads.append(Workload(resource, consumer.platform or "", use.identity_id, consumer.name))


def is_app(identity: Identity) -> bool:
    """Whether credentials can be added to it: neither managed by Azure, nor an agent, nor a person or group."""
    return identity.kind not in {
        IdentityKind.USER,
        IdentityKind.GROUP,
        IdentityKind.MANAGED_IDENTITY,
        IdentityKind.AGENT_IDENTITY,
        IdentityKind.AGENT_BLUEPRINT,
    }
