"""What a role allows: Azure role definitions, directory roles, application permissions, vault access policies.

Sources: learn.microsoft.com/azure/role-based-access-control/role-definitions (actions less notActions, each role for
itself; data actions apart; `*` matches any characters; no regard to case), .../entra/identity/
role-based-access-control/custom-overview ("Permission" = namespace/entity/property set/action; allProperties and
allTasks hold all others).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from nhiscan.analysis.azure.conditions import like
from nhiscan.model import PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.azure.catalogue import BuiltIn
    from nhiscan.model import Policy

GRAPH = "00000003-0000-0000-c000-000000000000"
EVERYTHING = "*"


class Plane(StrEnum):
    """Which of the systems that decide about access a role speaks to."""

    ARM = "arm"
    DIRECTORY = "directory"
    APP_ROLE = "app_role"
    DELEGATED = "delegated"


_PREFIXES = {
    "azure:role/": Plane.ARM,
    "entra:role/": Plane.DIRECTORY,
    "entra:app_role/": Plane.APP_ROLE,
    "entra:delegated/": Plane.DELEGATED,
}


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of a definition's permissions, in lower case; what it subtracts holds for itself alone."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str | None = None

    def allows(self, action: str, *, data: bool = False) -> bool:
        """Whether the entry gives an action of Azure; `action` in lower case."""
        given, taken = (
            (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        )  # fmt: skip
        return any(like(p, action) for p in given) and not any(like(p, action) for p in taken)

    def directs(self, action: str) -> bool:
        """Whether the entry gives an action of the directory; `action` in lower case."""
        return any(_directs(p, action) for p in self.actions)


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it is assigned; `blocks` is None where its definition could not be read."""

    id: str
    name: str
    plane: Plane
    blocks: tuple[Block, ...] | None
    custom: bool = False
    vault: bool = False
    everywhere: bool = True

    @property
    def value(self) -> str:
        """The last part of its id: a GUID, or the name of a permission."""
        return self.id.rpartition("/")[2]

    @property
    def api(self) -> str | None:
        """The appId of the API whose permission it is."""
        return self.id.split("/")[1] if self.plane in {Plane.APP_ROLE, Plane.DELEGATED} else None


@lru_cache(1 << 14)
def _directs(pattern: str, action: str) -> bool:
    """Property set and action of a directory permission, where `allProperties` and `allTasks` hold all others."""
    if pattern in {action, EVERYTHING}:
        return True
    have, want = pattern.split("/"), action.split("/")
    if len(have) < 3 or len(want) < 3 or have[:2] != want[:2]:
        return False
    (sets, task), (wanted, done) = (_tail(have), _tail(want))
    if task not in {done, "alltasks"}:
        return False
    # Consent to permissions is an action of its own, which no property set of a service principal holds.
    if done.startswith("managepermissiongrants"):
        return False
    return sets in {wanted, "allproperties"} or (task == "alltasks" and sets == "allproperties")


def _tail(parts: list[str]) -> tuple[str, str]:
    return (parts[2], parts[3]) if len(parts) > 3 else ("", parts[2])


def read(policy: Policy, known: Mapping[str, BuiltIn]) -> Role | None:
    """The role of a policy, None for a policy that is no role; `known` are documented built-in roles by id."""
    body = _body(policy.document)
    plane = next((p for prefix, p in _PREFIXES.items() if policy.id.startswith(prefix)), None)
    custom = policy.kind is PolicyKind.MANAGED
    if plane in {Plane.APP_ROLE, Plane.DELEGATED}:
        value = policy.id.rpartition("/")[2]
        return Role(policy.id, policy.name, plane, (Block(actions=(value.lower(),)),))
    if plane is None:
        if policy.provider != "azure" or policy.kind is PolicyKind.DENY:
            return None
        found = _vault(body)
        return None if found is None else Role(policy.id, policy.name, Plane.ARM, found, vault=True)
    found = _arm(body) if plane is Plane.ARM else _directory(body)
    built_in = known.get(policy.id.rpartition("/")[2].lower())
    if found is None and built_in is not None and policy.id.count("/") == 1:
        return Role(policy.id, built_in.name, plane, (built_in.block,))
    if built_in is not None and built_in.everything:
        found = (built_in.block,)
    return Role(policy.id, policy.name, plane, found, custom)


@dataclass(frozen=True, slots=True)
class Denial:
    """What a deny assignment takes away; `blocks` is None where that could not be read."""

    id: str
    name: str
    blocks: tuple[Block, ...] | None
    children: bool = True


def denial(policy: Policy) -> Denial:
    """The denial of a policy of that kind; `children` says whether it holds below its scope."""
    body = _body(policy.document)
    return Denial(policy.id, policy.name, _arm(body), body.get("doNotApplyToChildScopes") is not True)


def _body(document: str | None) -> Mapping[str, object]:
    """The document as an object, empty where there is none or it cannot be read."""
    try:
        found = json.loads(document or "{}")
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _arm(body: Mapping[str, object]) -> tuple[Block, ...] | None:
    entries = body.get("permissions")
    if not isinstance(entries, list):
        return None
    return tuple(
        Block(
            actions=_texts(entry.get("actions")),
            not_actions=_texts(entry.get("notActions")),
            data_actions=_texts(entry.get("dataActions")),
            not_data_actions=_texts(entry.get("notDataActions")),
            condition=_text(entry.get("condition")),
        )
        for entry in entries
        if isinstance(entry, dict)
    )


def _directory(body: Mapping[str, object]) -> tuple[Block, ...] | None:
    entries = body.get("rolePermissions")
    if not isinstance(entries, list):
        return None
    if body.get("isEnabled") is False:
        return ()
    return tuple(
        Block(actions=_texts(entry.get("allowedResourceActions")), condition=_text(entry.get("condition")))
        for entry in entries
        if isinstance(entry, dict)
    )


def _vault(body: Mapping[str, object]) -> tuple[Block, ...] | None:
    """What an access policy of a key vault gives, None for any other document; its actions are data actions."""
    return _arm(body) if isinstance(body.get("accessPolicy"), dict) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v.lower() for v in _strings(value))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (v for v in value if isinstance(v, str))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
