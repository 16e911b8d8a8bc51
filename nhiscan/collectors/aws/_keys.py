"""Access keys and signing certificates as credentials: the report's facts joined with the ids of ListAccessKeys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import moment, text
from nhiscan.collectors.aws._source import NAME, Account
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._report import Row, Slot

_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")  # IAM API reference, AccessKeyMetadata
_TOLERANCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of ListAccessKeys."""

    key_id: str
    active: bool | None
    created: datetime | None


def read(entries: Sequence[Json]) -> list[Key]:
    """The keys of an answer; entries without a well-formed id are left out."""
    found = []
    for entry in entries:
        key_id = text(entry.get("AccessKeyId"))
        if key_id and _KEY_ID.fullmatch(key_id):
            active = {"Active": True, "Inactive": False}.get(text(entry.get("Status")) or "")
            found.append(Key(key_id, active, moment(entry.get("CreateDate"))))
    return found


def listed(account: Account, user: str, keys: Sequence[Key], row: Row | None) -> Iterator[Credential]:
    """The keys that ListAccessKeys named.  It is newer than the report: slots of keys it does not name are gone."""
    pairs = match(keys, row.keys if row else ())
    for key in keys:
        slot = pairs.get(key.key_id)
        made = key.created or (slot.rotated if slot else None)
        yield Credential(
            id=f"aws:access_key/{key.key_id}",
            scope_id=account.scope_id,
            source=NAME,
            locator=user,
            provider="aws",
            kind=CredentialKind.ACCESS_KEY,
            identity_id=user,
            state=_state(key.active if key.active is not None or slot is None else slot.active),
            lifetime=Lifetime.STATIC,
            issued_at=made,
            rotated_at=made,
            last_used=slot.last_used if slot else None,
            last_used_at=slot.last_used_at if slot else None,
            key_id=key.key_id,
            account_id=account.number,
            facts=_facts(slot),
        )


def unlisted(account: Account, user: str, row: Row, *, gone: bool = False) -> Iterator[Credential]:
    """The keys of a row whose ids could not be listed; `gone` when the user no longer exists."""
    for slot in row.keys:
        yield _of_slot(account, user, slot, CredentialKind.ACCESS_KEY, gone=gone)


def certificates(account: Account, user: str, row: Row) -> Iterator[Credential]:
    """The signing certificates of a row (the report tells when they were uploaded, not when they expire)."""
    for slot in row.certificates:
        yield _of_slot(account, user, slot, CredentialKind.SIGNING_CERTIFICATE)


def match(keys: Sequence[Key], slots: Sequence[Slot]) -> dict[str, Slot]:
    """Key id -> slot, by the time the key was made; what cannot be told apart stays unmatched.

    A user has at most two keys.  A slot's time may be later than its key's, never earlier, because a change of status
    can touch it.
    """
    found: dict[str, Slot] = {}
    for same in (_same_second, _same_minute, _fits):
        for key in keys:
            fitting = [slot for slot in slots if slot not in found.values() and same(key, slot)]
            if key.key_id in found or len(fitting) != 1:
                continue
            if not any(same(k, fitting[0]) for k in keys if k is not key and k.key_id not in found):
                found[key.key_id] = fitting[0]
    left = [key for key in keys if key.key_id not in found]
    free = [slot for slot in slots if slot not in found.values()]
    if len(left) == len(free) and len({_uses(slot) for slot in free}) == 1 and all(map(_fits, left, free)):
        found.update(
            zip((key.key_id for key in left), free, strict=True)
        )  # alike, so it does not matter which is which
    return found


def _same_second(key: Key, slot: Slot) -> bool:
    return key.created is not None and key.created.replace(microsecond=0) == slot.rotated


def _same_minute(key: Key, slot: Slot) -> bool:
    return key.created is not None and slot.rotated is not None and abs(key.created - slot.rotated) <= _TOLERANCE


def _fits(key: Key, slot: Slot) -> bool:
    if key.active is not slot.active:
        return False
    return key.created is None or slot.rotated is None or slot.rotated >= key.created - _TOLERANCE


def _uses(slot: Slot) -> tuple[object, ...]:
    return slot.last_used, slot.last_used_at, slot.region, slot.service


def _of_slot(account: Account, user: str, slot: Slot, kind: CredentialKind, *, gone: bool = False) -> Credential:
    return Credential(
        id=f"{user}#{kind.value}/{slot.number}",
        scope_id=account.scope_id,
        source=NAME,
        locator=user,
        provider="aws",
        kind=kind,
        identity_id=user,
        state=CredentialState.DELETED if gone else _state(slot.active),
        lifetime=Lifetime.STATIC if kind is CredentialKind.ACCESS_KEY else None,
        issued_at=slot.rotated,
        rotated_at=slot.rotated,
        last_used=slot.last_used,
        last_used_at=slot.last_used_at,
        account_id=account.number,
        facts=_facts(slot),
    )


def _state(active: bool | None) -> CredentialState | None:  # noqa: FBT001 - a fact, not a switch
    if active is None:
        return None
    return CredentialState.ACTIVE if active else CredentialState.INACTIVE


def _facts(slot: Slot | None) -> dict[str, str]:
    facts = {"last_used_region": slot.region, "last_used_service": slot.service} if slot else {}
    return {name: value for name, value in facts.items() if value}
