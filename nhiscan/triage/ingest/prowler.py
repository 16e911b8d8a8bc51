"""Prowler's JSON-OCSF (`prowler … --output-formats json-ocsf`), as versions 4 and 5 write it: OCSF detection findings.

Fields: https://docs.prowler.com/user-guide/cli/tutorials/reporting and https://schema.ocsf.io (Detection Finding).
Only what failed and is not muted counts.  `status_detail`, `unmapped` and the resources' `data` are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, at, message, rows, rule_name, say, text

if TYPE_CHECKING:
    from collections.abc import Iterator


def _read(row: Row) -> Iterator[Sighting]:
    failed = text(row, "status_code")
    if failed not in {None, "FAIL"} or text(row, "status") == "Suppressed":
        return
    found = (text(r, "uid") or text(r, "name") for r in rows(at(row, "resources")))
    yield Sighting(
        tool=(say(text(row, "metadata.product.name"), 60) or "prowler").lower(),
        rule=rule_name(text(row, "metadata.event_code")),
        about=About.CLOUD,
        resources=tuple(dict.fromkeys(r for r in found if r)),
        message=message(text(row, "finding_info.title")),
    )


FORMAT = Format(
    name="Prowler JSON-OCSF",
    marks=(("metadata.event_code", "finding_info"),),
    keys=frozenset({
        "metadata", "event_code", "product", "name", "finding_info", "title", "status", "status_code", "resources",
        "uid",
    }),
    read=_read,
)  # fmt: skip
