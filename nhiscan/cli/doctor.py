"""`nhiscan doctor`: which targets can be reached, and which permission is missing."""

from __future__ import annotations

import sys

from nhiscan.cli import common
from nhiscan.cli.errors import inert


def doctor(
    targets: common.Targets = None,
    expect_account: common.ExpectAccount = None,
    no_cache: common.NoCache = False,
    jobs: common.Jobs = common.CPUS,
) -> int:
    """Say what can be reached and what is missing."""
    from nhiscan import api
    from nhiscan.triage.exitcode import ExitCode

    options = common.options_of(targets, expect_account=expect_account, no_cache=no_cache, jobs=jobs)
    with common.progress(quiet=True) as on_progress, api.gather(options, on_progress) as gathered:
        gaps = api.gaps_of(gathered)
        for target in gathered.targets:
            state = "cannot be read" if target.failed else "can be read"
            counts = f"{target.identities} identities, {target.credentials} credentials"
            sys.stdout.write(f"{inert(target.text)}: {state}: {inert(target.error or counts)}\n")
            if target.failed:
                sys.stdout.write(f"  try: {inert(target.remedy or '')}\n")
            for gap in gaps:
                if gap.scope_id in target.scopes:
                    what = ", ".join(gap.covers)
                    sys.stdout.write(f"  {gap.reason}: {inert(gap.operation or gap.detail or '')} hides {what}\n")
                    sys.stdout.write(f"    try: {inert(gap.remedy)}\n")
    return ExitCode.NOTHING_AUDITED if any(t.failed for t in gathered.targets) else ExitCode.CLEAN
