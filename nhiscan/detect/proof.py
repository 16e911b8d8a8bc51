"""What a value says of itself: that it is none, that it is a sample, what it decodes to, what it claims."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.detect import claims, noise
from nhiscan.detect.paths import holds_settings
from nhiscan.detect.rarity import surplus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.formats import Format

_SUPABASE_ROLES = frozenset({"anon", "service_role"})
_MASK = re.compile(r"([xX*#.])\1{5}")
_RUN = re.compile(r"([^=])\1{7}")  # chance would not repeat a character so often
_RANDOM = 0.4  # bits of rarity for each character
_STAND_IN = re.compile(
    r"your|insert|replace|change|placeholder|redacted|dummy|goes[_-]?here|<|>|\*{3}|\.{3}", re.IGNORECASE
)


def is_stand_in(text: str) -> bool:
    """Whether a value is written where a secret belongs and says itself that it is none: `your-key-here`, `xxxx…`.

    Other placeholders (documented examples, ascending digits) keep their format and are reported as samples.
    """
    return _MASK.search(text) is not None or (noise.is_placeholder(text) and _STAND_IN.search(text) is not None)


def is_sample(item: Format, proof: str, match: re.Match[bytes], path: str) -> bool:
    """Whether a value in the shape of a format opens nothing: a documented example, a drill, a demo login.

    The body of a key never says so: it holds runs of one letter for the zeros in it, and words by chance.
    """
    if item.decode == "pem":
        return False
    if item.decode == "url" and (_weak_login(match) or (surplus(proof) < 0 and not holds_settings(path))):
        return True
    return noise.is_placeholder(proof) or _RUN.search(proof) is not None


def told_by_claims(item: Candidate, told: Mapping[str, str]) -> Candidate:
    """The candidate with what a JWT says of itself: issuer, lifetime, whether it is public.

    A Supabase key with role `anon` is public by design; `service_role` passes every row policy.
    """
    issuer, role = told.get("iss", ""), told.get("role")
    item = replace(item, lifetime=claims.lifetime(told))
    if issuer == "supabase" or role in _SUPABASE_ROLES or ("ref" in told and role):
        return replace(
            item, provider="supabase", public=role == "anon", human=False if role in _SUPABASE_ROLES else None
        )
    if issuer.startswith("kubernetes/") or "kubernetes.default" in issuer:
        return replace(item, provider="kubernetes")
    return item


def decode(decoder: str | None, text: str) -> tuple[str, dict[str, str]] | None:
    """The value to fingerprint and the facts decoding gives; None when the value is not what it claims to be."""
    if decoder == "jwt":
        facts = claims.jwt_facts(text)
        return None if facts is None or noise.is_sample_jwt(facts) else (text, facts)
    if decoder == "pem":
        pem = noise.unescape(text)
        encrypted = claims.key_encrypted(pem)
        facts = {} if encrypted is None else {"encrypted": str(encrypted).lower()}
        return (noise.squeeze(pem), facts) if noise.is_key_body(pem) else None
    return (text, {}) if holds(decoder, text) else None


def holds(decoder: str | None, text: str) -> bool:
    """Whether a value that may be anything of its length is drawn by chance (`random`), or a login (`basic`)."""
    match decoder:
        case "random":
            if noise.is_drill(text):  # the shape filled without thought: a sample
                return True
            return surplus(text) >= _RANDOM * len(text) and not noise.is_code(text.lstrip("/"))
        case "basic":
            pair = claims.basic_pair(text)
            return pair is not None and pair[1] != "" and not noise.is_placeholder(pair[1])
        case _:
            return True


def _weak_login(match: re.Match[bytes]) -> bool:
    """A password that is the user's name, a word, or too short says what a demonstration says: nothing."""
    user = match["login"].decode("utf-8", "replace").lower()
    password = match["password"].decode("utf-8", "replace")
    plain = password.lower().strip("0123456789!@_-")
    return plain in {"", user} or user == password.lower() or len(password) < 5 or noise.is_identifier(password)
