"""`nhiscan rules diff`: what another rule set changes, before it is used."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError, inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.engine.changes import Change, Effect
    from nhiscan.engine.rule import RuleSet
    from nhiscan.engine.verdict import Verdict

SHIPPED = "shipped"
FORMATS = ("text", "json")
# Our own set has 144 files of 8 KiB; anything far beyond is no rule set.
MAX_FILES = 5_000
MAX_BYTES = 512 * 1024


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A folder of rules, a wheel or zip of one, or `shipped`.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The other one.")] = SHIPPED,
    saved: Annotated[
        str | None,
        typer.Option("--saved", metavar="DIR", help="Also say which findings of this saved run come and go."),
    ] = None,
    config: common.ConfigFile = None,
    as_of: common.AsOf = None,
    output_format: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text or json.")] = "text",
) -> int:
    """Say what another rule set changes: rules, thresholds, and the findings of a saved run."""
    from nhiscan.engine.changes import changes

    if output_format not in FORMATS:
        msg = f"--format {output_format!r} is unknown"
        raise UsageError(msg, f"use one of {', '.join(FORMATS)}")
    with _opened(old) as before, _opened(new) as after:
        found = changes(before, after)
        seen = None if saved is None else _on_run(saved, found, (before, after), config, as_of)
        if output_format == "json":
            _json(found, seen, len(before), len(after))
        else:
            _text(found, seen, len(before), len(after))
    return 0


@contextmanager
def _opened(text: str) -> Iterator[RuleSet]:
    from nhiscan.engine.rule import load, shipped_rules_dir

    path = Path(text)
    if text == SHIPPED:
        yield load([shipped_rules_dir()], cases=False)
    elif path.is_file():
        with tempfile.TemporaryDirectory(prefix="nhiscan-") as folder:
            _unpack(path, Path(folder))
            yield load([Path(folder)])
    else:
        yield load([path])


def _unpack(archive: Path, folder: Path) -> None:
    """The rule files of a wheel or zip, flat: their own ids tell them apart.  Raises UsageError."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if _is_rule(m.filename)]
            if not members or len(members) > MAX_FILES or any(m.file_size > MAX_BYTES for m in members):
                msg = f"{archive} holds no rule set"
                raise UsageError(msg, "name a wheel of nhiscan, or a zip of a folder of rules")
            for number, member in enumerate(members):
                (folder / f"{number:04}-{PurePosixPath(member.filename).name}").write_bytes(opened.read(member))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        msg = f"{archive} is no wheel or zip that can be read"
        raise UsageError(msg, "name a folder of rules, or download the wheel again") from None


def _is_rule(name: str) -> bool:
    from nhiscan.engine.shape import ID

    path = PurePosixPath(name)
    return path.suffix in {".yaml", ".yml"} and ID.fullmatch(path.stem) is not None


def _on_run(
    saved: str, found: Sequence[Change], sets: tuple[RuleSet, RuleSet], config: Path | None, as_of: str | None
) -> tuple[str, Effect]:
    """The moment the run is judged at, and what the changes do to it."""
    from nhiscan import api
    from nhiscan.engine.changes import effect
    from nhiscan.store.spool import Spool

    directory = Path(saved.removeprefix("snapshot:"))
    if not (directory / "run.json").is_file():
        msg = f"{directory} is no saved run"
        raise UsageError(msg, "keep one with `nhiscan audit TARGET --save DIR`")
    moment = as_of or Spool.open(directory).info.as_of
    options = common.options_of([f"snapshot:{directory}"], common.Settings(as_of=moment, config=config))
    policy = api.load_policy(options)
    params: dict[str, dict[str, object]] = {}
    for label, values in policy.config.params.items():
        for rules in sets:
            rule = rules.get(label)
            if rule is not None:
                params.setdefault(rule.id, {}).update({k: v for k, v in values.items() if k in rule.params})
    with api.open_run(options) as (_, inventory):
        return options.as_of.date().isoformat(), effect(inventory, found, options.as_of, params)


def _text(found: Sequence[Change], seen: tuple[str, Effect] | None, before: int, after: int) -> None:
    from nhiscan.engine.changes import needed

    write = sys.stdout.write
    step = needed(found)
    write(f"{before} rules before, {after} after; {len(found)} differ")
    write(f", which asks for a new {step} version\n" if step else "\n")
    for change in found:
        rule = change.rule
        label = f"{rule.id} {rule.name}"
        if change.kind == "renamed" and change.old is not None:
            label = f"{change.old.id} {change.old.name} -> {label}"
        write(f"\n{change.kind:8} {label} ({rule.severity}, {rule.status})\n")
        if change.kind == "new":
            write(f"         {inert(rule.title)}\n")
        for detail in change.details:
            write(f"         {detail.key}: {inert(detail.old)}\n{'':9}{'':{len(detail.key)}}  -> {inert(detail.new)}\n")
        if change.texts:
            write(f"         words of: {', '.join(change.texts)}\n")
    if seen is not None:
        _text_of_run(*seen)


def _text_of_run(moment: str, seen: Effect) -> None:
    write = sys.stdout.write
    counts = f"{len(seen.appear)} findings appear, {len(seen.disappear)} disappear, {len(seen.moved)} change severity"
    write(f"\non the saved run, as of {moment}: {counts}\n")
    for mark, verdicts in (("+", seen.appear), ("-", seen.disappear)):
        for verdict in verdicts:
            write(f"{mark} {verdict.rule_id} {verdict.severity}: {inert(verdict.message)}\n")
    for old, new in seen.moved:
        write(f"~ {new.rule_id} {old.severity} -> {new.severity}: {inert(new.message)}\n")
    for rule, reason in seen.broken:
        write(f"! {rule} cannot be judged by this version of nhiscan: {inert(reason)}\n")


def _json(found: Sequence[Change], seen: tuple[str, Effect] | None, before: int, after: int) -> None:
    from nhiscan.cli.inventory import print_json
    from nhiscan.engine.changes import needed

    shown: dict[str, object] = {
        "rules_before": before,
        "rules_after": after,
        "version_step": needed(found),
        "changes": [_change(change) for change in found],
    }
    if seen is not None:
        moment, done = seen
        shown["run"] = {
            "as_of": moment,
            "appear": [_verdict(v) for v in done.appear],
            "disappear": [_verdict(v) for v in done.disappear],
            "moved": [_verdict(new) | {"severity_before": str(old.severity)} for old, new in done.moved],
            "not_judged": [{"rule": rule, "reason": reason} for rule, reason in done.broken],
        }
    print_json(shown)


def _change(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind,
        "rule": change.rule.id,
        "name": change.rule.name,
        "rule_before": None if change.old is None else change.old.id,
        "version_step": str(change.weight),
        "judges_otherwise": change.judges_otherwise,
        "details": [{"key": d.key, "before": d.old, "after": d.new} for d in change.details],
        "texts": list(change.texts),
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "rule": verdict.rule_id,
        "subject": verdict.subject_id,
        "scope": verdict.scope_id,
        "severity": str(verdict.severity),
        "message": verdict.message,
    }
