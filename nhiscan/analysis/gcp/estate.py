"""Principals, roles, bindings and the hierarchy of Google Cloud, put together for the questions to come."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.deny import Denial, denials
from nhiscan.analysis.gcp.members import Asker, askers
from nhiscan.analysis.gcp.roles import Role, read, roles, unseen
from nhiscan.model import AttachmentKind, IdentityKind, PolicyKind, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nhiscan.model import Attachment, Consumer, Identity, Member, Policy, Scope, Use

SOURCE = "analysis"
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_POINT = re.compile(r"policies/([^/]+)/denypolicies/")
# Accounts that Google makes for its services begin with a number; those people make begin with a letter.
_AGENT = re.compile(r"(?:service-|p)?\d+(?:-.*)?")
_COMPUTE = re.compile(r"gcp:sa/(\d+)-compute@developer\.gserviceaccount\.com")
_LISTED = re.compile(r"projects/(\d+)(?:$|\?)")
_POOLED = re.compile(r"gcp:pool/projects/(\d+)/")
_WORDS = (
    (names.ACCOUNT, "service account"), (names.USER, "user"), (names.GROUP, "group"), (names.DOMAIN, "domain"),
    (names.FEDERATED, "federated identity"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Binding:
    """A role that a principal has on a resource, as one attachment states it."""

    attachment_id: str
    role: Role
    principal_id: str
    target: str
    condition: str | None = None
    eligible: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A workload that runs as a service account: where, on which platform, and what narrows its tokens there.

    `hidden`: pods cannot get at the account of their node; None where nobody could say.  `narrow`: its access scopes do
    not cover all of Google Cloud.
    """

    platform: str | None
    project: str | None
    account_id: str
    hidden: bool | None = None
    narrow: bool = False


