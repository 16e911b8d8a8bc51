"""A directory made of given files, collected by one collector; values never come back, their fingerprints do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from nhiscan.model import Credential, Exposure, Gap
from nhiscan.plugin import Context, Target, TargetKind
from nhiscan.sensitive import FingerprintKey, Sensitive

KEY = FingerprintKey(b"k" * 32)
CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=KEY)


@dataclass(frozen=True)
class Collected:
    records: list

    @property
    def credentials(self) -> list[Credential]:
        return [r for r in self.records if isinstance(r, Credential)]

    @property
    def exposures(self) -> list[Exposure]:
        return [r for r in self.records if isinstance(r, Exposure)]

    @property
    def gaps(self) -> list[Gap]:
        return [r for r in self.records if isinstance(r, Gap)]

    def one(self, part: str = "") -> Credential:
        (found,) = [c for c in self.credentials if part in c.id]
        return found


def collect(collector, root, files) -> Collected:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    target = Target(str(root), TargetKind.PATH, str(root))
    return Collected([r for unit in collector.units(target, CTX) for r in collector.collect(unit, CTX)])


def digest(value: str) -> str:
    return KEY.fingerprint(Sensitive(value))
