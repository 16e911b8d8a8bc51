"""Origins of an earlier scan, so that the next one goes through new commits only.

The file says where values lie, and ids of objects are digests of what is in them; so it is sealed with the key of the
installation, and without the key it is noise.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from nhiscan.collectors.repo._provenance import EVERYTHING, Origin

if TYPE_CHECKING:
    from pathlib import Path

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._provenance import Origins
    from nhiscan.sensitive import FingerprintKey

_MOST = 200_000  # tips, or ids that hold something, from which on nothing is kept
_NONCE = _MAC = 32


@dataclass(frozen=True, slots=True)
class Known:
    """What a scan found out when refs and reflogs named `tips`.

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

    place: Path | None
    key: FingerprintKey
    rules: str
    known: Known = field(default_factory=Known)
    origins: Origins = field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path | None, base: Database, key: FingerprintKey, rules: str) -> Self:
        """What is known of the repository as it is cut off now; nothing without a directory or under another key."""
        if directory is None:
            return cls(None, key, rules)
        cut = _content(base.common / "shallow")
        name = hashlib.blake2b(b"%s\0%s" % (os.fsencode(base.common), cut), key=key.secret[:64], digest_size=16)
        found = cls(directory / "history" / f"{name.hexdigest()}.from", key, rules)
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(_opened(_content(found.place), key))
            found.origins = {
                oid: {path.encode("latin-1"): Origin(*facts) for path, facts in paths.items()}
                for oid, paths in told["origins"].items()
            }
            idle = frozenset(told["idle"] if told["rules"] == rules else ())
            found.known = Known(frozenset(told["tips"]), frozenset(told["held"]), frozenset(told["lost"]), idle)
        return found

    def remember(self, now: Known, origins: Origins) -> None:
        """Keep what this scan found out, unless it is what was known, or too much."""
        if self.place is None or now == self.known or max(len(now.tips), len(now.held)) > _MOST:
            return
        told = {
            "rules": self.rules,
            "tips": sorted(now.tips),
            "held": sorted(now.held),
            "lost": sorted(now.lost),
            "idle": sorted(now.idle),
            "origins": {
                oid: {path.decode("latin-1"): _facts(origin) for path, origin in paths.items()}
                for oid, paths in origins.items()
                if oid in now.held
            },
        }
        data = _sealed(json.dumps(told).encode("ascii"), self.key)
        with suppress(OSError):
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.place.parent, prefix=".from-", delete=False) as file:
                file.write(data)
            os.replace(file.name, self.place)  # noqa: PTH105 - the name is text


def tips(git: Git) -> frozenset[str]:
    """The commits that branches, tags, notes, stashes and reflogs name.  Raises GitError."""
    out = git.run("rev-list", "--no-walk=unsorted", *EVERYTHING, accept=(0, 128))
    return frozenset(out.decode("ascii", "replace").split())


def _facts(origin: Origin) -> list[object]:
    return [origin.first, origin.first_time, origin.gone, origin.gone_time]


def _content(place: Path | None) -> bytes:
    try:
        return place.read_bytes() if place is not None else b""
    except OSError:
        return b""


def _sealed(data: bytes, key: FingerprintKey) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    body = nonce + _masked(data, nonce, key)
    return hmac.digest(key.secret, b"seal" + body, "sha256") + body


def _opened(raw: bytes, key: FingerprintKey) -> bytes:
    """What was sealed; nothing when it is not whole or was sealed with another key."""
    body = raw[_MAC:]
    right = hmac.compare_digest(raw[:_MAC], hmac.digest(key.secret, b"seal" + body, "sha256"))
    return _masked(body[_NONCE:], body[:_NONCE], key) if right else b""


def _masked(data: bytes, nonce: bytes, key: FingerprintKey) -> bytes:
    """The data under a stream of SHAKE-256 (FIPS 202) of key and nonce; done twice, it is the data again."""
    stream = hashlib.shake_256(b"mask" + key.secret + nonce).digest(len(data))
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")
