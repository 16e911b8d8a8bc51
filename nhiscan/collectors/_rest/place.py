"""What a provider has to say so that units can be planned and carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Context, Target


class Answers(Protocol):
    """Where answers come from; its methods raise RefusedError."""

    def call(self, operation: Operation, params: Json, query: Json, body: Json) -> Json:
        """One answer."""
        ...

    def pages(self, operation: Operation, params: Json, query: Json, body: Json) -> Iterator[Json]:
        """All pages of an answer."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Provider(Protocol):
    """What is particular to a provider; `PROVIDER` of `nhiscan.collectors.<name>._plan`."""

    name: str
    modules: tuple[str, ...]

    def places(self, target: Target, ctx: Context, kind: str) -> Iterator[Place]:
        """The places of a kind that a target names, in order.  Raises TargetError when nobody can be asked."""
        ...

    def place_of(self, folder: Path, kind: str) -> Place | None:
        """The place of that kind whose exported answers lie in a folder, told by its name, else None."""
        ...

    def answers(self, params: Mapping[str, str], operations: Collection[Operation], ctx: Context) -> Answers:
        """Live answers for a unit, which may make these calls and no others."""
        ...
