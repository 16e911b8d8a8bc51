"""Which tenant and subscriptions a target means, found out once for all collectors of a run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.place import Place
from nhiscan.collectors._common.values import guid, mapping, objects, text
from nhiscan.plugin import TargetError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.place import Answers
    from nhiscan.plugin import Context, Target

TENANT, SUBSCRIPTION, ESTATE = "tenant", "subscription", "estate"
_FOLDER = re.compile(r"(tenant|sub)-([0-9a-f-]{36})", re.IGNORECASE)
_TELLS_TENANT = "arm.subscriptions.*.json"


class Azure:
    """What is particular to Azure: see `_rest.place.Provider`."""

    name = "azure"
    modules = ("httpx", "azure.identity")

    def places(self, target: Target, ctx: Context, kind: str) -> Iterator[Place]:
        """The tenant, its chosen subscriptions, or all of these at once.  Raises TargetError when nobody answers."""
        from nhiscan.collectors.azure._estate import estate

        yield from estate(target, ctx).places(kind)

    def place_of(self, folder: Path, kind: str) -> Place | None:
        """The place that `azure/tenant-<id>` or `azure/sub-<id>` stands for."""
        if (found := _named(folder)) is None:
            return None
        what, number = found
        if what == "tenant" and kind in {TENANT, ESTATE}:
            others = sorted(n for other in folder.parent.iterdir() if (n := _id_of(other, "sub")))
            return tenant_place(number, kind, tuple(others))
        if what == "sub" and kind == SUBSCRIPTION:
            return subscription_place(_tenant_beside(folder), number)
        return None

    def answers(self, params: Mapping[str, str], operations: Collection[Operation], ctx: Context) -> Answers:
        """A session that may make these calls."""
        from nhiscan.collectors.azure._session import session_of

        return session_of(params, operations, ctx)


def tenant_place(tenant: str, kind: str, subscriptions: tuple[str, ...] = (), name: str = "") -> Place:
    """The place of a tenant, or of the estate of its chosen subscriptions (`params["subscriptions"]`, by commas)."""
    params = {"tenant": tenant}
    if kind == ESTATE:
        params["subscriptions"] = ",".join(subscriptions)
    return Place(tenant, kind, f"azure:tenant/{tenant}", name, params)


def subscription_place(tenant: str, subscription: str, name: str = "") -> Place:
    """The place of a subscription."""
    params = {"tenant": tenant, "subscription": subscription}
    return Place(subscription, SUBSCRIPTION, f"azure:sub/{subscription}", name, params)


def _named(folder: Path) -> tuple[str, str] | None:
    match = _FOLDER.fullmatch(folder.name)
    number = guid(match[2]) if match and folder.parent.name == "azure" else None
    return (match[1].lower(), number) if match and number else None


def _id_of(folder: Path, what: str) -> str | None:
    found = _named(folder)
    return found[1] if found and found[0] == what else None


def _tenant_beside(folder: Path) -> str:
    """The tenant of an exported subscription: the one exported beside it, or the one its own description names."""
    beside = {n for other in folder.parent.iterdir() if (n := _id_of(other, "tenant"))}
    if len(beside) == 1:
        return beside.pop()
    for path in sorted(folder.glob(_TELLS_TENANT)):
        try:
            answer = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue
        for entry in (mapping(answer), *objects(answer), *objects(mapping(answer).get("value"))):
            if found := guid(text(entry.get("tenantId"))):
                return found
    message = f"nothing says which tenant {folder.name} belongs to"
    raise TargetError(message, "put a folder tenant-<tenant id> beside it, or arm.subscriptions.get.json into it")


PROVIDER = Azure()
