"""Where a repository keeps its objects, and how much of it may be read: nothing that lies outside of what was named."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._git import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._git import Git

_FOLDER = re.compile(r"[0-9a-f]{2}")
_DEEPEST = 5  # alternates of alternates, as far as git follows them
_MOST_ALTERNATES = 50
_ESCAPE = re.compile(rb"\\([abfnrtv\"\\]|[0-3][0-7]{2})")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class Database:
    """The object directories that are read, first that of the repository; `git` reads no others.

    `width` is the length of an id in bytes.  `shallow`: history is cut off.  `partial`: objects may never have been
    downloaded.  `outside` counts the object directories that were left alone.
    """

    git: Git
    folders: tuple[Path, ...]
    common: Path
    width: int
    shallow: bool
    partial: bool
    outside: int

    def packs(self) -> Iterator[Path]:
        """Every pack that has an index, sorted by name within its directory."""
        for folder in self.folders:
            for index in sorted((folder / "pack").glob("*.idx")):
                if (pack := index.with_suffix(".pack")).is_file():
                    yield pack

    def loose(self) -> Iterator[str]:
        """The ids in hex of all objects that lie in files of their own."""
        for folder in self.folders:
            for inner in _folders(folder):
                yield from (
                    inner.name + name for name in _names(inner) if len(name) == 2 * self.width - 2 and name.isalnum()
                )


@contextmanager
def open_database(git: Git, root: Path) -> Iterator[Database]:
    """The objects of the repository at `root`.  Raises GitError when git does not know it as one.

    Alternates (gitrepository-layout(5)) inside `root` are read; for the others git is shown a directory of links that
    lacks them, because it cannot be told to leave them alone.
    """
    said = git.run(
        "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format", "--is-shallow-repository"
    )
    where, form, shallow = said.decode("utf-8", "surrogateescape").split("\n")[:3]
    common = Path(where).resolve()
    objects = common / "objects"
    inside, outside = _reach(objects, (root.resolve(), common))
    found = Database(
        git, tuple(inside), common, 32 if form == "sha256" else 20, shallow == "true", _partial(objects), outside
    )
    if inside == [objects] and not outside and not (objects / "info" / "alternates").exists():
        yield found
        return
    if not inside:
        msg = "the object directory lies outside of the repository"
        raise GitError(msg)
    with tempfile.TemporaryDirectory(prefix="nhiscan-") as scratch:
        views = tuple(_view(folder, Path(scratch) / str(n)) for n, folder in enumerate(inside))
        yield replace(found, git=replace(git, objects=views))


def _reach(objects: Path, roots: tuple[Path, ...]) -> tuple[list[Path], int]:
    """The object directories below the roots that lead from one to the next, and how many lead outside."""
    inside: list[Path] = []
    outside = 0
    ahead = [(objects, 0)]
    while ahead:
        folder, depth = ahead.pop(0)
        real = folder.resolve()
        if real in inside:
            continue
        if not _below(real, roots) or not _below((real / "pack").resolve(), roots) or len(inside) > _MOST_ALTERNATES:
            outside += 1
            continue
        if real.is_dir():
            inside.append(real)
            if depth < _DEEPEST:
                ahead += [(next_, depth + 1) for next_ in _alternates(real)]
    return inside, outside


def _below(place: Path, roots: tuple[Path, ...]) -> bool:
    return any(place.is_relative_to(root) for root in roots)


def _alternates(objects: Path) -> list[Path]:
    try:
        lines = (objects / "info" / "alternates").read_bytes().split(b"\n")
    except OSError:
        return []
    names = [_unquoted(line) for line in lines if line.strip() and not line.startswith(b"#")]
    return [objects / os.fsdecode(name) for name in names if b"\0" not in name]


def _unquoted(line: bytes) -> bytes:
    if not (line.startswith(b'"') and line.endswith(b'"') and len(line) > 1):
        return line
    return _ESCAPE.sub(lambda m: _LETTERS.get(m[1]) or (m[1] if m[1] in b'"\\' else bytes([int(m[1], 8)])), line[1:-1])


def _partial(objects: Path) -> bool:
    """Whether some pack came from a remote that keeps the rest (partial-clone.txt of git, "promisor")."""
    return next((objects / "pack").glob("*.promisor"), None) is not None


def _view(folder: Path, place: Path) -> str:
    """A directory that leads to the packs and loose objects of another, without its `info/alternates`."""
    place.mkdir()
    for inner in (folder / "pack", *_folders(folder)):
        if inner.is_dir():
            (place / inner.name).symlink_to(inner)
    return str(place)


def _folders(folder: Path) -> Iterator[Path]:
    for name in sorted(_names(folder)):
        if _FOLDER.fullmatch(name) and not (inner := folder / name).is_symlink():
            yield inner


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - 256 times, on text
    except OSError:
        return []
