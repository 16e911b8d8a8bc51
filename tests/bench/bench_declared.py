"""How fast a checkout full of declarations is audited: 10,000 mixed files of every collector's own fixtures.

Prints the wall time and peak memory of the whole audit (median of RUNS) and each collector's share of the CPU time, in
this process and one after the other.  `CORPUS=DIR` takes any directory instead of the generated one.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
FILES = int(os.environ.get("FILES", "10000"))
RUNS = int(os.environ.get("RUNS", "3"))


def generate(root: Path) -> Path:
    """Copies of the inputs of all fixtures of repository collectors, as many as make FILES files."""
    from tests.conftest import load_by_path

    assemble = load_by_path(ROOT / "fixtures" / "assemble.py")
    sources = []
    for path in sorted((ROOT / "fixtures" / "collectors").glob("repo.*/*/input/**/*")):
        if path.is_file() and path.suffix not in {".zip", ".gz", ".tar"}:
            case = path.relative_to(ROOT / "fixtures" / "collectors")
            name = "/".join(
                part.replace("dot_", ".", 1) if part.startswith("dot_") else part for part in case.parts[3:]
            )
            sources.append((f"{case.parts[0]}-{case.parts[1]}", name, path))
    for number in range(FILES):
        label, name, path = sources[number % len(sources)]
        target = root / f"{label}-{number // len(sources)}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        try:
            target.write_text(assemble.expand(data.decode(), str(path)))
        except (UnicodeDecodeError, ValueError):
            target.write_bytes(data)
    return root


def shares(root: Path) -> None:
    """CPU seconds of each collector, alone in this process after a first run that compiles what is kept."""
    from nhiscan import cache
    from nhiscan.collect import registry
    from nhiscan.collect.protocol import Context, Target, TargetKind
    from nhiscan.sensitive import FingerprintKey

    place = Path(tempfile.mkdtemp())
    cache.use(place)
    ctx = Context(as_of=datetime.now(UTC), key=FingerprintKey(b"k" * 32), cache_dir=place, run="bench")
    target = Target(str(root), TargetKind.PATH, str(root))
    spent: dict[str, float] = {}
    for name in registry.names_for(TargetKind.PATH):
        collector = registry.load(name)
        for _ in range(2):
            start = time.process_time()
            for unit in collector.units(target, ctx):
                for _record in collector.collect(unit, ctx):
                    pass
            spent[name] = time.process_time() - start
    shutil.rmtree(place)
    total = sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:24} {seconds:6.2f} s CPU  {seconds / total:4.0%}")


def main() -> None:
    """Print the figures."""
    from bench_secrets import timed

    with tempfile.TemporaryDirectory() as scratch:
        corpus = os.environ.get("CORPUS")
        root = Path(corpus) if corpus else generate(Path(scratch) / "tree")
        count = sum(len(files) for _, _, files in os.walk(root))
        command = [sys.executable, "-m", "nhiscan", "audit", str(root), "-q", "--fail-on", "none"]
        timed(command)
        runs = [timed([*command, "-o", f"json={scratch}/o.json"]) for _ in range(RUNS)]
        wall, cpu, memory = (median(column) for column in zip(*runs, strict=True))
        print(f"{count} files: {wall:.1f} s, {cpu:.1f} s CPU, {memory:.0f} MB")
        shares(root)


if __name__ == "__main__":
    main()
