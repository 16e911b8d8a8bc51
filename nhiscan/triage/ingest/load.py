"""A report file: bounded, parsed without its secrets, its format told by what is in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.triage.ingest import checkov, gitleaks, kingfisher, prowler, sarif, trufflehog, zizmor
from nhiscan.triage.ingest.sighting import Format, IngestError, Sighting, at, rows, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from nhiscan.triage.ingest.sighting import Row

FORMATS: tuple[Format, ...] = (
    sarif.FORMAT, gitleaks.FORMAT, kingfisher.FORMAT, trufflehog.FORMAT, checkov.FORMAT, zizmor.FORMAT, prowler.FORMAT,
)  # fmt: skip
MAX_BYTES = 200_000_000
MAX_FINDINGS = 200_000
# Brackets open, and commas part, a value that costs memory; reports of 200 MB hold a tenth of this.
_MOST_LISTS = 8_000_000
_MOST_PARTS = 40_000_000
_LOOKED_AT = 1_000
_KEYS = frozenset[str]().union(*(f.keys for f in FORMATS))
_BASE = frozenset({"uri", "uriBaseId"})
_AGAIN = "have the tool write the report again"
_LESS = "scan less, or split the report"
_LINE_END = b"\n"
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Report:
    """One file: how it is called in what we print, its format, and what it reports."""

    name: str
    format: str
    sightings: tuple[Sighting, ...]


def load(path: Path) -> Report:
    """The report of a file.  Raises IngestError."""
    name = path.name if path.is_absolute() else path.as_posix()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        message = f"{name}: cannot be read: {e.strerror or type(e).__name__}"
        raise IngestError(message, "name the file another scanner wrote its report to") from None
    return parse(data, name)


def parse(data: bytes, name: str) -> Report:
    """The report in `data`, called `name` in errors.  Raises IngestError."""
    if len(data) > MAX_BYTES:
        raise _error(name, f"is larger than {MAX_BYTES // 1_000_000} MB", _LESS)
    if data.count(b"[") + data.count(b"{") > _MOST_LISTS or data.count(b",") > _MOST_PARTS:
        raise _error(name, "holds too many values for a report", _LESS)
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        what = f"{name}:{line}: is not text in UTF-8 or UTF-16"
        raise IngestError(what, _AGAIN) from None
    documents = list(_documents(text.removeprefix("\ufeff"), name))
    found = list(_rows(documents))
    if all(document == [] for document in documents):
        return Report(name, "empty", ())
    format_ = _format(found, name)
    try:
        sightings = tuple(islice(_sightings(found, format_), MAX_FINDINGS + 1))
    except IngestError as e:
        raise _error(name, str(e), e.remedy) from None
    finally:
        say.cache_clear()
    if len(sightings) > MAX_FINDINGS:
        raise _error(name, f"holds more than {MAX_FINDINGS} findings", _LESS)
    return Report(name, format_.name, sightings)


def _error(where: str, what: str, remedy: str) -> IngestError:
    return IngestError(f"{where}: {what}", remedy)


def _sightings(found: Iterable[Row], format_: Format) -> Iterator[Sighting]:
    for row in found:
        if _is_of(row, format_):
            yield from format_.read(row)


def _documents(text: str, name: str) -> Iterator[object]:
    """The JSON values of the file, one after the other: most formats have one, some one on each line."""
    decoder = json.JSONDecoder(object_pairs_hook=_kept)
    begin = _after(text, 0)
    while begin < len(text):
        try:
            value, end = decoder.raw_decode(text, begin)
        except json.JSONDecodeError as e:
            where = f"{name}:{e.lineno}"
            raise _error(where, f"is not JSON from column {e.colno} on", f"{_AGAIN}; it may be cut off") from None
        except (RecursionError, ValueError):
            line = text.count("\n", 0, begin) + 1
            what = f"{name}:{line}: is nested too deeply, or holds a number that is too long"
            raise IngestError(what, _AGAIN) from None
        yield value
        begin = _after(text, end)


def _after(text: str, begin: int) -> int:
    """Where the next value begins, behind blanks."""
    blank = _BLANK.match(text, begin)
    return blank.end() if blank else begin


def _kept(pairs: Sequence[tuple[str, object]]) -> Row:
    """An object without what no reader looks at; the bases of SARIF's places have names of the tool's choice."""
    return {k: v for k, v in pairs if k in _KEYS or (isinstance(v, dict) and v and v.keys() <= _BASE)}


def _rows(documents: Iterable[object]) -> Iterator[Row]:
    """The objects of all documents, out of the list or the envelope with `findings` they come in."""
    for document in documents:
        if isinstance(document, dict):
            inner = document.get("findings")
            yield from rows(inner)
            if not inner:
                yield document
        else:
            yield from rows(document)


def _is_of(row: Row, format_: Format) -> bool:
    return any(all(at(row, path) is not None for path in mark) for mark in format_.marks)


def _format(found: Sequence[Row], name: str) -> Format:
    for format_ in FORMATS:
        for row in found[:_LOOKED_AT]:
            if _is_of(row, format_):
                return format_
    known = ", ".join(f.name for f in FORMATS)
    raise _error(name, "is in no format that is known here", f"have the tool write one of: {known}")
