"""Which accounts and regions a target means, found out once for all collectors of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.memo import remembered
from nhiscan.collectors.aws._accounts import ACCOUNTS, CALLER, Entry, entries, home_region, params_of, parse
from nhiscan.collectors.aws._operations import permission
from nhiscan.collectors.aws._regions import HOME_PROBES, PROBES, REGIONS, Regions, regions
from nhiscan.collectors.aws._session import Session

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from nhiscan.collectors.aws._source import Account
    from nhiscan.plugin import Context, Target

GLOBAL_S = 600.0
"""Seconds that a unit of an account may take before it makes no further call."""
REGION_S = 300.0
"""The same for a unit of one region."""

_ELSEWHERE = "consumer, store, resource, credential"
PLANNING: Mapping[str, str] = {
    permission(CALLER): "scope",
    permission(ACCOUNTS): "scope",
    permission(REGIONS): _ELSEWHERE,
    **{permission(operation): _ELSEWHERE for operation in (*PROBES, *HOME_PROBES)},
}
"""Permission -> what is not seen without it, of the calls that find out where to look."""
SIGNING_IN: Mapping[str, str] = {
    "sts:AssumeRole": "only to obtain credentials: when the profile says so, or for the role of other accounts",
}
"""What is called beyond reading, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """One account, and one region of it (that of its partition for what has none), with the way in."""

    entry: Entry
    region: str

    @property
    def account(self) -> Account:
        """The account."""
        return self.entry.account

    def params(self) -> dict[str, str]:
        """What a unit needs to come here again."""
        return {**params_of(self.entry), "region": self.region}


def accounts(target: Target, ctx: Context) -> tuple[Entry, ...]:
    """The accounts of a target, those included that cannot be entered.  Raises TargetError when nobody can be asked."""
    key = f"aws accounts:{(target.text, ctx.expect_account, ctx.accounts, ctx.role)}"
    return remembered(ctx, key, lambda: entries(target, ctx))


def regions_of(entry: Entry, ctx: Context) -> Regions:
    """The regions of an account that was entered."""
    key = f"aws regions:{(entry.profile, entry.account.number, entry.role, ctx.regions)}"
    return remembered(ctx, key, lambda: regions(entry, ctx))


def places(
    target: Target, ctx: Context, *, regional: bool, once: bool = False, sign_in: bool = False
) -> Iterator[Place]:
    """The places that can be entered, in order: each account, with each region that is read if `regional`.

    With `once`, of an organisation the caller's own account alone; with `sign_in` also the regions that hold nothing
    but an instance of Identity Center.  Raises TargetError when nobody can be asked.
    """
    alone = once and parse(target.value)[0]
    for entry in accounts(target, ctx):
        if entry.refused is not None or (alone and not entry.home):
            continue
        wanted: tuple[str, ...] = (home_region(entry.account.partition),)
        if regional:
            found = regions_of(entry, ctx)
            wanted = found.sign_in if sign_in else found.read
        for region in wanted:
            yield Place(entry, region)


def session_of(
    params: Mapping[str, str], operations: Collection[str], ctx: Context, budget_s: float = GLOBAL_S
) -> Session:
    """The session of a unit, which may call these operations and no others, for so many seconds."""
    return Session(
        params.get("profile", ""), operations, ctx.calls, params.get("region", ""), role=params.get("role", ""),
        external_id=ctx.external_id, budget_s=budget_s,
    )  # fmt: skip
