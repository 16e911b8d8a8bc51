"""The second stage: from a place that the automaton names to a candidate, by one regex anchored there.

A regex is never searched through a file; look-back is at most `LOOK_BACK` bytes.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.detect import checksum, names, noise, proof
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.paths import Setting, setting, trial
from nhiscan.detect.rarity import surplus
from nhiscan.model import Confidence, CredentialKind, ExposurePart
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from nhiscan.detect.formats import Format

LOOK_BACK = 200
GAP = 80
"""Bytes between a keyword and the value it announces."""
STEM_REACH = 60
"""Bytes before a value in which a name begins that means a provider only together with a word for secrets."""
_CALL_REACH = 24  # bytes before a value in which the last word for secrets begins

_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_NEVER_BEFORE = _WORD | frozenset(b"@#+")  # a pinned commit, a fragment, the middle of base64
_ESCAPED = frozenset(b"nrt")  # the letter of `\n` before a token belongs to the escape
_SIGNS = frozenset({b"+", b"/"})
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLOB = 120  # bytes of base64 beside a value, which no path of an address is
_SCHEMES = {
    "postgres": "postgres", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "mongodb": "mongodb",
    "redis": "redis", "rediss": "redis", "snowflake": "snowflake", "neo4j": "neo4j", "clickhouse": "clickhouse",
}  # fmt: skip
_JWT_WEIGHT = 25  # above the format of any JWT
SILENT = frozenset({"value", "password", "login"})
"""Groups of a pattern that never become facts: a user name in an address can be a token itself."""
_KEY = re.compile(
    rb"""([A-Za-z_][\w.-]{0,80}+)["'`]?\]?["']?\s{0,8}(?::\s?[\w\[\]. |]{1,30}\s?=|:=|=>|=|:|,|\()\s{0,8}"""
    rb"""(?:value["']?\s?[:=]\s?)?\\?(?:[bBrRuUfF]{0,2}["'`])?(?:(?:Bearer|Basic|[Tt]oken|Bot)\s)?\Z"""
)
# What makes a keyword announce a value: an assignment, a call, an argument, or a word for secrets right before it.
_ASSIGNS = re.compile(rb"[=:>(,]")
_CALLS_SECRET = re.compile(
    rb"(?i:key|token|secret|access|private|passw\w{0,4}|pwd|auth\w{0,9}|cred\w{0,8}|bearer|(?<![a-z])(?:pat|id))[\W_]{1,6}\Z"
)
_ANYBODYS = re.compile(
    rb"(?i:[\W_]|x-|api|app|access|account|auth|aws|s3|bearer|bot|client|consumer|host|id|key|login|org|password|personal|private"
    rb"|project|public|registration|run|runner|secret|server|service|session|shared|signing|subscription|token|user"
    rb"|verification|webhook|workspace)*"
)
_OPENS = re.compile(r"(?i:access|private)\Z")  # a key is meant
_LOOSE = re.compile(rb"[A-Za-z0-9_+/.~=-]{12,200}(?![A-Za-z0-9_+/.~=:(\[{-])")
# Values that begin like a variable.
_DOLLAR = (b"$1$", b"$2", b"$5$", b"$6$", b"$7$", b"$8$", b"$9$", b"$krb5", b"$apr1$", b"$y$")
_QUOTES = (b'"', b"'", b"`")
_WRITTEN = -20.0  # bits of rarity; a generated value of a fixed shape has more (`rarity.surplus`), words have less
_RARE = 0.6  # bits of rarity for each character
_ASSIGNED = re.compile(rb"""[=:>(,]\s{0,4}["']?[\w./+-]{8}""")
_DIGEST = re.compile(
    rb"(?i)(?:sha-?\d{0,3}|md5|hash|digest|checksum|commit|etag|revision|rev|integrity|fingerprint|version|uuid|guid)"
    rb"""["'`\]]{0,2}\s{0,4}[:=]{1,2}\s{0,4}["'`]?(?:sha\d{1,3}[-:])?\Z"""
)


FURTHEST = 282
"""Bytes between an anchor and the character that a format is known `until`."""

_MOST_COUNTED = 4  # times the size of a file that is counted through before a table of its lines is made


