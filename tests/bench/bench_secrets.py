"""How fast a tree is searched for secrets: the whole audit, beside Kingfisher, gitleaks and detect-secrets.

Prints wall seconds, CPU seconds and peak memory (medians of RUNS that take turns), the ratios, and the floor (reading
the bytes).  `CORPUS=DIR make bench` takes any directory; without one a tree is generated, the same on every machine.
Peers are found by the variables KINGFISHER, GITLEAKS and DETECT_SECRETS or on the path, and left out where missing.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

RUNS = int(os.environ.get("RUNS", "5"))
FILES, LINES = 4_000, 120
WORDS = [f"{a}_{b}" for a in ("user", "order", "cache", "token", "key", "path") for b in ("id", "name", "of", "list")]


def generate(root: Path) -> Path:
    """Some thousand files of code and settings, with a token in one of a hundred."""
    chance = random.Random(7)
    for number in range(FILES):
        folder = root / f"pkg{number % 40}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"    {chance.choice(WORDS)} = {chance.choice(WORDS)}({chance.randrange(10**6)})  # {chance.choice(WORDS)}"
            for _ in range(LINES)
        ]
        if number % 100 == 0:
            lines[7] = f'API_TOKEN = "{"".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=40))}"'
        (folder / f"m{number}.py").write_text("\n".join(lines))
    return root


def commands(root: Path, scratch: Path) -> dict[str, list[str]]:
    """What is compared, by name."""
    nhiscan = [sys.executable, "-m", "nhiscan", "audit", str(root), "-q", "--fail-on", "none"]
    found = {"nhiscan": [*nhiscan, "-o", f"json={scratch / 'n.json'}"]}
    if kingfisher := tool("KINGFISHER", "kingfisher"):
        options = ["--no-validate", "--no-update-check", "--git-history", "none", "--format", "json"]
        found["kingfisher"] = [kingfisher, "scan", str(root), *options, "--output", str(scratch / "k.json")]
    if gitleaks := tool("GITLEAKS", "gitleaks"):
        found["gitleaks"] = [gitleaks, "dir", str(root), "--no-banner", "-r", str(scratch / "g.json")]
    if (detect_secrets := tool("DETECT_SECRETS", "detect-secrets")) and os.environ.get("SLOW"):
        found["detect-secrets"] = [detect_secrets, "scan", "--all-files", "--no-verify", str(root)]
    return found


def tool(variable: str, name: str) -> str | None:
    """The program of that name, or None."""
    return os.environ.get(variable) or shutil.which(name)


def timed(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB (of the largest process) of one run."""
    code = (
        "import resource,subprocess,sys,time\n"
        "t=time.perf_counter();subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n"
        "w=time.perf_counter()-t;u=resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(w,u.ru_utime+u.ru_stime,u.ru_maxrss/1024)"
    )
    out = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True).stdout
    wall, cpu, memory = map(float, out.split())
    return wall, cpu, memory


def floor(root: Path) -> tuple[float, int, int]:
    """CPU seconds for reading every file, with the files and bytes."""
    start = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    files = size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                with path.open("rb", buffering=0) as file:
                    size += len(file.read())
                files += 1
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - start, files, size


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus = os.environ.get("CORPUS")
        root = Path(corpus) if corpus else generate(Path(scratch) / "tree")
        reading, files, size = floor(root)
        print(f"{files} files, {size / 1e6:.0f} MB; reading them takes {reading:.2f} CPU s")
        chosen = commands(root, Path(scratch))
        figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in chosen}
        timed(chosen["nhiscan"])  # compiles the formats once, as the first run of a user does
        for _ in range(RUNS):
            for name, command in chosen.items():
                figures[name].append(timed(command))
        ours = [median(column) for column in zip(*figures["nhiscan"], strict=True)]
        for name, runs in figures.items():
            wall, cpu, memory = (median(column) for column in zip(*runs, strict=True))
            print(f"{name:15} {wall:7.2f} s  {cpu:7.2f} CPU s  {memory:6.0f} MB  {wall / ours[0]:6.2f} x our wall time")
        print(f"share of the floor in our CPU time: {reading / ours[1]:.0%}")


if __name__ == "__main__":
    main()
