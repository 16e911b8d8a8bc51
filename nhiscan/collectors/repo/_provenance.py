"""Where objects that hold something came from: the paths they had, the commits that brought and removed them, and HEAD.

One pass of `git log --raw` over everything that is named or was (reflogs), started while objects are still scanned and
filtered to the few ids that matter.  `-c` shows what only a merge commit brought (git-diff-tree(1), "combined diff").
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Self

from nhiscan.collectors.repo import _objects
from nhiscan.collectors.repo._git import GitError
from nhiscan.detect.conceal import conceal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from nhiscan.collectors.repo._git import Git

_LOG = (
    "log", "--raw", "-c", "-z", "--no-abbrev", "--no-renames", "--no-color", "--no-notes", "--no-mailmap",
    "--no-ext-diff", "--no-textconv", "--no-decorate", "--no-relative", "--ignore-submodules=none",
    "--format=%x01%H %ct", "--ignore-missing", "--stdin",
)  # fmt: skip
EVERYTHING = ("--all", "--reflog")
"""All that is named (branches, tags, notes, stash, other work trees) or was, as far as reflogs remember."""

_ID = rb"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_TOKEN = re.compile(
    rb"\x01(" + _ID + rb") (\d*)\0[\n\0]?|:+[0-7 ]+ ((?:" + _ID + rb" )+)[A-Z]+\0([^\0]*)\0|[\n\0]", re.ASCII
)
_ENTRY = re.compile(rb"(?:\d+ blob )?(?:\d{6} )?(" + _ID + rb")(?: [0-3])?\t([^\0]*)\0")
_READ = 1 << 20
_LONGEST = 16 << 20  # of one word of the log; git allows no path so long
_MOST_PATHS = 50  # copies of one object that are told; a licence lies in more, a secret hardly
_TIMEOUT = 1_800.0
_WHO = re.compile(rb"^(?:author|tagger) (.*?) ?<[^<>\n]*> (\d+)", re.MULTILINE)
_NEVER = 1 << 62


@dataclass(slots=True)
class Origin:
    """An object at one path: the first commit that brought it there and the last that took it away.

    Times are those of the commits, in seconds since 1970.  `first` is "" and `gone` None where there is no such commit.
    """

    first: str = ""
    first_time: int = _NEVER
    gone: str | None = None
    gone_time: int = -1


Origins = dict[str, dict[bytes, Origin]]
"""By id in hex and path as git spells it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a commit or tag says of itself; `parents` of a tag is what it tags, `name` the tag's name."""

    author: str
    time: datetime | None
    parents: tuple[str, ...]
    name: str = ""


