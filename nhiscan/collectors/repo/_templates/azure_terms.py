"""How long a role assignment of an ARM or Bicep template stands (ARM template reference, Microsoft.Authorization)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.ending import ends
from nhiscan.collectors.repo._templates.arm import literal

if TYPE_CHECKING:
    from nhiscan.collectors.repo._templates.arm import Item

_ELIGIBLE = "microsoft.authorization/roleeligibilityschedulerequests"
_SCHEDULED = "microsoft.authorization/roleassignmentschedulerequests"
ASSIGNMENTS = ("microsoft.authorization/roleassignments", _ELIGIBLE, _SCHEDULED)
_EXPIRES = {"noexpiration": False, "afterduration": True, "afterdatetime": True}


def eligible(item: Item) -> bool | None:
    """Whether it must be activated before it counts; None for one that knows no activation."""
    return {_ELIGIBLE: True, _SCHEDULED: False}.get(item.type.lower())


def ends_of(item: Item) -> bool | None:
    """Whether it ends: by activation, by its schedule, by its condition; None where an expression says so.

    An assignment without any of them is for ever.
    """
    kind = item.type.lower()
    if kind == _ELIGIBLE:
        return True
    if kind == _SCHEDULED:
        schedule, said = item.properties.at("scheduleInfo"), item.properties.at("scheduleInfo", "expiration", "type")
        if said is None:
            return False if schedule is None or schedule.map else None
        return _EXPIRES.get((literal(said) or "").lower())
    condition = item.properties.at("condition")
    if condition is None or not condition.text:
        return False
    text = literal(condition)
    return None if text is None else ends(text)
