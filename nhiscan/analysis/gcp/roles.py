"""Roles: which permissions a binding of each gives.

Source: docs.cloud.google.com/iam/docs/roles-overview and .../creating-custom-roles (a disabled or deleted role keeps
its bindings, which have no effect).  What roles that Google defines contain is in their documents where they were
read, and otherwise, for the permissions this analysis asks about, in `roles.yaml`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from nhiscan import yamldata
from nhiscan.analysis.gcp.names import PROVIDER
from nhiscan.model import PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.model import Policy

BASIC = {
    "roles/owner": "write", "roles/editor": "write", "roles/admin": "write", "roles/writer": "write",
    "roles/viewer": "read", "roles/reader": "read",
}  # fmt: skip
"""The roles that reach into every service, and what they do there (roles-overview, "Basic roles")."""

_GIVING = (".setIamPolicy", ".actAs", ".getAccessToken", ".signBlob", ".signJwt", ".implicitDelegation")
_READING = ("get", "read", "access", "view", "fetch", "search", "query", "export", "lookup", "select", "render")
_LISTING = ("list", "aggregatedList")


@dataclass(frozen=True, slots=True)
class Role:
    """One role.  `permissions` is None where nobody could read them; `partial`: only those known by heart are there."""

    policy_id: str
    name: str
    permissions: frozenset[str] | None
    partial: bool = False

    @property
    def basic(self) -> bool:
        """Whether it reaches into every service."""
        return self.name in BASIC

    @property
    def level(self) -> str:
        """`wildcard` for a basic role that writes, else the highest that a permission of it reaches."""
        if BASIC.get(self.name) == "write":
            return "wildcard"
        held = self.permissions or frozenset()
        if any(p.endswith(_GIVING) for p in held) or {"iam.serviceAccountKeys.create", "iam.roles.update"} & held:
            return "permissions"
        verbs = {p.rpartition(".")[2] for p in held}
        if any(not v.startswith((*_READING, *_LISTING)) for v in verbs):
            return "write"
        return "read" if any(v.startswith(_READING) for v in verbs) else "list"


def roles(policies: Iterable[Policy]) -> dict[str, Role]:
    """Every role of Google Cloud by policy id; what is no role (deny and resource policies) is left out."""
    kinds = {PolicyKind.PROVIDER, PolicyKind.MANAGED}
    return {p.id: _role(p) for p in policies if p.provider == PROVIDER and p.kind in kinds}


def unseen(policy_id: str) -> Role:
    """The role of a binding whose definition was not collected."""
    name = policy_id.removeprefix(f"{PROVIDER}:")
    return Role(policy_id, name, by_heart().get(name), partial=True)


def _role(policy: Policy) -> Role:
    document = read(policy.document)
    if document is None or not isinstance(document.get("includedPermissions"), list):
        return unseen(policy.id) if document is None or not _dead(document) else Role(policy.id, _name(policy), None)
    if _dead(document):
        return Role(policy.id, _name(policy), frozenset())
    listed = cast("list[object]", document["includedPermissions"])
    return Role(policy.id, _name(policy), frozenset(p for p in listed if isinstance(p, str)))


def _name(policy: Policy) -> str:
    return policy.id.removeprefix(f"{PROVIDER}:")


def _dead(document: Mapping[str, object]) -> bool:
    return document.get("deleted") is True or document.get("stage") == "DISABLED"


def read(document: str | None) -> Mapping[str, object] | None:
    """The mapping that a document holds; None where it is unknown or none."""
    if document is None:
        return None
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else None


@cache
def by_heart() -> Mapping[str, frozenset[str]]:
    """What predefined roles contain of the permissions asked about here, by role name."""
    found = yamldata.shipped(__package__, "roles.yaml")
    return {name: frozenset(str(permissions).split()) for name, permissions in found.items()}
