"""A checkout as a sorted stream of files: what the repository holds, what it leaves out, and what could not be read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _listing
from nhiscan.collectors.repo._first_commit import first_commit
from nhiscan.collectors.repo._git import Git, GitError, find_root, is_bare
from nhiscan.collectors.repo._listing import Listing, Skip
from nhiscan.collectors.repo._reading import Reader
from nhiscan.plugin import Gap, GapReason, Scope, ScopeKind, TargetError, TargetKind, Unit, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.plugin import Context, Target

_KNOWN: dict[tuple[str, Path], Known] = {}  # of the run and the place at hand: at most one
_PROVIDERS = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: `path` is POSIX, relative to the checkout's root and printable.

    `real` is the name on disk where it differs (bytes that are not UTF-8, control characters).
    """

    path: str
    visibility: Visibility
    real: str | None = None

    @property
    def name(self) -> str:
        """The path on disk, relative to the root."""
        return self.real or self.path


@dataclass(slots=True)
class Known:
    """What is found out once for all collectors of a run: git's answers, the files, and what listing them left out."""

    git: Git | None = None
    head: str | None = None
    broken: str | None = None
    scope: Scope | None = None
    files: tuple[SourceFile, ...] | None = None
    skips: Mapping[Skip, frozenset[str]] = field(default_factory=dict)


