"""What stands where a credential is expected: a literal, a reference, a prompt, a placeholder, nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.detect import noise
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.confirm import provider_of_address
from nhiscan.detect.value import is_stand_in, recognise
from nhiscan.plugin import Confidence, CredentialKind, Form, Lifetime, Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_REFERENCE = re.compile(
    r"\$\{\{\s*(?:(?:secrets|env|vars)\.)?(?P<actions>\w+)\s*\}\}"
    r"|\$\{(?:(?P<space>[A-Za-z]+):(?!-)(?P<spaced>[^{}]*)|(?P<name>[\w.]*)(?P<default>:?-[^{}]*)?)\}"
    r"|\{(?P<brace>env|file):(?P<bracename>[^{}]+)\}"
    r"|%(?P<percent>[A-Za-z_]\w*)%"
    r"|\$(?P<bare>[A-Za-z_]\w*)"
)
_NAMES = ("actions", "name", "spaced", "bracename", "percent", "bare")
_SCHEME = re.compile(r"(?P<scheme>bearer|basic|token|apikey|api-key|key)\s+(?P<rest>\S.*)", re.IGNORECASE)
_DSN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^\s/:@?#]*):(?P<password>[^\s@/][^\s@]*)@\S+")
_DRIVER_DSN = re.compile(r"(?P<user>[\w.-]+):(?P<password>[^\s@:/]+)@(?:tcp|unix)\(\S+")
_DSN_FIELD = re.compile(r"(?:^|[;\s])(?:password|pwd)\s*=\s*(?P<password>[^;\s]+)", re.IGNORECASE)
_VAULT = re.compile(
    r"(?:op|vault|bws|infisical|doppler|akv|gcpsm|aws-?sm|awssm)://|arn:aws[\w-]*:(?:secretsmanager|ssm):|vault:"
)
_KEYRING = re.compile(r"(?:keyring|keychain)(?:://|:)")
_COMMAND = re.compile(r"\$\(.+\)|`.+`|(?:cmd|command|exec):\s*\S+", re.DOTALL)
_STRONG = re.compile(r"(?=.*[A-Za-z])(?=.*\d)\S{16,}")
_DEEPEST = 3
# Several times a service account file in one variable; a longer value is data.
_LONGEST = 20_000


@dataclass(frozen=True, slots=True, repr=False)
class Spot:
    """A value and where it stands; `name` is the key, header or flag, empty for a bare argument."""

    place: str
    name: str
    value: str
    line: int
    forced: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """One credential's place: `reference` names the variable, `literal` is what a literal is recognised as."""

    place: str
    name: str
    line: int
    form: Form
    reference: str | None = None
    literal: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges spots; `inputs` are the prompts a file declares, and whether each hides what is typed."""

    inputs: Mapping[str, bool] = field(default_factory=dict)

    def spot(self, spot: Spot, depth: int = 0) -> Iterator[Found]:
        """What lies at a spot: nothing for an ordinary setting, several for JSON inside a string."""
        if len(spot.value) > _LONGEST:
            return
        text = spot.value.strip().strip("\"'") if spot.place == "arg" else spot.value.strip()
        nested = _embedded(text) if depth < _DEEPEST else None
        if nested is not None:
            for name, node in nested:
                yield from self.spot(Spot(spot.place, name, node.text or "", spot.line), depth + 1)
            return
        found = Found(spot.place, spot.name, spot.line, Form.EMPTY)
        if known := recognise(text, spot.name):
            yield _literal(found, known)
            return
        if spot.forced or spot.place in {"header", "arg"} or words.names_credential(spot.name):
            scheme = _SCHEME.fullmatch(text)
            text = scheme["rest"] if scheme else text
        named = spot.forced or words.names_credential(spot.name)
        if not text:
            if named:
                yield found
            return
        yield from self._content(found, text, named=named)

    def _content(self, found: Found, text: str, *, named: bool) -> Iterator[Found]:
        literal = _literal_by_shape(found, text)
        if literal is not None:
            yield literal
        elif (form := _kept_elsewhere(text)) is not None:
            if named:
                yield replace(found, form=form)
        elif references := list(_REFERENCE.finditer(text)):
            for match in references:
                yield from self._reference(found, match, named=named)
        elif is_stand_in(text):
            yield replace(found, form=Form.PLACEHOLDER)
        elif named or words.names_file(found.name):
            yield from _literal_by_name(found, text, named=named)

    def _reference(self, found: Found, match: re.Match[str], *, named: bool) -> Iterator[Found]:
        name = next((n for k in _NAMES if (n := match[k])), "")
        space = (match["space"] or match["brace"] or "").lower()
        hidden = space == "input" and self.inputs.get(name, False)
        if not (named or hidden or words.names_credential(name)) or name.lower() in {
            "workspacefolder",
            "userhome",
            "home",
        }:
            return
        if space == "input":
            yield replace(found, form=Form.PROMPT if name in self.inputs else Form.DANGLING)
        elif space in {"file", "workspacefolder"}:
            yield replace(found, form=Form.REFERENCE)
        elif name and space in {"", "env", "localenv", "containerenv"}:
            yield replace(found, form=Form.REFERENCE, reference=name)
            default = (match["default"] or "").lstrip(":")[1:]
            if default:
                yield from self._content(found, default, named=named)
        else:
            yield replace(found, form=Form.DANGLING)


def _embedded(text: str) -> list[tuple[str, Node]] | None:
    """The named strings inside a value that is itself JSON, or None."""
    if not (text.startswith("{") and text.endswith("}") and '"' in text):
        return None
    try:
        root = parse_json(text)
    except MalformedError:
        return None
    return list(_strings("", root))


def _strings(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    if node.text is not None:
        yield name, node
    for key, member in node.map.items():
        yield from _strings(key, member)
    for item in node.list:
        yield from _strings(name, item)


def _kept_elsewhere(text: str) -> Form | None:
    if _VAULT.match(text) or noise.is_encrypted(text):
        return Form.VAULT
    if _KEYRING.match(text):
        return Form.KEYRING
    return Form.HELPER_COMMAND if _COMMAND.fullmatch(text) else None


def _literal_by_shape(found: Found, text: str) -> Found | None:
    if known := recognise(text, found.name):
        return _literal(found, known)
    return _address(found, text)


def _address(found: Found, text: str) -> Found | None:
    """A connection string that the scan of files leaves out: a weak password, or a driver's own notation."""
    dsn = _DSN.fullmatch(text) or _DRIVER_DSN.fullmatch(text) or (_DSN_FIELD.search(text) if ";" in text else None)
    if dsn is None or _REFERENCE.search(dsn["password"]):
        return None
    password = unquote(dsn["password"])
    if words.is_placeholder(password):
        return replace(found, form=Form.PLACEHOLDER)
    if dsn.groupdict().get("scheme") in {"http", "https"}:
        kind, shape, text = CredentialKind.PASSWORD, "url-password", dsn["password"]
    else:
        kind, shape = CredentialKind.CONNECTION_STRING, "connection-string"
    literal = replace(_unknown(text, found.line), kind=kind, format=shape, provider=provider_of_address(text))
    return _literal(found, replace(literal, confidence=_strength(password)))


