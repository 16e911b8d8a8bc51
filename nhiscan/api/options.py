"""What an audit needs to know, already parsed and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from nhiscan.collect.protocol import Target


@dataclass(frozen=True, slots=True)
class Cloud:
    """What narrows or widens the reading of cloud targets; see `collect.protocol.Context`."""

    expect_account: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    role: str | None = None
    external_id: str | None = None
    deep: bool = False
    read_config_values: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """One audit.

    `save` keeps the spool; `jobs` 1 collects in this process; `cache_dir` None leaves nothing on disk; `policy_ref`
    takes configuration, baseline and inline ignores from that git ref of the first path target only.  `config_path`
    is a file the user named, which may also name targets (used when `named` is false) and outputs; without one,
    nhiscan.yaml is looked for at the root of the first path target.  `history`, `since` and `staged` say what of a
    repository is read, `user` that the agents of the person who runs it are read too (see `collect.protocol.Context`).
    `collect` are the collectors to ask, all without it; what the others would see is a gap.  `ingest` are reports of
    other scanners, whose findings become evidence of ours.  `profile` is the name of a ready-made choice, and
    `frameworks` are labels of those to make scorecards of.
    """

    targets: tuple[Target, ...]
    as_of: datetime
    named: bool = True
    config_path: Path | None = None
    use_config: bool = True
    rules: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    baseline: Path | None = None
    profile: str | None = None
    frameworks: tuple[str, ...] = ()
    save: Path | None = None
    policy_ref: str | None = None
    jobs: int = 2
    cache_dir: Path | None = None
    history: bool = False
    since: str | None = None
    staged: bool = False
    user: bool = False
    collect: frozenset[str] = frozenset()
    ingest: tuple[Path, ...] = ()
    cloud: Cloud = field(default_factory=Cloud)
    redact: frozenset[str] = frozenset()
