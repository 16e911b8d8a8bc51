"""Gitleaks JSON (`gitleaks dir|git -f json`), as version 8 writes it: one list of findings.

Fields: https://github.com/gitleaks/gitleaks, report/finding.go.  `Secret`, `Match`, `Message` and `Fingerprint` are
not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, at, message, rule_name, spot, text

if TYPE_CHECKING:
    from collections.abc import Iterator


def _read(row: Row) -> Iterator[Sighting]:
    yield Sighting(
        tool="gitleaks",
        rule=rule_name(text(row, "RuleID")),
        about=About.SECRET,
        spots=(spot([text(row, "File")], at(row, "StartLine"), at(row, "EndLine")),),
        message=message(text(row, "Description")),
    )


FORMAT = Format(
    name="gitleaks JSON",
    marks=(("RuleID", "File", "StartLine"),),
    keys=frozenset({"RuleID", "Description", "File", "StartLine", "EndLine"}),
    read=_read,
)
