"""From a recognised value to its record, so that every collector of a checkout says the same of one value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nhiscan.plugin import Credential, ExposurePart, Lifetime

if TYPE_CHECKING:
    from nhiscan.detect.candidate import Candidate
    from nhiscan.sensitive import FingerprintKey

_TRIAL = frozenset({"test", "sandbox"})
_COLUMNS = frozenset({"key_id", "account_id", "exp", "iat"})  # facts that have a column of their own


@dataclass(frozen=True, slots=True)
class Place:
    """What a record says of where it comes from."""

    id: str
    scope_id: str
    source: str
    locator: str


def public_id(item: Candidate) -> str | None:
    """The id that the provider and other collectors know the credential by, where the value tells it."""
    key_id = item.facts.get("key_id")
    return f"aws:access_key/{key_id}" if item.provider == "aws" and key_id else None


def credential(item: Candidate, at: Place, key: FingerprintKey) -> Credential:
    """The credential of a candidate."""
    key_id = item.facts.get("key_id")
    short = public_id(item) is not None and str(key_id).startswith("ASIA")
    return Credential(
        id=at.id,
        scope_id=at.scope_id,
        source=at.source,
        locator=at.locator,
        provider=item.provider if item.provider != "generic" else None,
        kind=item.kind,
        name=item.key_name,
        format=item.format,
        lifetime=Lifetime.SHORT_LIVED if short else item.lifetime,
        issued_at=_moment(item.facts.get("iat")),
        expires_at=_moment(item.facts.get("exp")),
        key_id=key_id,
        account_id=item.facts.get("account_id"),
        fingerprint=key.fingerprint(item.value) if item.part is ExposurePart.VALUE else None,
        # A sample and a key of a vendor's test mode open nothing, so no rule alarms for them.
        public=True if item.sample or item.environment in _TRIAL else item.public,
        human=item.human,
        environment=item.environment,
        sample=item.sample or None,
        facts={k: v for k, v in sorted(item.facts.items()) if k not in _COLUMNS},
        confidence=item.confidence,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
