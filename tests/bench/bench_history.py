"""How fast a history is read: packs directly, through git's pipe, and by Kingfisher where it is installed.

Prints wall and CPU seconds, peak memory of the largest process and the ratios; figures are medians of runs that take
turns, each in a process of its own.  `records` is the whole collector with provenance; `again` is the same after one
new commit, of which `own` tells the milliseconds.  `python tests/bench/bench_history.py [REPOSITORY] [--runs N]
[--jobs N]`; without a repository one is generated.  Kingfisher is taken from the variable KINGFISHER or the path; its
shortcut is a stage too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
COMMITS, FILES, LINES = 4_000, 40, 400


def generate(root: Path) -> Path:
    """A repository of some thousand small changes to some dozen files, repacked as a server keeps it."""
    chance = random.Random(4)
    words = [
        f"{a}{b}" for a in ("get", "set", "make", "user", "list", "key") for b in ("Name", "Item", "Path", "Token")
    ]

    def line() -> bytes:
        return f"    {chance.choice(words)} = {chance.choice(words)}({chance.randrange(10**6)})\n".encode()

    files = [[line() for _ in range(LINES)] for _ in range(FILES)]
    stream = []
    for commit in range(COMMITS):
        number = chance.randrange(FILES)
        for _ in range(chance.randrange(1, 6)):
            files[number][chance.randrange(LINES)] = line()
        data = b"".join(files[number])
        head = (
            f"commit refs/heads/main\ncommitter A <a@b> {10**9 + commit} +0000\ndata 1\nx\nM 644 inline f{number}.py\n"
        )
        stream.append(b"%sdata %d\n%s\n" % (head.encode(), len(data), data))
    subprocess.run(["git", "init", "-q", "--bare", root], check=True)
    subprocess.run(["git", "-C", root, "fast-import", "--quiet"], input=b"".join(stream), check=True)
    subprocess.run(["git", "-C", root, "repack", "-adfq"], check=True)
    return root


def packs(repository: Path, jobs: int) -> dict[str, float]:
    """Packs read directly; what is left is read through git, as the collector does."""
    from nhiscan.collectors.repo._pack_detector import DetectorOf
    from nhiscan.collectors.repo._packs import scan_packs

    found = list(scan_packs(sorted(repository.glob("objects/pack/*.pack")), DetectorOf(cache()), jobs=jobs))
    left = [oid.hex() for read in found for oid in read.left]
    held = sum(len(read.held) for read in found) + piped(repository, left, jobs)
    megabytes = {name: sum(getattr(read, name) for read in found) / 1e6 for name in ("inflated", "scanned")}
    return {"held": held, "left": len(left), **megabytes}


def pipe(repository: Path, jobs: int) -> dict[str, float]:
    """Every object through `git cat-file`."""
    return {"held": piped(repository, None, jobs)}


def piped(repository: Path, ids: list[str] | None, jobs: int) -> int:
    """How many of the objects hold something."""
    from nhiscan.collectors.repo import _objects
    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._hits import First
    from nhiscan.collectors.repo._workers import spread

    git = Git(repository, bare=True)
    chunks = _objects.chunks(_objects.listed(git, ids))
    return sum(len(looked.hits) for _, looked in spread(First(git, cache()), chunks, jobs) if looked)


def collected(repository: Path, kept: Path, jobs: int) -> dict[str, float]:
    """All records of the collector, origins included, and the milliseconds that took."""
    from nhiscan.collectors.repo.history import COLLECTOR
    from nhiscan.plugin import Context, Exposure, Target, TargetKind
    from nhiscan.sensitive import FingerprintKey

    ctx = Context(as_of=datetime.now(UTC), key=FingerprintKey(b"k" * 32), cache_dir=kept, jobs=jobs, history=True)
    begin = time.perf_counter()
    units = list(COLLECTOR.units(Target(str(repository), TargetKind.PATH, str(repository)), ctx))
    records = [record for unit in units for record in COLLECTOR.collect(unit, ctx)]
    own = 1e3 * (time.perf_counter() - begin)
    return {"exposures": sum(isinstance(record, Exposure) for record in records), "own": own}


def records(repository: Path, jobs: int) -> dict[str, float]:
    """The whole collector for the first time, provenance included."""
    shutil.rmtree(cache() / "history", ignore_errors=True)
    return collected(repository, cache(), jobs)


def again(repository: Path, jobs: int) -> dict[str, float]:
    """The whole collector once more after one new commit; `own` has the milliseconds of that scan alone."""
    with tempfile.TemporaryDirectory(prefix="nhiscan-bench-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", "--mirror", repository, clone], check=True, capture_output=True)
        command = [sys.executable, __file__, "--stage", "fill", str(clone), "--jobs", str(jobs)]
        subprocess.run(command, check=True, capture_output=True)
        who = {f"GIT_{what}_{part}": "a@b" for what in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        git = ["git", "-C", str(clone)]

        def said(*arguments: str, data: bytes = b"") -> str:
            done = subprocess.run([*git, *arguments], input=data, check=True, capture_output=True, env=os.environ | who)
            return done.stdout.decode().strip()

        blob = said("hash-object", "-w", "--stdin", data=b"port = 8080\n" * 50)
        tree = said("mktree", data=f"100644 blob {blob}\tsettings.py\n".encode())
        head = said("rev-parse", "HEAD")
        said("update-ref", "HEAD", said("commit-tree", "-p", head, "-m", "work", tree))
        return collected(clone, cache(), jobs)


def fill(repository: Path, jobs: int) -> dict[str, float]:
    """What a first scan leaves, for `again`."""
    return collected(repository, cache(), jobs)


def inflate(repository: Path, _jobs: int) -> dict[str, float]:
    """The floor: git alone makes every object and drops it."""
    everything = ["cat-file", "--batch", "--buffer", "--batch-all-objects", "--unordered"]
    subprocess.run(["git", "-C", repository, *everything], check=True, stdout=subprocess.DEVNULL)
    return {}


def kingfisher(repository: Path, jobs: int, *more: str) -> dict[str, float]:
    """Kingfisher with its own rules, nothing looked up or verified."""
    program = os.environ.get("KINGFISHER") or shutil.which("kingfisher") or ""
    quiet = ["--no-validate", "--no-update-check", "--git-history", "full", "--format", "json", "-j", str(jobs)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [program, "scan", repository, *quiet, *more, "-o", f"{folder}/out"], check=False, capture_output=True
        )
    return {}


def turbo(repository: Path, jobs: int) -> dict[str, float]:
    """Kingfisher's shortcut, which leaves out more."""
    return kingfisher(repository, jobs, "--turbo")


