"""One step from a principal to others, and the set of others that steps share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.analysis.azure.decide import Level


@dataclass(frozen=True, slots=True)
class End:
    """How one target is reached: the escalation, how surely, and what is done to it."""

    method: str
    level: Level
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Hub:
    """Targets by id; compared by identity, since many ways share it."""

    ends: Mapping[str, End]


@dataclass(frozen=True, slots=True)
class Way:
    """From a principal to every target of a hub, by a right that `steps` prove."""

    start: str
    level: Level
    steps: tuple[str, ...]
    hub: Hub

    def proof(self, target: str) -> tuple[str, ...]:
        """The sentences of this step to one target."""
        return (*self.steps, self.hub.ends[target].words)
