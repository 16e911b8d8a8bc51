"""What can go wrong between the spool and a query; the message carries the remedy."""

from __future__ import annotations


class StoreError(Exception):
    """A spool, an inventory or a query that cannot be used; `remedy` says what to do."""

    def __init__(
        self, message: str, remedy: str = "correct the query; `nhiscan inventory -f json` shows the tables"
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