class Log:
    """A running `git log`, written to a file without a name until somebody reads it.  Raises GitError."""

    def __init__(self, git: Git, which: Sequence[str], revisions: Iterable[str] = ()) -> None:
        self._file = tempfile.TemporaryFile(prefix="nhiscan-")  # noqa: SIM115 - closed at the end of `with`
        with tempfile.TemporaryFile(prefix="nhiscan-") as asked:
            asked.writelines(f"{text}\n".encode("ascii") for text in revisions)
            asked.seek(0)
            self._process = git.popen(*_LOG, *which, stdin=asked, stdout=self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End git, if it still runs, and drop what it wrote."""
        self._process.kill()
        self._process.wait()
        self._file.close()

    def origins(self, wanted: Collection[str], into: Origins) -> bool:
        """Wait for the end and add the origins of the wanted ids; False when git gave up before it."""
        try:
            whole = self._process.wait(_TIMEOUT) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            whole = False
        self._file.seek(0)
        _filter(self._file, {oid.encode("ascii") for oid in wanted}, into)
        return whole

    def commits(self) -> Iterator[str]:
        """The ids of the commits it went through; only after `origins`."""
        self._file.seek(0)
        return (match[1].decode("ascii") for match in _tokens(self._file) if match[1])


def standing(git: Git, head: str | None, wanted: Collection[str], found: dict[tuple[str, bytes], bool]) -> bool:
    """Put in the wanted objects that HEAD or the index has, by id and path, and whether it is HEAD.

    False when git cannot say so, as where trees were never downloaded.
    """
    ids = {oid.encode("ascii") for oid in wanted}
    lists: list[tuple[str, ...]] = [("ls-files", "-z", "--stage", "--full-name")]
    if head is not None:
        lists.append(("ls-tree", "-r", "-z", "--full-tree", head))
    try:
        for number, arguments in enumerate(lists):
            for match in _ENTRY.finditer(git.run(*arguments)):
                if match[1] in ids:
                    found[match[1].decode("ascii"), match[2]] = number == 1
    except GitError:
        return False
    return True


def facts(git: Git, ids: Collection[str]) -> dict[str, Facts]:
    """Author, time and parents of commits and tags; what cannot be read is left out.  Raises GitError."""
    found = {}
    for piece in _objects.read(git, sorted(ids)):
        if piece.kind in {"commit", "tag"} and piece.offset == 0:
            found[piece.oid] = _facts(piece.data)
    return found


def _facts(data: bytes) -> Facts:
    head = data.partition(b"\n\n")[0]
    who = _WHO.search(head)
    up = re.findall(rb"^(?:parent|object) ([0-9a-f]+)$", head, re.MULTILINE)
    name = re.search(rb"^tag (.*)$", head, re.MULTILINE)
    return Facts(
        author=plain(who[1].decode("utf-8", "replace")) if who else "",
        time=_time(int(who[2])) if who else None,
        parents=tuple(oid.decode("ascii") for oid in up),
        name=plain(name[1].decode("utf-8", "replace")) if name else "",
    )


def plain(name: str) -> str:
    """A name that people wrote, printable and without a value in it; of an address only the part before the `@`."""
    return conceal("".join(c for c in name.partition("@")[0].strip(" <>") if c.isprintable()))[:200]


def _time(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def merge(into: Origins, more: Origins) -> set[str]:
    """Add the origins that further commits show; the ids that came to a place anew, or earlier, come back."""
    moved: set[str] = set()
    for oid, paths in more.items():
        known = into.setdefault(oid, {})
        for path, new in paths.items():
            old = known.get(path)
            if old is None:
                known[path] = new
                moved.add(oid)
                continue
            if new.first_time < old.first_time:
                old.first, old.first_time = new.first, new.first_time
                moved.add(oid)
            if new.gone_time > old.gone_time:
                old.gone, old.gone_time = new.gone, new.gone_time
    return moved


def _filter(file: IO[bytes], wanted: set[bytes], into: Origins) -> None:
    commit, time = "", 0
    for match in _tokens(file):
        head, seconds, ids, path = match.groups()
        if head is not None:
            commit, time = head.decode("ascii"), int(seconds or 0)
        elif ids is not None:
            *before, after = ids.split()
            if after in wanted and (origin := _origin(into, after, path)) and time <= origin.first_time:
                origin.first, origin.first_time = commit, time
            for oid in before:
                if oid in wanted and oid != after and (origin := _origin(into, oid, path)) and time > origin.gone_time:
                    origin.gone, origin.gone_time = commit, time


def _origin(into: Origins, oid: bytes, path: bytes) -> Origin | None:
    paths = into.setdefault(oid.decode("ascii"), {})
    return paths.setdefault(path, Origin()) if path in paths or len(paths) < _MOST_PATHS else None


def _tokens(file: IO[bytes]) -> Iterator[re.Match[bytes]]:
    """The words of the log, a portion at a time; a word that is cut off waits for the rest of it."""
    rest = b""
    while (more := file.read(_READ)) and len(rest) < _LONGEST:
        data = rest + more
        place = 0
        for match in _TOKEN.finditer(data):
            if match.start() != place:
                break
            place = match.end()
            yield match
        rest = data[place:]
