"""Diagnostic settings: which logs of a thing are sent to a store, and to which.

Source: "Diagnostic settings in Azure Monitor" (learn.microsoft.com/azure/azure-monitor/essentials/diagnostic-settings):
a setting names categories or category groups and one place or more; without a place it sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, mapping, objects, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from nhiscan.collectors._common.values import Json

VERSION = "2021-05-01-preview"
READ = "Microsoft.Insights/diagnosticSettings/read"
_PLACES = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId", "serviceBusRuleId")
_ALL = "alllogs"


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether every one of some logs is sent to a place, and where the first of them goes."""

    enabled: bool
    destination: str | None = None


def kept(settings: Iterable[Json], categories: Collection[str], groups: Collection[str] = ()) -> Kept:
    """Whether settings together keep all of the categories (lower case); a group in `groups` stands for all of them."""
    told: dict[str, str] = {}
    for setting in settings:
        known = mapping(setting.get("properties"))
        place = next((found for name in _PLACES if (found := text(known.get(name)))), None)
        if place is None:
            continue
        for entry in objects(known.get("logs")):
            if flag(entry.get("enabled")):
                group = (text(entry.get("categoryGroup")) or "").lower()
                whole = group == _ALL or group in groups
                named = [*categories] if whole else [(text(entry.get("category")) or "").lower()]
                for name in named:
                    told.setdefault(name, place.lower())
    missing = [name for name in categories if name not in told]
    return Kept(not missing, None if missing else told[next(iter(categories))])
