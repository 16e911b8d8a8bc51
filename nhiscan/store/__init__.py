"""The spool, the inventory and the vocabulary of views; the only place that knows DuckDB."""

from nhiscan.store.errors import StoreError

__all__ = ["StoreError"]
