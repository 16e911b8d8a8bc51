"""Which files may hold keys or certificates, told by their names."""

from __future__ import annotations

import re

_SUFFIXES = (
    ".pem", ".crt", ".cer", ".cert", ".der", ".key", ".p12", ".pfx", ".pkcs12", ".jks", ".jceks", ".keystore",
    ".truststore", ".ks", ".p8", ".pk8", ".pkcs8", ".pub", ".ppk", ".asc", ".gpg", ".pgp", ".jwk", ".jwks", ".jwt",
    ".ca-bundle", ".chain", ".ovpn", ".priv", ".rsa", ".agekey", ".openssh",
)  # fmt: skip
_NAMED = re.compile(
    r"id_[a-z0-9]+(?:_sk)?(?:[._-][\w.-]*)?|ssh_host_\w+_key(?:\.pub)?|authorized_keys2?|identity|[\w.-]*jwks?[\w.-]*\.json"
    r"|[\w.-]*(?:private|deploy|signing|ssh|tls|rsa|server|client|host|ca|priv)[_-]?key(?:\.txt)?|[\w-]*(?:privkey|fullchain)[\w-]*"
    r"|tls\.crt|cert|key|keys?\.txt|age[\w-]*\.txt|[\w.-]*openid-configuration-keys[\w.-]*"
)
_WORDS = ("key", "id_", "cert", "identity", "jwk", "chain", "age")
_SSH = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")


def may_hold(path: str) -> bool:
    """Whether a file of this name is opened."""
    lower = path.lower()
    base = lower.rpartition("/")[2]
    if base.endswith(_SUFFIXES) or "/.ssh/" in f"/{lower}":
        return True
    if "." in base and not base.endswith((".txt", ".json")) and not base.startswith(_SSH):
        return False
    return any(w in base for w in _WORDS) and _NAMED.fullmatch(base) is not None
