"""Kingfisher JSON and JSONL (`kingfisher scan --format json|jsonl`), as version 2.14 writes them.

An object with `findings`, or a finding a line and the run's `audit` at the end.  Its `snippet`, its captures and the
commands it suggests hold the value and are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, at, message, rule_name, spot, text

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://github.com/mongodb/kingfisher, README: "Active Credential", "Inactive Credential", "Not Attempted".
_VERIFIED = {"active credential": True, "inactive credential": False}


def _read(row: Row) -> Iterator[Sighting]:
    finding = at(row, "finding")
    if finding is None:  # the end of the report
        return
    status = text(finding, "validation.status") or ""
    yield Sighting(
        tool="kingfisher",
        rule=rule_name(text(row, "rule.id") or text(row, "rule.name")),
        about=About.SECRET,
        spots=(spot([text(finding, "path")], at(finding, "line")),),
        message=message(text(row, "rule.description") or text(row, "rule.name")),
        verified=_VERIFIED.get(status.lower()),
    )


FORMAT = Format(
    name="kingfisher JSON",
    marks=(("rule", "finding"), ("metadata.kingfisher_version",), ("audit.run_id",)),
    keys=frozenset({
        "findings", "rule", "finding", "id", "name", "description", "path", "line", "validation", "status", "metadata",
        "kingfisher_version", "audit", "run_id",
    }),
    read=_read,
)  # fmt: skip
