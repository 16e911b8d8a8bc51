"""Several records of one credential, or of one place, made into one; the first known value of each column wins."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from nhiscan.model import Confidence, CredentialKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nhiscan.model import Credential, Exposure, Record, Use

R = TypeVar("R", bound="Record")

_SURENESS = {c: n for n, c in enumerate(Confidence)}
_UNKNOWN: tuple[object, ...] = (None, (), CredentialKind.UNKNOWN)


def first_known(records: Sequence[R]) -> R:
    """The first record, its unknown columns filled from the following ones; mappings are joined."""
    head = records[0]
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(head):
        values = [getattr(r, item.name) for r in records]
        if isinstance(values[0], dict):
            joined = {k: v for value in reversed(values) for k, v in value.items()}
            if joined != values[0]:
                changes[item.name] = joined
        elif values[0] in _UNKNOWN:
            known = next((v for v in values if v not in _UNKNOWN), values[0])
            if known is not values[0]:
                changes[item.name] = known
    return dataclasses.replace(head, **changes) if changes else head


def issuer_first(credential: Credential) -> tuple[bool, bool, bool, bool, str]:
    """A sort key: what the issuer said, then what carries a public id, then what has a value, then by id.

    Only an issuer knows the identity or the state; a file knows neither.
    """
    issuer = credential.identity_id is not None or credential.state is not None
    return (
        not issuer,
        credential.key_id is None,
        credential.fingerprint is None,
        "#" in credential.id,
        credential.id,
    )


def one_credential(members: Iterable[Credential], canonical: str) -> Credential:
    """The credential that all members are, under its canonical id; it is as sure as its surest member."""
    ordered = sorted(members, key=issuer_first)
    if any(m.fingerprint and not m.sample for m in ordered):
        # One place that takes the value for an example does not speak for the others.
        ordered = [dataclasses.replace(m, sample=None, public=None) if m.sample else m for m in ordered]
    sure = min((m.confidence for m in ordered), key=lambda c: _SURENESS[c])
    return dataclasses.replace(first_known(ordered), id=canonical, confidence=sure)


def one_place(rows: Iterable[Exposure]) -> Exposure:
    """The exposure that several detectors saw: the record of the agent configuration is kept, the others fill it."""
    return first_known(sorted(rows, key=lambda e: (e.config is None, e.id)))


def exposure_place(row: Exposure) -> tuple[object, ...]:
    """What makes two exposures the same place: in the present tree the line, in the past the commit as well."""
    commit = (row.commit or "") if row.at_head is False else ""
    return row.credential_id, row.scope_id, row.uri, row.line or 0, row.part, commit


def use_place(row: Use) -> tuple[object, ...]:
    """What makes two uses the same."""
    name, place, uri = row.name or "", row.place or "", row.uri or ""
    return row.consumer_id, row.credential_id or "", row.identity_id or "", row.how, row.form or "", name, place, uri
