"""A collector of AWS as a list of parts: one part for each kind of thing, with the calls it makes and what they tell.

A file `nhiscan/collectors/aws/<group>.py` has functions that turn answers into records, and one `COLLECTOR = Group(…)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import group as common
from nhiscan.collectors.aws._ask import Answers, Ask
from nhiscan.collectors.aws._exports import answers_of, units_of
from nhiscan.collectors.aws._operations import permission
from nhiscan.collectors.aws._plan import GLOBAL_S, REGION_S, places, session_of
from nhiscan.collectors.aws._source import Account, place_of
from nhiscan.plugin import Context, Scope, ScopeKind, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.plugin import Record


@dataclass(frozen=True, slots=True)
class Part(common.Part[str, Ask]):
    """One kind of thing; its calls are written `client:Operation` (`secretsmanager:ListSecrets`)."""


@dataclass(frozen=True)
class Group(common.BaseGroup[str, Ask]):
    """A collector made of parts; `regional` ones run once in each region in use, others once in each account.

    `once` says that one account of an organisation tells about all of it; `sign_in` that it also runs in regions that
    hold nothing but an instance of Identity Center.
    """

    regional: bool = True
    once: bool = False
    sign_in: bool = False
    schemes: tuple[str, ...] = ("aws",)
    writes: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def needs(operation: str) -> tuple[str, ...]:
        """The IAM permission of an operation."""
        return (permission(operation),)

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each account and region; those of a snapshot are the ones it holds answers of this group for."""
        operations = self.operations(ctx)
        if not operations:  # all of its parts wait for an option
            return
        if target.kind in self.schemes:
            for place in places(target, ctx, regional=self.regional, once=self.once, sign_in=self.sign_in):
                where = f":{place.region}" if self.regional else ""
                unit_id = f"{self.name}:{place.account.number}{where}"
                yield Unit(unit_id, self.name, place.account.scope_id, target, place.params())
        elif target.kind is TargetKind.SNAPSHOT:
            yield from units_of(self.name, target, operations, regional=self.regional)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The records of all parts; a part whose call is refused leaves a gap, the others go on."""
        operations = self.operations(ctx)
        account = Account(unit.params["account"], unit.params.get("partition", "aws"))
        if unit.target.kind is TargetKind.SNAPSHOT:
            answers: Answers = answers_of(unit)
        else:
            answers = session_of(unit.params, operations, ctx, REGION_S if self.regional else GLOBAL_S)
        place = place_of(account, unit.params.get("region", "") if self.regional else "")
        ask = Ask(answers, place, self.name, ctx, common.covers_of(operations))
        yield Scope(
            id=ask.scope_id, scope_id=ask.scope_id, source=self.name, locator=account.arn("root"), provider="aws",
            kind=ScopeKind.ACCOUNT, name=unit.params.get("name") or account.number,
        )  # fmt: skip
        yield from self.records_of(ask)
