"""What a run needs once all is collected, loaded while workers still collect."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

# By name, because only the store may use DuckDB; here it is no more than loaded, which starts no thread.
NEEDED = (
    "duckdb", "nhiscan.store.inventory", "nhiscan.analysis", "nhiscan.engine.evaluate", "nhiscan.engine.scorecard",
    "nhiscan.triage.assemble",
)  # fmt: skip


def load_ahead() -> None:
    """Load it in this process, which would only wait for its workers; what is missing is said where it is used."""
    with suppress(ImportError):
        for name in NEEDED:
            import_module(name)