def _literal_by_name(found: Found, text: str, *, named: bool) -> Iterator[Found]:
    if words.is_placeholder(text, found.name):
        yield replace(found, form=Form.PLACEHOLDER)
    elif words.is_path(text) and words.names_file(found.name):
        yield replace(found, form=Form.REFERENCE)
    elif named and not words.is_setting(text, found.name):
        provider = words.provider_of(found.name)
        public = True if "anon" in words.words(found.name) and provider == "supabase" else None
        literal = _unknown(text, found.line)
        yield _literal(found, replace(literal, kind=words.kind_of(found.name), provider=provider, public=public))


def _literal(found: Found, literal: Candidate) -> Found:
    return replace(found, form=Form.LITERAL, literal=literal)


def _unknown(text: str, line: int) -> Candidate:
    """A literal of which only the value is known."""
    return Candidate(
        kind=CredentialKind.UNKNOWN, value=Sensitive(text), line=line, start=0, end=len(text),
        lifetime=Lifetime.STATIC, confidence=_strength(text),
    )  # fmt: skip


def _strength(text: str) -> Confidence:
    """How much a value looks like a secret that somebody generated."""
    if _STRONG.fullmatch(text):
        return Confidence.HIGH
    return Confidence.MEDIUM if len(text) >= 8 and not (text.isalpha() and text.islower()) else Confidence.LOW
