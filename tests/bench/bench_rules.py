"""How fast all rules judge a large estate: load, evaluate, write what failed, triage; the slowest ten rules.

`SIZES=20000,1000000` identities (two credentials, five grants each; see estate.py), `KEEP=DIR` keeps the generated runs
and takes them again.  Each size runs in a process of its own, so that its peak of memory is its own.  CPU seconds stand
beside wall time, because a machine that does something else at the same time only spoils the latter.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
# Triage holds every finding, two to three kilobytes each: beyond this many it is left out.
TRIAGED = 200_000
SIZES = [int(size) for size in os.environ.get("SIZES", "20000,1000000").split(",")]


def clock() -> tuple[float, float]:
    """Wall and CPU seconds."""
    return time.monotonic(), time.process_time()


def since(start: tuple[float, float]) -> str:
    """The time since a clock."""
    return f"{time.monotonic() - start[0]:6.1f} s wall {time.process_time() - start[1]:6.1f} s CPU"


def peak() -> int:
    """The peak of resident memory of this process, in MB; Linux counts that of the parent in `ru_maxrss`."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write(found, out) -> None:
    """One JSON object a line for every verdict, with its facts; nothing is held."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for v in found.verdicts:
        row = (v.rule_id, v.subject_id, v.scope_id, v.severity.value, v.confidence.value, v.message, v.facts)
        out.write(encode(row) + "\n")


def evaluate_nothing(rules) -> None:
    """Find out and keep what is found out of the rules alone, as a first run of the program does for all later ones."""
    from estate import AS_OF

    from nhiscan.engine.evaluate import evaluate
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        evaluate(inventory, rules, AS_OF)


def judge(run: Path) -> None:
    """Load a run, judge it and write its verdicts; prints each step."""
    from estate import AS_OF

    from nhiscan import cache
    from nhiscan.engine import evaluate as engine
    from nhiscan.engine.rule import load, shipped_rules_dir
    from nhiscan.store.inventory import Inventory
    from nhiscan.store.spool import Spool
    from nhiscan.triage.assemble import triage

    cache.use(run.parent / "cache")
    rules = load([shipped_rules_dir()], cases=False)
    evaluate_nothing(rules)
    spent: dict[str, float] = {}
    inner = engine.judge

    def timed(inventory, rule, *rest):
        start = time.monotonic()
        try:
            return inner(inventory, rule, *rest)
        finally:
            spent[rule.id] = time.monotonic() - start

    engine.judge = timed
    with Inventory.memory() as inventory:
        start = clock()
        inventory.ingest(Spool.open(run).units())
        print(f"  load      {since(start)}, peak {peak()} MB")
        start = clock()
        found = engine.evaluate(inventory, rules, AS_OF)
        print(f"  evaluate  {since(start)}, peak {peak()} MB: {len(rules.rules)} rules, {len(found.verdicts)} verdicts")
        with tempfile.TemporaryFile("w") as out:
            write(found, out)
        print(f"  and write {since(start)}, peak {peak()} MB, {len(found.errors)} rules broken")
        if len(found.verdicts) <= TRIAGED:
            start = clock()
            findings, _ = triage(inventory, found, rules, None, (), AS_OF)
            print(f"  triage    {since(start)}, peak {peak()} MB: {len(findings)} findings held in memory")
    for error in found.errors:
        print(f"    {error.rule_id} broke: {error.message}")
    slowest = sorted(spent.items(), key=lambda item: -item[1])[:10]
    print("  slowest   " + ", ".join(f"{rule} {seconds:.1f} s" for rule, seconds in slowest))


def compare(old: Path, new: Path) -> None:
    """Compare two runs, as `nhiscan diff` does."""
    from nhiscan.api import diff

    start = clock()
    with diff(old, new) as found:
        counts = found.comparison.counts()
        lines = sum(1 for part in ("identity", "credential", "finding") for _ in found.comparison.changes(part))
    print(f"  diff      {since(start)}, peak {peak()} MB: {lines} changes of {len(counts)} kinds")


def main() -> None:
    """Print the figures of every size."""
    import estate

    if len(sys.argv) > 1:
        (judge if len(sys.argv) == 2 else compare)(*map(Path, sys.argv[1:]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(os.environ.get("KEEP", scratch))
        for size in SIZES:
            run, later = place / f"estate-{size}", place / f"estate-{size}-later"
            start = clock()
            if not (later / "analysed" / "read.json").is_file():
                db = estate.tables(size)
                estate.spool(db, run)
                estate.analysed(db, run)
                estate.drift(db)
                estate.analysed(db, later)
                db.close()
            print(f"{size} identities: generated {since(start)}", flush=True)
            subprocess.run([sys.executable, __file__, str(run)], check=True)
            subprocess.run([sys.executable, __file__, str(run), str(later)], check=True)


if __name__ == "__main__":
    main()
