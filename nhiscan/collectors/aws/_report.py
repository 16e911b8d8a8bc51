"""The credential report: one CSV row per user and root, with key slots but no key ids.

Columns: IAM User Guide, "Get credential reports for your AWS account".
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import moment, text
from nhiscan.plugin import LastUsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

ROOT = "<root_account>"
_HEADER = "user,arn,"
# A credential made within a day of its user had no predecessor, so "never used" holds for the user as well.
_SAME_TIME = timedelta(days=1)


class ReportError(Exception):
    """The text is not a credential report."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the two places for an access key (or signing certificate); `rotated` is when it was made or changed."""

    number: int
    active: bool
    rotated: datetime | None
    last_used: LastUsed | None
    last_used_at: datetime | None
    region: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What the report says of one user; `keys` and `certificates` hold only the slots that are taken."""

    name: str
    arn: str
    created: datetime | None
    password: bool | None
    password_last_used: LastUsed | None
    password_last_used_at: datetime | None
    password_changed: datetime | None
    keys: tuple[Slot, ...]
    certificates: tuple[Slot, ...]

    @property
    def last_use(self) -> tuple[LastUsed | None, datetime | None]:
        """When the user last proved itself with any credential it has now.

        `never` only when its first credential is still there: an earlier one, since deleted, may have been used.
        """
        times = [s.last_used_at for s in self.keys if s.last_used_at]
        if self.password_last_used_at:
            times.append(self.password_last_used_at)
        if times:
            return LastUsed.KNOWN, max(times)
        uses = [s.last_used for s in self.keys] + ([self.password_last_used] if self.password else [])
        if uses and all(use is LastUsed.NEVER for use in uses) and self._first_remains():
            return LastUsed.NEVER, None
        return None, None

    def _first_remains(self) -> bool:
        made = [s.rotated for s in self.keys if s.rotated] + ([self.password_changed] if self.password_changed else [])
        return bool(made) and self.created is not None and min(made) - self.created <= _SAME_TIME


def is_report(head: str) -> bool:
    """Whether text begins like a credential report."""
    return head.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}").replace('"', "").startswith(_HEADER)


def parse(content: str) -> Iterator[Row]:
    """The rows of a report.  Raises ReportError when it is none or breaks off in the middle of a row."""
    if not is_report(content[:64]):
        msg = "the text does not begin with the columns of a credential report"
        raise ReportError(msg)
    reader = csv.DictReader(io.StringIO(content.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")), strict=True)
    try:
        for cells in reader:
            row = _row({str(k): v for k, v in cells.items() if isinstance(v, str)})
            if row is None or None in cells or None in cells.values():
                msg = f"line {reader.line_num} is not a row of a credential report"
                raise ReportError(msg)
            yield row
    except csv.Error:
        msg = f"line {reader.line_num} is not CSV"
        raise ReportError(msg) from None


def _row(cells: Mapping[str, str]) -> Row | None:
    name, arn = text(cells.get("user")), text(cells.get("arn"))
    if name is None or arn is None or not arn.startswith("arn:"):
        return None
    password = _flag(cells.get("password_enabled"))
    used, used_at = _use(cells.get("password_last_used"))
    if password is False and used is LastUsed.NEVER:
        used = None
    keys = (_slot(cells, f"access_key_{n}", n) for n in (1, 2))
    certificates = (_slot(cells, f"cert_{n}", n) for n in (1, 2))
    return Row(
        name=name,
        arn=arn,
        created=moment(cells.get("user_creation_time")),
        password=password,
        password_last_used=used,
        password_last_used_at=used_at,
        password_changed=moment(cells.get("password_last_changed")) if password else None,
        keys=tuple(s for s in keys if s),
        certificates=tuple(s for s in certificates if s),
    )


def _slot(cells: Mapping[str, str], prefix: str, number: int) -> Slot | None:
    active = _flag(cells.get(f"{prefix}_active"))
    rotated = moment(cells.get(f"{prefix}_last_rotated"))
    if not active and rotated is None:
        return None
    use, use_at = _use(cells.get(f"{prefix}_last_used_date"))
    return Slot(
        number=number,
        active=bool(active),
        rotated=rotated,
        last_used=use,
        last_used_at=use_at,
        region=_fact(cells.get(f"{prefix}_last_used_region")),
        service=_fact(cells.get(f"{prefix}_last_used_service")),
    )


def _flag(cell: str | None) -> bool | None:
    return {"true": True, "false": False}.get((cell or "").strip().lower())


def _use(cell: str | None) -> tuple[LastUsed | None, datetime | None]:
    # N/A and no_information: no use since IAM keeps track of it (keys April 2015, passwords October 2014).
    when = moment(cell)
    if when is not None:
        return LastUsed.KNOWN, when
    return (LastUsed.NEVER, None) if (cell or "").strip() in {"N/A", "no_information"} else (None, None)


def _fact(cell: str | None) -> str | None:
    value = text(cell)
    return None if value in {None, "N/A", "not_supported", "no_information"} else value
