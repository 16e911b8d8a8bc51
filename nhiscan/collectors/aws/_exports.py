"""Answers of AWS from exported files: `<any folder>/<account>/<region or global>/<client>.<Operation>.json`.

A file holds what the AWS CLI prints for that call, or, for calls that are made once for each thing, a list of
`{"with": {parameter: value}, "answer": {…}}`.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors._common.exports import BARE, Files, exported, file_of
from nhiscan.collectors.aws._source import GLOBAL, Account, place_of
from nhiscan.plugin import Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
    from nhiscan.plugin import Target

_ACCOUNT = re.compile(r"\d{12}")


def units_of(name: str, target: Target, operations: Collection[str], *, regional: bool) -> Iterator[Unit]:
    """A unit of a collector for each account and region that a snapshot holds answers of these operations for."""
    for export in exported(target, partial(_place, regional=regional), operations):
        params = {**export.place.params, "folder": export.folder}
        unit_id = f"{name}:{params['account']}:{params['region']}:snapshot-{export.digest}"
        yield Unit(unit_id, name, export.place.scope_id, target, params)


def answers_of(unit: Unit) -> FileAnswers:
    """The files of such a unit."""
    return FileAnswers(Path(unit.target.value) / unit.params["folder"])


def _place(folder: Path, *, regional: bool) -> Place | None:
    """The account and region whose exported answers lie in a folder, told by its name and the one above, else None."""
    account, region = folder.parent.name, folder.name
    if not _ACCOUNT.fullmatch(account) or (region != GLOBAL) != regional:
        return None
    return place_of(Account(account, _partition(region)), region if regional else "")


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


class FileAnswers(Files):
    """`Answers` over the files of one folder."""

    exact: ClassVar[bool] = True
    again: ClassVar[str] = "export it again with the AWS CLI"

    def call(self, operation: str, /, **params: object) -> Json:
        """The answer whose parameters fit.  Raises RefusedError: skipped when there is no file, missing without fit."""
        return next(self.pages(operation, **params))

    def pages(self, operation: str, /, **params: object) -> Iterator[Json]:
        """The same; exports hold all pages as one."""
        client, _, name = operation.partition(":")
        dashed = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
        found = self.answer(operation, params, f"add the output of `aws {client} {dashed}` as {file_of(operation)}")
        if BARE in found:
            raise self.unusable(operation, f"{file_of(operation)} holds a list and not the whole answer")
        yield found
