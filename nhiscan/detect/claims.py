"""Public facts that a value carries in the open: the claims of a JWT, whether a private key is encrypted."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nhiscan.model import Lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = timedelta(days=1)
_OPENSSH = b"openssh-key-v1\0"
_SHOWN = ("iss", "sub", "aud", "role", "kid", "ref")  # facts that name an identity, never its proof


def jwt_facts(token: str) -> dict[str, str] | None:
    """Issuer, subject, audience, role, key id and `exp`/`iat` (ISO, UTC) of a JWT (RFC 7519); None for another text."""
    parts = token.split(".")
    header, body = _json(parts[0]), _json(parts[1]) if len(parts) > 1 else None
    if header is None or body is None or "alg" not in header:
        return None
    facts = {name: _text(value) for name, value in (header | body).items() if name in _SHOWN and value}
    for name in ("exp", "iat"):
        if (moment := _moment(body.get(name))) is not None:
            facts[name] = moment.isoformat()
    return facts


def lifetime(facts: Mapping[str, str]) -> Lifetime | None:
    """How long the token of these facts lives: at most a day is short; None when only its end is known."""
    issued, expires = (datetime.fromisoformat(facts[n]) if n in facts else None for n in ("iat", "exp"))
    if expires is None:
        return Lifetime.STATIC
    if issued is None:
        return None
    return Lifetime.SHORT_LIVED if expires - issued <= _DAY else Lifetime.STATIC


def key_encrypted(pem: str) -> bool | None:
    """Whether a PEM private key needs a passphrase (RFC 1421, OpenSSH PROTOCOL.key); None when it does not say."""
    first = pem.lstrip().split("\n", 1)[0]
    if "ENCRYPTED" in pem[:200]:
        return True
    if "OPENSSH" not in first:
        return None if "PGP" in first else False
    raw = _base64("".join(line for line in pem.splitlines() if "-----" not in line)[:200])
    if raw is None or not raw.startswith(_OPENSSH):
        return None
    size = int.from_bytes(raw[15:19], "big")
    return raw[19 : 19 + size] != b"none"


def basic_pair(text: str) -> tuple[str, str] | None:
    """User and password of an HTTP Basic credential in base64 (RFC 7617); None when it is none."""
    raw = _base64(text)
    if raw is None:
        return None
    try:
        user, colon, password = raw.decode("ascii").partition(":")
    except UnicodeDecodeError:
        return None
    return (user, password) if colon and password and (user + password).isprintable() else None


def _json(part: str) -> dict[str, object] | None:
    raw = _base64(part)
    if raw is None:
        return None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _base64(text: str) -> bytes | None:
    clean = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    clean = clean[: len(clean) - 1] if len(clean) % 4 == 1 else clean
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else json.dumps(value, sort_keys=True)[:200]


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
