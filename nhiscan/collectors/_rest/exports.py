"""Answers from exported files: `<any folder>/<place>/<service>.<resource>.<verb>.json`.

A place is `azure/tenant-<id>`, `azure/sub-<id>`, `gcp/org-<n>`, `gcp/folder-<n>`, `gcp/project-<id>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.exports import Files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.operation import Operation


class FileAnswers(Files):
    """`Answers` over the files of one folder."""

    def call(self, operation: Operation, params: Json, query: Json, body: Json) -> Json:
        """The answer whose parameters fit.  Raises RefusedError: skipped when there is no file, missing without fit."""
        return next(self.pages(operation, params, query, body))

    def pages(self, operation: Operation, params: Json, query: Json, body: Json) -> Iterator[Json]:
        """The same; exports hold all pages as one."""
        remedy = f"add the answer of {operation.method} {operation.path} as {operation.file}"
        yield self.answer(operation.name, {**body, **query, **params}, remedy)

    def close(self) -> None:
        """Nothing is held open."""
