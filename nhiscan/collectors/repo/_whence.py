"""Origins of an earlier scan, so that the next one goes through new commits only.

The file says where values lie, and ids of objects are digests of what is in them; so it is sealed with the key of the
installation, and without the key it is noise.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from nhiscan.collectors.repo._provenance import EVERYTHING, Origin
from nhiscan.collectors.repo._sealed import Sealed

if TYPE_CHECKING:
    from pathlib import Path

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._provenance import Origins
    from nhiscan.sensitive import FingerprintKey

_MOST = 400_000  # tips, or ids that hold something, from which on nothing is kept


@dataclass(frozen=True, slots=True)
class Known:
    """What a scan found out when refs and reflogs named `tips` (commits, and tags of them).

    `held` are the ids that hold something, `lost` commits nobody named; `idle` are those of `held` without which the
    records are the same, because older and newer versions of the same places hold the same values.
    """

    tips: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()

    @property
    def needed(self) -> frozenset[str]:
        """The ids that speak for the idle ones."""
        return self.held - self.idle


@dataclass(slots=True)
class Whence:
    """What the last scan of a repository found out, and the origins of what it held."""

    file: Sealed
    rules: str
    known: Known = field(default_factory=Known)
    origins: Origins = field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path | None, base: Database, key: FingerprintKey, rules: str) -> Self:
        """What is known of the repository as it is cut off now; nothing without a directory or under another key."""
        about = b"%s\0%s" % (os.fsencode(base.common), _content(base.common / "shallow"))
        found = cls(Sealed.of(directory, about, "from", key), rules)
        told = found.file.read()
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found.origins = {
                oid: {path.encode("latin-1"): Origin(*facts) for path, facts in paths.items()}
                for oid, paths in told["origins"].items()
            }
            idle = _ids(told["idle"]) if told["rules"] == rules else frozenset()
            found.known = Known(_ids(told["tips"]), _ids(told["held"]), _ids(told["lost"]), idle)
        return found

    def remember(self, now: Known, origins: Origins) -> None:
        """Keep what this scan found out, unless it is what was known, or too much."""
        if self.file.place is None or now == self.known or max(len(now.tips), len(now.held)) > _MOST:
            return
        told = {
            "rules": self.rules,
            "tips": " ".join(sorted(now.tips)),
            "held": " ".join(sorted(now.held)),
            "lost": " ".join(sorted(now.lost)),
            "idle": " ".join(sorted(now.idle)),
            "origins": {
                oid: {path.decode("latin-1"): _facts(origin) for path, origin in paths.items()}
                for oid, paths in origins.items()
                if oid in now.held
            },
        }
        self.file.write(told)


def tips(git: Git) -> tuple[frozenset[str], frozenset[str]]:
    """What branches, tags, notes, stashes and reflogs name, and of these what HEADs and reflogs do.  Raises GitError.

    Refs are listed without a look at what they name: there are tens of thousands where every pull request is fetched.
    """
    heads = git.run("rev-list", "--no-walk=unsorted", "--exclude=refs/*", *EVERYTHING, accept=(0, 128))
    refs = git.run("for-each-ref", "--format=%(objectname)", accept=(0, 128))
    near = _ids(heads.decode("ascii", "replace"))
    return near | _ids(refs.decode("ascii", "replace")), near


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _facts(origin: Origin) -> list[object]:
    return [origin.first, origin.first_time, origin.gone, origin.gone_time]


def _content(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:
        return b""
