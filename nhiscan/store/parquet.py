"""An inventory as Parquet files, one per table, for a warehouse.

Texts are UTF-8 strings, times are timestamps without a zone in UTC, tuples are lists of strings, mappings (`tags`,
`facts`) are JSON text.  A table without rows is a file with columns and no rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.model import RECORDS
from nhiscan.store.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from nhiscan.store.inventory import Inventory


def write_parquet(inventory: Inventory, directory: Path) -> None:
    """Write `<table>.parquet` for every table, in place of files of that name, before the inventory is locked.

    Raises StoreError when the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for table in RECORDS:
            inventory.export(table, directory / f"{table}.parquet")
    except (StoreError, OSError) as e:
        msg = f"the tables cannot be written to {directory} ({e})"
        raise StoreError(msg, "name a directory you may write to") from None
