"""The files of a checkout through the scanner, in as many processes as the run may use; values stay in the process.

What leaves a worker is a record with a keyed digest.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._credential import Place, credential, public_id
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._ignores import Where, comments, listed
from nhiscan.collectors.repo._listing import Skip
from nhiscan.collectors.repo._reading import BinaryError, Part, Reader
from nhiscan.collectors.repo._tree import printable
from nhiscan.detect.crowds import SMALL
from nhiscan.detect.known import digest
from nhiscan.plugin import Credential, Declared, Exposure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nhiscan.collectors.repo._tree import SourceFile
    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.crowds import Piece
    from nhiscan.detect.scan import Scanner
    from nhiscan.detect.windows import Window
    from nhiscan.sensitive import FingerprintKey

CHUNK = 400
"""Files of one task: some milliseconds of work, so that no process waits long for the last one."""

_LONGEST_NAME = 100
MOST_CROWDED = 200_000
"""Places of one file that are weighed in its crowded stretches, for some seconds; no real file comes near."""


@dataclass(slots=True)
class Chunk:
    """What some files gave: records, and the files that were left out."""

    credentials: list[Credential] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    ignores: list[Declared] = field(default_factory=list)
    skipped: list[tuple[Skip, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scan:
    """Starts the workers for one checkout; `cache_dir` keeps compiled detection, `known` are a baseline's digests."""

    root: Path
    scope_id: str
    source: str
    key: FingerprintKey
    cache_dir: Path | None
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __call__(self) -> Callable[[list[SourceFile]], Chunk]:
        """The working function of one process."""
        from nhiscan import cache
        from nhiscan.detect.scan import shipped

        cache.use(self.cache_dir)
        scanner, reader = shipped(), Reader(self.root)

        def work(files: list[SourceFile]) -> Chunk:
            chunk = Chunk()
            for file in files:
                handle = reader.open(file.name)
                if isinstance(handle, Skip):
                    chunk.skipped.append((handle, file.path))
                    continue
                try:
                    self._read(scanner, reader, handle, file, chunk)
                except OSError:
                    chunk.skipped.append((Skip.UNREADABLE, file.path))
                finally:
                    os.close(handle)
            return chunk

        return work

    def _read(self, scanner: Scanner, reader: Reader, handle: int, file: SourceFile, chunk: Chunk) -> None:
        """One open file.  Raises OSError."""
        text = reader.plain(handle)
        if text is None:
            _File(self, scanner, file, chunk).read(reader, handle)
        elif len(text) > SMALL:
            _File(self, scanner, file, chunk).pieces(Part(text))
        elif places := scanner.places(text):
            _File(self, scanner, file, chunk).part(Part(text), places)


@dataclass(slots=True)
class _File:
    """One file while it is read: its candidates are numbered by name, so that a place keeps its id when lines move."""

    scan: Scan
    scanner: Scanner
    file: SourceFile
    chunk: Chunk
    ordinals: Counter[tuple[str, str]] = field(default_factory=Counter)
    crowd: int = 0  # places in crowded stretches

    def read(self, reader: Reader, handle: int) -> None:
        """Whatever the file is: several windows, another encoding, an archive.  Raises OSError."""
        try:
            for part in reader.parts(handle):
                self.pieces(part)
        except BinaryError as e:
            self._binary(handle, e.head)

    def _skip(self, reason: Skip) -> None:
        self.chunk.skipped.append((reason, self.file.path))

    def pieces(self, part: Part) -> None:
        """A part of any size, a piece of it at a time where it is crowded."""
        for piece in self.scanner.pieces(part.data):
            if piece.places and self._may_weigh(piece, part):
                at = piece.offset
                first, end = max(piece.first, part.first - at), min(piece.end, part.end - at)
                self.part(Part(piece.data, part.lines + piece.lines, first, end), piece.places)

    def _may_weigh(self, piece: Piece, part: Part) -> bool:
        """Whether the places are worth their time: somebody may have made a file of nothing but names."""
        if len(piece.data) == len(part.data):
            return True
        before, self.crowd = self.crowd, self.crowd + len(piece.places)
        if before <= MOST_CROWDED < self.crowd:
            self._skip(Skip.CROWDED)
        return self.crowd <= MOST_CROWDED

    def part(self, part: Part, places: list[tuple[int, int]]) -> None:
        """The candidates and comments at places of a part."""
        data = bytes(part.data)
        for found in self.scanner.confirmed(data, self.file.path, places):
            if part.first <= found.start < part.end:
                self._found(replace(found, line=found.line + part.lines), self.file.path)
        if self.scanner.is_marked(places):
            where = Where(self.file.path, self.scan.scope_id, self.scan.source)
            self.chunk.ignores += comments(data, where, part.lines)

    def _binary(self, handle: int, head: bytes) -> None:
        from nhiscan.detect import containers

        if not containers.is_container(head, self.file.path):
            self._skip(Skip.BINARY)
            return
        with os.fdopen(os.dup(handle), "rb") as source:
            for member in containers.members(self.file.path, source):
                label = printable(member.path)
                if member.reason is not None:
                    self.chunk.skipped.append((Skip.ARCHIVE, f"{label} ({member.reason})"))
                elif member.data:
                    self._member(label, member.data, member.window)

    def _member(self, label: str, data: bytes, window: Window | None) -> None:
        for found in self.scanner.scan(data, label):
            if window is None or window.owns(found.start):
                lines = window.lines_before if window else 0
                self._found(replace(found, line=found.line + lines), label)

    def _found(self, item: Candidate, path: str) -> None:
        from nhiscan.detect.conceal import conceal_name

        item = replace(item, key_name=conceal_name(item.key_name))
        name = (item.key_name or item.format or str(item.kind))[:_LONGEST_NAME]
        self.ordinals[path, name] += 1
        scope_id = self.scan.scope_id
        place = f"{scope_id}#{path}:{name}:{self.ordinals[path, name]}"
        locator = f"{path}:{item.line}"
        at = Place(public_id(item) or place, scope_id, self.scan.source, locator)
        if (listed_here := self.scan.known.get(path)) and digest(item.value) in listed_here:
            where = Where(path, scope_id, self.scan.source)
            self.chunk.ignores.append(listed(where, item.line, len(self.chunk.ignores)))
        self.chunk.credentials.append(credential(item, at, self.scan.key))
        self.chunk.exposures.append(
            Exposure(
                id=f"{place}@secrets",
                scope_id=scope_id,
                source=self.scan.source,
                locator=locator,
                credential_id=at.id,
                uri=path,
                line=item.line,
                key_name=item.key_name,
                detector=item.format or item.detector,
                basis=item.basis,
                part=item.part,
                visibility=self.file.visibility,
                file_class=file_class(path),
            )
        )
