"""What detection says of one place: a value that looks like a credential, and the public facts it carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nhiscan.model import Confidence, CredentialKind, ExposurePart, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential at bytes `start:end` (the value itself) of a file; `line` counts from 1.

    `key_name` is the name the value is assigned to.  `facts` may hold `key_id`, `account_id` and `exp` (ISO, UTC).
    `format` is None for what only the generic layer saw; `weight` decides between two candidates on the same bytes.
    `sample` marks a documented example in a known format, `environment` what the format says of it (`test`), `basis`
    why it is believed (`format + checksum`), `layers` the encodings around it, outermost first, and
    `distance` the bytes between the name that announces it and the value.
    """

    kind: CredentialKind
    value: Sensitive[str]
    line: int
    start: int
    end: int
    format: str | None = None
    provider: str | None = None
    key_name: str | None = None
    part: ExposurePart = ExposurePart.VALUE
    lifetime: Lifetime | None = None
    human: bool | None = None
    public: bool | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    confidence: Confidence = Confidence.HIGH
    weight: int = 0
    detector: str = "nhiscan"
    sample: bool = False
    environment: str | None = None
    basis: str | None = None
    layers: tuple[str, ...] = ()
    distance: int = 0


class Matcher(Protocol):
    """Bytes in, candidates out: the seam behind which the scanning loop can be exchanged."""

    def scan(self, data: bytes) -> Iterator[Candidate]:
        """The candidates of one file in any order; they may overlap."""
        ...
