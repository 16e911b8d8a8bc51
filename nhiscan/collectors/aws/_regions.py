"""Which regions of an account are in use: one cheap question each, and four more where that finds nothing.

Only a region in which somebody put something is read; that a region was passed over is told, never assumed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._accounts import Entry, add, home_region
from nhiscan.collectors.aws._errors import by_organisation
from nhiscan.collectors.aws._session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.plugin import Context

ALL = "all"
REGIONS = "ec2:DescribeRegions"
# Asked in this order until one finds something: the list that would hold it, and the parameters for a short answer.
PROBES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "resourcegroupstaggingapi:GetResources": ("ResourceTagMappingList", {"ResourcesPerPage": 1}),
    "lambda:ListFunctions": ("Functions", {"MaxItems": 1}),
    "secretsmanager:ListSecrets": ("SecretList", {"MaxResults": 1}),
    "ec2:DescribeInstances": ("Reservations", {"MaxResults": 5}),
    "kms:ListKeys": ("Keys", {"Limit": 1}),
}
# Only in the caller's own account, and where nothing else was found: the region of Identity Center need hold no more.
HOME_PROBES: Mapping[str, tuple[str, Mapping[str, int]]] = {"sso-admin:ListInstances": ("Instances", {})}
_CENTERS = 2  # one of the organisation and one of the account, says the quota; more are copies in further regions
_AT_ONCE = 16
_TRIES = 2
_TOKENS = ("PaginationToken", "NextMarker", "NextToken")  # a first page may be empty although others are not


class Fate(StrEnum):
    """What became of a region: it is read, or passed over and why."""

    READ = "read"
    UNSURE = "unsure"  # read, because nobody could say that it is empty
    EMPTY = "empty"
    SIGN_IN = "sign_in"  # empty, but for an instance of Identity Center
    CLOSED = "closed"  # to everybody in the account, by its organisation
    SILENT = "silent"  # nobody answers there


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions of an account by what becomes of them; `guessed` says why their list is the SDK's own."""

    by_use: Mapping[Fate, tuple[str, ...]]
    asked: tuple[str, ...] = ()
    guessed: RefusedError | None = None

    @property
    def sign_in(self) -> tuple[str, ...]:
        """Those that are read, and those in which nothing but Identity Center was found, in order."""
        return tuple(sorted((*self.read, *self.by_use.get(Fate.SIGN_IN, ()))))

    @property
    def read(self) -> tuple[str, ...]:
        """Those that are read, in order."""
        return tuple(sorted((*self.by_use.get(Fate.READ, ()), *self.by_use.get(Fate.UNSURE, ()))))


def regions(entry: Entry, ctx: Context) -> Regions:
    """The regions of an account: those asked for, all that are enabled, or those in use.  Raises no error."""
    if ctx.regions and ctx.regions != (ALL,):
        return Regions({Fate.READ: ctx.regions})
    enabled, guessed = _enabled(entry, ctx)
    if ctx.regions:
        return Regions({Fate.READ: enabled}, guessed=guessed)
    counts: list[dict[str, int]] = [{} for _ in enabled]  # threads count apart
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        fates = list(pool.map(lambda region, calls: _fate(entry, ctx, region, calls), enabled, counts))
    add(ctx.calls, counts)
    by_use = {fate: tuple(r for r, f in zip(enabled, fates, strict=True) if f is fate) for fate in Fate}
    centers = by_use[Fate.SIGN_IN]
    by_use[Fate.SIGN_IN], by_use[Fate.EMPTY] = centers[:_CENTERS], (*by_use[Fate.EMPTY], *centers[_CENTERS:])
    return Regions(by_use, enabled, guessed)


def _enabled(entry: Entry, ctx: Context) -> tuple[tuple[str, ...], RefusedError | None]:
    """The account's enabled regions, else those of its partition and why."""
    session = _session(entry, ctx, home_region(entry.account.partition), (REGIONS,), ctx.calls)
    try:
        answer = session.probe(REGIONS)
    except RefusedError as e:
        return tuple(sorted(session.regions("ec2", entry.account.partition))), e
    names = (text(mapping(r).get("RegionName")) for r in listing(answer.get("Regions")))
    return tuple(sorted({name for name in names if name})), None


def _fate(entry: Entry, ctx: Context, region: str, calls: dict[str, int]) -> Fate:
    session = _session(entry, ctx, region, (*PROBES, *HOME_PROBES), calls)
    closed = unsure = silent = False
    for operation, (key, params) in PROBES.items():
        try:
            answer = session.probe(operation, _TRIES, **params)
        except RefusedError as e:
            if silent and e.unreachable:
                return Fate.SILENT
            silent |= e.unreachable
            closed |= by_organisation(e)
            unsure |= not (by_organisation(e) or e.missing)
            if e.everywhere:
                break
        else:
            if listing(answer.get(key)) or any(answer.get(token) for token in _TOKENS):
                return Fate.READ
    if unsure:
        return Fate.UNSURE
    if entry.home and _signs_in(session):
        return Fate.SIGN_IN
    return Fate.CLOSED if closed else Fate.EMPTY


def _signs_in(session: Session) -> bool:
    """Whether Identity Center stands in a region; who may not ask is told when it is read elsewhere."""
    for operation, (key, params) in HOME_PROBES.items():
        try:
            return bool(listing(session.probe(operation, _TRIES, **params).get(key)))
        except RefusedError:
            return False
    return False


def _session(entry: Entry, ctx: Context, region: str, operations: Iterable[str], calls: dict[str, int]) -> Session:
    return Session(
        entry.profile, tuple(operations), calls, region, role=entry.role, external_id=ctx.external_id
    )  # fmt: skip
