"""A collector of a REST provider as a list of parts: one for each kind of thing, with its calls and what they tell.

A file `nhiscan/collectors/<provider>/<group>.py` has functions that turn answers into records, and one
`COLLECTOR = Group(…)`.  What is particular to the provider is `PROVIDER` of `nhiscan.collectors.<provider>._plan`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from nhiscan.collectors._common import group as common
from nhiscan.collectors._common.exports import exported
from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors._rest.exports import FileAnswers
from nhiscan.collectors._rest.operation import Operation
from nhiscan.plugin import Context, Scope, ScopeKind, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._rest.place import Answers, Provider
    from nhiscan.plugin import Record

_OWN = "_"  # begins the params of a unit that are no blanks of a path


@dataclass(frozen=True, slots=True)
class Part(common.Part[Operation, Ask]):
    """One kind of thing; its calls are operations."""


@dataclass(frozen=True)
class Group(common.BaseGroup[Operation, Ask]):
    """A collector made of parts; `place` says which places it runs at, once in each.

    Azure: `tenant`, `subscription`, or `estate` (all chosen subscriptions in one unit); Google Cloud: `organization`,
    `folder`, `project`, or `estate` (all that the target names in one unit).  `weight` above 0 begins first.
    """

    place: str
    schemes: tuple[str, ...] = ()
    extra: str = ""
    modules: tuple[str, ...] = ()
    writes: Mapping[str, str] = field(default_factory=dict)
    weight: int = 0
    evidence: bool = True
    counts_calls: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """The scheme, the extra and the modules of its provider, unless they are given."""
        provider = self.name.partition(".")[0]
        for name, usual in (("schemes", (provider,)), ("extra", provider), ("modules", self.provider.modules)):
            object.__setattr__(self, name, getattr(self, name) or usual)

    @property
    def provider(self) -> Provider:
        """What is particular to its provider."""
        module = import_module(f"nhiscan.collectors.{self.name.partition('.')[0]}._plan")
        return cast("Provider", module.PROVIDER)

    @staticmethod
    def needs(operation: Operation) -> tuple[str, ...]:
        """The permissions that an operation names."""
        return operation.needs

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each place; those of a snapshot are the ones it holds answers of this group for."""
        operations = self.operations(ctx)
        if not operations:  # all of its parts wait for an option
            return
        if target.kind in self.schemes:
            for place in self.provider.places(target, ctx, self.place):
                yield self._unit(place, target, {}, "")
        elif target.kind is TargetKind.SNAPSHOT:
            for export in exported(target, partial(self.provider.place_of, kind=self.place), operations):
                yield self._unit(export.place, target, {"_folder": export.folder}, f":snapshot-{export.digest}")

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The records of all parts; a part whose call is refused leaves a gap, the others go on."""
        operations = self.operations(ctx)
        own = {k: v for k, v in unit.params.items() if k.startswith(_OWN)}
        params = {k: v for k, v in unit.params.items() if k not in own and k != "caller"}
        place = Place(own["_id"], own["_kind"], unit.scope_id, own.get("_name", ""), params)
        if unit.target.kind is TargetKind.SNAPSHOT:
            answers: Answers = FileAnswers(Path(unit.target.value) / own["_folder"])
        else:
            answers = self.provider.answers(place.params, operations, ctx)
        ask = Ask(answers, place, self.name, ctx, common.covers_of(operations))
        tells = "scope" in self.covers  # whoever tells of scopes knows their names, and of two names the first is kept
        try:
            yield from () if tells else (scope_of(ask),)
            yield from self.records_of(ask)
            yield from (scope_of(ask),) if tells else ()
        finally:
            answers.close()

    def _unit(self, place: Place, target: Target, more: Mapping[str, str], suffix: str) -> Unit:
        own = {"_id": place.id, "_kind": place.kind, "_name": place.name, **more}
        return Unit(f"{self.name}:{place.id}{suffix}", self.name, place.scope_id, target, {**place.params, **own})


_KINDS = {"tenant": ScopeKind.ORGANIZATION, "org": ScopeKind.ORGANIZATION, "mg": ScopeKind.ORGANIZATIONAL_UNIT,
          "folder": ScopeKind.ORGANIZATIONAL_UNIT}  # fmt: skip


def scope_of(ask: Ask) -> Scope:
    """The scope of a place; its parent and environment are told by the collector that enumerates scopes."""
    provider, _, rest = ask.scope_id.partition(":")
    kind, _, name = rest.partition("/")
    return Scope(
        id=ask.scope_id, scope_id=ask.scope_id, source=ask.source, locator=None, provider=provider,
        kind=_KINDS.get(kind, ScopeKind.ACCOUNT), name=ask.place.name or name,
    )  # fmt: skip
