"""What the actions offered to an agent can do, from their names and from an OpenAPI schema."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan import yamldata
from nhiscan.collectors._common.values import mapping, text
from nhiscan.plugin import Approval, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json

_LONGEST_SCHEMA = 300_000
_MOST_ACTIONS = 1_000
# From the least to the most powerful.
_RANK = (
    ToolClass.READ, ToolClass.WRITE, ToolClass.EXTERNAL, ToolClass.EXEC, ToolClass.DESTRUCTIVE, ToolClass.DEPLOY,
    ToolClass.IDENTITY, ToolClass.PAYMENT,
)  # fmt: skip
_WORDS = {
    ToolClass.READ: "get list read find search lookup query describe fetch check retrieve view show count validate",
    ToolClass.WRITE: "create add update set put write insert save edit modify change assign book schedule submit open "
    "close register upload store reserve cancel record append enable disable start stop",
    ToolClass.EXTERNAL: "send email notify publish message call post reply forward browse crawl",
    ToolClass.EXEC: "execute exec run invoke eval shell script command sql",
    ToolClass.DESTRUCTIVE: "delete remove drop destroy purge wipe terminate truncate erase",
    ToolClass.DEPLOY: "deploy release rollout rollback provision promote",
    ToolClass.IDENTITY: "grant revoke impersonate invite elevate",
    ToolClass.PAYMENT: "pay charge refund transfer purchase payout withdraw",
}
_VERBS = {word: class_ for class_, words in _WORDS.items() for word in words.split()}
# What is changed makes a change heavier: `create_user`, `update_payment`.
_THINGS = {
    ToolClass.IDENTITY: "role roles user users permission permissions policy credential credentials password passwords "
    "token tokens secret secrets access",
    ToolClass.PAYMENT: "payment payments refund refunds invoice transaction payout",
    ToolClass.EXTERNAL: "email sms notification",
}
_NOUNS = {word: class_ for class_, words in _THINGS.items() for word in words.split()}
_CHANGES = frozenset({ToolClass.WRITE, ToolClass.EXTERNAL, ToolClass.EXEC, ToolClass.DESTRUCTIVE})
_METHODS = {
    "get": ToolClass.READ, "head": ToolClass.READ, "options": ToolClass.READ, "post": ToolClass.WRITE,
    "put": ToolClass.WRITE, "patch": ToolClass.WRITE, "delete": ToolClass.DESTRUCTIVE,
}  # fmt: skip
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Action:
    """One action an agent may call; `approval` is None where the schema is kept elsewhere."""

    name: str
    class_: ToolClass | None
    approval: Approval | None = None
    explicit: bool = False


def by_name(name: str) -> ToolClass | None:
    """What a name promises: its first verb, made heavier by what it changes; None when it has no known verb."""
    words = [word.lower() for word in _PART.findall(name)]
    verb = next((_VERBS[word] for word in words if word in _VERBS), None)
    if verb not in _CHANGES:
        return verb
    return heaviest(verb, *(_NOUNS.get(word) for word in words))


def heaviest(*classes: ToolClass | None) -> ToolClass | None:
    """The most powerful of the known classes, None when none is known."""
    return max((c for c in classes if c is not None), key=_RANK.index, default=None)


def approval_of(required: object) -> tuple[Approval, bool]:
    """Whether the agent asks its user first, and whether that is written down (AWS's default is not to ask)."""
    return (Approval.ASK if required == "ENABLED" else Approval.AUTO), required in {"ENABLED", "DISABLED"}


def of_schema(raw: object) -> list[Action] | None:
    """The operations of an OpenAPI document in JSON or YAML; None when it cannot be read.

    Only paths, methods, operation ids and `x-requireConfirmation` are looked at.
    """
    paths = mapping(_parsed(raw)).get("paths")
    if not isinstance(paths, dict):
        return None
    found: dict[str, Action] = {}
    for path, item in list(paths.items())[:_MOST_ACTIONS]:
        for action in _operations(str(path), mapping(item)):
            found.setdefault(action.name, action)
    return list(found.values())


def _operations(path: str, item: Json) -> Iterator[Action]:
    for method, operation in item.items():
        class_ = _METHODS.get(str(method).lower())
        if class_ is None:
            continue
        named = text(mapping(operation).get("operationId"))
        promised = by_name(named) if named else None
        # A POST may well be a search; every other method says at least as much as the name.
        if not (str(method).lower() == "post" and promised is ToolClass.READ):
            promised = heaviest(class_, promised)
        approval, explicit = approval_of(mapping(operation).get("x-requireConfirmation"))
        yield Action(named or text(f"{str(method).upper()} {path}") or "?", promised, approval, explicit)


def _parsed(raw: object) -> object:
    if not isinstance(raw, str) or len(raw) > _LONGEST_SCHEMA:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        pass
    import yaml

    try:
        return yamldata.parse(raw)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
