"""A collector of a REST provider as a list of parts: one for each kind of thing, with its calls and what they tell.

A file `nhiscan/collectors/<provider>/<group>.py` has functions that turn answers into records, and one
`COLLECTOR = Group(…)`.  Permissions, gaps, the page of kinds and the check that nothing undeclared is called follow
from the parts; what is particular to the provider is `PROVIDER` of `nhiscan.collectors.<provider>._plan`.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, cast

from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors._rest.errors import RefusedError
from nhiscan.collectors._rest.exports import FileAnswers, exported
from nhiscan.collectors._rest.place import Place
from nhiscan.plugin import Context, Scope, ScopeKind, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.place import Answers, Provider
    from nhiscan.plugin import Record

_NONE: Mapping[Operation, str] = MappingProxyType({})
_PARTS_AT_ONCE = 8
_OWN = "_"  # begins the params of a unit that are no blanks of a path
DEEP = "deep"
CONFIG_VALUES = "read-config-values"


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing.

    `name` tells its gaps apart, `kind` is what the page of kinds calls it, `facts` what is known of each; `calls` maps
    an operation to what is not seen without it (`store, store.rotation`); `read` turns answers into records; `option`
    is the one it waits for (DEEP); `also` are further calls of `read`, by the option that allows them.
    """

    name: str
    kind: str
    facts: tuple[str, ...]
    calls: Mapping[Operation, str]
    read: Callable[[Ask], Iterator[Record]]
    option: str | None = None
    also: Mapping[str, Mapping[Operation, str]] = field(default_factory=dict)


def wanted(ctx: Context, option: str | None) -> bool:
    """Whether the run asked for an option of a part."""
    return option is None or {DEEP: ctx.deep, CONFIG_VALUES: ctx.read_config_values}[option]


@dataclass(frozen=True)
class Group:
    """A collector made of parts; `place` says which places it runs at, once in each.

    Azure: `tenant`, `subscription`, or `estate` (all chosen subscriptions in one unit); Google Cloud: `organization`,
    `folder`, `project`, or `estate` (all that the target names in one unit).  `weight` above 0 begins first.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
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

    @property
    def requires(self) -> Mapping[str, str]:
        """Permission -> what is not seen without it, of everything that runs without being asked for."""
        return _permissions(part.calls for part in self.parts if part.option is None)

    @property
    def requires_with(self) -> Mapping[str, Mapping[str, str]]:
        """The same for each option, beyond `requires`."""
        found: dict[str, list[Mapping[Operation, str]]] = defaultdict(list)
        for part in self.parts:
            if part.option is not None:
                found[part.option].append(part.calls)
            for option, calls in part.also.items():
                found[option].append(calls)
        return {option: _permissions(calls) for option, calls in sorted(found.items())}

    @property
    def kinds(self) -> tuple[Part, ...]:
        """What it finds, for the page of kinds."""
        return self.parts

    @property
    def covers(self) -> tuple[str, ...]:
        """The tables that a failed unit leaves unseen."""
        return tuple(sorted({c.partition(".")[0] for calls in self._all_calls() for c in _covered(calls)}))

    def operations(self, ctx: Context) -> dict[Operation, str]:
        """The operations a run may call, with what each covers."""
        found: dict[Operation, str] = {}
        for part in self.parts:
            if wanted(ctx, part.option):
                _merge(found, part.calls)
                for option, calls in part.also.items():
                    _merge(found, calls if wanted(ctx, option) else _NONE)
        return found

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each place; those of a snapshot are the ones it holds answers of this group for."""
        operations = self.operations(ctx)
        if not operations:  # all of its parts wait for an option
            return
        if target.kind in self.schemes:
            for place in self.provider.places(target, ctx, self.place):
                yield self._unit(place, target, {}, "")
        elif target.kind is TargetKind.SNAPSHOT:
            for export in exported(target, self.provider, self.place, operations):
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
        covers = {operation.name: tuple(_words(text)) for operation, text in operations.items()}
        ask = Ask(answers, place, self.name, ctx, covers)
        tells = "scope" in self.covers  # whoever tells of scopes knows their names, and of two names the first is kept
        try:
            yield from () if tells else (scope_of(ask),)
            yield from self._records(ask)
            yield from (scope_of(ask),) if tells else ()
        finally:
            answers.close()

    def _records(self, ask: Ask) -> Iterator[Record]:
        chosen = [part for part in self.parts if wanted(ask.ctx, part.option)]
        broken: list[Exception] = []
        with ThreadPoolExecutor(min(_PARTS_AT_ONCE, len(chosen) or 1)) as pool:
            for found, error in pool.map(lambda part: _read(part, ask), chosen):
                yield from found
                broken += [error] if error else []
        for operation, refused in sorted(ask.cut.items()):
            yield ask.refused(refused, covers=ask.covers.get(operation))
        if broken:
            raise broken[0]

    def _unit(self, place: Place, target: Target, more: Mapping[str, str], suffix: str) -> Unit:
        own = {"_id": place.id, "_kind": place.kind, "_name": place.name, **more}
        return Unit(f"{self.name}:{place.id}{suffix}", self.name, place.scope_id, target, {**place.params, **own})

    def _all_calls(self) -> Iterator[Mapping[Operation, str]]:
        for part in self.parts:
            yield part.calls
            yield from part.also.values()


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


def _merge(found: dict[Operation, str], calls: Mapping[Operation, str]) -> None:
    for operation, text in calls.items():
        words = dict.fromkeys([*_words(found.get(operation, "")), *_words(text)])
        found[operation] = ", ".join(words)


def _read(part: Part, ask: Ask) -> tuple[list[Record], Exception | None]:
    found: list[Record] = []
    try:
        found.extend(part.read(ask))
    except RefusedError as e:
        if not e.missing:
            found.append(ask.refused(e, covers=_unseen(part, e.operation, ask)))
    except Exception as e:  # noqa: BLE001 - told when the other parts are done
        return found, e
    return found, None


def _unseen(part: Part, operation: str | None, ask: Ask) -> tuple[str, ...]:
    """What a refused call hides: what it covers itself, and what the calls of its part that come after it cover."""
    also = [o for option, calls in part.also.items() if wanted(ask.ctx, option) for o in calls]
    calls = [o.name for o in (*part.calls, *also)]
    hidden = calls[calls.index(operation) :] if operation in calls else calls
    return tuple(dict.fromkeys(word for each in hidden for word in ask.covers.get(each, ())))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _covered(calls: Mapping[Operation, str]) -> Iterator[str]:
    for text in calls.values():
        yield from _words(text)


def _permissions(calls: Iterable[Mapping[Operation, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in calls:
        for operation, text in each.items():
            for permission in operation.needs:
                found[permission] += [w for w in _words(text) if w not in found[permission]]
    return {name: ", ".join(words) for name, words in sorted(found.items())}
