"""From the paths of other tools to ours: scope and repository-relative path, wherever the tool ran.

A tool that ran elsewhere (in CI, in the directory above, in one below) puts something before all its paths or leaves
something out.  So the paths of one report are read together: what fits most of them holds for all.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.triage.ingest.load import Report

File = tuple[str, str]
"""Scope id and path relative to its root."""

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
_DEEPEST = 64
# How often the disk is asked for one report, and how many files of one name are compared with one path.
_MOST_LOOKS = 200_000
_MOST_NAMESAKES = 1_000


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of the audited files: their scopes by path, the roots on this machine, the working directory."""

    files: Mapping[str, frozenset[str]]
    roots: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    base: str = field(default="/", repr=False)


@dataclass(frozen=True, slots=True)
class _Guess:
    """A path of ours that a foreign one may mean: what was taken off or put before, and the segments they share."""

    file: File
    change: tuple[str, tuple[str, ...], tuple[str, ...]] = field(repr=False)
    shared: int


class Resolver:
    """The paths of one report as files of ours."""

    def __init__(self, report: Report, ground: Ground) -> None:
        self._ground = ground
        self._seen: dict[str, bool] = {}
        raw = dict.fromkeys(p for s in report.sightings for spot in s.spots for p in spot.paths)
        parts = {p: _segments(p) for p in raw}
        self._found = {p: found for p, steps in parts.items() if (found := self._direct(p, steps)) is not None}
        guesses = {p: list(self._guesses(p, steps)) for p, steps in parts.items() if p not in self._found}
        if self._found:
            # One path that fits as it is shows where the tool ran; only the name of a root may stand before others.
            guesses = {p: [g for g in found if self._is_root(g)] for p, found in guesses.items()}
        self._found |= _agreed(guesses)

    def file(self, paths: Iterable[str]) -> File | None:
        """The first of the paths that is a file of ours; None when none is."""
        return next((self._found[p] for p in paths if p in self._found), None)

    def _direct(self, path: str, steps: tuple[str, ...] | None) -> File | None:
        """The file a path means without guessing: below a root, or relative to one or to the working directory."""
        if not steps:
            return None
        if not _absolute(path):
            inner = "/".join(steps)
            scopes = self._scopes(inner)
            if scopes:
                return (scopes[0], inner) if len(scopes) == 1 else None
            path = f"{self._ground.base}/{inner}"
        whole = _plain(path)
        for scope, root in self._ground.roots:
            if whole.startswith(f"{root.rstrip('/')}/"):
                below = _segments(whole[len(root.rstrip("/")) :])
                found = "/".join(below or ())
                if found and (_absolute(path) or self._is_file(root, found)):
                    return scope, found
        return None

    def _scopes(self, inner: str) -> list[str]:
        known = set(self._ground.files.get(inner, ()))
        return sorted(known | {scope for scope, root in self._ground.roots if self._is_file(root, inner)})

    def _is_file(self, root: str, inner: str) -> bool:
        place = f"{root}/{inner}"
        if place not in self._seen and len(self._seen) < _MOST_LOOKS:
            try:
                self._seen[place] = os.path.isfile(place) and not os.path.islink(place)  # noqa: PTH113, PTH114 - on text
            except (OSError, ValueError):
                self._seen[place] = False
        return self._seen.get(place, False)

    def _guesses(self, path: str, steps: tuple[str, ...] | None) -> Iterator[_Guess]:
        """The longest end of the path that is a file of ours, or the one file of ours that ends with the path."""
        if not steps:
            return
        for n in range(1, len(steps)):
            inner = "/".join(steps[n:])
            scopes = self._scopes(inner)
            if scopes:
                yield from (_Guess((s, inner), (s, steps[:n], ()), len(steps) - n) for s in scopes)
                return
        if _absolute(path):
            return
        end = "/" + "/".join(steps)
        for known, owners in self._by_name(steps[-1]):
            if known.endswith(end):
                before = tuple(known[: -len(end)].split("/"))
                yield from (_Guess((s, known), (s, (), before), len(steps)) for s in sorted(owners))

    def _is_root(self, guess: _Guess) -> bool:
        """Whether what was taken off ends with the name of the scope or of its directory."""
        scope, off, before = guess.change
        names = {root.rsplit("/", 1)[-1] for owner, root in self._ground.roots if owner == scope}
        return not before and off[-1:] != () and off[-1] in names | {scope.rsplit("/", 1)[-1]}

    def _by_name(self, name: str) -> list[tuple[str, frozenset[str]]]:
        if not hasattr(self, "_names"):
            self._names: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
            for known, owners in self._ground.files.items():
                self._names[known.rsplit("/", 1)[-1]].append((known, owners))
        return self._names.get(name, [])[:_MOST_NAMESAKES]


def _agreed(guesses: Mapping[str, list[_Guess]]) -> dict[str, File]:
    """The guesses that change paths in the way that fits most of the report; none when two ways fit alike."""
    votes: Counter[tuple[str, tuple[str, ...], tuple[str, ...]]] = Counter()
    for found in guesses.values():
        for guess in found:
            votes[guess.change] += guess.shared
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return {}
    return {p: g.file for p, found in guesses.items() for g in found if g.change == best[0][0]}


def shown(path: str) -> str | None:
    """A path that may be shown although it is no file of ours: relative, and not leading out; else None."""
    steps = None if _absolute(path) else _segments(path)
    return "/".join(steps) if steps else None


def _absolute(path: str) -> bool:
    plain = path.replace("\\", "/")
    return plain.startswith(("/", "~")) or _DRIVE.match(plain) is not None


def _plain(path: str) -> str:
    """With `/` alone, and without empty steps and `.`."""
    return os.path.normpath(path.replace("\\", "/"))


def _segments(path: str) -> tuple[str, ...] | None:
    """The steps of a path; None for one that leads above its beginning, or deeper than any file lies."""
    steps: list[str] = []
    for step in path.replace("\\", "/").split("/"):
        if step == "..":
            if not steps:
                return None
            steps.pop()
        elif step not in {"", "."}:
            steps.append(step)
    return tuple(steps) if len(steps) <= _DEEPEST else None
