"""A collector as a list of parts: one for each kind of thing, with its calls and what they tell.

Permissions, gaps, the page of kinds and the check that nothing undeclared is called follow from the parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nhiscan.collectors._common.ask import BaseAsk
from nhiscan.collectors._common.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.plugin import Context, Record

_Operation = TypeVar("_Operation")
_Ask = TypeVar("_Ask", bound=BaseAsk[Any])
_PARTS_AT_ONCE = 8
DEEP = "deep"
CONFIG_VALUES = "read-config-values"


@dataclass(frozen=True, slots=True)
class Part(Generic[_Operation, _Ask]):
    """One kind of thing.

    `name` tells its gaps apart, `kind` is what the page of kinds calls it, `facts` what is known of each; `calls` maps
    an operation to what is not seen without it (`store, store.rotation`); `read` turns answers into records; `option`
    is the one it waits for (DEEP); `also` are further calls of `read`, by the option that allows them.
    """

    name: str
    kind: str
    facts: tuple[str, ...]
    calls: Mapping[_Operation, str]
    read: Callable[[_Ask], Iterator[Record]]
    option: str | None = None
    also: Mapping[str, Mapping[_Operation, str]] = field(default_factory=dict)


def wanted(ctx: Context, option: str | None) -> bool:
    """Whether the run asked for an option of a part."""
    return option is None or {DEEP: ctx.deep, CONFIG_VALUES: ctx.read_config_values}[option]


@dataclass(frozen=True)
class BaseGroup(ABC, Generic[_Operation, _Ask]):
    """A collector made of parts; a provider's `Group` says where it runs, and who answers there."""

    name: str
    title: str
    parts: tuple[Part[_Operation, _Ask], ...]

    @staticmethod
    @abstractmethod
    def needs(operation: _Operation) -> tuple[str, ...]:
        """The permissions of an operation, as `requires` names them."""

    @property
    def requires(self) -> Mapping[str, str]:
        """Permission -> what is not seen without it, of everything that runs without being asked for."""
        return self._permissions(part.calls for part in self.parts if part.option is None)

    @property
    def requires_with(self) -> Mapping[str, Mapping[str, str]]:
        """The same for each option, beyond `requires`."""
        found: dict[str, list[Mapping[_Operation, str]]] = defaultdict(list)
        for part in self.parts:
            if part.option is not None:
                found[part.option].append(part.calls)
            for option, calls in part.also.items():
                found[option].append(calls)
        return {option: self._permissions(calls) for option, calls in sorted(found.items())}

    @property
    def kinds(self) -> tuple[Part[_Operation, _Ask], ...]:
        """What it finds, for the page of kinds."""
        return self.parts

    @property
    def covers(self) -> tuple[str, ...]:
        """The tables that a failed unit leaves unseen."""
        calls = (each for part in self.parts for each in (part.calls, *part.also.values()))
        return tuple(
            sorted({word.partition(".")[0] for each in calls for text in each.values() for word in _words(text)})
        )

    def operations(self, ctx: Context) -> dict[_Operation, str]:
        """The operations a run may call, with what each covers."""
        found: dict[_Operation, list[str]] = defaultdict(list)
        for part in self.parts:
            for calls in _called(part, ctx):
                _gather(found, calls.items())
        return {operation: ", ".join(covered) for operation, covered in found.items()}

    def records_of(self, ask: _Ask) -> Iterator[Record]:
        """The records of all parts, several at a time; a part whose call is refused leaves a gap, the others go on.

        An error of another sort is raised when all have been read.
        """
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

    def _all_calls(self) -> Iterator[Mapping[_Operation, str]]:
        for part in self.parts:
            yield part.calls
            yield from part.also.values()

    def _permissions(self, calls: Iterable[Mapping[_Operation, str]]) -> dict[str, str]:
        found: dict[str, list[str]] = defaultdict(list)
        for each in calls:
            _gather(found, ((need, text) for operation, text in each.items() for need in self.needs(operation)))
        return {name: ", ".join(covered) for name, covered in sorted(found.items())}


def covers_of(operations: Mapping[_Operation, str]) -> dict[str, tuple[str, ...]]:
    """The tables and columns that are not seen without each operation, by its name."""
    return {str(operation): tuple(_words(text)) for operation, text in operations.items()}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_Key = TypeVar("_Key")


def _gather(found: dict[_Key, list[str]], covered: Iterable[tuple[_Key, str]]) -> None:
    for key, text in covered:
        found[key] += [word for word in _words(text) if word not in found[key]]


def _called(part: Part[_Operation, _Ask], ctx: Context) -> Iterator[Mapping[_Operation, str]]:
    if wanted(ctx, part.option):
        yield part.calls
        yield from (calls for option, calls in part.also.items() if wanted(ctx, option))


def _read(part: Part[_Operation, _Ask], ask: _Ask) -> tuple[list[Record], Exception | None]:
    found: list[Record] = []
    try:
        found.extend(part.read(ask))
    except RefusedError as e:
        if not e.missing:
            found.append(ask.refused(e, covers=_unseen(part, e.operation, ask)))
    except Exception as e:  # noqa: BLE001 - told when the other parts are done
        return found, e
    return found, None


def _unseen(part: Part[_Operation, _Ask], operation: str | None, ask: _Ask) -> tuple[str, ...]:
    """What a refused call hides: what it covers itself, and what the calls of its part that come after it cover."""
    calls = [str(operation) for each in _called(part, ask.ctx) for operation in each]
    hidden = calls[calls.index(operation) :] if operation in calls else calls
    return tuple(dict.fromkeys(word for each in hidden for word in ask.covers.get(each, ())))
