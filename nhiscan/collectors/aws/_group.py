"""A collector of AWS as a list of parts: one part for each kind of thing, with the calls it makes and what they tell.

A file `nhiscan/collectors/aws/<group>.py` has functions that turn answers into records, and one `COLLECTOR = Group(…)`.
Permissions, gaps, the page of kinds and the check that nothing undeclared is called follow from the parts.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from nhiscan.collectors.aws._ask import Answers, Ask
from nhiscan.collectors.aws._errors import RefusedError
from nhiscan.collectors.aws._exports import FileAnswers, exported
from nhiscan.collectors.aws._operations import permission
from nhiscan.collectors.aws._plan import GLOBAL_S, REGION_S, places, session_of
from nhiscan.collectors.aws._source import Account
from nhiscan.plugin import Context, Scope, ScopeKind, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.plugin import Record

_NONE: Mapping[str, str] = MappingProxyType({})
_PARTS_AT_ONCE = 8
DEEP = "deep"
CONFIG_VALUES = "read-config-values"


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing.

    `name` tells its gaps apart, `kind` is what the page of kinds calls it, `facts` what is known of each; `calls` maps
    an operation (`secretsmanager:ListSecrets`) to what is not seen without it (`store, store.rotation`);
    `read` turns answers into records; `option` is the one it waits for; `also` are further calls of `read`, by the
    option that allows them.
    """

    name: str
    kind: str
    facts: tuple[str, ...]
    calls: Mapping[str, str]
    read: Callable[[Ask], Iterator[Record]]
    option: str | None = None
    also: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def wanted(ctx: Context, option: str | None) -> bool:
    """Whether the run asked for an option of a part."""
    return option is None or {DEEP: ctx.deep, CONFIG_VALUES: ctx.read_config_values}[option]


@dataclass(frozen=True)
class Group:
    """A collector made of parts; `regional` ones run once in each region in use, others once in each account.

    `once` says that one account of an organisation tells about all of it; `sign_in` that it also runs in regions that
    hold nothing but an instance of Identity Center.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    regional: bool = True
    once: bool = False
    sign_in: bool = False
    schemes: tuple[str, ...] = ("aws",)
    writes: Mapping[str, str] = field(default_factory=dict)

    @property
    def requires(self) -> Mapping[str, str]:
        """Permission -> what is not seen without it, of everything that runs without being asked for."""
        return _permissions(part.calls for part in self.parts if part.option is None)

    @property
    def requires_with(self) -> Mapping[str, Mapping[str, str]]:
        """The same for each option, beyond `requires`."""
        found: dict[str, list[Mapping[str, str]]] = defaultdict(list)
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

    def operations(self, ctx: Context) -> dict[str, str]:
        """The operations a run may call, with what each covers."""
        found: dict[str, str] = {}
        for part in self.parts:
            if wanted(ctx, part.option):
                found.update(part.calls)
                for option, calls in part.also.items():
                    found.update(calls if wanted(ctx, option) else _NONE)
        return found

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each account and region; those of a snapshot are the ones it holds answers of this group for."""
        if not self.operations(ctx):  # all of its parts wait for an option
            return
        if target.kind in self.schemes:
            for place in places(target, ctx, regional=self.regional, once=self.once, sign_in=self.sign_in):
                where = f":{place.region}" if self.regional else ""
                unit_id = f"{self.name}:{place.account.number}{where}"
                yield Unit(unit_id, self.name, place.account.scope_id, target, place.params())
        elif target.kind is TargetKind.SNAPSHOT:
            for export in exported(target, self.operations(ctx), regional=self.regional):
                account = export.account
                unit_id = f"{self.name}:{account.number}:{export.region}:snapshot-{export.digest}"
                yield Unit(unit_id, self.name, account.scope_id, target, export.params())

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The records of all parts; a part whose call is refused leaves a gap, the others go on."""
        operations = self.operations(ctx)
        account = Account(unit.params["account"], unit.params.get("partition", "aws"))
        region = unit.params.get("region", "") if self.regional else ""
        if unit.target.kind is TargetKind.SNAPSHOT:
            answers: Answers = FileAnswers(unit.target, unit.params)
        else:
            answers = session_of(unit.params, operations, ctx, GLOBAL_S if not self.regional else REGION_S)
        covers = {operation: tuple(_words(text)) for operation, text in operations.items()}
        ask = Ask(answers, account, region, self.name, ctx, covers)
        yield Scope(
            id=ask.scope_id, scope_id=ask.scope_id, source=self.name, locator=account.arn("root"), provider="aws",
            kind=ScopeKind.ACCOUNT, name=unit.params.get("name") or account.number,
        )  # fmt: skip
        chosen = [part for part in self.parts if wanted(ctx, part.option)]
        broken: list[Exception] = []
        with ThreadPoolExecutor(min(_PARTS_AT_ONCE, len(chosen) or 1)) as pool:
            for found, error in pool.map(lambda part: _read(part, ask), chosen):
                yield from found
                broken += [error] if error else []
        if broken:
            raise broken[0]

    def _all_calls(self) -> Iterator[Mapping[str, str]]:
        for part in self.parts:
            yield part.calls
            yield from part.also.values()


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
    calls = [*part.calls, *(o for option in part.also for o in part.also[option] if wanted(ask.ctx, option))]
    hidden = calls[calls.index(operation) :] if operation in calls else calls
    return tuple(dict.fromkeys(word for each in hidden for word in ask.covers.get(each, ())))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _covered(calls: Mapping[str, str]) -> Iterator[str]:
    for text in calls.values():
        yield from _words(text)


def _permissions(calls: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in calls:
        for operation, text in each.items():
            found[permission(operation)] += [w for w in _words(text) if w not in found[permission(operation)]]
    return {name: ", ".join(words) for name, words in sorted(found.items())}
