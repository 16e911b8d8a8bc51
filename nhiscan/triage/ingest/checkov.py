"""Checkov JSON (`checkov -o json`), as version 3 writes it: one object for each framework that found something.

Fields: https://www.checkov.io/2.Basics/Reviewing%20Scan%20Results.html.  `code_block` and `evaluated_keys` hold the
source, and `resource` of the framework `secrets` a digest of the value: none of them is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, at, message, rows, rule_name, spot, text

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_RULES = "CKV_SECRET_"  # noqa: S105 - how the ids of rules begin


def _read(row: Row) -> Iterator[Sighting]:
    for check in rows(at(row, "results.failed_checks")):
        lines = at(check, "file_line_range")
        first, last = lines if isinstance(lines, list) and len(lines) == 2 else (None, None)
        rule = rule_name(text(check, "check_id"))
        # The first is where the file lies on the scanning machine; the others are relative to where it looked.
        paths = [text(check, name) for name in ("file_abs_path", "repo_file_path", "file_path")]
        relative = [p.lstrip("/") if p and n else p for n, p in enumerate(paths)]
        yield Sighting(
            tool="checkov",
            rule=rule,
            about=About.SECRET if rule.startswith(SECRET_RULES) else About.ANYTHING,
            spots=(spot(relative, first, last),),
            message=message(text(check, "check_name")),
        )


FORMAT = Format(
    name="checkov JSON",
    marks=(("check_type", "results"), ("checkov_version",)),
    keys=frozenset({
        "check_type", "results", "checkov_version", "failed_checks", "check_id", "check_name", "file_abs_path",
        "repo_file_path", "file_path", "file_line_range",
    }),
    read=_read,
)  # fmt: skip
