"""From hits in objects to records: one exposure for each value and place, from when it came to when it went."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._provenance import Origin, facts
from nhiscan.collectors.repo._tree import printable
from nhiscan.plugin import Exposure, OwnerBasis, Record, Visibility

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._hits import Hit, Wanted
    from nhiscan.collectors.repo._owners import CodeOwners
    from nhiscan.collectors.repo._provenance import Facts, Origins
    from nhiscan.collectors.repo._tree import Checkout

_SHORT = 12
_NOTE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NOWHERE = Origin()
_Age = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Traces:
    """What is known of the ids that hold something: origins by path, and the pairs that HEAD or the index has.

    `lost` are commits that nothing names any more, `local` those that are never pushed (stashes).  Without `complete`
    there may be more such pairs.
    """

    origins: Origins
    standing: Mapping[tuple[str, bytes], bool]
    complete: bool = True
    lost: Collection[str] = ()
    local: Collection[str] = ()


@dataclass(slots=True)
class _Group:
    """One value at one place through time: its oldest and newest version."""

    first: Hit
    origin: Origin
    last: Hit
    latest: Origin
    at_head: bool
    in_tree: bool


@dataclass(slots=True)
class Past:
    """Collects hits; then gives the records.  With `tree`, what the files of the work tree show as well is left out."""

    checkout: Checkout
    git: Git
    traces: Traces
    source: str
    tree: bool
    _paths: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _groups: dict[tuple[object, ...], _Group] = field(default_factory=dict)
    _same: dict[tuple[str, bytes], bool] = field(default_factory=dict)

    def telling(self, ids: Collection[str], marks: Mapping[str, Sequence[bytes]]) -> list[str]:
        """The ids without those whose records would be the same without them.

        `marks` tell the things that an id holds from others.  Of the versions of a path that hold one thing the oldest
        and the newest tell all; what HEAD or the index has is looked into, and so is what has no marks.
        """
        ends: dict[tuple[bytes, bytes], tuple[_Age, _Age]] = {}
        always = {oid for oid, _ in self.traces.standing}
        for oid in ids:
            paths = self.traces.origins.get(oid)
            if not paths or oid not in marks:
                always.add(oid)
                continue
            for path, origin in paths.items():
                age = origin.first_time, oid
                for mark in marks[oid]:
                    oldest, newest = ends.get((path, mark), (age, age))
                    ends[path, mark] = min(oldest, age), max(newest, age)
        always.update(oid for pair in ends.values() for _, oid in pair)
        return [oid for oid in ids if oid in always]

    def wanted(self, ids: Collection[str]) -> Iterator[Wanted]:
        """The ids with their paths, as far as they lie in the part that was asked for."""
        standing: dict[str, list[bytes]] = {}
        for oid, path in self.traces.standing:
            standing.setdefault(oid, []).append(path)
        for oid in ids:
            shown = []
            for path in dict.fromkeys((*self.traces.origins.get(oid, ()), *standing.get(oid, ()))):
                name = printable(os.fsdecode(path))
                if self.checkout.within(name):
                    self._paths[oid, name] = path
                    shown.append(name)
            if shown or not self.checkout.part:
                yield oid, tuple(shown)

    def ends(self) -> set[str]:
        """The ids of the oldest and newest versions; the others change nothing."""
        return {oid for group in self._groups.values() for oid in (group.first.oid, group.last.oid)}

    def add(self, hit: Hit) -> None:
        """Take note of a hit; where the value was seen at the same place before, the oldest and newest are kept."""
        path = self._paths.get((hit.oid, hit.path))
        origin = self.traces.origins.get(hit.oid, {}).get(path, _NOWHERE) if path is not None else _NOWHERE
        here = self.traces.standing.get((hit.oid, path)) if path is not None else None
        in_tree = self.tree and here is not None and path is not None and self._unchanged(hit.oid, path)
        key = (hit.label or hit.oid, hit.value)
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = _Group(hit, origin, hit, origin, here is True, in_tree)
            return
        group.at_head |= here is True
        group.in_tree |= in_tree
        if _age(hit, origin) < _age(group.first, group.origin):
            group.first, group.origin = hit, origin
        if _age(hit, origin) > _age(group.last, group.latest):
            group.last, group.latest = hit, origin

    def records(self) -> Iterator[Record]:
        """Credentials, exposures and owners, in the order of their places.  Raises GitError."""
        groups = sorted((g for g in self._groups.values() if not g.in_tree), key=_order)
        wanted = {g.origin.first for g in groups} | {g.latest.gone or "" for g in groups}
        wanted |= {g.first.oid for g in groups if g.first.kind != "blob"}
        if not groups:
            return
        known = facts(self.git, wanted - {""})
        teams = _owners.code_owners_at(self.git, self.checkout.head)
        ordinals: Counter[tuple[str, str, str]] = Counter()
        for group in groups:
            yield from self._records(group, known, ordinals, teams)

    def _records(
        self, group: _Group, known: Mapping[str, Facts], ordinals: Counter[tuple[str, str, str]], teams: CodeOwners
    ) -> Iterator[Record]:
        hit, scope = group.first, self.checkout.scope.id
        uri, commit = self._place(group, known)
        about = known.get(hit.oid) or known.get(commit or "")
        stage = _stage(hit, commit, about)
        ordinals[uri, stage, hit.name] += 1
        place = f"{scope}#{uri}{stage}:{hit.name}:{ordinals[uri, stage, hit.name]}"
        locator = self._locator(group, uri, known)
        found = replace(hit.credential, id=hit.credential.id or place, locator=locator)
        author = about.author if about else ""
        yield found
        yield Exposure(
            id=f"{place}@history", scope_id=scope, source=self.source, locator=locator, credential_id=found.id, uri=uri,
            line=hit.line, key_name=hit.key_name, detector=hit.detector, basis=hit.basis, part=hit.part, commit=commit,
            author=author or None, first_seen=about.time if about else None, at_head=self._at_head(group),
            visibility=self._visibility(hit, commit), file_class=file_class(hit.path) if hit.path else None,
        )  # fmt: skip
        if hit.path:
            yield from _owners.owners(found.id, scope, self.source, teams.of(hit.path), OwnerBasis.CODEOWNERS)
        if author:
            yield from _owners.owners(found.id, scope, self.source, (author,), OwnerBasis.BLAME)

    def _place(self, group: _Group, known: Mapping[str, Facts]) -> tuple[str, str | None]:
        """How a person would name the place, and the commit that brought the value there."""
        hit = group.first
        about = known.get(hit.oid)
        if hit.kind == "commit":
            return f"commit {hit.oid[:_SHORT]}", hit.oid
        if hit.kind == "tag":
            name, tagged = (about.name, about.parents) if about else ("", ())
            return f"tag {name or hit.oid[:_SHORT]}", tagged[0] if tagged else None
        if not hit.path:
            return f"object {hit.oid[:_SHORT]}", None
        note = hit.path.replace("/", "")
        uri = f"note on commit {note[:_SHORT]}" if _NOTE.fullmatch(note) else hit.label
        return uri, group.origin.first or None

    def _locator(self, group: _Group, uri: str, known: Mapping[str, Facts]) -> str:
        """What `git show` takes: the last commit that has the newest version of the value, and its path."""
        hit, origin = group.last, group.latest
        if not hit.path:
            return f"{uri}:{hit.line}"
        gone = known.get(origin.gone or "")
        commit = origin.first
        if group.at_head:
            commit = self.checkout.head or commit
        elif gone is not None and gone.parents and origin.gone_time >= origin.first_time:
            commit = gone.parents[0]
        lost = "unreachable " if origin.first in self.traces.lost else ""
        return f"{lost}{commit[:_SHORT]}:{hit.label}:{hit.line}"

    def _at_head(self, group: _Group) -> bool | None:
        unknown = group.first.kind == "blob" and not group.at_head and not self.traces.complete
        return None if unknown else group.at_head

    def _visibility(self, hit: Hit, commit: str | None) -> Visibility:
        if hit.kind != "blob":
            return Visibility.LOCAL if hit.oid in self.traces.lost else Visibility.TRACKED
        hidden = commit is None or commit in self.traces.lost or commit in self.traces.local
        return Visibility.LOCAL if hidden else Visibility.TRACKED

    def _unchanged(self, oid: str, path: bytes) -> bool:
        """Whether the file in the work tree has the very bytes of the object: whoever reads it sees the same."""
        known = self._same.get((oid, path))
        if known is None:
            known = self._same[oid, path] = _has(self.checkout.root / os.fsdecode(path), oid)
        return known


def _stage(hit: Hit, commit: str | None, about: Facts | None) -> str:
    """When a value came to its place, for the id of the place: the same in every clone, and after a rebase."""
    if commit is None:
        return "@index" if hit.path else ""
    if hit.kind == "commit":
        return ""
    return about.time.strftime("@%Y%m%dT%H%M%SZ") if about and about.time else f"@{commit[:_SHORT]}"


def _has(file: Path, oid: str) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return False
    with os.fdopen(handle, "rb") as opened:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return False
        digest = hashlib.new(
            "sha256" if len(oid) == 64 else "sha1", b"blob %d\0" % status.st_size, usedforsecurity=False
        )
        while part := opened.read(1 << 20):
            digest.update(part)
    return digest.hexdigest() == oid


def _age(hit: Hit, origin: Origin) -> tuple[int, str, int]:
    return origin.first_time, hit.oid, hit.start


def _order(group: _Group) -> tuple[object, ...]:
    return group.first.label, group.origin.first_time, group.origin.first, group.first.oid, group.first.start
