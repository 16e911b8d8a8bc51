"""`nhiscan inventory` and `nhiscan query`: what there is, without judging it."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError, inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.store.inventory import Inventory

FORMATS = ("table", "json", "csv")
COLUMNS = ("table", "kind", "name", "class", "state", "provider", "owner", "last_used", "scope", "id")

# Keyed fingerprints never leave a run: they would tie a report to an installation.
HIDDEN = {"fingerprint"}
MAPPINGS = {"tags", "facts"}

Format = Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="table, json or csv.")]


@common.with_blocks
def inventory(
    targets: common.Targets = None,
    output_format: Format = "table",
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind (role, access_key, agent).")] = None,
    provider: Annotated[list[str] | None, typer.Option("--provider", help="Only this provider (aws, repo).")] = None,
    owner: Annotated[
        list[str] | None, typer.Option("--owner", help="Only what this owner has; `none` for orphans.")
    ] = None,
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    no_color: common.NoColor = False,
    quiet: common.Quiet = False,
) -> int:
    """List identities, credentials and their consumers."""
    from nhiscan import api
    from nhiscan.triage.exitcode import ExitCode

    _check(output_format)
    options = common.options_of(targets, settings, cloud)
    with common.progress(quiet=quiet) as on_progress, api.open_run(options, on_progress) as (gathered, store):
        if output_format == "json" and not (kind or provider or owner):
            print_json(tables(store))
        else:
            print_rows(_listing(store, kind, provider, owner), COLUMNS, output_format, no_color=no_color)
        failed = [t for t in gathered.targets if t.failed]
    for target in failed:
        sys.stderr.write(
            f"error: {inert(target.text)}: {inert(target.error or '')}\n  try: {inert(target.remedy or '')}\n"
        )
    return ExitCode.NOTHING_AUDITED if failed else ExitCode.CLEAN


@common.with_blocks
def query(
    sql: Annotated[
        str, typer.Argument(metavar="SELECT", help="One SELECT over the tables and views of the inventory.")
    ],
    targets: common.Targets = None,
    output_format: Format = "table",
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    no_color: common.NoColor = False,
) -> int:
    """Ask a saved run (snapshot:DIR) or a target in SQL."""
    from nhiscan import api
    from nhiscan.triage.exitcode import ExitCode

    _check(output_format)
    options = common.options_of(targets, settings, cloud)
    with api.open_run(options, lambda _: None) as (_, store):
        found = [{k: v for k, v in row.items() if k not in HIDDEN} for row in store.sql(sql)]
        print_rows(found, tuple(found[0]) if found else (), output_format, no_color=no_color)
    return ExitCode.CLEAN


def _check(output_format: str) -> None:
    if output_format not in FORMATS:
        msg = f"--format {output_format!r} is unknown"
        raise UsageError(msg, f"use one of {', '.join(FORMATS)}")


def tables(store: Inventory) -> dict[str, list[dict[str, object]]]:
    """Every table of the model by name, one array each, ordered by id."""
    from nhiscan.model import RECORDS

    return {
        name: [
            {k: v for k, v in row.items() if k not in HIDDEN}
            for row in store.sql(f'SELECT * FROM "{name}" ORDER BY id')  # noqa: S608 - a table of the model
        ]
        for name in RECORDS
    }


def _listing(
    store: Inventory, kinds: Sequence[str] | None, providers: Sequence[str] | None, owners: Sequence[str] | None
) -> list[dict[str, object]]:
    rows = store.sql(LISTING)
    return [
        row
        for row in rows
        if (not kinds or row["kind"] in kinds)
        and (not providers or row["provider"] in providers)
        and (not owners or (row["owner"] or "none") in owners)
    ]


LISTING = """
WITH best AS (
  SELECT subject_id, min(name) AS owner FROM (
    SELECT subject_id, name, row_number() OVER (
      PARTITION BY subject_id ORDER BY CASE basis WHEN 'declared' THEN 0 WHEN 'tag' THEN 1 WHEN 'sponsor' THEN 2
        WHEN 'codeowners' THEN 3 WHEN 'creator' THEN 4 ELSE 5 END, name) AS n FROM owner) AS ranked
  WHERE n = 1 GROUP BY subject_id),
things AS (
  SELECT 'identity' AS "table", kind, name, "class", state, provider, last_used, last_used_at, scope_id, id
  FROM identity
  UNION ALL
  SELECT 'credential', kind, coalesce(name, key_id), lifetime, state, provider, last_used, last_used_at, scope_id, id
  FROM credential
  UNION ALL
  SELECT 'consumer', kind, name, autonomy, CASE WHEN enabled = false THEN 'disabled' END, framework, NULL, NULL,
    scope_id, id FROM consumer)
SELECT t."table", t.kind, t.name, t."class", t.state, t.provider, b.owner,
  CASE WHEN t.last_used = 'never' THEN 'never' ELSE substr(CAST(t.last_used_at AS VARCHAR), 1, 10) END AS last_used,
  t.scope_id AS scope, t.id
FROM things AS t LEFT JOIN best AS b ON b.subject_id = t.id
ORDER BY t."table", t.scope_id, t.kind, t.id
"""


def print_json(data: object) -> None:
    """JSON on standard output, without anything a terminal would obey; times as ISO 8601 in UTC."""
    from nhiscan.report.json import dump

    dump(_plain(data), sys.stdout)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat() + "Z" if value.tzinfo is None else value.isoformat()
    if isinstance(value, dict):
        return {k: _mapping(v) if k in MAPPINGS else _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _mapping(value: object) -> object:
    """A mapping column, which the database holds as JSON text."""
    import json

    return json.loads(value) if isinstance(value, str) else _plain(value)


def print_rows(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], output_format: str, *, no_color: bool = False
) -> None:
    """Rows as a table, a JSON array or CSV."""
    import csv
    import io

    if output_format == "json":
        print_json(list(rows))
    elif output_format == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
        sys.stdout.write(out.getvalue())
    else:
        _print_table(rows, columns, no_color=no_color)


def _cell(value: object) -> str:
    text = "" if value is None else inert(str(value))
    # A spreadsheet runs what begins like a formula.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text


def _print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, no_color: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row[c] is None else inert(str(row[c]))) for c in columns))
    width = None if sys.stdout.isatty() else 200
    out = common.console(no_color=no_color, width=width)
    out.print(table)
    out.print(f"{len(rows)} rows", style="dim")
