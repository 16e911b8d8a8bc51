"""The generic layer: values without a known format, believed for their name, their syntax and their rarity.

The automaton finds names that speak of secrets and are followed by a value (`EXPRESSIONS`); `confirm` reads the value
at that place, the name before it (`assignments`), what the name promises (`names`) and weighs them with the rarity of
the value (`judgement`).  Places of other kinds, where the syntax itself tells a credential, are in `places`.

No plugin of detect-secrets is asked for a second opinion.  On the 5,019 lines of half of CredData that an expression
names and this layer refuses, its KeywordDetector finds 9 true and 425 other values, Base64HighEntropyString (limit
4.5) 12 and 31, HexHighEntropyString (3.0) 5 and 8, BasicAuthDetector 1 and 26, and its plugins for formats nothing, at
89 µs a line (version 1.5.0).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.detect import claims, noise, places
from nhiscan.detect.assignments import Form, binding, element, element_before
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.judgement import judge, remembered
from nhiscan.detect.names import Role, role
from nhiscan.detect.paths import Setting, setting
from nhiscan.detect.stage import Expression
from nhiscan.model import CredentialKind, Lifetime
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from nhiscan.detect.confirm import File

_STEM = rb"(?:pass|pwd|secret|token|cred|auth)"
_NAME = rb"""[\w.$-]{0,30}["'`\\\])]{0,4}"""
_TYPE = rb"""(?:[ \t]{1,4}[\w.]{1,16}|:[ \t]?[\w. \[\]<>|?&']{1,24})?"""
# What stands between a name and its value: an operator and a quotation mark, perhaps with a type before and a call
# after it; a blank and a quotation mark; PHP's serialize(); an operator alone; the end of a tag; `name: X, value: Y`.
_LEAD = (
    rb"(?:" + _TYPE + rb"""\s{0,24}[?.|+:]{0,3}[:=,(]{1,2}>?\s{0,20}[\w.&*(\[{]{0,24}\\{0,3}["'`]{1,2}"""
    rb"""|[ \t]["'`]|;s:\d{1,4}:\\?"|[ \t]{0,24}[:=][ \t]{0,5}"""
    rb"""|[\w.:" =/-]{0,40}(?:</\w{1,10}>\s{0,40}<\w{1,10})?>\s{0,40}"""
    rb"""|[\s,/{]{0,40}(?:type\s{0,4}=\s{0,4}["']?\w{1,12}["']?\s{1,20})?"""
    rb"""["']?(?:value|default(?:_?value)?)["']?\s{0,4}[:=]>?\s{0,4}["']?)"""
)
_SHORT = rb"""[^\s"'`\\<>(){}\[\]$,;%*&|][^\s"'`\\<>(]{4}"""
_LONG = rb"[A-Za-z0-9+/=_.:-]{12}"
_ANY = rb"(?:pass|pwd|secret|token|key)"

_NAMED = (
    Expression(_STEM + _NAME + _LEAD + _SHORT, 5, caseless=True),
    Expression(rb"key" + _NAME + _LEAD + _LONG, 12, caseless=True),
    # PHP's define('NAME', 'value')
    Expression(
        rb"""define\(\s{0,2}["']\w{0,30}(?:key|salt|pass|secret|token)\w{0,10}["']\s{0,2},\s{0,20}["'][^"'\n]{6}""",
        6, caseless=True,
    ),
    # a word and then a value, as notes and shells write it
    Expression(rb"(?:secret|token|key) [A-Za-z0-9_/+=.-]{16}", 16, caseless=True),
    Expression(rb"-[\w-]{0,20}" + _ANY + rb"""[\w-]{0,20} [^\s"'<>$-][^\s"'<>]{4}""", 5, caseless=True),
)  # fmt: skip

EXPRESSIONS: tuple[Expression, ...] = (*_NAMED, *places.EXPRESSIONS)

_LONGEST_LINE = 5_000
_SCHEME = re.compile(rb"(?:Bearer|Basic|[Tt]oken|ApiKey|Bot|NTLM|OAuth|Digest)[ +]{1,2}")
_UNTIL = {
    b'"': re.compile(rb'((?:[^"\\\n]|\\[^\n]){3,2048})"'),
    b"'": re.compile(rb"((?:[^'\\\n]|\\[^\n]){3,2048})'"),
    b"`": re.compile(rb"((?:[^`\\\n]|\\[^\n]){3,2048})`"),
}
_ESCAPED = re.compile(rb"""([^"'\\\n]{3,2048})\\{1,3}["']""")
_BARE_VALUE = re.compile(rb"""[^\s"'`<>\\]{3,512}""")
# The next parameter of a query, or part of a connection string.
_JOINT = re.compile(rb"(?<=.)[&;](?:amp;)?[A-Za-z_][\w.%-]{0,40}=")
_ELEMENT_VALUE = re.compile(rb"([^<>\n]{3,2048}+)\s{0,40}+<")
_NEAR = 300  # bytes around a password in which its user and host are looked for
_KEYS = 1  # the expression whose names are keys more often than not of a map or a translation
_SPOKEN = re.compile(rb"[A-Z]?[a-z]++(?:[-_./: ]{1,2}+[A-Z]?[a-z]++)*+")  # words, which open nothing there
_LED = 2  # so many of the expressions may end in a tag
_AFTER_TEXT = (b"", b"&", b";", b'"', b"'", b"`", b"\n", b"\r", b"\\")
_FOLLOWS = re.compile(rb"""[ \t]{0,3}(?:\+|\||\?|if\b|\.(?:format|join|replace|split)|%\s)""")
_KINDS = (
    (re.compile(r"pass|pwd|pw$", re.IGNORECASE), CredentialKind.PASSWORD),
    (re.compile(r"client[_.-]?secret", re.IGNORECASE), CredentialKind.CLIENT_SECRET),
    (re.compile(r"webhook", re.IGNORECASE), CredentialKind.WEBHOOK),
    (re.compile(r"token|bearer|auth", re.IGNORECASE), CredentialKind.TOKEN),
    (re.compile(r"key", re.IGNORECASE), CredentialKind.API_KEY),
)


def speaks_of_secrets(name: str) -> bool:
    """Whether the name a value is assigned to is one that secrets bear."""
    return role(name) is not Role.NONE


def is_read(path: str) -> bool:
    """Whether this layer looks at the file at all: in what a tool generated, names promise nothing."""
    return setting(path) is not Setting.GENERATED


def confirm(file: File, place: int, expression: int) -> Candidate | None:
    """The candidate whose value begins at the place that the expression (an index of EXPRESSIONS) named, or None."""
    if expression >= len(_NAMED):
        return places.read(file, place, expression - len(_NAMED))
    return _named(file, place, expression, setting(file.path))


def _named(file: File, place: int, expression: int, where: Setting) -> Candidate | None:
    """The candidate for a value that a name announces."""
    data = file.data
    tag = expression < _LED and element_before(data, place)
    span = _span(data, place, where, tag=tag)
    if span is not None and expression == _KEYS and _SPOKEN.fullmatch(data, *span):
        return None
    bound = None if span is None else element(data, place) if tag else binding(data, place)
    if span is None or bound is None:
        return None
    name, promise = bound.name, role(bound.name)
    if promise is Role.NONE and bound.outer:
        name, promise = bound.outer, role(bound.outer)
    if promise is Role.NONE or (where is Setting.CODE and not bound.quoted and bound.form is Form.WORD):
        return None
    start, end = span
    if (scheme := _SCHEME.match(data, start, end)) is not None:
        start = scheme.end()
    value = noise.unescape(data[start:end].decode("utf-8", "surrogateescape"))
    verdict = judge(_proof(value, scheme), name, promise, bound.form, file.path, quoted=bound.quoted)
    if verdict is None and promise is Role.PASSWORD and bound.form is Form.ASSIGNED:
        verdict = remembered(value, name, file.path, data[max(0, place - _NEAR) : place + _NEAR])
    if verdict is None or (where is Setting.CODE and _in_long_line(data, start)):
        return None
    kind = next((kind for pattern, kind in _KINDS if pattern.search(name)), CredentialKind.UNKNOWN)
    return Candidate(
        kind=kind, value=Sensitive(value), line=file.lines.at(start), start=start, end=end, key_name=name,
        lifetime=Lifetime.STATIC, confidence=verdict.confidence, detector="nhiscan.generic", basis=verdict.basis,
    )  # fmt: skip


def _span(data: bytes, place: int, where: Setting, *, tag: bool) -> tuple[int, int] | None:
    """Where the value begins and ends; None when it is not closed, or is an expression rather than a literal."""
    if tag:
        match = _ELEMENT_VALUE.match(data, place)
        return match and match.span(1)
    before = data[place - 1 : place]
    if before in _UNTIL:
        escaped = data[place - 2 : place - 1] == b"\\"
        match = (_ESCAPED if escaped else _UNTIL[before]).match(data, place)
        return match.span(1) if match is not None and _FOLLOWS.match(data, match.end()) is None else None
    match = _BARE_VALUE.match(data, place)
    return match and _bare(data, place, match[0], where)


def _bare(data: bytes, place: int, found: bytes, where: Setting) -> tuple[int, int] | None:
    """The span of a value without quotes; in code that is a variable, unless it lies in a text or ends its line."""
    joint = _JOINT.search(found)
    text = found[: joint.start()] if joint else found.rstrip(b",;" if b"{" in found else b",;)]}&:")
    end = place + len(text)
    if where is Setting.CODE:
        closed = joint is None and len(found) - len(text) > 1
        if closed or any(sign in text for sign in (b"(", b".", b"[")) or data[end : end + 1] not in _AFTER_TEXT:
            return None
    return place, end


def _proof(value: str, scheme: re.Match[bytes] | None) -> str:
    """What must be rare: of user and password in base64 the password."""
    pair = claims.basic_pair(value) if scheme is not None and scheme[0].startswith(b"Basic") else None
    return pair[1] if pair else value


def _in_long_line(data: bytes, position: int) -> bool:
    """Minified and generated code has lines nobody wrote; what they hold is left to the exact formats."""
    return data.find(b"\n", position, position + _LONGEST_LINE) < 0 and (
        len(data) - position > _LONGEST_LINE
        or data.rfind(b"\n", max(0, position - _LONGEST_LINE), position) < 0 < position - _LONGEST_LINE
    )
