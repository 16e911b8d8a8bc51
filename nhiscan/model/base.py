"""What every record has, and the vocabularies that several tables share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every table has.

    `scope_id` is the scope the record was seen in, `source` the collector, `locator` where a person can look (a
    relative path, an ARN, a console address).
    """

    table: ClassVar[str] = ""

    id: str
    scope_id: str
    source: str
    locator: str | None = None


def column_name(field_name: str) -> str:
    """The column a field is stored in: `class_` -> `class`."""
    return field_name.rstrip("_")


def columns(record: type[Record]) -> tuple[str, ...]:
    """The columns of a record's table, in declaration order."""
    return tuple(column_name(f.name) for f in dataclasses.fields(record))


class Basis(StrEnum):
    """Whether a setting was written down or follows from the product's default."""

    EXPLICIT = "explicit"
    DEFAULT = "default"


class Confidence(StrEnum):
    """How sure a statement is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Severity(StrEnum):
    """How bad a failed rule is; `info` never gates."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class FileClass(StrEnum):
    """What a file is for, told by its path: how a value in it spreads depends on that."""

    SOURCE = "source"
    TEST = "test"
    DOCUMENTATION = "documentation"
    VENDORED = "vendored"
    PIPELINE = "pipeline"
    INFRASTRUCTURE = "infrastructure"
    STATE = "state"
    AGENT_CONFIG = "agent_config"
    AGENT_CONTEXT = "agent_context"
    CREDENTIAL_FILE = "credential_file"
    KEY_FILE = "key_file"
