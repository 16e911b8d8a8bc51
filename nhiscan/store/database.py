"""A database in memory that loads nothing from outside and spills into a directory of its own."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

SPILL_LIMIT = "20GB"  # on disk, which a query that never ends would fill


@contextmanager
def private(memory_limit: str, *, ordered: bool) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A connection, and the directory it may write to; both end with the block.

    `ordered` keeps the order of what was inserted.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="nhiscan-") as work:
        settings = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory_limit,
            "temp_directory": work,
            "max_temp_directory_size": SPILL_LIMIT,
            "preserve_insertion_order": str(ordered).lower(),
        }
        connection = duckdb.connect(":memory:", config=cast("Any", settings))
        try:
            yield connection, Path(work)
        finally:
            connection.close()
