"""SARIF 2.1.0 of any tool.

Sections of https://docs.oasis-open.org/sarif/sarif/v2.1.0/: bases of relative places 3.14.14 and 3.4.4, results 3.27,
regions 3.30.  Messages, snippets, fingerprints and properties of results may quote a value and are not read: what is
shown is the description of the rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nhiscan.triage.ingest.checkov import SECRET_RULES
from nhiscan.triage.ingest.sighting import (
    About,
    Format,
    IngestError,
    Row,
    Sighting,
    Spot,
    at,
    message,
    rows,
    rule_name,
    say,
    spot,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = "2.1.0"
_ABOUT = {
    "gitleaks": About.SECRET,
    "kingfisher": About.SECRET,
    "trufflehog": About.SECRET,
    "detect-secrets": About.SECRET,
    "noseyparker": About.SECRET,
    "zizmor": About.WORKFLOW,
}
_NOT_FOUND = frozenset({"pass", "notApplicable", "informational"})
_NUMBER = re.compile(r"[0-9.]{1,20}")
_MOST_BASES = 20


@dataclass(frozen=True, slots=True)
class _Run:
    """What the results of a run refer to."""

    tool: str
    rules: tuple[Row, ...]
    by_id: Mapping[str, Row]
    bases: Row
    artifacts: tuple[Row, ...]


def _read(row: Row) -> Iterator[Sighting]:
    version = text(row, "version")
    if version != VERSION:
        said = version if version and _NUMBER.fullmatch(version) else "an unknown version"
        msg = f"is SARIF of {said}"
        raise IngestError(msg, f"have the tool write SARIF {VERSION}")
    for run in rows(at(row, "runs")):
        rules = tuple(rows(at(run, "tool.driver.rules")))
        extra = [r for e in rows(at(run, "tool.extensions")) for r in rows(at(e, "rules"))]
        by_id = {str(r.get("id")): r for r in (*extra, *rules)}
        bases = at(run, "originalUriBaseIds")
        known = _Run(
            tool=(say(text(run, "tool.driver.name"), 60) or "unnamed tool").lower(),
            rules=rules,
            by_id=by_id,
            bases=bases if isinstance(bases, dict) else {},
            artifacts=tuple(rows(at(run, "artifacts"))),
        )
        for result in rows(at(run, "results")):
            if _counts(result):
                yield _sighting(result, known)


def _counts(result: Row) -> bool:
    """Whether a result says that something is wrong, was not suppressed (3.35.3) and is still there."""
    hidden = any(at(s, "status") in {None, "accepted"} for s in rows(at(result, "suppressions")))
    return at(result, "kind") not in _NOT_FOUND and not hidden and at(result, "baselineState") != "absent"


def _sighting(result: Row, run: _Run) -> Sighting:
    index = at(result, "ruleIndex")
    listed = run.rules[index] if type(index) is int and 0 <= index < len(run.rules) else {}
    id_ = text(result, "ruleId") or text(result, "rule.id") or text(listed, "id")
    rule = run.by_id.get(id_ or "", listed)
    name = rule_name(id_).removeprefix(f"{run.tool}/")
    about = About.SECRET if name.startswith(SECRET_RULES) else _ABOUT.get(run.tool, About.ANYTHING)
    return Sighting(
        tool=run.tool,
        rule=name,
        about=about,
        spots=tuple(_spots(result, run)),
        resources=tuple(_resources(result)),
        message=message(text(rule, "shortDescription.text") or text(rule, "fullDescription.text")),
    )


def _spots(result: Row, run: _Run) -> Iterator[Spot]:
    for found in rows(at(result, "locations")):
        physical = at(found, "physicalLocation")
        path = _path(at(physical, "artifactLocation"), run)
        if path is not None:
            yield spot([path], at(physical, "region.startLine"), at(physical, "region.endLine"))


def _path(location: object, run: _Run) -> str | None:
    """A place as a path: absolute when its base is known, else as it is written."""
    index = at(location, "index")
    if text(location, "uri") is None and type(index) is int and 0 <= index < len(run.artifacts):
        location = at(run.artifacts[index], "location")
    uri = text(location, "uri")
    if uri is None:
        return None
    base = text(location, "uriBaseId")
    for _ in range(_MOST_BASES):
        if base is None or ":" in uri.split("/", 1)[0]:
            break
        above = run.bases.get(base)
        uri, base = (text(above, "uri") or "") + uri, text(above, "uriBaseId")
    if uri.startswith("file:"):
        uri = uri.removeprefix("file:").removeprefix("//").removeprefix("localhost")
    elif "://" in uri:
        return None
    return unquote(uri)


def _resources(result: Row) -> Iterator[str]:
    """The full names of places in no file; some scanners of clouds write ARNs there."""
    for found in rows(at(result, "locations")):
        for logical in rows(at(found, "logicalLocations")):
            name = text(logical, "fullyQualifiedName")
            if name is not None and name.startswith("arn:"):
                yield name


FORMAT = Format(
    name="SARIF 2.1.0",
    marks=(("runs", "version"), ("runs", "$schema")),
    keys=frozenset({
        "version", "$schema", "runs", "tool", "driver", "extensions", "name", "rules", "id", "shortDescription",
        "fullDescription", "text", "originalUriBaseIds", "uri", "uriBaseId", "artifacts", "location", "results",
        "ruleId", "rule", "ruleIndex", "kind", "baselineState", "suppressions", "status", "locations",
        "physicalLocation", "artifactLocation", "index", "region", "startLine", "endLine", "logicalLocations",
        "fullyQualifiedName",
    }),
    read=_read,
)  # fmt: skip
