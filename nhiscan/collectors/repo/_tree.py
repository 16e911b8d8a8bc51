"""A checkout as a sorted stream of files: what the repository holds, what it leaves out, and what could not be read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _listing
from nhiscan.collectors.repo._git import Git, GitError, find_root, is_bare
from nhiscan.collectors.repo._listing import Listing, Skip
from nhiscan.plugin import Gap, GapReason, Scope, ScopeKind, TargetError, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nhiscan.plugin import Context

_PROVIDERS = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
_SNIFF = 8_192  # git looks for NUL in the first 8,000 bytes as well (buffer_is_binary in git's xdiff-interface.c)
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file: `path` is POSIX, relative to the checkout's root and printable; `size` in bytes.

    `real` is the name on disk where it differs (bytes that are not UTF-8, control characters).
    """

    path: str
    visibility: Visibility
    size: int
    real: str | None = None


class Checkout:
    """A repository or plain directory under audit.  `git` is None without a usable repository, `head` without a commit.

    Reading follows no symbolic link and leaves the checkout exactly as it was.
    """

    def __init__(self, root: Path, part: str, ctx: Context) -> None:
        self.root = root
        self.part = part  # the POSIX path below `root` that was asked for; "" is everything
        self._ctx = ctx
        self._skips: dict[Skip, set[str]] = {}
        self._listing: Listing | None = None
        self._broken: str | None = None
        self.git: Git | None = None
        self.head: str | None = None
        self._connect()
        self.scope = self._scope()

    @classmethod
    def open(cls, path: Path, ctx: Context) -> Checkout:
        """The checkout that `path` (a directory, or one file) belongs to.  Raises TargetError when unreadable."""
        place = _existing(path)
        folder = place if place.is_dir() else place.parent
        if is_bare(folder) or ".git" in place.parts:
            message = f"{path.name or path} is a bare repository or the inside of one; it has no work tree"
            raise TargetError(message, "clone it, then audit the clone")
        root = find_root(folder) or folder
        part = place.relative_to(root).as_posix()
        return cls(root, "" if part == "." else part, ctx)

    def files(self) -> Iterator[SourceFile]:
        """Every regular file to audit, sorted by path; what is left out is counted in `gaps`."""
        if self._listing is None:
            self._listing = self._list()
        real_parent: dict[str, bool] = {}
        for name, visibility in sorted(self._listing.items()):
            shown = printable(name)
            reason, size = self._judge(name, real_parent)
            if reason is not None:
                self._skip(reason, shown)
            else:
                yield SourceFile(shown, visibility, size, None if shown == name else name)

    def read(self, file: SourceFile) -> bytes | None:
        """The bytes, UTF-16 with a byte-order mark as UTF-8; None when it is binary, too large or unreadable."""
        try:
            handle = os.open(self.root / (file.real or file.path), os.O_RDONLY | _NO_LINKS)
        except (OSError, ValueError):
            self._skip(Skip.UNREADABLE, file.path)
            return None
        try:
            data = _read(handle, self._ctx.max_file_bytes)
        except OSError:
            data = Skip.UNREADABLE
        finally:
            os.close(handle)
        if isinstance(data, Skip):
            self._skip(data, file.path)
            return None
        return data

    def at_head(self, file: SourceFile) -> bool | None:
        """Whether HEAD holds the file; None where there is no repository to say so."""
        if self.git is None:
            return None
        return self.head is not None and file.visibility is Visibility.TRACKED

    def gaps(self, source: str = "repo.tree", covers: tuple[str, ...] = ("exposure",)) -> Iterator[Gap]:
        """One Gap per reason with a count; complete after `files` is exhausted and each file was read.

        What is left out by design (binary files, links, ignored files) is counted and covers nothing.
        """
        scope = self.scope.id
        if self._broken is not None:
            yield Gap(
                id=f"{scope}#{source}/git",
                scope_id=scope,
                source=source,
                covers=("exposure.visibility", "exposure.commit", "exposure.author", "exposure.at_head"),
                reason=GapReason.FAILED,
                remedy="install git 2.31 or newer and repair the repository (git fsck), then audit again",
                detail=f"{self._broken}; every file was read as in a plain directory",
                operation="git",
            )
        for reason, paths in sorted(self._skips.items(), key=lambda item: item[0].name):
            yield Gap(
                id=f"{scope}#{source}/skipped-{reason.name.lower().replace('_', '-')}",
                scope_id=scope,
                source=source,
                covers=() if reason.by_design else covers,
                reason=GapReason.SKIPPED,
                remedy=reason.remedy,
                detail=f"{len(paths)} {reason.value}: {', '.join(sorted(paths)[:3])}{', …' if len(paths) > 3 else ''}",
            )

    def _connect(self) -> None:
        if not os.path.lexists(self.root / ".git"):
            return
        git = Git(self.root)
        try:
            self.head = git.head()
            git.run("ls-files", "-z", "--cached", "--", ".gitattributes")
        except GitError as e:
            self.head, self._broken = None, str(e)
        else:
            self.git = git

    def _scope(self) -> Scope:
        name = printable(self.root.name) or "root"
        if self.git is not None:
            try:
                remote = self.git.remote()
                first = None if remote else self.git.root_commit()
            except GitError:
                remote = first = None
            if remote:
                provider = _PROVIDERS.get(remote.split("/")[0], "git")
                return _record(f"repo:{remote}", provider, ScopeKind.REPOSITORY, remote.rsplit("/", 1)[1])
            if first:
                return _record(f"repo:git-{first}", "git", ScopeKind.REPOSITORY, name)
        return _record(f"dir:{name}", "filesystem", ScopeKind.DIRECTORY, name)

    def _list(self) -> Listing:
        if self.git is not None:
            try:
                listing = _listing.from_git(self.git, self.part, self._skip, read_ignored=self._ctx.read_ignored)
            except GitError as e:
                self._broken = str(e)
            else:
                if not self.part or any(v is not Visibility.LOCAL for v in listing.values()):
                    return listing
                # A part that the repository ignores was named on purpose, so it is read; nobody else has it.
                return _listing.walk(self.root, self.part, Visibility.LOCAL, self._skip)
        return _listing.walk(self.root, self.part, Visibility.UNTRACKED, self._skip)

    def _judge(self, name: str, real_parent: dict[str, bool]) -> tuple[Skip | None, int]:
        parent = os.path.dirname(name)  # noqa: PTH120 - a million times, on text
        if parent not in real_parent:
            full = os.path.join(self.root, parent) if parent else str(self.root)  # noqa: PTH118 - as above
            real_parent[parent] = os.path.realpath(full) == full
        try:
            status = os.lstat(self.root / name)
        except FileNotFoundError:
            return Skip.ABSENT, 0
        except (OSError, ValueError):
            return Skip.UNREADABLE, 0
        if stat.S_ISLNK(status.st_mode) or not real_parent[parent]:
            return Skip.LINK, 0
        if not stat.S_ISREG(status.st_mode):
            return Skip.SPECIAL, 0
        if status.st_size > self._ctx.max_file_bytes:
            return (Skip.BINARY if _starts_binary(self.root / name) else Skip.TOO_LARGE), 0
        return None, status.st_size

    def _skip(self, reason: Skip, path: str) -> None:
        self._skips.setdefault(reason, set()).add(printable(path))


