"""What a collector is: targets in, units out, records streamed.

A collector is one module `nhiscan/collectors/<provider>/<name>.py` with a module-level `COLLECTOR`; the registry finds
it by its place, so nothing else has to be touched.  Modules whose name begins with `_` are shared helpers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from nhiscan.model import Record
    from nhiscan.sensitive import FingerprintKey


class TargetKind(StrEnum):
    """The kinds of target every collector is asked about; any other kind is a scheme that a collector declares."""

    PATH = "path"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to audit, as the user named it (`text`): `.`, `aws:prod`, `snapshot:DIR`.

    `kind` is `path`, `snapshot`, or the scheme of a collector (`aws`); `value` is what follows the scheme: a resolved
    path for `path` and `snapshot`, a profile or `""` for `aws`.
    """

    text: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest piece of work that succeeds or fails by itself: one account, one repository.

    `id` is stable between runs and free of secrets; `params` is whatever the collector needs to do the work again.
    """

    id: str
    collector: str
    scope_id: str
    target: Target
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What a collector may know of the run; picklable, so that a unit can run in another process.

    `as_of` stands for the clock; `key` makes fingerprints; `cache_dir` is None with `--no-cache`;
    `expect_account` aborts a cloud target that answers with another account; `read_ignored` lets collectors read
    ignored agent and `.env` files as `visibility: local`; `max_file_bytes` is where a file is skipped with a count;
    `run` names one run, so that what is found out for several collectors can be kept as long as it lasts;
    `calls` is where a collector counts its API calls by operation (fresh for every unit); `jobs` is how many processes
    a unit may use.  For repositories: `history` reads every object and not only the work tree, `since` those that came
    after a commit, `staged` nothing but what is staged; `user` reads the agents of the person who runs it as well.

    For cloud targets: `accounts` and `regions` narrow what is read (no accounts: all that the target names, `!ID`
    leaves one out; no regions: those in use, `("all",)`: every enabled one); `role`, a name or an ARN that may hold
    `{account}`, is assumed in each account other than the caller's, with `external_id` when it is given; `deep` allows
    slow per-identity calls (last use of services, analyzers, event history); `read_config_values` allows the values of
    environments and user data to be read, handed to the detector and dropped.  `endpoints` are addresses that replace a
    provider's own (`azure-arm` -> `https://…`).  `probe` asks for as little as shows what may be read (first pages, one
    thing of each kind), where a collector can.  `memo` holds what several collectors
    find out alike while units are planned; it never travels to a worker.
    """

    as_of: datetime
    key: FingerprintKey
    cache_dir: Path | None = None
    expect_account: str | None = None
    read_ignored: bool = True
    max_file_bytes: int = 5_000_000
    run: str = ""
    jobs: int = 1
    history: bool = False
    since: str | None = None
    staged: bool = False
    user: bool = False
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    role: str | None = None
    external_id: str | None = None
    deep: bool = False
    read_config_values: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)
    probe: bool = False
    calls: dict[str, int] = field(default_factory=dict)
    memo: dict[str, object] = field(default_factory=dict, repr=False)


class TargetError(Exception):
    """A target cannot be read at all; `remedy` is one line the user can act on.  The run goes on with the others."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@runtime_checkable
class Collector(Protocol):
    """One source.

    `requires` maps a permission to the table or `table.column` that is not seen without it; from it come the printed
    policy, the preflight of `doctor`, the docs, and the sentence in the report.  Optional attributes: `schemes`, the
    target schemes it answers to (`("aws",)`); `modules` and `extra`, the packages it imports beyond the core and the
    extra of nhiscan that installs them; `local`, True when it reads files and has read something even where all
    it left is gaps; `covers`, the tables a failed unit leaves unseen; `weight`, above 0 for units that take long and
    begin first; `kinds`, what it finds, for the page of collectors; `writes`, permissions that are not read-only, and
    why they are needed (documented exceptions; empty for nearly everybody); `requires_with`, further permissions by the
    option that asks for them (`{"deep": {…}, "read-config-values": {…}}`), printed apart; `evidence`, False when a unit
    that succeeded does not mean that its target was read.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    requires: ClassVar[Mapping[str, str]]

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """The units of a target, cheaply; nothing when the target is not this collector's.  Raises TargetError."""
        ...

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The records of a unit, streamed; what is refused becomes a Gap, never silence."""
        ...
