"""The second layer: values without a known format, judged by the name they are assigned to and by how they look."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.detect import noise
from nhiscan.detect.assignments import Assignment, assignments
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.matcher import File, Lines, build, key_before
from nhiscan.detect.plugins import opinions
from nhiscan.model import Confidence, CredentialKind, Lifetime
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.detect.formats import Format

_PASSWORD = re.compile(r"pass(?!ive|ed|ing|age|port|es\b|through|ive)|pwd|passwd", re.IGNORECASE)
_SECRET = re.compile(
    r"secret|token|api[_.-]?key|(?:access|auth|private|encryption|encrypt|signing|sign|master|account|storage|session"
    r"|license|service|admin|app|client|bot|cookie|jwt|aes|hmac|shared|webhook|write|read|deploy|ingest|subscription"
    r"|integration|consumer|server|crypto|cipher|maps?|secure|security)[_.-]?key|credential|auth\b|authorization|bearer"
    r"|auth[_.-]?(?:code|header|data)|webhook|salt$|(?:^|[_.-])key$|signature",
    re.IGNORECASE,
)
_NOT_A_SECRET = re.compile(
    r"public|pub[_.-]?key|foreign|primary|sort|partition|index|cache|hash|digest|checksum|sha\d|md5|etag|file|path|dir|folder|url|uri"
    r"|endpoint|host|issuer|name|label|title|field|column|param|prefix|suffix|type|kind|format|length|size|count|limit|max|min|num"
    r"|expir|ttl|timeout|lifetime|regex|pattern|policy|required|enabled|id$|ids$|keyid|key_id|tokeniz|tokenis|author(?!i)|authority"
    r"|keyboard|keycode|keyword|keyspace|keyframe|keypress|hotkey|shortcut|monkey|turkey|passive|compass|bypass|passed|class"
    r"|message|error|help|hint|description|desc|text|placeholder|scheme|method|mode|version|algorithm|alg|usage|scope|role|provider|plugin|csrf"
    r"|xsrf|nonce|change[_.-]?token|client[_.-]?(?:request[_.-]?)?token|association|attachment|next|continuation|page|pagination|cursor|selector|attribute|header_name|locale|lang|i18n|sig$|signature|sitekey|site_key",
    re.IGNORECASE,
)
# Names of what is compared or looked up, and names that say themselves that their value is none.
_METHOD = re.compile(
    r"(?:\.|_)(?:(?:starts|ends)[_]?with|equals?|contains|match(?:es)?|replace|split|strip|find|index|get|pop|has|append)$",
    re.IGNORECASE,
)
_INVENTED = re.compile(r"dummy|fake|mock|example|sample|placeholder", re.IGNORECASE)
_TOKEN = re.compile(r"[\w+/=.:~!@#$%^&*|?-]+", re.ASCII)
_PATTERN = re.compile(r"\(\?|\[\^|\)\$|\\[wds]|[\])][+*]|^@|=(?:True|False|None)$")
_LONG_QUOTED = re.compile(r"[\"'`][^\s\"'`]{16,}[\"'`]")
_UUID_SECRET = re.compile(r"api[_.-]?key|secret(?!s)", re.IGNORECASE)
_KINDS = (
    (re.compile(r"pass|pwd", re.IGNORECASE), CredentialKind.PASSWORD),
    (re.compile(r"client[_.-]?secret", re.IGNORECASE), CredentialKind.CLIENT_SECRET),
    (re.compile(r"key", re.IGNORECASE), CredentialKind.API_KEY),
    (re.compile(r"token|bearer|auth", re.IGNORECASE), CredentialKind.TOKEN),
    (re.compile(r"webhook", re.IGNORECASE), CredentialKind.WEBHOOK),
)


@dataclass(frozen=True, slots=True)
class AssignmentMatcher:
    """Formats that are known by the name of their variable, then any value that looks generated."""

    keyed: Sequence[Format]
    path: str = ""
    bare: bool = True
    generic: bool = True

    def scan(self, data: bytes) -> Iterator[Candidate]:
        """The candidates of one file; a value that fits a keyed format is of that format only."""
        lines = Lines(data)
        file = File(data, lines)
        doubtful: dict[int, Assignment] = {}
        for item in assignments(data, bare=self.bare):
            if noise.is_reference(item.value):
                continue
            candidate = self._keyed(item, file)
            if candidate is None and self.generic:
                confidence = judge(item)
                candidate = None if confidence is None else _candidate(item, lines.at(item.start), confidence)
                if candidate is None and item.quoted and speaks_of_secrets(item.key):
                    doubtful.setdefault(data.rfind(b"\n", 0, item.start) + 1, item)
            if candidate is not None:
                yield candidate
        for start, item in doubtful.items():
            yield from self._second_opinion(item, data, start, lines.at(start))

    def _second_opinion(self, item: Assignment, data: bytes, start: int, line: int) -> Iterator[Candidate]:
        end = data.find(b"\n", start)
        text = data[start : end if end >= 0 else len(data)].decode("utf-8", "surrogateescape")
        if _LONG_QUOTED.search(text) is None:
            return
        for plugin, value in opinions(self.path, text):
            at = data.find(value.encode("utf-8", "surrogateescape"), start)
            if at >= 0 and believable(value):
                yield replace(
                    _candidate(item, line, Confidence.LOW), value=Sensitive(value), start=at, end=at + len(value),
                    key_name=key_before(data, at), detector=f"detect-secrets.{plugin}",
                )  # fmt: skip

    def _keyed(self, item: Assignment, file: File) -> Candidate | None:
        for fmt in self.keyed:
            if fmt.key is not None and fmt.key.search(item.key):
                match = fmt.pattern.fullmatch(file.data, item.start, item.end)
                if match is not None and noise.entropy(item.value) > 2.5:
                    return build(fmt, file, match, item.key)
        return None


def judge(item: Assignment) -> Confidence | None:
    """How sure it is that the value is a secret; None when it is not believed at all."""
    key, value = item.key, noise.unescape(item.value)
    if not speaks_of_secrets(key) or len(value) > 500 or any(c.isspace() for c in value):
        return None
    if noise.is_placeholder(value) or noise.is_code(value) or noise.is_prose(value) or _says_itself(key, value):
        return None
    level = (_password if _PASSWORD.search(key) else _token)(key, value, item)
    return Confidence.LOW if level is not None and _INVENTED.search(key) else level


def _token(key: str, value: str, item: Assignment) -> Confidence | None:
    if len(value) < 12:
        return None
    if noise.is_uuid(value):
        return Confidence.LOW if _UUID_SECRET.search(key) else None
    length = len(value)
    loose = (item.strict and length < 20) or (length < 32 and not any(c.isdigit() for c in value))
    shapeless = not _TOKEN.fullmatch(value) or (length < 24 and noise.is_hex(value))
    if loose or shapeless or noise.is_identifier(value) or not noise.random_looking(value):
        return None
    return Confidence.MEDIUM if length >= 16 else Confidence.LOW


def speaks_of_secrets(key: str) -> bool:
    """Whether the name a value is assigned to is one that secrets bear."""
    if _NOT_A_SECRET.search(key) or _METHOD.search(key):
        return False
    return (_SECRET.search(key) or _PASSWORD.search(key)) is not None


def believable(value: str) -> bool:
    """Whether a value that another detector found looks generated: long, mixed, neither name, code nor digest."""
    return len(value) >= 16 and not (
        noise.is_placeholder(value) or noise.is_code(value) or noise.is_prose(value) or noise.is_uuid(value)
        or noise.is_identifier(value)
        or (noise.is_hex(value) and len(value) < 24) or not noise.random_looking(value)
    )  # fmt: skip


def _password(_key: str, value: str, item: Assignment) -> Confidence | None:
    classes = sum(any(f(c) for c in value) for f in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum()))
    if len(value) < 6 or all(map(noise.is_identifier, value.split(","))) or (item.strict and classes < 3):
        return None
    if not value.isprintable() or _PATTERN.search(value):
        return None
    if classes < 2:
        return Confidence.LOW if len(value) >= 8 and noise.entropy(value) > 2.5 and value.islower() else None
    return Confidence.MEDIUM if classes >= 3 or noise.mixed(value) else Confidence.LOW


def _says_itself(key: str, value: str) -> bool:
    plain_key, plain = (re.sub(r"[^a-z]", "", t.lower()) for t in (key, value))
    return not plain or (len(plain) > 3 and len(plain) * 2 > len(value) and (plain in plain_key or plain_key in plain))


def _candidate(item: Assignment, line: int, confidence: Confidence) -> Candidate:
    kind = next((kind for pattern, kind in _KINDS if pattern.search(item.key)), CredentialKind.UNKNOWN)
    return Candidate(
        kind=kind, value=Sensitive(noise.unescape(item.value)), line=line, start=item.start, end=item.end,
        key_name=item.key, lifetime=Lifetime.STATIC, confidence=confidence, detector="nhiscan.generic",
    )  # fmt: skip
