"""From targets to published units: every collector is asked for its units, each is run, a target that fails is told."""

from __future__ import annotations

import dataclasses
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan import __version__, cache
from nhiscan.api.ahead import load_ahead
from nhiscan.collect import registry, runner
from nhiscan.collect.protocol import Context, Target, TargetError, TargetKind, Unit
from nhiscan.model import Gap, GapReason
from nhiscan.sensitive import load_key
from nhiscan.store.spool import SCHEMA, Manifest, RunInfo, Spool
from nhiscan.triage.result import Notice, TargetSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nhiscan.api.options import Options

JOIN_REMEDY = "set the same NHISCAN_FINGERPRINT_KEY for all runs that are to be joined"
_SAYS_WHETHER_EMPTY = "repo.secrets"  # asked first, so that nothing else is loaded for a path that holds nothing
_READS_HISTORY = "repo.history"
_LEFT_OUT = "nhiscan.collect"
_NOT_EVIDENCE = {"gap", "scope"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far collection is; `callers` are the principals the cloud targets answered with."""

    done: int
    total: int
    identities: int
    credentials: int
    callers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """What collection left: the units to ingest, the targets as they turned out, and what is to be said about it.

    `findings` are the directories in which saved runs keep theirs; `crashes` says where collectors broke, in this run
    or in a saved one; `read` are the pairs (scope id, collector) that were asked, in this run or in a saved one.
    """

    units: tuple[Path, ...]
    findings: tuple[Path, ...]
    targets: tuple[TargetSummary, ...]
    manifests: tuple[Manifest, ...]
    gaps: tuple[Gap, ...]
    notices: tuple[Notice, ...]
    spool: Spool
    calls: Mapping[str, int] = field(default_factory=dict)
    crashes: tuple[str, ...] = ()
    read: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Plan:
    """One target before collection: its units, or the saved run it is, or why it cannot be read."""

    target: Target
    units: tuple[Unit, ...] = ()
    run: Spool | None = None
    error: str | None = None
    remedy: str | None = None
    broken: Mapping[str, BaseException] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@contextmanager
def gather(options: Options, on_progress: Callable[[Progress], None] = lambda _: None) -> Iterator[Gathered]:
    """Collect all targets.  The spool is private and temporary unless `options.save` names a directory."""
    cache.use(options.cache_dir)
    key = load_key(options.cache_dir)
    cloud = {f.name: getattr(options.cloud, f.name) for f in dataclasses.fields(options.cloud)}
    what = {name: getattr(options, name) for name in ("cache_dir", "jobs", "history", "since", "staged", "user")}
    ctx = Context(as_of=options.as_of, key=key, run=uuid.uuid4().hex, **what, **cloud)
    with tempfile.TemporaryDirectory(prefix="nhiscan-") as scratch:
        directory = options.save or Path(scratch) / "run"
        texts = tuple(t.text for t in options.targets)
        info = RunInfo(SCHEMA, __version__, key.id, options.as_of.isoformat(), texts)
        spool = Spool.begin(directory, info)
        plans = [_plan(target, ctx, options.collect) for target in options.targets]
        _tell_broken(plans, spool)
        _tell_left_out(plans, spool)
        manifests = _collect(plans, ctx, spool, options.jobs, on_progress)
        found = _gathered(plans, manifests, spool)
        yield dataclasses.replace(found, calls=ctx.calls, crashes=_crashes(plans, manifests))


def _plan(target: Target, ctx: Context, wanted: frozenset[str] = frozenset()) -> _Plan:
    if target.kind is TargetKind.SNAPSHOT and (Path(target.value) / "run.json").is_file():
        return _Plan(target, run=Spool.open(Path(target.value)))
    units: list[Unit] = []
    broken: dict[str, BaseException] = {}
    names = registry.names_for(target.kind)
    asked = [name for name in names if not wanted or name in wanted]
    left_out = tuple(name for name in names if name not in asked)
    for collector in map(registry.load, asked) if target.kind is not TargetKind.PATH else ():
        if target.kind in getattr(collector, "schemes", ()):
            registry.require_extra(collector)
    asked = _asked_of_files(asked, target, ctx)
    for name in sorted(asked, key=lambda n: n != _SAYS_WHETHER_EMPTY):
        collector = registry.load(name)
        try:
            with runner.muted():
                units += [_sound(unit, name) for unit in collector.units(target, ctx)]
        except (Exception, SystemExit) as e:  # noqa: BLE001 - one collector, and least a plugin, ends no run
            if isinstance(e, TargetError) and registry.is_shipped(name):
                return _Plan(target, error=str(e), remedy=e.remedy)
            broken[name] = e
    if not units and broken:
        name, first = next(iter(broken.items()))
        gap = runner.failure(Unit(name, name, "", target), first)
        return _Plan(target, error=f"{name}: {gap.detail}", remedy=gap.remedy, broken=broken)
    if not units:
        message = "nothing here that a collector can read"
        return _Plan(target, error=message, remedy="see `nhiscan audit --help` for what can be audited")
    return _Plan(target, units=tuple(units), broken=broken, left_out=left_out)


def _asked_of_files(names: list[str], target: Target, ctx: Context) -> list[str]:
    """Those of the collectors that have anything to say where only history is read; a hook waits for no other."""
    from nhiscan.collectors.repo._tree import is_asked_for

    if target.kind is not TargetKind.PATH or ctx.user or is_asked_for(target, ctx):
        return names
    return [name for name in names if name == _READS_HISTORY or not registry.is_shipped(name)]


def _sound(unit: object, name: str) -> Unit:
    """The unit, if it keeps the contract: its own name, an id under it, and text only, so that it can travel."""
    if not isinstance(unit, Unit):
        msg = f"units() gave a {type(unit).__name__}"
        raise runner.ContractError(msg)
    if unit.collector != name or not unit.id.startswith(f"{name}:"):
        msg = f"a unit must name {name} as its collector and begin its id with {name}:"
        raise runner.ContractError(msg)
    params = dict(unit.params)
    if not all(isinstance(part, str) for pair in params.items() for part in pair):
        msg = "the params of a unit must be text"
        raise runner.ContractError(msg)
    return dataclasses.replace(unit, params=params)


def _tell_broken(plans: Sequence[_Plan], spool: Spool) -> None:
    """A collector that could not name its units leaves a gap in every scope of the target, saved with the run."""
    for plan in plans:
        for name, error in plan.broken.items():
            for scope in sorted({unit.scope_id for unit in plan.units}):
                unit = Unit(f"{name}:units/{scope}", name, scope, plan.target)
                gap = runner.failure(unit, error)
                crash = None if isinstance(error, TargetError) else gap.detail
                manifest = Manifest(unit.id, name, scope, plan.target.text, "failed", {"gap": 1}, crash=crash)
                spool.add_unit(manifest, [gap])


def _tell_left_out(plans: Sequence[_Plan], spool: Spool) -> None:
    """What collectors would see that were not asked is unknown, in every scope of the target."""
    for plan in plans:
        for scope in sorted({unit.scope_id for unit in plan.units}) if plan.left_out else ():
            unit = Unit(f"{_LEFT_OUT}:{scope}", _LEFT_OUT, scope, plan.target)
            gap = Gap(
                id=f"{unit.id}#unit",
                scope_id=scope,
                source=_LEFT_OUT,
                covers=runner.EVERYTHING,
                reason=GapReason.SKIPPED,
                remedy="leave --collect out",
                detail=f"{len(plan.left_out)} collectors were not asked",
            )
            spool.add_unit(Manifest(unit.id, _LEFT_OUT, scope, plan.target.text, "partial", {"gap": 1}), [gap])


def _crashes(plans: Sequence[_Plan], manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Where collectors broke: naming their units, collecting them, or in a saved run that is joined."""
    planning = [
        f"{name}: {runner.failure(Unit(name, name, '', plan.target), error).detail}"
        for plan in plans
        for name, error in plan.broken.items()
        if not isinstance(error, TargetError)
    ]
    saved = [m for plan in plans if plan.run for m in map(plan.run.manifest, plan.run.units()) if m is not None]
    return (*planning, *(f"{m.id}: {m.crash}" for m in (*manifests, *saved) if m.crash))


def _collect(
    plans: Sequence[_Plan], ctx: Context, spool: Spool, jobs: int, on_progress: Callable[[Progress], None]
) -> tuple[Manifest, ...]:
    units = list({unit.id: unit for plan in plans for unit in plan.units}.values())
    # What takes longest begins first, so that nothing waits for it alone at the end.
    units.sort(key=lambda unit: -getattr(registry.load(unit.collector), "weight", 0))
    callers = tuple(dict.fromkeys(unit.params["caller"] for unit in units if "caller" in unit.params))
    manifests: list[Manifest] = []
    on_progress(Progress(0, len(units), 0, 0, callers))
    for manifest in runner.run(units, ctx, spool, jobs, load_ahead):
        manifests.append(manifest)
        found = {t: sum(m.counts.get(t, 0) for m in manifests) for t in ("identity", "credential")}
        on_progress(Progress(len(manifests), len(units), found["identity"], found["credential"], callers))
    return tuple(sorted(manifests, key=lambda m: m.id))


def _gathered(plans: Sequence[_Plan], manifests: Sequence[Manifest], spool: Spool) -> Gathered:
    runs = [plan.run for plan in plans if plan.run is not None]
    gaps, notices = _key_gaps(runs, spool, own=bool(manifests))
    by_id = {m.id: m for m in manifests}
    summaries = []
    for plan in plans:
        if plan.run is not None:
            summaries += _of_run(plan.target, plan.run)
        else:
            summaries.append(_summary(plan, [by_id[u.id] for u in plan.units]))
    units = (*(path for run in runs for path in run.units()), *spool.units())
    findings = tuple(run.directory / "findings" for run in runs)
    saved = [m for run in runs for m in map(run.manifest, run.units()) if m is not None]
    read = frozenset((m.scope_id, m.collector) for m in (*saved, *manifests))
    return Gathered(units, findings, tuple(summaries), tuple(manifests), gaps, notices, spool, read=read)


def _summary(plan: _Plan, manifests: Sequence[Manifest]) -> TargetSummary:
    error, remedy = plan.error, plan.remedy
    live = plan.target.kind not in set(TargetKind)
    if error is None and not any(_has_evidence(m, live=live) for m in manifests):
        error, remedy = "nothing could be read", "see the gaps below for the permission each collector needs"
    return TargetSummary(
        text=plan.target.text,
        scopes=tuple(sorted({m.scope_id for m in manifests})),
        identities=sum(m.counts.get("identity", 0) for m in manifests),
        credentials=sum(m.counts.get("credential", 0) for m in manifests),
        failed=error is not None,
        error=error,
        remedy=remedy,
    )


def _has_evidence(manifest: Manifest, *, live: bool) -> bool:
    """Whether a unit read anything: records, or the certainty that there are none."""
    collector = registry.load(manifest.collector)
    if getattr(collector, "evidence", True) is False:
        return False
    if any(t not in _NOT_EVIDENCE for t in manifest.counts):
        return True
    if manifest.status == "succeeded":
        # A unit that knew of nothing to ask about (no subscription is visible) has succeeded in nothing.
        return bool(manifest.calls) or not (live and getattr(collector, "counts_calls", False))
    # A repository whose only gaps are skipped binaries has been read; an account whose calls were refused has not.
    return manifest.status == "partial" and getattr(registry.load(manifest.collector), "local", False) is True


def _of_run(target: Target, run: Spool) -> list[TargetSummary]:
    """A saved run as one target; what failed in it stays failed, so that joining hides nothing."""
    found = [m for m in (run.manifest(path) for path in run.units()) if m is not None]
    failed = {text: (error, remedy) for text, error, remedy in run.info.failed}
    scopes = tuple(sorted({m.scope_id for m in found}))
    counts = [sum(m.counts.get(t, 0) for m in found) for t in ("identity", "credential")]
    whole = TargetSummary(target.text, scopes, counts[0], counts[1])
    if not found and not failed:
        whole = dataclasses.replace(
            whole, failed=True, error="the saved run holds no finished unit", remedy="audit its targets again"
        )
    return [
        whole,
        *(TargetSummary(f"{target.text} ({text})", (), 0, 0, True, *why) for text, why in failed.items()),  # noqa: FBT003
    ]


def _key_gaps(runs: Sequence[Spool], spool: Spool, *, own: bool) -> tuple[tuple[Gap, ...], tuple[Notice, ...]]:
    """Runs made under different fingerprint keys cannot be compared by value: a gap in every scope, and a notice."""
    involved = [*runs, spool] if own else list(runs)
    if len({run.info.key_id for run in involved}) < 2:
        return (), ()
    detail = "runs were made with different fingerprint keys, so equal values in them cannot be recognised"
    scopes = {m.scope_id for run in involved for m in map(run.manifest, run.units()) if m is not None}
    gaps = tuple(
        Gap(
            id=f"{scope}#fingerprint-key",
            scope_id=scope,
            source="join",
            covers=("cluster",),
            reason=GapReason.UNSUPPORTED,
            remedy=JOIN_REMEDY,
            detail=detail,
        )
        for scope in sorted(scopes)
    )
    return gaps, (Notice("join", detail, JOIN_REMEDY),)
