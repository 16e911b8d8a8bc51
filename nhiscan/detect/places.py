"""Places whose syntax tells a credential by itself: headers, addresses, key files, password files, command lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.detect import claims, noise
from nhiscan.detect.assignments import Form
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.judgement import Verdict, judge
from nhiscan.detect.names import Role
from nhiscan.detect.paths import trial
from nhiscan.detect.rarity import surplus
from nhiscan.detect.stage import Expression
from nhiscan.model import Confidence, CredentialKind, Lifetime
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.detect.confirm import File

    Found = tuple[int, int, str, Verdict, CredentialKind] | None
    """Start, end, name, verdict and kind of a value."""

_SCHEME = re.compile(rb"(?i)(bearer|basic|ntlm|apikey|negotiate)[ +]{1,2}\Z")
_CREDENTIALS = re.compile(rb"[A-Za-z0-9+/=._~%-]{8,4096}")
_MEMBER = re.compile(rb"""[A-Za-z0-9_-]{16,4096}(?=\\?["'])""")
_NEAR = 3_000  # bytes of a JSON Web Key: an RSA key of 4096 bits has 3,200
_HASH = re.compile(rb"\$(?:2[abxy]|apr1|[1567y])\$[\w./$=,-]{20,120}")
_WORD = re.compile(rb"""[^\s"'`<>]{3,128}""")
_LAST = re.compile(rb"\S{3,128}(?:\r?\n|\Z)")
_SQL = re.compile(rb"""[^"'\s]{4,128}(?=["'])""")
_PPK = re.compile(rb"PuTTY-User-Key-File-[23]: [\w-]{3,40}\r?\nEncryption: ([\w-]{3,20})")
_MASTER = re.compile(rb"[0-9a-f]{32}\s{0,2}\Z")
_FURTHER = re.compile(rb"[^\s/\"'<>@]{0,80}@")


def _header(file: File, place: int) -> Found:
    data = file.data
    scheme = _SCHEME.search(data, max(0, place - 12), place)
    match = _CREDENTIALS.match(data, place)
    if scheme is None or match is None:
        return None
    text = _text(match[0])
    how = scheme[1].decode("ascii").capitalize()
    if how == "Basic":
        pair = claims.basic_pair(text)
        verdict = None if pair is None else judge(pair[1], "password", Role.PASSWORD, Form.HEADER, file.path)
    else:
        verdict = judge(text, "authorization", Role.SECRET, Form.HEADER, file.path)
    kind = CredentialKind.PASSWORD if how == "Basic" else CredentialKind.TOKEN
    return None if verdict is None else (*match.span(), "Authorization", verdict, kind)


def _address(file: File, place: int) -> Found:
    data = file.data
    head = data[max(0, place - 220) : place]
    begin = head.rfind(b"://")
    if begin < 0 or _FURTHER.match(data, place + 1):
        return None
    user, colon, password = head[begin + 3 :].partition(b":")
    if not colon or b"$" in user or b"{" in head[begin:] or not data[place + 1 : place + 2].strip(b" \t\r\n\"'<>{$%("):
        return None
    text = _text(password)
    plain = text.lower().strip("0123456789!@_-")
    if plain in {"", _text(user).lower()} or user.lower() == password.lower():
        return None
    verdict = judge(text, "password", Role.PASSWORD, Form.ADDRESS, file.path)
    if verdict is None:
        return None
    return place - len(password), place, "password", verdict, CredentialKind.PASSWORD


def _jwk(file: File, place: int) -> Found:
    """The private member of a JSON Web Key (RFC 7517, RFC 7518 section 6): `d`, or `k` of a symmetric key."""
    data = file.data
    match = _MEMBER.match(data, place)
    if match is None or data.find(b"kty", max(0, place - _NEAR), place + _NEAR) < 0:
        return None
    text = _text(match[0])
    if noise.is_placeholder(text) or surplus(text) < 20:
        return None
    return (*match.span(), "JWK", Verdict(Confidence.MEDIUM, "JSON Web Key"), CredentialKind.PRIVATE_KEY)


def _netrc(file: File, place: int) -> Found:
    if file.data.rfind(b"machine ", max(0, place - 250), place) < 0:
        return None
    return _spoken(file, place, _WORD, "netrc")


def _spoken(file: File, place: int, pattern: re.Pattern[bytes], basis: str) -> Found:
    """A password that a grammar of its own announces: any that is no placeholder, unless the path speaks of tests."""
    match = pattern.match(file.data, place)
    if match is None:
        return None
    text = _text(match[0].rstrip(b",;)"))
    if noise.is_placeholder(text) or noise.is_reference(text):
        return None
    verdict = judge(text, "password", Role.PASSWORD, Form.ASSIGNED, file.path)
    if verdict is None and (trial(file.path) or file.data[place - 1 : place] in b"$<{"):
        return None
    level = verdict.confidence if verdict else Confidence.MEDIUM if noise.mixed(text) else Confidence.LOW
    return place, place + len(text), "password", Verdict(level, basis), CredentialKind.PASSWORD


def _pgpass(file: File, place: int) -> Found:
    start = file.data.rfind(b"\n", max(0, place - 300), place) + 1
    line = file.data[start:place]
    if line.count(b":") != 4 or line.strip(_HOSTS) or _LAST.match(file.data, place) is None:
        return None
    return _spoken(file, place, _WORD, "pgpass")


_HOSTS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.*:-"


def _user_option(file: File, place: int) -> Found:
    return _spoken(file, place, _WORD, "command line")


def _sql(file: File, place: int) -> Found:
    return _spoken(file, place, _SQL, "SQL")


def _hash(file: File, place: int) -> Found:
    """The line of a password file (htpasswd, shadow): a name, a colon and a crypt(5) hash, which can be searched."""
    data = file.data
    dollar = data.rfind(b":$", max(0, place - 7), place) + 1
    match = _HASH.match(data, dollar) if dollar else None
    if match is None or data[match.end() : match.end() + 1] not in b":\r\n" or trial(file.path):
        return None
    start = data.rfind(b"\n", max(0, dollar - 80), dollar) + 1
    name = data[start : dollar - 1]
    if (not start and dollar > 80) or name.strip(_HOSTS) or b":" in name:
        return None
    return (*match.span(), _text(name), Verdict(Confidence.MEDIUM, "password file"), CredentialKind.PASSWORD)


def _dumped(file: File, place: int) -> Found:
    """A crypt(5) hash in a row of a database dump."""
    match = _HASH.match(file.data, place) if file.path.lower().endswith((".sql", ".dump")) else None
    if match is None or trial(file.path):
        return None
    return (*match.span(), "password", Verdict(Confidence.MEDIUM, "database dump"), CredentialKind.PASSWORD)


def _browser(file: File, place: int) -> Found:
    """A password that Firefox keeps in logins.json: readable by whoever has key4.db of the same profile."""
    match = _CREDENTIALS.match(file.data, place)
    if match is None or file.data[match.end() : match.end() + 1] != b'"' or noise.is_placeholder(_text(match[0])[12:]):
        return None
    return (*match.span(), "encryptedPassword", Verdict(Confidence.MEDIUM, "browser store"), CredentialKind.PASSWORD)


def _putty(file: File, place: int) -> Found:
    """A private key in PuTTY's own format (PuTTY manual, appendix C), unless a passphrase protects it."""
    match = _PPK.match(file.data, place)
    begin = file.data.find(b"Private-Lines: ", place, place + 6_000) if match is not None else -1
    end = file.data.find(b"Private-MAC: ", begin, begin + 6_000) if begin >= 0 else -1
    if match is None or end < 0 or match[1] != b"none":
        return None
    return begin, end, "PuTTY", Verdict(Confidence.HIGH, "key file"), CredentialKind.SSH_KEY


def _master(file: File, place: int) -> Found:
    if place or not file.path.endswith(".key") or _MASTER.match(file.data) is None:
        return None
    return 0, 32, "key", Verdict(Confidence.HIGH, "key file"), CredentialKind.API_KEY


_READERS: tuple[tuple[Expression, Callable[[File, int], Found]], ...] = (
    (Expression(rb"(?:bearer |basic |ntlm |apikey |negotiate ) {0,2}[A-Za-z0-9+/=._~-]{8}", 8, caseless=True), _header),
    (Expression(rb"""://[^\s:/"'<>]{0,60}:[^\s/"'`<>]{2,60}@""", 1), _address),
    (
        Expression(rb"""(?:"[dk]": ?"|'[dk]': ?'|[ {,][dk]: ?["']|\\"[dk]\\": ?\\")[A-Za-z0-9_-]{16}""", 16),
        _jwk,
    ),
    (Expression(rb"login\s{1,8}\S{1,60}\s{1,8}password\s{1,8}[^\s$<{]{3}", 3), _netrc),
    (Expression(rb":5432:[\w*.-]{1,63}:[\w*.-]{1,63}:[^\s:$<{]{4}", 4), _pgpass),
    (Expression(rb"""[ \t](?:-u|--user|--proxy-user)[ =]["']?[\w.@%-]{0,40}:[^\s"'$<{]{4}""", 4), _user_option),
    (Expression(rb"""identified\s{1,4}by\s{1,4}(?:password\s{1,4})?["'][^"'\s$<{%]{4}""", 4, caseless=True), _sql),
    (Expression(rb":\$(?:2[abxy]|apr1|[1567y])\$[\w./$=]{8}", 8), _hash),
    (Expression(rb"'\$2[abxy]\$\d\d\$[\w./]{20}", 27), _dumped),
    (Expression(rb"""encryptedPassword"\s{0,3}:\s{0,3}"M[A-Za-z0-9+/]{15}""", 16), _browser),
    (Expression(rb"PuTTY-User-Key-File-[23]: ", 23), _putty),
    (Expression(rb"^[0-9a-f]{32}", 32), _master),
)

EXPRESSIONS = tuple(expression for expression, _ in _READERS)


def read(file: File, place: int, number: int) -> Candidate | None:
    """The candidate at a place that the expression with that number in EXPRESSIONS named, or None."""
    found = _READERS[number][1](file, place)
    if found is None:
        return None
    start, end, name, verdict, kind = found
    return Candidate(
        kind=kind, value=Sensitive(_text(file.data[start:end])), line=file.lines.at(start), start=start, end=end,
        key_name=name, lifetime=Lifetime.STATIC, confidence=verdict.confidence, detector="nhiscan.generic",
        basis=verdict.basis,
    )  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
