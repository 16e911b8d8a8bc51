"""Agents in a checkout: which tool servers they start, what they may do unasked, whose credentials they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._agents import SOURCE
from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.plugin import Collector, Record, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Context

_SETTINGS = (".json", ".jsonc", ".toml", ".yaml", ".yml")


class RepoAgents(CheckoutCollector):
    """Agent and MCP configuration of a checkout, read and never started."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agent and MCP configuration in a checkout"

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read."""
        yield from super().units(target, ctx)
        if target.kind is TargetKind.PATH and ctx.user:
            from nhiscan.collectors.repo._agents import personal

            person = personal.scope()
            # One unit however many paths are named: units of one id are one.
            yield Unit(f"{SOURCE}:{person.id}", SOURCE, person.id, target, {"whose": "user"})

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Agents, tool servers, tools, uses, credentials and exposures; a file that cannot be read is a gap."""
        if unit.params.get("whose") == "user":
            from nhiscan.collectors.repo._agents import checkout as reading

            yield from reading.of_the_person(ctx)
            return
        yield from super().collect(unit, ctx)

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read: settings by their suffix, agents by that and their folder."""
        return path.endswith(_SETTINGS) or (path.endswith(".md") and "agent" in path)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Agents, tool servers, tools, uses, credentials and exposures of a checkout."""
        from nhiscan.collectors.repo._agents import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoAgents()