class Checkout:
    """A repository or plain directory under audit.  `git` is None without a usable repository, `head` without a commit.

    Reading follows no symbolic link and leaves the checkout exactly as it was.  A `bare` one has history and no files.
    """

    def __init__(self, root: Path, part: str, ctx: Context, *, bare: bool = False, known: Known | None = None) -> None:
        self.root = root
        self.bare = bare
        self.part = part  # the POSIX path below `root` that was asked for; "" is everything
        self._ctx = ctx
        self._skips: dict[Skip, set[str]] = {}
        self._reader = Reader(root)
        self.known = known or Known()
        if self.known.scope is None:
            self._connect()
            self.known.scope = self._scope()
        self.git, self.head, self.scope = self.known.git, self.known.head, self.known.scope

    @classmethod
    def open(cls, path: Path, ctx: Context, *, bare: bool = False) -> Checkout:
        """The checkout that `path` (a directory, or one file) belongs to; with `bare` also a git directory itself.

        Raises TargetError when it cannot be read.
        """
        place = _existing(path)
        folder = place if place.is_dir() else place.parent
        if bare and is_bare(folder):
            return cls(folder, "", ctx, bare=True)
        if is_bare(folder) or ".git" in place.parts:
            message = f"{path.name or path} is a bare repository or the inside of one; it has no work tree"
            raise TargetError(message, "clone it, then audit the clone")
        root = find_root(folder) or folder
        part = place.relative_to(root).as_posix()
        return cls(root, "" if part == "." else part, ctx, known=_known(ctx, place))

    def files(self) -> Sequence[SourceFile]:
        """Every regular file to audit, sorted by path; what is left out is counted in `gaps`."""
        if self.known.files is None:
            self.known.files = tuple(self._listed())
            self.known.skips = {reason: frozenset(paths) for reason, paths in self._skips.items()}
        for reason, paths in self.known.skips.items():
            self._skips.setdefault(reason, set()).update(paths)
        return self.known.files

    def _listed(self) -> Iterator[SourceFile]:
        known = {"": False}
        for name, visibility in sorted(self._list().items()):
            shown = printable(name)
            # What git lists may lie below a directory that has become a link; walking follows none.
            if self.git is not None and self._linked(os.path.dirname(name), known):  # noqa: PTH120 - on text
                self.skip(Skip.LINK, shown)
            else:
                yield SourceFile(shown, visibility, None if shown == name else name)

    def is_empty(self) -> bool:
        """Whether there is no file to audit at all."""
        return not self.files()

    def read(self, file: SourceFile, limit: int | None = None) -> bytes | None:
        """The text in UTF-8; None when it is binary, unreadable, or larger than the limit in bytes."""
        data = self._reader.whole(file.name, self._ctx.max_file_bytes if limit is None else limit)
        if isinstance(data, Skip):
            self.skip(data, file.path)
            return None
        return data

    def read_bytes(self, file: SourceFile, limit: int) -> bytes | Skip:
        """The bytes as they are, of key stores and the like; why not, when unreadable or larger than the limit."""
        return self._reader.raw(file.name, limit)

    @property
    def broken(self) -> str | None:
        """Why git cannot read what looks like a repository; None when it can, or where there is none."""
        return self.known.broken

    def within(self, path: str) -> bool:
        """Whether the path lies in the part that was asked for."""
        return not self.part or path == self.part or path.startswith(f"{self.part}/")

    def at_head(self, visibility: Visibility | None) -> bool | None:
        """Whether HEAD holds a file that is seen so; None where there is no repository to say so."""
        if self.git is None:
            return None
        return self.head is not None and visibility is Visibility.TRACKED

    def gaps(self, source: str = "repo.tree", covers: tuple[str, ...] = ("exposure",)) -> Iterator[Gap]:
        """One Gap per reason with a count; complete after `files` is exhausted and each file was read.

        What is left out by design (binary files, links, ignored files) is counted and covers nothing.
        """
        scope = self.scope.id
        if self.broken is not None:
            yield Gap(
                id=f"{scope}#{source}/git",
                scope_id=scope,
                source=source,
                covers=("exposure.visibility", "exposure.commit", "exposure.author", "exposure.at_head"),
                reason=GapReason.FAILED,
                remedy="install git 2.31 or newer and repair the repository (git fsck), then audit again",
                detail=f"{self.broken}; every file was read as in a plain directory",
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
        if not self.bare and not os.path.lexists(self.root / ".git"):
            return
        git = Git(self.root, self.bare)
        try:
            head = git.head()
            git.run("ls-files", "-z", "--cached", "--", ".gitattributes")
        except GitError as e:
            self.known.broken = str(e)
        else:
            self.known.git, self.known.head = git, head

    def _scope(self) -> Scope:
        git = self.known.git
        root = self.root.parent if self.bare and self.root.name == ".git" else self.root
        name = printable(root.name) or "root"
        if git is not None:
            try:
                remote = git.remote()
                first = None if remote else first_commit(git, self.known.head, self._ctx)
            except GitError:
                remote = first = None
            if remote:
                provider = _PROVIDERS.get(remote.split("/")[0], "git")
                return _record(f"repo:{remote}", provider, ScopeKind.REPOSITORY, remote.rsplit("/", 1)[1])
            if first:
                return _record(f"repo:git-{first}", "git", ScopeKind.REPOSITORY, name)
        return _record(f"dir:{name}", "filesystem", ScopeKind.DIRECTORY, name)

    def _list(self) -> Listing:
        if self.bare:
            return {}
        if self.git is not None:
            try:
                listing = _listing.from_git(self.git, self.part, self.skip, read_ignored=self._ctx.read_ignored)
            except GitError as e:
                self.known.broken = str(e)
            else:
                if not self.part or any(v is not Visibility.LOCAL for v in listing.values()):
                    return listing
                # A part that the repository ignores was named on purpose, so it is read; nobody else has it.
                return _listing.walk(self.root, self.part, Visibility.LOCAL, self.skip)
        return _listing.walk(self.root, self.part, Visibility.UNTRACKED, self.skip)

    def _linked(self, parent: str, known: dict[str, bool]) -> bool:
        """Whether a directory below the root, or one above it, is a link."""
        if parent not in known:
            above = os.path.dirname(parent)  # noqa: PTH120 - a hundred thousand times, on text
            known[parent] = os.path.islink(f"{self.root}/{parent}") or self._linked(above, known)  # noqa: PTH114 - as above
        return known[parent]

    def skip(self, reason: Skip, path: str) -> None:
        """Note a file that is left out."""
        self._skips.setdefault(reason, set()).add(printable(path))


def is_asked_for(target: Target, ctx: Context) -> bool:
    """Whether the files of the target are to be read, and not only its history, as of a git directory itself."""
    if target.kind is not TargetKind.PATH or getattr(ctx, "since", None) or getattr(ctx, "staged", False):
        return False
    return not is_bare(Path(target.value))


def _known(ctx: Context, place: Path) -> Known | None:
    """What this run knows of the place already; forked workers inherit it."""
    run = getattr(ctx, "run", "")
    if run and (run, place) not in _KNOWN:
        _KNOWN.clear()
        _KNOWN[run, place] = Known()
    return _KNOWN.get((run, place))


def units_of(source: str, target: Target, ctx: Context) -> Iterator[Unit]:
    """One unit for the files of a path.  Raises TargetError when it cannot be read."""
    if is_asked_for(target, ctx):
        scope_id = Checkout.open(Path(target.value), ctx).scope.id
        yield Unit(f"{source}:{scope_id}", source, scope_id, target)


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


def _record(identifier: str, provider: str, kind: ScopeKind, name: str) -> Scope:
    return Scope(
        id=identifier, scope_id=identifier, source="repo.tree", locator=".", provider=provider, kind=kind, name=name
    )
