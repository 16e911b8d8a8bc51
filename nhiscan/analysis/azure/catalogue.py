"""The data of this package, read and checked: escalation paths, tiers of application permissions, built-in roles.

The files say what their fields mean and where the facts come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from nhiscan import yamldata
from nhiscan.analysis.azure.roles import Block
from nhiscan.model import Capability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Need(StrEnum):
    """What an escalation needs to exist before it works."""

    SCOPE = "scope"
    OWN_ROLE = "own_role"
    CONSUMER = "consumer"
    MANAGED_IDENTITY = "managed_identity"
    VAULT = "vault"
    APP = "app"
    BLUEPRINT = "blueprint"
    PERSON = "person"
    GROUP = "group"
    ROLE_GROUP = "role_group"
    TENANT = "tenant"
    TRUST = "trust"


class Tier(StrEnum):
    """What an application permission amounts to; graph_tiers.yaml says more."""

    TENANT_ADMIN = "tenant_admin"
    ESCALATION = "escalation"
    BROAD_WRITE = "broad_write"
    CONTROL = "control"
    SENSITIVE_READ = "sensitive_read"


Alternatives = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """One entry.  `targets` are asked about the target itself, `others` of any scope; each is satisfied by one of it.

    `app_roles` (of Microsoft Graph) and `roles` (template ids of the directory) give the same right; `doubt` says why
    it is conditional at most, `elsewhere` why it is not searched for here.
    """

    id: str
    need: Need
    source: str
    says: str
    targets: tuple[Alternatives, ...] = ()
    others: tuple[Alternatives, ...] = ()
    data: bool = False
    platforms: frozenset[str] = frozenset()
    app_roles: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    doubt: str | None = None
    elsewhere: str | None = None

    @property
    def plane(self) -> str:
        """`arm` or `entra`."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Permission:
    """An application permission that matters."""

    api: str
    value: str
    tier: Tier
    why: str
    source: str
    capability: Capability | None = None


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in role as documented; `everything` for the one that can do all."""

    id: str
    name: str
    block: Block
    everything: bool = False


class CatalogueError(ValueError):
    """The shipped data is broken: a search without it would call everybody harmless."""


@cache
def escalations() -> tuple[Escalation, ...]:
    """Every entry of escalations.yaml, those that are only listed included.  Raises CatalogueError."""
    found = [
        _entry({**group, **raw})
        for group in yamldata.shipped(__package__, "escalations.yaml")
        for raw in group["entries"]
    ]
    if len({e.id for e in found}) != len(found):
        msg = f"entries of escalations.yaml with the same id: {sorted(e.id for e in found)}"
        raise CatalogueError(msg)
    return tuple(found)


@cache
def searched(need: Need, plane: str) -> tuple[Escalation, ...]:
    """The entries of a plane that need such a thing and are searched for."""
    return tuple(e for e in escalations() if e.need is need and e.plane == plane and e.elsewhere is None)


def _entry(raw: Mapping[str, Any]) -> Escalation:
    try:
        return Escalation(
            id=raw["id"],
            need=Need(raw["need"]),
            source=raw["source"],
            says=raw["says"],
            targets=tuple(_alternatives(raw.get("target", ""))),
            others=tuple(_alternatives(raw.get("and", ""))),
            data=bool(raw.get("data")),
            platforms=frozenset(str(raw.get("platform", "")).split()),
            app_roles=frozenset(str(raw.get("app_roles", "")).lower().split()),
            roles=frozenset(str(raw.get("roles", "")).split()),
            doubt=raw.get("doubt"),
            elsewhere=raw.get("elsewhere"),
        )
    except (KeyError, ValueError) as e:
        msg = f"an entry of escalations.yaml cannot be read: {raw.get('id')}: {e}"
        raise CatalogueError(msg) from None


def _alternatives(text: str) -> Iterator[Alternatives]:
    yield from (tuple(word.split("|")) for word in text.lower().split())


@cache
def tiers() -> Mapping[tuple[str, str], Permission]:
    """Application permissions by (appId of the API, name in lower case), and by their id where that is known."""
    return {
        (group["api"], key.lower()): Permission(
            api=group["api"],
            value=value,
            tier=Tier(said["tier"]),
            why=said["why"],
            source=group["source"],
            capability=Capability(said["capability"]) if "capability" in said else None,
        )
        for group in yamldata.shipped(__package__, "graph_tiers.yaml")
        for value, said in group["permissions"].items()
        for key in (value, said.get("id"))
        if key
    }


@cache
def built_in() -> Mapping[str, BuiltIn]:
    """Documented built-in roles by the GUID of the definition or template."""
    return {
        role.id: role
        for group in yamldata.shipped(__package__, "builtin_roles.yaml").values()
        for role in _roles(group["roles"])
    }


def _roles(said: Mapping[str, Mapping[str, Any]]) -> Iterable[BuiltIn]:
    for guid, role in said.items():
        everything = bool(role.get("everything"))
        actions, taken = (tuple(a.lower() for a in role.get(key, ())) for key in ("actions", "notActions"))
        yield BuiltIn(guid, role["name"], Block(("*",) if everything else actions, taken), everything)


def table(found: Mapping[str, bool] | None = None) -> str:
    """Every published path as a Markdown table: what it takes, whether it is found, and why not where it is not.

    `found` says of an entry's id whether a search found it; without it, whether it is searched for.
    """
    lines = ["| path | what it needs | found | source |", "| --- | --- | --- | --- |"]
    for entry in sorted(escalations(), key=lambda e: e.id):
        hit = found.get(entry.id, False) if found is not None else entry.elsewhere is None
        why = f"no: {entry.elsewhere}" if entry.elsewhere else "no"
        sure = f"yes, conditional: {entry.doubt}" if entry.doubt else "yes"
        needs = [
            *(" or ".join(f"`{a}`" for a in t) for t in (*entry.targets, *entry.others)),
            *(f"`{a}`" for a in sorted(entry.app_roles)),
            *(f"role {built_in()[r].name}" for r in sorted(entry.roles)),
        ]
        lines.append(f"| {entry.id} | {'; '.join(needs) or 'a trust'} | {sure if hit else why} | <{entry.source}> |")
    return "\n".join(lines) + "\n"
