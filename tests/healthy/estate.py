"""The healthy estate as it was collected, and what the rules say of it once faults are in it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nhiscan import analysis
from nhiscan.api.audit import _declare
from nhiscan.api.options import Options
from nhiscan.api.policy import Policy, load_policy
from nhiscan.engine.evaluate import evaluate
from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir
from nhiscan.store.inventory import Inventory
from nhiscan.store.spool import Spool
from tests.conftest import load_by_path
from tests.healthy.inject import Fault, Found, Tables, damaged, faults, tables_of

HERE = Path(__file__).resolve().parents[2] / "fixtures" / "healthy"
CONFIG, FAULTS = HERE / "nhiscan.yaml", HERE / "faults"
AS_OF = "2026-11-01"
KEY = "0123456789abcdef" * 3
"""A fingerprint key that is nobody's, so that the records join with what is collected."""


@dataclass(frozen=True)
class Estate:
    """Everything collected, under which policy, and which pairs (scope id, collector) were read."""

    tables: Tables
    policy: Policy
    read: frozenset[tuple[str, str]]
    rules: RuleSet

    def says(self, wanted: Iterable[Fault]) -> dict[Found, str]:
        """The message of every finding, by rule and subject, when these faults are in the estate."""
        tables = damaged(self.tables, wanted, load_by_path(HERE / "rows.py").record)
        with Inventory.memory() as inventory:
            inventory.add(record for rows in tables.values() for record in rows)
            _declare(inventory, self.policy)
            analysis.run(inventory, self.policy.options.as_of, self.read)
            found = evaluate(inventory, self.rules, self.policy.options.as_of)
        assert found.errors == ()
        return {(v.rule_id, v.subject_id): v.message for v in found.verdicts}


def build(out: Path) -> Path:
    """Write the estate below `out` under the key of these tests."""
    before = os.environ.get("NHISCAN_FINGERPRINT_KEY")
    os.environ["NHISCAN_FINGERPRINT_KEY"] = KEY
    try:
        return load_by_path(HERE / "build.py").build(out)
    finally:
        del os.environ["NHISCAN_FINGERPRINT_KEY"]
        if before is not None:
            os.environ["NHISCAN_FINGERPRINT_KEY"] = before


def targets(out: Path) -> list[str]:
    """What to audit of a built estate."""
    return [str(out / "repo"), *(f"snapshot:{out / part}" for part in ("aws", "azure", "gcp", "more"))]


def opened(out: Path, saved: Path) -> Estate:
    """The estate from the run that an audit of it saved, and from its own records."""
    spools = [Spool.open(out / "more"), Spool.open(saved)]
    units = [unit for spool in spools for unit in spool.units()]
    manifests = [m for spool in spools for m in map(spool.manifest, spool.units()) if m is not None]
    with Inventory.memory() as inventory:
        inventory.ingest(units)
        tables = tables_of(inventory)
    options = Options((), datetime.fromisoformat(AS_OF).replace(tzinfo=UTC), config_path=CONFIG)
    read = frozenset((m.scope_id, m.collector) for m in manifests)
    return Estate(tables, load_policy(options), read, load([shipped_rules_dir()], cases=False))


def all_faults() -> dict[str, Fault]:
    """Every fault, by the id of its rule."""
    return faults(FAULTS)
