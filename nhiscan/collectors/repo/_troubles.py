"""What keeps a history from being read whole, each with the act that mends it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.plugin import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._database import Database

_COVERS = ("exposure",)
_WHENCE = ("exposure.commit", "exposure.author", "exposure.first_seen", "exposure.at_head")
_ID = re.compile(r"[0-9a-f]{40,64}")
_REPAIR = "install git 2.31 or newer and repair the repository (git fsck), then audit again"


@dataclass(slots=True)
class Troubles:
    """Collects them and gives the gaps."""

    scope_id: str
    source: str
    _missed: dict[str | None, dict[str, None]] = field(default_factory=dict)
    _gaps: dict[str, Gap] = field(default_factory=dict)

    def missed(self, name: str, reason: str | None = None) -> None:
        """An object, by id or path, that could not be read; with the reason when it is (in) an archive."""
        self._missed.setdefault(reason, {})[name] = None

    def gaps(self) -> Iterator[Gap]:
        """One gap for each sort of trouble."""
        from nhiscan.detect.containers import REMEDIES, Reason

        for reason, names in self._missed.items():
            some = ", ".join(_shown(name) for name in sorted(names)[:3]) + (", …" if len(names) > 3 else "")
            if reason is None:
                detail, remedy = "objects could not be read", "run git fsck and repair what it names, then audit again"
            else:
                detail, remedy = f"archives or members of them could not be read ({reason})", REMEDIES[Reason(reason)]
            name = f"unread-{reason.replace(' ', '-')}" if reason else "unread"
            self._add(name, GapReason.FAILED, remedy, f"{len(names)} {detail}: {some}")
        yield from (gap for _, gap in sorted(self._gaps.items()))

    def no_repository(self, broken: str | None) -> None:
        """There is no git, or none that can be read."""
        if broken is not None:
            self.failed(broken)
            return
        detail, remedy = (
            "there is no git repository here, so no history",
            "audit a git repository, or leave --history out",
        )
        self._add("none", GapReason.SKIPPED, remedy, detail, ())

    def failed(self, message: str) -> None:
        """Git gave up; what was found before stays."""
        self._add("git", GapReason.FAILED, _REPAIR, f"{message}; the history was not read to its end")

    def no_provenance(self) -> None:
        """The log of commits ended early."""
        detail = "git could not go through all commits, so some origins are unknown"
        self._add("log", GapReason.FAILED, _REPAIR, detail, _WHENCE)

    def of_database(self, base: Database) -> None:
        """What the repository itself does not have, or keeps elsewhere."""
        if base.shallow:
            detail = "a shallow clone: older commits and what only they hold are not here"
            self._add("shallow", GapReason.SKIPPED, "run: git fetch --unshallow", detail)
        if base.partial:
            detail = "a partial clone: objects that were never downloaded are not here, and none were fetched"
            self._add("partial", GapReason.SKIPPED, "audit a full clone (git clone without --filter)", detail)
        if base.outside:
            detail = f"{base.outside} object directories outside of the repository (alternates) were not read"
            remedy = "audit the repositories they belong to, or run git repack -a -d and remove objects/info/alternates"
            self._add("alternates", GapReason.SKIPPED, remedy, detail)

    def _add(self, name: str, reason: GapReason, remedy: str, detail: str, covers: tuple[str, ...] = _COVERS) -> None:
        self._gaps[name] = Gap(
            id=f"{self.scope_id}#{self.source}/{name}",
            scope_id=self.scope_id,
            source=self.source,
            covers=covers,
            reason=reason,
            remedy=remedy,
            detail=detail,
            operation="git",
        )


def _shown(name: str) -> str:
    return name[:12] if _ID.fullmatch(name) else name