def printable(name: str) -> str:
    r"""The name with control characters and undecodable bytes as `\xNN`, so that it can be stored and shown."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(c if c.isprintable() else f"\\x{_byte(c):02x}" for c in name)


def _byte(character: str) -> int:
    code = ord(character)
    return code & 0xFF if 0xDC80 <= code <= 0xDCFF else code


def _existing(path: Path) -> Path:
    try:
        place = path.resolve(strict=True)
        if place.is_dir():
            os.scandir(place).close()
            return place
        if place.is_file():
            place.open("rb").close()
            return place
        what, remedy = "is neither a directory nor a regular file", "name a checkout or a file in it"
    except FileNotFoundError:
        what, remedy = "does not exist", "name an existing directory or file"
    except PermissionError:
        what, remedy = "cannot be read", "run as somebody who may read it"
    except (OSError, RuntimeError, ValueError):
        what, remedy = "cannot be opened", "name a readable directory or file"
    message = f"{path} {what}"
    raise TargetError(message, remedy)


def _read(handle: int, limit: int) -> bytes | Skip:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        return Skip.SPECIAL
    with os.fdopen(os.dup(handle), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        return Skip.TOO_LARGE
    encoding = _UTF16.get(data[:2])
    if encoding is not None:
        return data[2:].decode(encoding, "replace").encode("utf-8", "replace")
    return Skip.BINARY if b"\0" in data[:_SNIFF] else data


def _starts_binary(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | _NO_LINKS)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        head = file.read(_SNIFF)
    return b"\0" in head and head[:2] not in _UTF16


def _record(identifier: str, provider: str, kind: ScopeKind, name: str) -> Scope:
    return Scope(
        id=identifier, scope_id=identifier, source="repo.tree", locator=".", provider=provider, kind=kind, name=name
    )
