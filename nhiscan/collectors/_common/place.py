"""Where a unit works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """One account in one region, tenant, subscription, organisation, folder or project, or an estate of several.

    `params` are text that tells it to a provider (`region`, `tenant`, `subscription`, `project`, `parent`); where calls
    are paths, they fill their blanks.
    """

    id: str
    kind: str
    scope_id: str
    name: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
