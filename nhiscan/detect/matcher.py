"""Formats that begin with a literal: found by `bytes.find` over all literals, confirmed by a regex at the hit alone.

A regex is never searched through a file: `bytes.find` runs at memory speed, `re` two hundred times slower.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.detect import checksum, claims, noise
from nhiscan.detect.candidate import Candidate
from nhiscan.model import Confidence, ExposurePart
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.detect.formats import Format

_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_ESCAPED = frozenset(b"nrt")  # the letter of `\n` before a token belongs to the escape
_LOOK_BACK = 200
_SCHEMES = {
    "postgres": "postgres", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "mongodb": "mongodb",
    "redis": "redis", "rediss": "redis", "snowflake": "snowflake", "neo4j": "neo4j", "clickhouse": "clickhouse",
}  # fmt: skip
_SUPABASE_ROLES = frozenset({"anon", "service_role"})
SILENT = frozenset({"value", "password", "login"})
"""Groups of a pattern that never become facts: a user name in an address can be a token itself."""
_KEY = re.compile(
    rb"""([A-Za-z_][\w.-]{0,80})["'`]?\]?["']?\s{0,8}(?::\s?[\w\[\]. |]{1,30}\s?=|:=|=>|=|:|,|\()\s{0,8}"""
    rb"""(?:value["']?\s?[:=]\s?)?\\?(?:[bBrRuUfF]{0,2}["'`])?(?:(?:Bearer|Basic|[Tt]oken|Bot)\s)?\Z"""
)


class Lines:
    """Line numbers of byte positions in one file, counted once and only when asked for."""

    __slots__ = ("_data", "_ends")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._ends: list[int] | None = None

    def at(self, position: int) -> int:
        """The line (from 1) that holds the byte."""
        if self._ends is None:
            self._ends = [m.start() for m in re.finditer(rb"\n", self._data)]
        return bisect_right(self._ends, position - 1) + 1


@dataclass(frozen=True, slots=True)
class LiteralMatcher:
    """The formats with anchors, by anchor."""

    anchors: Mapping[bytes, Sequence[Format]]

    @classmethod
    def of(cls, formats: Sequence[Format]) -> LiteralMatcher:
        """A matcher for those of the formats that have anchors."""
        table: defaultdict[bytes, list[Format]] = defaultdict(list)
        for item in formats:
            for anchor in item.anchors:
                table[anchor].append(item)
        return cls(dict(table))

    def scan(self, data: bytes) -> Iterator[Candidate]:
        """Confirmed candidates; two formats on the same bytes both come back."""
        file = File(data, Lines(data))
        for anchor, formats in self.anchors.items():
            position = data.find(anchor)
            while position >= 0:
                for item in formats:
                    if (candidate := _confirm(item, file, position)) is not None:
                        yield candidate
                position = data.find(anchor, position + len(anchor))


@dataclass(frozen=True, slots=True)
class File:
    """The bytes of one file and its lines."""

    data: bytes
    lines: Lines


def build(
    item: Format, file: File, match: re.Match[bytes], key: str | None, begin: int | None = None
) -> Candidate | None:
    """The candidate for a match of a format's pattern, assigned to `key`; None when decoding or noise speak against it.

    `begin` is where the value starts when part of it lies before the match.
    """
    data = file.data
    start, end = match.span("value")
    start = start if begin is None else begin
    text = data[start:end].decode("utf-8", "surrogateescape")
    proof = (match.groupdict().get("password") or data[start:end]).decode("utf-8", "surrogateescape")
    if noise.is_placeholder(proof) or noise.is_reference(text):
        return None
    facts = {k: v.decode("utf-8", "replace") for k, v in match.groupdict().items() if k not in SILENT and v}
    for name, pattern in item.near.items():
        found = pattern.search(data, max(0, start - item.within), end + item.within)
        if found is None:
            return None
        facts[name] = found[1].decode("utf-8", "replace")
    confidence = item.confidence
    if item.checksum is not None and not checksum.verify(item.checksum, text):
        facts["checksum"], confidence = "mismatch", Confidence.MEDIUM
    decoded = _decode(item.decode, text, match)
    if decoded is None:
        return None
    value, more = decoded
    if item.part is ExposurePart.KEY_ID:
        facts["key_id"] = text
    if item.decode == "url":
        item = replace(item, provider=provider_of_address(text) or item.provider)
    candidate = Candidate(
        kind=item.kind, value=Sensitive(value), line=file.lines.at(start), start=start, end=end, format=item.id,
        provider=item.provider, key_name=key, part=item.part, lifetime=item.lifetime, human=item.human,
        public=item.public, facts=facts | more, confidence=confidence, weight=item.weight,
    )  # fmt: skip
    return _told_by_claims(candidate, more) if item.decode == "jwt" else candidate


def _told_by_claims(item: Candidate, told: Mapping[str, str]) -> Candidate:
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


def provider_of_address(text: str) -> str | None:
    """The provider that the scheme of a connection string names (`mongodb+srv://`), or None."""
    return _SCHEMES.get(text.partition("://")[0].partition("+")[0])


def key_before(data: bytes, start: int) -> str | None:
    """The name that the value beginning at `start` is assigned to on its line."""
    head = data[max(data.rfind(b"\n", 0, start) + 1, start - _LOOK_BACK) : start]
    match = _KEY.search(head)
    return match[1].decode("ascii") if match else None


def _confirm(item: Format, file: File, position: int) -> Candidate | None:
    data, begin = file.data, None
    if item.before is not None:
        before = item.before.search(data, max(0, position - 100), position)
        if before is None:
            return None
        begin = before.start()
    elif position and data[position - 1] in _WORD and data[position] in _WORD and not _escape(data, position):
        return None
    match = item.pattern.match(data, position)
    if match is None:
        return None
    return build(item, file, match, key_before(data, position if begin is None else begin), begin)


def _escape(data: bytes, position: int) -> bool:
    return data[position - 1] in _ESCAPED and position > 1 and data[position - 2 : position - 1] == b"\\"


def _decode(decoder: str | None, text: str, match: re.Match[bytes]) -> tuple[str, dict[str, str]] | None:
    """The value to fingerprint and the facts decoding gives; None when the value is not what it claims to be."""
    if decoder == "jwt":
        facts = claims.jwt_facts(text)
        return None if facts is None or noise.is_sample_jwt(facts) else (text, facts)
    if decoder == "pem":
        pem = noise.unescape(text)
        encrypted = claims.key_encrypted(pem)
        facts = {} if encrypted is None else {"encrypted": str(encrypted).lower()}
        return (noise.squeeze(pem), facts) if noise.is_key_body(pem) else None
    return (text, {}) if _holds(decoder, text, match) else None


def _holds(decoder: str | None, text: str, match: re.Match[bytes]) -> bool:
    match decoder:
        case "url":
            return not _weak_login(match)
        case "random":
            return noise.random_looking(text) and not noise.is_code(text)
        case "basic":
            pair = claims.basic_pair(text)
            return pair is not None and not noise.is_placeholder(pair[1])
        case _:
            return True


def _weak_login(match: re.Match[bytes]) -> bool:
    """A password that is the user's name, a word, or too short says what a demonstration says: nothing."""
    user = match["login"].decode("utf-8", "replace").lower()
    password = match["password"].decode("utf-8", "replace")
    plain = password.lower().strip("0123456789!@_-")
    return plain in {"", user} or user == password.lower() or len(password) < 5 or noise.is_identifier(password)
