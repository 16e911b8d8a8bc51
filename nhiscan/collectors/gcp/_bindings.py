"""Allow policies as attachments: who holds which role where, on which condition, and who the members are.

Shape: iam.v1 `Policy`, `Binding`, `Expr` (discovery document); a policy is inherited by everything below the resource
it stands on (cloud.google.com/iam/docs/allow-policies).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import document, mapping, objects, text, texts
from nhiscan.collectors.gcp._names import PUBLIC, account_project, principal
from nhiscan.plugin import Attachment, AttachmentKind, Identity, IdentityKind, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._assets import Projects, Scopes
    from nhiscan.collectors.gcp._names import Principal
    from nhiscan.plugin import Record

MANAGER = "cloudresourcemanager.googleapis.com"
_NUMBERED = re.compile(r"(//[^/]+/projects/)(\d{1,20})(?=/|$)")
_ACCOUNT = re.compile(r"(//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/)([^/]+)(.*)")
_NUMBER = re.compile(r"(?:[a-z]+-)?(\d{6,20})(?:-[a-z]+)?@")
_ENDS = re.compile(r"request\.time\s*<=?|timestamp\([^)]*\)\s*>=?\s*request\.time|date\(\s*request\.time")


@dataclass(slots=True)
class Around:
    """What a unit knows while it reads policies: projects, addresses of accounts by number, and what it met so far."""

    ask: Ask
    projects: Projects
    scopes: Scopes
    emails: dict[str, str] = field(default_factory=dict)
    members: dict[str, Principal] = field(default_factory=dict)
    roles: dict[str, None] = field(default_factory=dict)
    unnamed: bool = False
    """Whether a policy stands on an account of which only the number is known."""

    def named(self, name: str) -> str:
        """A full resource name with projects by id and service accounts by address, as far as they are known."""
        name = _NUMBERED.sub(lambda m: m[1] + (self.projects.id(m[2]) or m[2]), name, count=1)
        match = _ACCOUNT.fullmatch(name)
        if match is None or "@" in match[2]:
            return name
        self.unnamed |= match[2] not in self.emails
        return f"{match[1]}{self.emails.get(match[2], match[2])}{match[3]}"

    def met(self, member: str) -> Principal | None:
        """The principal of a member, kept so that it gets a row of its own."""
        found = principal(member)
        if found is not None:
            self.members.setdefault(found.id, found)
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """What a policy stands on: its full resource name, its asset type, and its scope."""

    name: str
    type: str
    scope_id: str


def read_policy(around: Around, place: Place, policy: Json) -> Iterator[Record]:
    """The attachments of an allow policy, and the resource itself where it is open to everybody."""
    public, whole = False, _whole(policy)
    for binding in objects(policy.get("bindings")):
        role = text(binding.get("role"))
        if role is None:
            continue
        around.roles[role] = None
        condition, ends = _condition(binding.get("condition"))
        for member in texts(binding.get("members")):
            who = around.met(member)
            if who is None:
                whole = False
                continue
            public |= who.id in PUBLIC and condition is None
            yield Attachment(
                id=f"{place.name}#{role}/{who.id}{_mark(condition)}", scope_id=place.scope_id,
                source=around.ask.source, locator=place.name, policy_id=f"gcp:{role}", principal_id=who.id,
                kind=AttachmentKind.GRANTS, target_id=place.name, condition=condition, time_bound=ends, eligible=False,
            )  # fmt: skip
    if not whole:
        detail = f"part of the allow policy of {place.name} could not be read"
        remedy = "run again or export it again; if it stays, report what its bindings look like"
        yield around.ask.gap(place.name, ("attachment",), detail, remedy, subject_id=place.scope_id)
    if public and not place.type.startswith(f"{MANAGER}/"):
        yield Resource(
            id=place.name, scope_id=place.scope_id, source=around.ask.source, locator=place.name, provider="gcp",
            kind=kind_of(place.type), name=place.name.rpartition("/")[2], public=True,
        )  # fmt: skip


def _whole(policy: Json) -> bool:
    """Whether every binding of a policy is one, with a role and members that are texts; without any it is empty."""
    bindings = objects(policy.get("bindings"))
    return _same(bindings, policy.get("bindings")) and all(
        text(each.get("role")) and _same(texts(each.get("members")), each.get("members")) for each in bindings
    )


def _same(read: Sequence[object], raw: object) -> bool:
    """Whether everything of a list was read; Google leaves empty ones out."""
    return len(read) == len(raw) if isinstance(raw, list) else raw is None


def _condition(raw: object) -> tuple[str | None, bool]:
    """A condition as JSON text, and whether it ends the grant; one that cannot be read is kept as one never met."""
    if raw is None or raw == {}:
        return None, False
    known = mapping(raw)
    expression = known.get("expression")
    kept = {k: known[k] for k in ("title", "description", "expression") if known.get(k)}
    ends = isinstance(expression, str) and _ENDS.search(expression) is not None
    return document(kept) if kept else "{}", ends


def _mark(condition: str | None) -> str:
    return f"?{sha256(condition.encode()).hexdigest()[:12]}" if condition else ""


def kind_of(asset_type: str) -> str:
    """A kind of resource from its asset type: `storage.googleapis.com/Bucket` is `storage_bucket`."""
    service, _, name = asset_type.partition("/")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{service.removesuffix('.googleapis.com')}_{words}".rstrip("_")


def people(around: Around) -> Iterator[Identity]:
    """A row for each member that was met; what other collectors tell of the same id completes it."""
    known = {*around.projects.by_number.values(), around.ask.place.params.get("project")}
    for who in around.members.values():
        project = around.projects.id(_home(who))
        yield Identity(
            id=who.id, scope_id=around.scopes.of(project if project in known else None), source=around.ask.source,
            provider="gcp", kind=who.kind, name=who.name, class_=who.class_, state=who.state,
        )  # fmt: skip


def _home(who: Principal) -> str | None:
    """The id or number of the project that a principal names, else None; it need not be one of the estate."""
    name = who.name
    if who.kind is IdentityKind.SERVICE_ACCOUNT:
        match = _NUMBER.match(name)
        return match[1] if match else account_project(name)
    if "/projects/" in name:
        return name.partition("/projects/")[2].partition("/")[0]
    return name.partition(".svc.id.goog[")[0] if ".svc.id.goog[" in name else None
