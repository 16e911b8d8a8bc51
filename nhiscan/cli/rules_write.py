"""`nhiscan rules new` and `nhiscan rules export`: commands that write files."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.engine.export import Export
    from nhiscan.engine.rule import Rule

FOLDER = Path("nhiscan-rules")
_ID = re.compile(r"[A-Z]{2,8}-[A-Z]{3}-\d{3}")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name in lower case with dashes.")] = "key-too-old",
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="The folder of your rules, made when there is none.")
    ] = FOLDER,
    rule_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="An id of your own, TEAM-LLV-001. [default: the next one]")
    ] = None,
) -> int:
    """Write a new rule with cases, valid as it is, to start from."""
    from nhiscan.engine.newrule import next_id, write
    from nhiscan.engine.shape import NAME

    if not NAME.fullmatch(name):
        msg = f"{name!r} is no name of a rule"
        raise UsageError(msg, "write it in lower case with dashes: key-too-old")
    ident = rule_id or next_id(directory, "TEAM", "LLV")
    if not _ID.fullmatch(ident) or ident.startswith("NS-"):
        msg = f"{ident!r} is no id for a rule of your own"
        raise UsageError(msg, "write it like TEAM-LLV-001; NS- is for shipped rules")
    _refuse_taken(directory, ident, name)
    try:
        path, _ = write(directory, ident, name)
    except FileExistsError:
        msg = f"there is {directory / f'{ident}.yaml'} already"
        raise UsageError(msg, "give another --id, or edit that file") from None
    except OSError as e:
        msg = f"{directory} cannot be written ({e.strerror})"
        raise UsageError(msg, "name a folder you may write to: --dir DIR") from None
    sys.stdout.write(
        f"wrote {path.as_posix()}\n"
        f"  nhiscan rules check {directory.as_posix()}\n"
        f"  nhiscan rules test {directory.as_posix()}\n"
        f"  nhiscan audit --rules {directory.as_posix()} --select {ident}\n"
    )
    return 0


def _refuse_taken(directory: Path, ident: str, name: str) -> None:
    from nhiscan.engine.rule import load, shipped_rules_dir

    known = load([shipped_rules_dir(), *([directory] if directory.is_dir() else [])], cases=False)
    taken = known.get(name)
    if taken is not None and taken.id != ident:
        msg = f"the name {name} is taken by {taken.path}"
        raise UsageError(msg, "give the rule another name")


def export(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="RULE", help="Rule ids, names, areas, frameworks. [default: all]")
    ] = None,
    dialect: Annotated[str, typer.Option("--dialect", metavar="NAME", help="duckdb, spark, postgres or trino.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write files there, not to standard output.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="TARGET", help="Also write the inventory of a target as Parquet; needs -o."),
    ] = None,
    as_of: common.AsOf = None,
    rules: common.RulesDirs = None,
) -> int:
    """Print the rules, and the views they stand on, as SQL for a warehouse."""
    from nhiscan.engine.dialects import DIALECTS
    from nhiscan.engine.export import export as exported

    if dialect not in DIALECTS:
        msg = f"--dialect {dialect!r} is unknown" if dialect else "--dialect is missing"
        raise UsageError(msg, f"use one of {', '.join(DIALECTS)}")
    if data and output is None:
        msg = "--data writes files"
        raise UsageError(msg, "name a directory for them: -o DIR")
    found = exported(_chosen(labels, rules), dialect, common.moment(as_of) if as_of else None)
    if output is None:
        _print(found)
    else:
        _write(found, output)
        if data:
            _write_data(data, output / "data", as_of)
    for rule in found.left:
        sys.stderr.write(f"left out: {rule.rule_id}: {rule.reason}\n")
    return 0


def _chosen(labels: Sequence[str] | None, rules: Sequence[Path] | None) -> list[Rule]:
    from nhiscan.engine.frameworks import load_frameworks
    from nhiscan.engine.rule import load, shipped_rules_dir
    from nhiscan.engine.selection import select

    shipped = shipped_rules_dir()
    known = load([shipped, *(rules or ())], cases=False)
    chosen, warnings = select(known, list(labels or ()), [], load_frameworks(shipped / "frameworks"))
    for warning in warnings:
        sys.stderr.write(f"{warning}\n")
    return list(chosen)


def _print(found: Export) -> None:
    for statement in (*found.tables, *found.views, *found.rules):
        sys.stdout.write(f"{statement.sql};\n\n")


def _write(found: Export, directory: Path) -> None:
    try:
        (directory / "rules").mkdir(parents=True, exist_ok=True)
        for name, statements in (("tables", found.tables), ("views", found.views)):
            body = "".join(f"{s.sql};\n\n" for s in statements)
            (directory / f"{name}.sql").write_text(body, encoding="utf-8", newline="\n")
        for rule in found.rules:
            (directory / "rules" / f"{rule.name}.sql").write_text(f"{rule.sql};\n", encoding="utf-8", newline="\n")
    except OSError as e:
        msg = f"{directory} cannot be written ({e.strerror})"
        raise UsageError(msg, "name a directory you may write to") from None
    sys.stdout.write(f"{len(found.rules)} rules on {len(found.views)} views: {directory.as_posix()}/\n")


def _write_data(targets: list[str], directory: Path, as_of: str | None) -> None:
    from nhiscan import api
    from nhiscan.model import RECORDS

    options = common.options_of(targets, common.Settings(as_of=as_of))
    with api.open_run(options, tables=directory) as (gathered, inventory):
        number = sum(inventory.sizes().values())
        for target in gathered.targets:
            if target.failed:
                sys.stderr.write(f"error: {target.text}: {target.error}\n")
    sys.stdout.write(f"{number} rows of {len(RECORDS)} tables: {directory.as_posix()}/\n")