class Lines:
    """Line numbers of byte positions in one file, counted only when asked for, from the position asked for last."""

    __slots__ = ("_counted", "_data", "_ends", "_line", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._ends: list[int] | None = None
        self._position, self._line, self._counted = 0, 1, 0

    def at(self, position: int) -> int:
        """The line (from 1) that holds the byte."""
        if self._ends is not None:
            return bisect_right(self._ends, position - 1) + 1
        last = self._position
        self._counted += abs(position - last)
        if self._counted > _MOST_COUNTED * len(self._data):
            self._ends = [m.start() for m in re.finditer(rb"\n", self._data)]
            return self.at(position)
        if position >= last:
            self._line += self._data.count(b"\n", last, position)
        else:
            self._line -= self._data.count(b"\n", position, last)
        self._position = position
        return self._line


class File:
    """The bytes of one file, its lines, and the path that tells what sort of file it is."""

    __slots__ = ("data", "lines", "path")

    def __init__(self, data: bytes, path: str = "") -> None:
        self.data = data
        self.lines = Lines(data)  # counted when first asked for
        self.path = path


def anchored(item: Format, file: File, place: int) -> Candidate | None:
    """The candidate of a format whose value begins with a literal: at that, or at the character it is known `until`."""
    data, begin = file.data, None
    if item.until:
        place = max(data.rfind(anchor, max(0, place - FURTHEST - len(anchor)), place) for anchor in item.anchors)
        if place < 0:
            return None
    if item.anchors and not data.startswith(item.anchors, place):
        return None
    if item.before is not None:
        before = item.before.search(data, max(0, place - 100), place)
        if before is None:
            return None
        begin = before.start() if before[0] else None  # a mere condition is no part of the value
    elif place and data[place - 1] in _WORD and data[place] in _WORD and not _escape(data, place):
        return None
    match = item.pattern.match(data, place)
    if match is None or (item.checksum is None and _in_base64(data, *match.span())):
        return None
    return build(item, file, match, key_before(data, place if begin is None else begin), begin)


def keyed(item: Format, file: File, place: int, name: tuple[int, int], *, stem: bool = False) -> Candidate | None:
    """The candidate of a format that only its surroundings tell: `name` (start, end) announces what stands here.

    Where the name is a `stem`, which means other things too, a word for secrets and a drawn value have to agree.
    """
    data = file.data
    match = None if item.anchors else item.pattern.match(data, place)
    if match is None or not announced(data, name, place) or _is_written(_text(match["value"])):
        return None
    if stem and not (_CALLS_SECRET.search(data, name[1], place) and proof.holds("random", _text(match["value"]))):
        return None
    if item.decode is None and match["value"].startswith(b"eyJ"):
        # What the token says of itself is worth more than its provider.
        item = replace(item, decode="jwt", weight=max(item.weight, _JWT_WEIGHT))
    found = build(item, file, match, key_before(data, place))
    return found and replace(found, basis="keyword + format", distance=place - name[1])


def attributed(provider: str, file: File, place: int, name: tuple[int, int]) -> Candidate | None:
    """The candidate for a value in no known format that a provider's name and a word for secrets announce."""
    data = file.data
    if not announced(data, name, place) or not _CALLS_SECRET.search(data, name[0], place):
        return None
    match, key = _LOOSE.match(data, place), key_before(data, place)
    if match is None or (key is not None and names.role(key) is names.Role.NONE and not _OPENS.search(key)):
        return None
    value = _text(match[0])
    rare = surplus(value) >= _RARE * len(value) and any(map(str.isdigit, value))
    sample = noise.says_placeholder(value) if rare else noise.is_drill(value)
    if setting(file.path) is Setting.CODE and data[place - 1 : place] not in _QUOTES:
        return None  # a variable, or a part of an expression
    if not sample and (not (rare or noise.is_uuid(value)) or noise.is_reference(value) or noise.is_code(value)):
        return None
    return Candidate(
        kind=CredentialKind.UNKNOWN, value=Sensitive(value), line=file.lines.at(place), start=place, end=match.end(),
        provider=provider, key_name=key, confidence=Confidence.LOW, detector="nhiscan.named",
        basis="provider + keyword", sample=sample, distance=place - name[1], weight=-1,
    )  # fmt: skip


@functools.lru_cache(maxsize=4096)
def tells_provider(name: bytes) -> bool:
    """Whether a name says whose a value is: `api_key` and `bot.login` do not, though a format may be known by them."""
    return _ANYBODYS.fullmatch(name) is None


def _is_written(text: str) -> bool:
    """Whether a value of the right shape is a name or words all the same, and not ascending digits of a sample."""
    return surplus(text) < _WRITTEN and not noise.is_placeholder(text)


def may_be_word(data: bytes, place: int) -> bool:
    """Whether a value without a beginning of its own can stand here: not inside a word."""
    return not (place and data[place - 1] in _NEVER_BEFORE)


def is_digest_of(data: bytes, place: int) -> bool:
    """Whether what stands before the place names a digest or a version."""
    return _DIGEST.search(data, max(0, place - 60), place) is not None


def announced(data: bytes, name: tuple[int, int], place: int) -> bool:
    """Whether the name (start, end) announces the value at the place: near it, and with something that assigns."""
    start, end = name
    if place - end > GAP or _inside_word(data, start):
        return False
    end_of_line = data.find(b"\n", end, place)
    if end_of_line >= 0 and (data.find(b"\n", end_of_line + 1, place) >= 0 or _ASSIGNED.search(data, end, end_of_line)):
        return False  # the name has got its value on its own line
    return (_ASSIGNS.search(data, end, place) or _CALLS_SECRET.search(data, start, place)) is not None


def _inside_word(data: bytes, start: int) -> bool:
    """Whether the bytes before and at the place are letters of one word, as far as their case tells."""
    before, first = data[start - 1 : start], data[start : start + 1]
    return before.isalpha() and first.isalpha() and before.islower() == first.islower()


def ends_word(data: bytes, place: int) -> bool:
    """Whether a name that ends at the place ends where a word ends: `expo` does not in `export`."""
    return not _inside_word(data, place)


def calls_secret(data: bytes, place: int) -> bool:
    """Whether a word for secrets stands right before the value at the place."""
    return _CALLS_SECRET.search(data, max(0, place - _CALL_REACH), place) is not None


def build(
    item: Format, file: File, match: re.Match[bytes], key: str | None, begin: int | None = None
) -> Candidate | None:
    """The candidate for a match of a format's pattern, assigned to `key`; None when decoding or noise speak against it.

    `begin` is where the value starts when part of it lies before the match.
    """
    data = file.data
    start, end = match.span("value")
    start = start if begin is None else begin
    text = _text(data[start:end])
    groups = match.groupdict()
    told = _text(groups.get("password") or data[start:end])
    if (noise.is_reference(text) and not match["value"].startswith(_DOLLAR)) or proof.is_stand_in(told):
        return None
    facts = {**item.facts, **{k: v.decode("utf-8", "replace") for k, v in groups.items() if k not in SILENT and v}}
    for name, pattern in item.near.items():
        found = pattern.search(data, max(0, start - item.within), end + item.within)
        if found is None:
            return None
        facts[name] = found[1].decode("utf-8", "replace")
    confidence, basis, right = item.confidence, "format", True
    if item.checksum is not None:
        right = checksum.verify(item.checksum, text)
        basis = "format + checksum" if right else "format, checksum differs"
        if not right:
            facts["checksum"], confidence = "mismatch", Confidence.MEDIUM
    decoded = proof.decode(item.decode, text)
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
        public=item.public, facts=facts | more, confidence=confidence, weight=item.weight, basis=basis,
        # Where the issuer's checksum is wrong nothing was issued; in a test it was not even meant to be.
        sample=proof.is_sample(item, told, match, file.path) or (not right and trial(file.path)),
        environment=item.environment,
    )  # fmt: skip
    return proof.told_by_claims(candidate, more) if item.decode == "jwt" else candidate


def provider_of_address(text: str) -> str | None:
    """The provider that the scheme of a connection string names (`mongodb+srv://`), or None."""
    return _SCHEMES.get(text.partition("://")[0].partition("+")[0])


def key_before(data: bytes, start: int) -> str | None:
    """The name that the value beginning at `start` is assigned to on its line."""
    head = data[max(data.rfind(b"\n", 0, start) + 1, start - LOOK_BACK) : start]
    match = _KEY.search(head)
    return match[1].decode("ascii") if match else None


def _in_base64(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes are the middle of a long text in base64, between signs of it: an image, an archive."""
    if data[start - 1 : start] not in _SIGNS and data[end : end + 1] not in _SIGNS:
        return False
    before, after = data[max(0, start - _BLOB) : start], data[end : end + _BLOB]
    return max(len(before) - len(before.rstrip(_BASE64)), len(after) - len(after.lstrip(_BASE64))) >= _BLOB


def _escape(data: bytes, place: int) -> bool:
    return data[place - 1] in _ESCAPED and place > 1 and data[place - 2 : place - 1] == b"\\"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
