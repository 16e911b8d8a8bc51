"""Answers of AWS from exported files: `<any folder>/<account>/<region or global>/<client>.<Operation>.json`.

A file holds what the AWS CLI prints for that call, or, for calls that are made once for each thing, a list of
`{"with": {parameter: value}, "answer": {…}}`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors.aws._errors import RefusedError
from nhiscan.collectors.aws._source import Account
from nhiscan.collectors.aws._values import listing, mapping
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from nhiscan.collectors.aws._values import Json
    from nhiscan.plugin import Target

GLOBAL = "global"
_ACCOUNT = re.compile(r"\d{12}")
_FILE = re.compile(r"(?P<client>[a-z0-9-]+)\.(?P<operation>[A-Za-z0-9]+)\.json")
_LARGEST = 200_000_000


@dataclass(frozen=True, slots=True)
class Export:
    """The files of one account and region; `folder` is relative to the snapshot."""

    account: Account
    region: str
    folder: str
    digest: str

    def params(self) -> dict[str, str]:
        """What a unit needs to find them again."""
        return {"account": self.account.number, "partition": self.account.partition, "region": self.region,
                "folder": self.folder}  # fmt: skip


def exported(target: Target, operations: Collection[str], *, regional: bool) -> Iterator[Export]:
    """The accounts and regions a snapshot holds answers of these operations for, in order."""
    root = Path(target.value)
    folders: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*.json")):
        match = _FILE.fullmatch(path.name)
        if match is None or not _ACCOUNT.fullmatch(path.parent.parent.name):
            continue
        if f"{match['client']}:{match['operation']}" in operations and (path.parent.name != GLOBAL) == regional:
            folders.setdefault(path.parent, []).append(path)
    for folder, paths in sorted(folders.items()):
        digest = sha256("\n".join(f"{p.name} {p.stat().st_size}" for p in paths).encode()).hexdigest()[:12]
        region = folder.name if regional else ""
        yield Export(Account(folder.parent.name, _partition(region)), region, str(folder.relative_to(root)), digest)


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


class FileAnswers:
    """`Answers` over the files of one folder."""

    def __init__(self, target: Target, params: Mapping[str, str]) -> None:
        self._folder = Path(target.value) / params["folder"]

    def call(self, operation: str, /, **params: object) -> Json:
        """The answer whose parameters fit."""
        for answer in self.pages(operation, **params):
            return answer
        raise _absent(operation, "not in the export")

    def pages(self, operation: str, /, **params: object) -> Iterator[Json]:
        """The same; exports hold all pages as one."""
        path = self._folder / f"{operation.replace(':', '.', 1)}.json"
        try:
            if path.stat().st_size > _LARGEST:
                raise _absent(operation, "too large a file")
            body = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            raise _absent(operation, "not in the export") from None
        except (ValueError, RecursionError):
            detail = f"{path.name} is not JSON"
            raise RefusedError(GapReason.MALFORMED, operation, detail, "export it again with the AWS CLI") from None
        if isinstance(body, dict):
            yield body
            return
        for entry in listing(body):
            wanted = mapping(mapping(entry).get("with"))
            if all(str(params.get(k)) == str(v) for k, v in wanted.items()):
                yield mapping(mapping(entry).get("answer"))
                return
        raise _missing(operation)


def _absent(operation: str, why: str) -> RefusedError:
    client, _, name = operation.partition(":")
    dashed = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    remedy = f"add the output of `aws {client} {dashed}` as {client}.{name}.json"
    return RefusedError(GapReason.SKIPPED, operation, f"{operation} is {why}", remedy)


def _missing(operation: str) -> RefusedError:
    error = _absent(operation, "not in the export for everything")
    error.missing = True
    return error
