"""Reports of other scanners in a run: read before anything is collected, laid beside the findings at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collect.protocol import TargetKind
from nhiscan.collect.targets import parse
from nhiscan.collectors.repo._git import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.ingest.attach import Laid
    from nhiscan.triage.ingest.load import Report
    from nhiscan.triage.result import Finding, TargetSummary

_FILE_SCOPES = ("repo:", "dir:")


def load_report(path: Path) -> Report:
    """The report in a file.  Raises IngestError."""
    from nhiscan.triage.ingest.load import load

    return load(path)


class Evidence:
    """Lays reports beside findings when it is called with them; `laid` says afterwards what became of the reports."""

    def __init__(self, inventory: Inventory, reports: Sequence[Report], targets: Sequence[TargetSummary]) -> None:
        from nhiscan.triage.ingest.attach import Laid

        self._inventory = inventory
        self._reports = reports
        self._targets = targets
        self.laid: Laid = Laid()

    def __call__(self, findings: list[Finding]) -> list[Finding]:
        """The findings with their evidence, in the same order.  Raises StoreError."""
        from nhiscan.triage.ingest.attach import attach, estate

        if not self._reports:
            return findings
        roots = sorted(set(_roots(self._targets)), key=lambda root: (-len(root[1]), root))
        known = estate(self._inventory, roots, Path.cwd().as_posix())
        found, self.laid = attach(findings, self._reports, known)
        return found


def _roots(targets: Sequence[TargetSummary]) -> Iterator[tuple[str, str]]:
    """The directories of the targets that are paths, under the names they go by, each with its scope."""
    for summary in targets:
        scopes = [s for s in summary.scopes if s.startswith(_FILE_SCOPES)]
        # A saved run has the files of another day and place.
        if summary.failed or len(scopes) != 1 or (target := parse(summary.text)).kind is not TargetKind.PATH:
            continue
        named = Path(target.value)
        folder = named if named.is_dir() else named.parent
        root = find_root(folder) or folder
        yield from ((scopes[0], place.as_posix()) for place in (root.absolute(), root.resolve()))
