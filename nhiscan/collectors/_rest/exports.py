"""Answers from exported files: `<any folder>/<place>/<service>.<resource>.<verb>.json`.

A place is `azure/tenant-<id>`, `azure/sub-<id>`, `gcp/org-<n>`, `gcp/folder-<n>`, `gcp/project-<id>`.  A file holds the
answer with all its pages as one (or the bare list of its entries), or, for calls that are made once for each thing, a
list of `{"with": {parameter: value}, "answer": {…}}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors._rest.errors import RefusedError
from nhiscan.collectors._rest.values import mapping
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.place import Place, Provider
    from nhiscan.collectors._rest.values import Json
    from nhiscan.plugin import Target

BARE = ""
"""The key under which an answer that is a bare list holds its entries."""
_LARGEST = 500_000_000


@dataclass(frozen=True, slots=True)
class Export:
    """The files of one place; `folder` is relative to the snapshot."""

    place: Place
    folder: str
    digest: str


def exported(target: Target, provider: Provider, kind: str, operations: Collection[Operation]) -> Iterator[Export]:
    """The places of a kind that a snapshot holds answers of these operations for, in order."""
    root = Path(target.value)
    files = {operation.file for operation in operations}
    folders: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*.json")):
        if path.name in files:
            folders.setdefault(path.parent, []).append(path)
    for folder, paths in sorted(folders.items()):
        place = provider.place_of(folder, kind)
        if place is not None:
            digest = sha256("\n".join(f"{p.name} {p.stat().st_size}" for p in paths).encode()).hexdigest()[:12]
            yield Export(place, str(folder.relative_to(root)), digest)


class FileAnswers:
    """`Answers` over the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def call(self, operation: Operation, params: Json, query: Json, body: Json) -> Json:
        """The answer whose parameters fit.  Raises RefusedError: skipped when there is no file, missing without fit."""
        for answer in self.pages(operation, params, query, body):
            return answer
        raise _absent(operation, "not in the export")

    def pages(self, operation: Operation, params: Json, query: Json, body: Json) -> Iterator[Json]:
        """The same; exports hold all pages as one."""
        path = self._folder / operation.file
        try:
            if path.stat().st_size > _LARGEST:
                raise _absent(operation, "too large a file")
            found = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError:
            raise _absent(operation, "not in the export") from None
        except (ValueError, RecursionError):
            detail = f"{operation.file} is not JSON"
            raise RefusedError(GapReason.MALFORMED, operation.name, detail, "export it again") from None
        if isinstance(found, dict):
            yield found
        elif isinstance(found, list) and not (found and all(_per_item(entry) for entry in found)):
            yield {BARE: found}
        elif isinstance(found, list):
            yield _fitting(operation, found, {**body, **query, **params})
        else:
            detail = f"{operation.file} is neither an object nor a list"
            raise RefusedError(GapReason.MALFORMED, operation.name, detail, "export it again")

    def close(self) -> None:
        """Nothing is held open."""


def _per_item(entry: object) -> bool:
    return isinstance(entry, dict) and set(entry) == {"with", "answer"}


def _fitting(operation: Operation, entries: list[Json], given: Json) -> Json:
    for entry in entries:
        if all(str(given.get(k)).lower() == str(v).lower() for k, v in mapping(entry["with"]).items()):
            answer = entry["answer"]
            return {BARE: answer} if isinstance(answer, list) else mapping(answer)
    error = _absent(operation, "not in the export for everything")
    error.missing = True
    raise error


def _absent(operation: Operation, why: str) -> RefusedError:
    remedy = f"add the answer of {operation.method} {operation.path} as {operation.file}"
    return RefusedError(GapReason.SKIPPED, operation.name, f"{operation.name} is {why}", remedy)