@dataclass(slots=True)
class Estate:
    """What was seen.  Resources go by full name, projects by id; `groups` has only groups whose members were read."""

    as_of: datetime
    identities: dict[str, Identity] = field(default_factory=dict)
    bindings: dict[str, dict[str, list[Binding]]] = field(default_factory=dict)
    denials: dict[str, list[Denial]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    groups_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    parents: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    running: list[Running] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    unread: dict[str, Policy] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    _chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _askers: dict[str, tuple[Asker, ...]] = field(default_factory=dict)
    _homes: dict[str, str | None] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def canonical(self, name: str) -> str:
        """A resource name with the project by its id, and service accounts by e-mail under their own project."""
        name = names.plain(name)
        if "/serviceAccounts/" in name:
            head, _, rest = name.partition("/serviceAccounts/")
            email, slash, more = rest.partition("/")
            home = names.project_in(self.home_of(f"{names.ACCOUNT}{email}") or "") or names.project_in(head) or "-"
            return f"//iam.googleapis.com/projects/{self.numbers.get(home, home)}/serviceAccounts/{email}{slash}{more}"
        project = names.project_in(name)
        if project in self.numbers:
            return name.replace(f"/projects/{project}", f"/projects/{self.numbers[project]}", 1)
        return name

    def home_of(self, identity_id: str) -> str | None:
        """The full name of the project in which a service account was made; None for agents of Google and others."""
        if identity_id not in self._homes:
            self._homes[identity_id] = self._home(identity_id)
        return self._homes[identity_id]

    def _home(self, identity_id: str) -> str | None:
        local, _, host = identity_id.removeprefix(names.ACCOUNT).partition("@")
        project = host.removesuffix(".iam.gserviceaccount.com")
        if project != host and not _AGENT.fullmatch(local):
            first, dot, domain = project.partition(".")
            return f"{names.MANAGER}projects/{f'{domain}:{first}' if dot else first}"
        if host == "appspot.gserviceaccount.com":
            return f"{names.MANAGER}projects/{local}"
        if host == "developer.gserviceaccount.com" and local.endswith("-compute"):
            number = local.removesuffix("-compute")
            return f"{names.MANAGER}projects/{self.numbers.get(number, number)}"
        return None

    def resource_of(self, identity_id: str) -> str:
        """The full resource name of a service account."""
        return self.canonical(
            f"//iam.googleapis.com/projects/-/serviceAccounts/{identity_id.removeprefix(names.ACCOUNT)}"
        )

    def chain(self, name: str) -> tuple[str, ...]:
        """The resource and all it lies in, nearest first, up to the organisation."""
        if name not in self._chains:
            own = self.canonical(name)
            found = [own, *names.above(own)]
            project = names.project_in(own)
            top = f"{names.MANAGER}projects/{project}" if project else self._place(found)
            while top and top not in found:
                found.append(top)
                top = self.parents.get(top)
            if found[-1] == own:
                while (top := self.parents.get(found[-1])) and top not in found:
                    found.append(top)
            self._chains[name] = tuple(found)
        return self._chains[name]

    def _place(self, found: list[str]) -> str | None:
        return next((self.placed[f] for f in found if f in self.placed), None)

    def within(self, inner: str, outer: str) -> bool:
        """Whether a resource is the other one or lies in it."""
        return outer in self.chain(inner)

    def forms(self, name: str) -> tuple[str, ...]:
        """The relative names by which a condition may call a resource: its project by id and by number."""
        rest = names.split(name)[1]
        project = names.project_in(name)
        number = next((n for n, p in self.numbers.items() if p == project), None)
        return (rest, rest.replace(f"projects/{project}", f"projects/{number}", 1)) if number else (rest,)

    def askers(self, principal: str) -> tuple[Asker, ...]:
        """The principal and every other whose bindings bear on it, groups through groups."""
        if principal not in self._askers:
            self._askers[principal] = tuple(askers(self, principal))
        return self._askers[principal]

    def title(self, name: str) -> str:
        """A resource for people: `project shop`, `service account ci@…`, `secret db`."""
        if name in self.titles:
            return self.titles[name]
        rest = names.split(name)[1].split("/")
        kind, last = (rest[-2], rest[-1]) if len(rest) > 1 else ("resource", rest[-1])
        return f"{_HUMP.sub(' ', kind.removesuffix('s')).lower()} {last}"

    def who(self, principal: str) -> str:
        """A principal for people."""
        if principal not in self._names:
            self._names[principal] = self._who(principal)
        return self._names[principal]

    @staticmethod
    def _who(principal: str) -> str:
        for prefix, word in _WORDS:
            if principal.startswith(prefix):
                return f"{word} {principal.removeprefix(prefix)}"
        return {names.EVERYBODY: "everybody (allUsers)", names.SIGNED_IN: "everybody signed in"}.get(
            principal, principal.removeprefix("gcp:")
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """The tables that the analysis reads; rows of other providers may be among them."""

    identities: Iterable[Identity] = ()
    policies: Iterable[Policy] = ()
    attachments: Iterable[Attachment] = ()
    members: Iterable[Member] = ()
    scopes: Iterable[Scope] = ()
    uses: Iterable[Use] = ()
    consumers: Iterable[Consumer] = ()


def build(seen: Seen, as_of: datetime) -> Estate:
    """The estate of what belongs to Google Cloud; everything else is left out."""
    estate = Estate(as_of)
    _hierarchy(estate, seen.scopes)
    _people(estate, seen.identities, seen.members)
    policies = [p for p in seen.policies if p.provider == names.PROVIDER]
    known = roles(policies)
    estate.unread = {p.id: p for p in policies if p.document is not None and read(p.document) is None}
    rows = sorted(
        (a for a in seen.attachments if a.policy_id.startswith("gcp:") or a.policy_id in known), key=lambda a: a.id
    )
    for row in rows:
        if row.kind is AttachmentKind.GRANTS and row.target_id:
            _bind(estate, row, known.get(row.policy_id) or unseen(row.policy_id))
    _deny(estate, policies, rows)
    estate.sets = sorted(p for p in estate.bindings if p.startswith((names.FEDERATED, *names.CONVENIENT)))
    _workloads(estate, seen.uses, seen.consumers)
    return estate


def _hierarchy(estate: Estate, scopes: Iterable[Scope]) -> None:
    for scope in scopes:
        name = names.scope_name(scope.id)
        if name:
            estate.titles[name] = f"{names.split(name)[1].partition('/')[0].removesuffix('s')} {scope.name}"
            parent = names.scope_name(scope.parent_id or "")
            if parent:
                estate.parents[name] = parent
            number = _LISTED.search(scope.locator or "")
            if number and scope.id.startswith("gcp:project/"):
                estate.numbers[number[1]] = scope.id.removeprefix("gcp:project/")


def _people(estate: Estate, identities: Iterable[Identity], members: Iterable[Member]) -> None:
    estate.identities = {i.id: i for i in sorted(identities, key=lambda i: i.id) if i.provider == names.PROVIDER}
    for identity in estate.identities.values():
        # An account that only a binding names may be of any project; one that was listed has its unique id.
        found = _POOLED.match(identity.id) or (_COMPUTE.fullmatch(identity.id) if identity.native_id else None)
        if found and identity.scope_id.startswith("gcp:project/"):
            estate.numbers.setdefault(found[1], identity.scope_id.removeprefix("gcp:project/"))
    for identity in estate.identities.values():
        home = estate.home_of(identity.id) if identity.kind is IdentityKind.SERVICE_ACCOUNT else None
        if home:
            estate.accounts[home].append(identity.id)
    for member in members:
        if member.group_id.startswith(names.GROUP):
            estate.groups[member.group_id].add(member.identity_id)
            estate.groups_of[member.identity_id].add(member.group_id)


def _bind(estate: Estate, row: Attachment, role: Role) -> None:
    target = estate.canonical(row.target_id or "")
    if not names.project_in(target) and names.scope_id(target) is None:
        place = names.scope_name(row.scope_id)
        if place:
            estate.placed.setdefault(target, place)
    condition = row.condition
    if condition and condition.lstrip().startswith("{"):
        expression = (read(condition) or {}).get("expression")
        condition = expression if isinstance(expression, str) else condition
    binding = Binding(row.id, role, row.principal_id, target, condition, row.eligible is True)
    estate.bindings.setdefault(row.principal_id, {}).setdefault(target, []).append(binding)


def _deny(estate: Estate, policies: Iterable[Policy], rows: Iterable[Attachment]) -> None:
    points: dict[str, set[str]] = defaultdict(set)
    hit: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind is AttachmentKind.DENIES:
            hit[row.policy_id].add(row.principal_id)
        if row.kind in {AttachmentKind.DENIES, AttachmentKind.EXEMPT} and row.target_id:
            points[row.policy_id].add(estate.canonical(row.target_id))
    for policy in sorted((p for p in policies if p.kind is PolicyKind.DENY), key=lambda p: p.id):
        named = _POINT.search(policy.id)
        at = points.get(policy.id) or ({estate.canonical(f"//{unquote(named[1])}")} if named else set())
        rules = list(denials(policy))
        if not rules and read(policy.document) is None:
            who = tuple(sorted(hit.get(policy.id, ()))) or (names.EVERYBODY,)
            rules = [Denial(policy.id, 0, who, readable=False)]
        for point in at:
            estate.denials[point] += rules


def _workloads(estate: Estate, uses: Iterable[Use], consumers: Iterable[Consumer]) -> None:
    by_id = {c.id: c for c in consumers}
    for use in sorted(uses, key=lambda u: u.id):
        consumer = by_id.get(use.consumer_id)
        if consumer and use.how is UseHow.RUNS_AS and use.identity_id in estate.identities:
            project = names.scope_name(consumer.scope_id)
            hidden = (
                False
                if consumer.tags.get("gcp:node_identity")
                else True
                if consumer.tags.get("gcp:workload_pool")
                else None
            )
            scopes = consumer.tags.get("gcp:scopes", "").split()
            narrow = bool(scopes) and "cloud-platform" not in scopes
            estate.running.append(Running(consumer.platform, project, use.identity_id, hidden, narrow))
