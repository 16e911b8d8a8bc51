"""Answers from exported files: `<any folder>/<place>/<service>.<call>.json`.

A file holds the answer with all its pages as one (or the bare list of its entries), or, for calls that are made once
for each thing, a list of `{"with": {parameter: value}, "answer": {…}}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors._common.errors import RefusedError, missing
from nhiscan.collectors._common.values import mapping
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
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


def file_of(operation: str) -> str:
    """The name of the file that holds the answers to an operation: `iam:roles.list` -> `iam.roles.list.json`."""
    return operation.replace(":", ".", 1) + ".json"


def exported(
    target: Target, place_of: Callable[[Path], Place | None], operations: Collection[object]
) -> Iterator[Export]:
    """The places that a snapshot holds answers of these operations for, in order."""
    root = Path(target.value)
    files = {file_of(str(operation)) for operation in operations}
    folders: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*.json")):
        if path.name in files:
            folders.setdefault(path.parent, []).append(path)
    for folder, paths in sorted(folders.items()):
        place = place_of(folder)
        if place is not None:
            digest = sha256("\n".join(f"{p.name} {p.stat().st_size}" for p in paths).encode()).hexdigest()[:12]
            yield Export(place, str(folder.relative_to(root)), digest)


class Files:
    """The files of one folder; a provider's `FileAnswers` says how its calls are named and what is to be added."""

    exact: ClassVar[bool] = False
    """Whether parameters differ that differ in case alone."""
    again: ClassVar[str] = "export it again"
    """What to do about a file that is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, operation: str, given: Json, remedy: str) -> Json:
        """The answer whose parameters fit.  Raises RefusedError: skipped when there is no file, missing without fit."""
        name = file_of(operation)
        path = self._folder / name
        try:
            if path.stat().st_size > _LARGEST:
                raise _absent(operation, "too large a file", remedy)
            found = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError:
            raise _absent(operation, "not in the export", remedy) from None
        except (ValueError, RecursionError):
            raise self.unusable(operation, f"{name} is not JSON") from None
        if isinstance(found, dict):
            return found
        if not isinstance(found, list):
            raise self.unusable(operation, f"{name} is neither an object nor a list")
        if not (found and all(isinstance(e, dict) and set(e) == {"with", "answer"} for e in found)):
            return {BARE: found}
        for entry in found:
            if all(self._same(given.get(k), v) for k, v in mapping(entry["with"]).items()):
                answer = entry["answer"]
                return {BARE: answer} if isinstance(answer, list) else mapping(answer)
        raise missing(_absent(operation, "not in the export for everything", remedy))

    def unusable(self, operation: str, detail: str) -> RefusedError:
        """The refusal of a file that holds no answer."""
        return RefusedError(GapReason.MALFORMED, operation, detail, self.again)

    def _same(self, given: object, wanted: object) -> bool:
        one, other = str(given), str(wanted)
        return one == other if self.exact else one.lower() == other.lower()


def _absent(operation: str, why: str, remedy: str) -> RefusedError:
    return RefusedError(GapReason.SKIPPED, operation, f"{operation} is {why}", remedy)
