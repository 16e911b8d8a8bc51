"""What Google Cloud calls its principals, and the ids under which they meet: members of policies, accounts, resources.

Forms of members: cloud.google.com/iam/docs/principal-identifiers (v1 of allow policies, v2 of deny policies);
service accounts: cloud.google.com/iam/docs/service-account-types and /service-agents; read in November 2026.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from nhiscan.plugin import IdentityClass, IdentityKind, IdentityState

ANYONE = "gcp:allUsers"
ANY_ACCOUNT = "gcp:allAuthenticatedUsers"
PUBLIC = frozenset({ANYONE, ANY_ACCOUNT})
"""The members that stand for everybody on the internet (a Google account is free)."""

_RESOURCES = "cloudresourcemanager.googleapis.com"
_OWN = ".iam.gserviceaccount.com"
_GOOGLE = ".gserviceaccount.com"
_AGENT = re.compile(r"(?:service|project|bq|p|agent)-?\d{5,20}(?:-[a-z0-9]+)?|\d{5,20}")
_DEFAULT = re.compile(r"\d+-compute@developer\.gserviceaccount\.com|[^@]+@appspot\.gserviceaccount\.com|"
                      r"\d+@cloudbuild\.gserviceaccount\.com")  # fmt: skip
_KUBERNETES = re.compile(r"[^@\[\]]+\.id\.goog\[[^\[\]]+\]")
_GONE = re.compile(r"\?uid=\d+$")


class AccountType(StrEnum):
    """Who made a service account: a user, Google as the default of a service, or Google for itself."""

    USER_MANAGED = "user_managed"
    DEFAULT = "default"
    SERVICE_AGENT = "service_agent"


@dataclass(frozen=True, slots=True)
class Principal:
    """One member of a policy, under the id that all of its spellings share."""

    id: str
    kind: IdentityKind
    name: str
    class_: IdentityClass | None = None
    state: IdentityState | None = None


def account_id(email: str) -> str:
    """The identity id of a service account."""
    return f"gcp:sa/{email.lower()}"


def account_project(email: str) -> str | None:
    """The id of the project that an address of a user-made or App Engine account names, else None."""
    local, _, domain = email.lower().partition("@")
    if domain == f"appspot{_GOOGLE}":
        return _project(local)
    return _project(domain.removesuffix(_OWN)) if domain.endswith(_OWN) else None


def _project(name: str) -> str:
    # Projects of a domain (`example.com:api`) turn their id around in addresses (`api.example.com`).
    first, _, domain = name.partition(".")
    return f"{domain}:{first}" if domain else first


def account_type(email: str, owner: str | None = None) -> AccountType | None:
    """Who made an account, told by its address; `owner` is the project that lists it, where one did.

    None for an address that is no service account's.  An account is listed by the project that holds it, so one whose
    address names that very project was made there, however it is called.
    """
    local, _, domain = email.lower().partition("@")
    if _DEFAULT.fullmatch(email.lower()):
        return AccountType.DEFAULT
    if not domain.endswith(_GOOGLE):
        return None
    if not domain.endswith(_OWN):  # cloudservices, system and others of Google's own
        return AccountType.SERVICE_AGENT
    project = account_project(email)
    if owner is not None and project == owner:
        return AccountType.USER_MANAGED
    reserved = domain.startswith("gcp-sa-") or _AGENT.fullmatch(local) is not None
    return AccountType.SERVICE_AGENT if reserved else AccountType.USER_MANAGED


def account(email: str, owner: str | None = None) -> Principal:
    """A service account as a principal; those of Google are provider-managed."""
    made_by = account_type(email, owner)
    class_ = IdentityClass.PROVIDER_MANAGED if made_by is AccountType.SERVICE_AGENT else None
    return Principal(account_id(email), IdentityKind.SERVICE_ACCOUNT, email.lower(), class_)


def principal(member: str) -> Principal | None:
    """The principal that a member of an allow or deny policy names, else None."""
    kind, separator, rest = member.partition(":")
    if member in {"allUsers", "allAuthenticatedUsers"}:
        return Principal(f"gcp:{member}", IdentityKind.GROUP, member)
    if kind in {"principal", "principalSet"} and rest.startswith("//"):
        return _federated(kind, rest.removeprefix("//"))
    if kind == "deleted" and rest:
        return _deleted(rest)
    if not separator or not rest:
        return None
    return _plain(kind, rest)


def _plain(kind: str, name: str) -> Principal | None:
    if kind == "serviceAccount" and _KUBERNETES.fullmatch(name):
        # A service account of a cluster, through the workload identity pool of its project.
        return Principal(f"gcp:sa/{name}", IdentityKind.WORKLOAD_IDENTITY, name, IdentityClass.WORKLOAD)
    if kind == "serviceAccount":
        return account(name)
    name = name.lower() if kind in {"user", "group", "domain"} else name
    if kind == "user":
        # Until 2022 some services wrote service accounts as users.
        return account(name) if name.endswith(_GOOGLE) else _person(name)
    if kind in {"group", "domain", "projectOwner", "projectEditor", "projectViewer"}:
        return Principal(f"gcp:{kind}/{name}", IdentityKind.GROUP, name)
    return Principal(f"gcp:{kind}/{name}", IdentityKind.GROUP, name) if re.fullmatch(r"[A-Za-z]+", kind) else None


def _person(email: str) -> Principal:
    return Principal(f"gcp:user/{email}", IdentityKind.USER, email, IdentityClass.HUMAN)


def _federated(kind: str, rest: str) -> Principal | None:
    """`principal://` and `principalSet://`: pools, agents, and what deny policies call users, groups and accounts."""
    name = unquote(rest).rstrip("/")
    host, _, path = name.partition("/")
    if not host or not path:
        return None
    if host == "goog":
        return _named_by_deny(path, name)
    if host == "iam.googleapis.com" and (email := re.fullmatch(r"projects/[^/]+/serviceAccounts/([^/]+@[^/]+)", path)):
        return account(email[1])
    own = f"gcp:principal/{name}"
    if kind == "principalSet":
        return Principal(own, IdentityKind.GROUP, name)
    if host.startswith("agents."):
        return Principal(own, IdentityKind.AGENT_IDENTITY, name, IdentityClass.AGENT)
    people = "/workforcePools/" in f"/{path}"
    return Principal(
        own, IdentityKind.USER if people else IdentityKind.WORKLOAD_IDENTITY, name,
        IdentityClass.HUMAN if people else IdentityClass.WORKLOAD,
    )  # fmt: skip


def _named_by_deny(path: str, name: str) -> Principal:
    kind, _, rest = path.partition("/")
    if kind == "subject" and rest:
        return account(rest) if rest.endswith(_GOOGLE) else _person(rest.lower())
    if kind == "group" and rest:
        return Principal(f"gcp:group/{rest.lower()}", IdentityKind.GROUP, rest.lower())
    if path == "public:all":
        return Principal(ANYONE, IdentityKind.GROUP, "allUsers")
    return Principal(f"gcp:principal/{name}", IdentityKind.GROUP, name)


def _deleted(rest: str) -> Principal:
    # The unique id stays in the id: an account made anew under the same address is another one.
    of = principal(_GONE.sub("", rest))
    kind, class_ = (of.kind, of.class_) if of else (IdentityKind.GROUP, None)
    return Principal(f"gcp:deleted/{rest}", kind, of.name if of else rest, class_, IdentityState.DELETED)


def scope_of_resource(parent: str) -> str | None:
    """The scope id of `organizations/1`, `folders/2` or `projects/p` (also as a full resource name), else None."""
    match = re.fullmatch(rf"(?://{re.escape(_RESOURCES)}/)?(organizations|folders|projects)/([^/]+)", parent)
    if match is None:
        return None
    return f"gcp:{ {'organizations': 'org', 'folders': 'folder', 'projects': 'project'}[match[1]] }/{match[2]}"
