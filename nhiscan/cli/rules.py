"""`nhiscan rules`: list, show, check, test, write, compare and export rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nhiscan.cli import common, rules_diff, rules_write
from nhiscan.cli.errors import UsageError

app = typer.Typer(
    help="List, show, check, test, write, compare and export rules.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip

Dirs = Annotated[
    list[Path] | None, typer.Argument(metavar="DIR", help="Directories of rules (default: the shipped ones).")
]


@app.command("list")
def list_rules(
    rules: common.RulesDirs = None,
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="table, json or csv.")
    ] = "table",
    no_color: common.NoColor = False,
) -> int:
    """List all rules."""
    from nhiscan.cli.inventory import FORMATS, print_rows
    from nhiscan.engine.rule import load, shipped_rules_dir

    if output_format not in FORMATS:
        msg = f"--format {output_format!r} is unknown"
        raise UsageError(msg, f"use one of {', '.join(FORMATS)}")
    rows = [
        {"id": r.id, "name": r.name, "severity": r.severity.value, "status": r.status, "subject": r.subject,
         "frameworks": " ".join(i for items in list(r.frameworks.values())[:2] for i in items), "title": r.title}
        for r in load([shipped_rules_dir(), *(rules or ())])
    ]  # fmt: skip
    print_rows(rows, tuple(rows[0]), output_format, no_color=no_color)
    return 0


@app.command()
def show(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule id or name.")],
    rules: common.RulesDirs = None,
    no_color: common.NoColor = False,
) -> int:
    """Show one rule: what it says, why, how to fix it, what it cannot see."""
    from nhiscan.cli.explain import show_rule

    return show_rule(rule, rules, no_color=no_color)


def _of_ours(directory: Path) -> bool:
    """Whether it is the directory of the shipped rules or lies in it."""
    from nhiscan.engine.rule import shipped_rules_dir

    return directory.resolve().is_relative_to(shipped_rules_dir().resolve())


@app.command()
def check(directories: Dirs = None) -> int:
    """Check the contract of every rule; each problem is told with file, line and remedy."""
    from nhiscan.engine.check import check_dirs
    from nhiscan.engine.frameworks import load_frameworks
    from nhiscan.engine.rule import shipped_rules_dir

    shipped = shipped_rules_dir()
    added = [d for d in directories or () if not _of_ours(d)]
    problems = check_dirs([shipped, *added], load_frameworks(shipped / "frameworks"))
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if not problems:
        sys.stdout.write("all rules keep the contract\n")
    return 2 if problems else 0


@app.command("test")
def run_tests(directories: Dirs = None) -> int:
    """Run the tests that rules carry: those of the directories, or of the shipped rules."""
    from nhiscan.engine.rule import load, shipped_rules_dir
    from nhiscan.engine.ruletest import run

    shipped = shipped_rules_dir()
    ours = [f"rules/{d.resolve().relative_to(shipped.resolve())}/" for d in directories or () if _of_ours(d)]
    # Loaded together, so that an id that is taken is found; only what was asked for is run.
    loaded = load([shipped, *(d for d in directories or () if not _of_ours(d))])
    wanted = tuple(folder.replace("/./", "/") for folder in ours)
    rules = [rule for rule in loaded if not (directories and rule.shipped) or rule.path.startswith(wanted)]
    failures = run(rules)
    for failure in failures:
        sys.stdout.write(f"{failure}\n")
    cases = sum(len(r.tests) for r in rules)
    sys.stdout.write(f"{cases - len(failures)} passed, {len(failures)} failed\n")
    return 1 if failures else 0


@app.command()
def columns(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A table or view. [default: all, in short]")
    ] = None,
) -> int:
    """Say which tables and views a rule can read, and what their columns mean."""
    from nhiscan.engine.words import entries, entry, shown

    if name is None:
        for known in entries():
            sys.stdout.write(f"{known.name:28} {known.what}\n")
        return 0
    found = entry(name)
    if found is None:
        msg = f"there is no table or view {name!r}"
        raise UsageError(msg, "`nhiscan rules columns` names them")
    sys.stdout.write(shown(found))
    return 0


app.command()(rules_write.new)
app.command()(rules_diff.diff)
app.command()(rules_write.export)
