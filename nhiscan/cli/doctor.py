"""`nhiscan doctor`: which targets can be reached, and which permission is missing."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from nhiscan.cli import common
from nhiscan.cli.errors import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.model import Gap

# Begins the remedy of whatever wants a permission: AWS allows, Azure and Google Cloud grant.
_ASKED = ("allow ", "grant ")
# Of these the first pages are read, and one thing of each kind: enough to see what may be read.
_PROBED = ("azure", "gcp")


@common.with_blocks
def doctor(
    targets: common.Targets = None,
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
) -> int:
    """Say what can be reached and what is missing."""
    from nhiscan import api
    from nhiscan.triage.exitcode import ExitCode

    options = common.options_of(targets, settings, cloud)
    options = dataclasses.replace(options, cloud=dataclasses.replace(options.cloud, probe=True))
    with common.progress(quiet=True) as on_progress, api.gather(options, on_progress) as gathered:
        gaps = api.gaps_of(gathered)
        for target in gathered.targets:
            state = "cannot be read" if target.failed else "can be read"
            counts = f"{target.identities} identities, {target.credentials} credentials"
            if target.text.partition(":")[0] in _PROBED:
                counts += " on the first pages"
            sys.stdout.write(f"{inert(target.text)}: {state}: {inert(target.error or counts)}\n")
            if target.failed:
                sys.stdout.write(f"  try: {inert(target.remedy or '')}\n")
            _say([gap for gap in gaps if gap.scope_id in target.scopes])
    return ExitCode.NOTHING_AUDITED if any(t.failed for t in gathered.targets) else ExitCode.CLEAN


def _say(gaps: Sequence[Gap]) -> None:
    """Each reason once, with the number of scopes it was met in; at the end all permissions that are missing."""
    from nhiscan.model import GapReason

    found: dict[tuple[str, str, str], list[Gap]] = {}
    for gap in gaps:
        found.setdefault((gap.reason.value, gap.operation or gap.detail or "", gap.remedy), []).append(gap)
    for (reason, what, remedy), same in found.items():
        hidden = ", ".join(sorted({cover for gap in same for cover in gap.covers}))
        scopes = sorted({gap.scope_id for gap in same})
        where = f" in {len(scopes)} scopes" if len(scopes) > 1 else ""
        sys.stdout.write(f"  {reason}{where}: {inert(what)} hides {hidden}\n")
        sys.stdout.write(f"    try: {inert(remedy)}\n")
    asked = [
        rest
        for gap in gaps
        if gap.reason is GapReason.DENIED
        for word in _ASKED
        if (rest := gap.remedy.removeprefix(word)) != gap.remedy
    ]
    missing = sorted({permission for each in asked for permission in each.split(", ")})
    if missing:
        sys.stdout.write(f"  missing permissions: {inert(', '.join(missing))}\n")
