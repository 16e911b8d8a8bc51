"""TruffleHog JSONL (`trufflehog … --json`), as version 3 writes it: one finding a line, log lines among them.

Fields: https://github.com/trufflesecurity/trufflehog, pkg/output/json.go and proto/source_metadata.proto.  `Raw`,
`RawV2`, `Redacted`, `ExtraData` and `StructuredData` are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.triage.ingest.sighting import About, Format, Row, Sighting, Spot, at, message, rule_name, spot, text

if TYPE_CHECKING:
    from collections.abc import Iterator

# The sources whose findings lie in files of a repository or directory.
_SOURCES = ("Filesystem", "Git", "Github", "Gitlab", "Bitbucket", "AzureRepos", "Huggingface", "Docker")


def _read(row: Row) -> Iterator[Sighting]:
    tested = at(row, "Verified")
    yield Sighting(
        tool="trufflehog",
        rule=rule_name(text(row, "DetectorName")),
        about=About.SECRET,
        spots=tuple(_spots(at(row, "SourceMetadata.Data"))),
        message=message(text(row, "DetectorDescription")),
        # False says only that the issuer did not confirm it: it may not have been asked.
        verified=True if tested is True else None,
    )


def _spots(data: object) -> Iterator[Spot]:
    for source in _SOURCES:
        found = at(data, source)
        if found is not None:
            yield spot([text(found, "file")], at(found, "line"))


FORMAT = Format(
    name="TruffleHog JSONL",
    marks=(("SourceMetadata", "DetectorName"),),
    keys=frozenset({
        "SourceMetadata", "Data", *_SOURCES, "file", "line", "DetectorName", "DetectorDescription", "Verified",
    }),
    read=_read,
)  # fmt: skip