STAGES = {
    "packs": packs,
    "records": records,
    "again": again,
    "pipe": pipe,
    "inflate": inflate,
    "kingfisher": kingfisher,
    "turbo": turbo,
}


def cache() -> Path:
    """Where compiled detection is kept from run to run."""
    return Path(tempfile.gettempdir()) / "nhiscan-bench"


def stage(name: str, repository: Path, jobs: int) -> None:
    """Run one stage and print its figures on standard error."""
    begin = time.perf_counter()
    told = (STAGES | {"fill": fill})[name](repository, jobs)
    wall = time.perf_counter() - begin
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # Kilobytes on Linux, bytes on macOS (getrusage(2)).
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    told |= {
        "wall": wall,
        "cpu": sum(u.ru_utime + u.ru_stime for u in used),
        "peak": max(u.ru_maxrss for u in used) / unit,
    }
    sys.stderr.write(json.dumps(told))


def main(repository: Path, runs: int, jobs: int) -> None:
    """Print a line for each stage, and ratios to the reading of packs."""
    repository = repository / ".git" if (repository / ".git").is_dir() else repository
    chosen = [
        n
        for n in STAGES
        if n not in {"kingfisher", "turbo"} or os.environ.get("KINGFISHER") or shutil.which("kingfisher")
    ]
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    for run in range(runs + 1):  # the first fills caches and is not counted
        for name in chosen:
            command = [sys.executable, __file__, "--stage", name, str(repository), "--jobs", str(jobs)]
            env = os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
            if run:
                figures[name].append(json.loads(done.stderr.strip().splitlines()[-1]))
    base = {key: median(f[key] for f in figures["packs"]) for key in ("wall", "cpu")}
    for name, runs_of in figures.items():
        told = {key: median(f[key] for f in runs_of) for key in runs_of[0]}
        rest = " ".join(f"{key} {value:.0f}" for key, value in told.items() if key not in {"wall", "cpu", "peak"})
        ratios = f"x{told['wall'] / base['wall']:5.2f} wall x{told['cpu'] / base['cpu']:5.2f} CPU"
        print(f"{name:10} {told['wall']:7.2f} s {told['cpu']:7.2f} CPU s {told['peak']:6.0f} MB  {ratios}  {rest}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stage")
    given = parser.parse_args()
    if given.stage:
        stage(given.stage, given.repository, given.jobs)
    elif given.repository:
        main(given.repository, given.runs, given.jobs)
    else:
        with tempfile.TemporaryDirectory(prefix="nhiscan-bench-") as place:
            main(generate(Path(place) / "repo"), given.runs, given.jobs)
