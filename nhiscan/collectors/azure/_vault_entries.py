"""Entries of a key vault as stores: attributes alone, from Resource Manager or from the vault's own lists.

The latter (REST reference of Key Vault, `GetSecrets` and `GetKeys`; `az keyvault secret list`) name an entry by an
address (`https://NAME.vault.azure.net/secrets/s`, keys as `kid`) and have no `properties` around what they say of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.values import epoch, flag, mapping, moment, objects, text
from nhiscan.collectors.azure._arm import name_of, owners, seen
from nhiscan.plugin import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

# The content types a certificate's secret has ("Certificate policy", secret_props.contentType).
_CERTIFICATES = frozenset({"application/x-pkcs12", "application/x-pem-file"})
_PLURAL = {"secret": "secrets", "key": "keys", "certificate": "certificates"}
# ISO 8601 durations as key rotation policies have them ("Configure key auto-rotation": P28D at least).
_PERIOD = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,3})W)?(?:(\d{1,5})D)?")
_DAYS = (365, 30, 7, 1)
_ADDRESS = re.compile(r"https://[^/]+/(?:secrets|keys)/([^/?#]+)")


def entry_name(row: Json) -> str | None:
    """What an entry is called: its own name, else the one in its address, which may go on with a version."""
    if name := name_of(row, ""):
        return name
    match = _ADDRESS.match(text(row.get("id")) or text(row.get("kid")) or "")
    return match[1] if match else None


def entry(ask: Ask, vault: str, row: Json, kind: str) -> Iterator[Record]:
    """The store that an entry of a vault is, and its owners; `kind` is `secret` or `key`, nothing without a name."""
    name = entry_name(row)
    if name is None:
        return
    known = mapping(row.get("properties") or row)
    times = mapping(known.get("attributes"))
    tags = tagging.read(row.get("tags"))
    held = (text(known.get("contentType")) or "").lower()
    resource = f"{vault}/{_PLURAL[kind]}/{name.lower()}"
    at = seen(ask, resource, resource)
    rotates, days = _rotation(known.get("rotationPolicy"))
    enabled = flag(times.get("enabled"))
    yield Store(
        **at,
        provider="azure",
        kind="certificate" if kind == "secret" and held in _CERTIFICATES else kind,
        name=name,
        rotation=rotates,
        rotation_days=days,
        state={True: "enabled", False: "disabled"}.get(enabled) if enabled is not None else None,
        created_at=_when(times.get("created")),
        changed_at=_when(times.get("updated")),
        expires_at=_when(times.get("exp")) or _when(times.get("expires")),
        environment=tagging.environment(tags),
        tags=tags,
    )
    yield from owners(ask, resource, at["scope_id"], tags)


def _when(value: object) -> datetime | None:
    """Seconds since 1970, as Key Vault counts; ISO text in exports of some tools."""
    return epoch(value) or moment(value)


def _rotation(policy: object) -> tuple[bool | None, int | None]:
    """Whether a key rotates by itself and every how many days; nothing is known without its policy.

    Secrets have no policy: who renews them is outside of the vault.
    """
    actions = mapping(policy).get("lifetimeActions")
    if not isinstance(actions, list):
        return None, None
    for each in objects(actions):
        if (text(mapping(each.get("action")).get("type")) or "").lower() == "rotate":
            return True, _days(mapping(each.get("trigger")).get("timeAfterCreate"))
    return False, None


def _days(value: object) -> int | None:
    match = _PERIOD.fullmatch((text(value) or "").upper())
    if match is None or not any(match.groups()):
        return None
    return sum(int(count or 0) * days for count, days in zip(match.groups(), _DAYS, strict=True))
