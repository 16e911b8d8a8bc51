"""How fast a checkout is read: detection alone, the whole audit, and detect-secrets on a sample of the same files.

Prints files/s, MB/s, peak memory and the ratio; every figure is the median of three runs in processes of their own.
The tree is generated, the same on every machine: `python tests/bench/bench_repo.py [FILES]` (default 1,000).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
RUNS = 3
FILES = 1_000
SAMPLE = 10  # detect-secrets reads every tenth file
WORDS = [
    "account",
    "address",
    "balance",
    "batch",
    "cache",
    "client",
    "config",
    "connect",
    "customer",
    "cursor",
    "default",
    "delete",
    "deploy",
    "document",
    "event",
    "export",
    "filter",
    "format",
    "handle",
    "header",
    "index",
    "insert",
    "invoice",
    "journal",
    "key",
    "limit",
    "list",
    "local",
    "logger",
    "message",
    "method",
    "node",
    "object",
    "option",
    "order",
    "owner",
    "parse",
    "password",
    "path",
    "policy",
    "process",
    "query",
    "record",
    "region",
    "request",
    "response",
    "result",
    "retry",
    "role",
    "route",
    "schema",
    "scope",
    "secret",
    "select",
    "server",
    "session",
    "setting",
    "state",
    "status",
    "stream",
    "table",
    "target",
    "token",
    "total",
    "type",
    "update",
    "upload",
    "user",
    "value",
    "vendor",
    "version",
    "window",
    "worker",
]
KINDS = ("py", "js", "ts", "go", "java", "yaml", "json", "md", "tf", "sh")


@dataclass(frozen=True)
class Figures:
    """Seconds and peak resident megabytes of one run."""

    seconds: float
    megabytes: float


def generate(root: Path, files: int) -> int:
    """Write the tree; returns its bytes.  One file in fifty holds a secret, all hold names that speak of secrets."""
    size = 0
    for number in range(files):
        stream = hashlib.shake_256(f"bench {number}".encode()).digest(3_000)
        word = [WORDS[byte % len(WORDS)] for byte in stream]
        kind = KINDS[number % len(KINDS)]
        lines = [line(kind, word[i : i + 6]) for i in range(0, 3_000 - 6, 6 + stream[0] % 12)]
        if number % 50 == 0:
            lines[len(lines) // 2] = f'{word[0]}_token = "ghp_{hashlib.sha256(stream).hexdigest()[:36]}"'
        path = root / f"part{number % 40}" / f"{word[1]}_{number}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) + "\n"
        path.write_text(text)
        size += len(text)
    return size


def line(kind: str, w: list[str]) -> str:
    """A line as the language writes it."""
    match kind:
        case "json":
            return f'  "{w[0]}_{w[1]}": {{"{w[2]}": "{w[3]}", "{w[4]}": true}},'
        case "yaml" | "md":
            return f"  {w[0]}_{w[1]}: {w[2]}-{w[3]}  # {w[4]} {w[5]}"
        case "sh" | "tf":
            return f'{w[0]}_{w[1]} = "${{var.{w[2]}_{w[3]}}}"'
        case _:
            return f"    {w[0]}.{w[1]}_{w[2]} = self.{w[3]}({w[4]}, key={w[5]}[{len(w[0])}])"


def detect(root: Path) -> None:
    """Detection alone: read each file and scan it."""
    from nhiscan.detect.scan import shipped

    scanner = shipped()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        scanner.scan(path.read_bytes(), path.relative_to(root).as_posix())


def audit(root: Path) -> None:
    """The whole audit in this process, report included."""
    from nhiscan.cli.main import invoke

    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    invoke(["audit", str(root), "-j", "1", "-q", "-f", "json", "--no-cache"])


def other(root: Path) -> None:
    """detect-secrets with its own defaults on every tenth file, in one process."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    with default_settings():
        secrets = SecretsCollection()
        for path in sample(root):
            secrets.scan_file(str(path))


def sample(root: Path) -> list[Path]:
    """Every tenth file."""
    return sorted(p for p in root.rglob("*") if p.is_file())[::SAMPLE]


STAGES = {"detect": detect, "audit": audit, "detect-secrets": other}


def measure(stage: str, root: Path) -> Figures:
    """The median of three runs, each in a process of its own."""
    runs = []
    for _ in range(RUNS):
        command = [sys.executable, __file__, "--stage", stage, str(root)]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stderr))
    return Figures(median(r["seconds"] for r in runs), median(r["megabytes"] for r in runs))


def stage(name: str, root: Path) -> None:
    """Run one stage and print its figures on standard error."""
    begin = time.perf_counter()
    STAGES[name](root)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS (getrusage(2)).
    megabytes = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    sys.stderr.write(json.dumps({"seconds": seconds, "megabytes": megabytes}))


def main(files: int) -> None:
    """Print a line for each stage, and the ratio."""
    with tempfile.TemporaryDirectory(prefix="nhiscan-bench-") as folder:
        root = Path(folder) / "tree"
        size = generate(root, files)
        part = sample(root)
        volumes = {"detect": (files, size), "audit": (files, size)}
        volumes["detect-secrets"] = (len(part), sum(p.stat().st_size for p in part))
        rates = {}
        for name in STAGES:
            found = measure(name, root)
            count, volume = volumes[name]
            rates[name] = volume / found.seconds
            print(
                f"{name:15} {count:6} files {volume / 1e6:7.1f} MB {found.seconds:7.2f} s"
                f" {count / found.seconds:8.0f} files/s {rates[name] / 1e6:6.2f} MB/s {found.megabytes:5.0f} MB peak"
            )
        base = rates["detect-secrets"]
        print(f"ratio to detect-secrets: detect {rates['detect'] / base:.1f}, audit {rates['audit'] / base:.1f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--stage", name, place]:
            stage(name, Path(place))
        case [count]:
            main(int(count))
        case _:
            main(FILES)
