"""Zizmor JSON (`zizmor --format json`, the same as `json-v1`), as version 1 writes it; rows count from 0.

Fields: https://docs.zizmor.sh/usage/#json and the output of 1.32.0.  `feature` and `comments` hold source and are not
read; what zizmor was told to ignore is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, Spot, at, message, rows, rule_name, spot, text

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTITY = frozenset({
    "bot-conditions", "dangerous-triggers", "excessive-permissions", "github-app", "hardcoded-container-credentials",
    "overprovisioned-secrets", "secrets-inherit", "secrets-outside-env", "self-hosted-runner", "unredacted-secrets",
    "use-trusted-publishing",
})  # fmt: skip
"""The audits that judge a whole job's identity, so that any line of the job means the job."""

STYLE = frozenset({"anonymous-definition", "concurrency-limits", "undocumented-permissions"})
"""The audits that judge how a workflow is written: they say nothing of an identity on the same line."""


def _read(row: Row) -> Iterator[Sighting]:
    if at(row, "ignored") is True:
        return
    yield Sighting(
        tool="zizmor",
        rule=rule_name(text(row, "ident")),
        about=About.WORKFLOW,
        spots=tuple(_spots(row)),
        message=message(text(row, "desc")),
    )


def _spots(row: Row) -> Iterator[Spot]:
    """The main place first; hidden ones only widen what is shown and are left out."""
    shown = [r for r in rows(at(row, "locations")) if at(r, "symbolic.kind") != "Hidden"]
    for found in sorted(shown, key=lambda r: at(r, "symbolic.kind") != "Primary"):
        key = at(found, "symbolic.key")
        paths = [text(key, "Local.verbatim_path"), text(key, "Local.given_path"), text(key, "Remote.path")]
        first, last = (_line(at(found, f"concrete.location.{end}.row")) for end in ("start_point", "end_point"))
        yield spot(paths, first, last)


def _line(found: object) -> int | None:
    return found + 1 if type(found) is int else None


FORMAT = Format(
    name="zizmor JSON",
    marks=(("ident", "determinations"),),
    keys=frozenset({
        "ident", "desc", "determinations", "ignored", "locations", "symbolic", "kind", "key", "Local", "Remote",
        "verbatim_path", "given_path", "path", "concrete", "location", "start_point", "end_point", "row",
    }),
    read=_read,
)  # fmt: skip
