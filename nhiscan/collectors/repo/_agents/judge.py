"""What stands where a credential is expected: a literal, a reference, a prompt, a placeholder, nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from nhiscan.collectors.repo._agents import words
from nhiscan.collectors.repo._agents.formats import AWS_KEY_ID, Traits, recognise
from nhiscan.collectors.repo._agents.jsonc import parse_json
from nhiscan.collectors.repo._agents.nodes import MalformedError, Node
from nhiscan.plugin import Confidence, CredentialKind, Form, Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AWS_SECRET = "aws_secret"  # noqa: S105 - names a part, is no value
AWS_ID = "aws_key_id"
AWS_SESSION = "aws_session"

_REFERENCE = re.compile(
    r"\$\{\{\s*(?:secrets|env|vars)\.(?P<actions>\w+)\s*\}\}"
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
_AWS_SECRET = re.compile(r"[A-Za-z0-9/+]{40}")
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
    """One credential's place: `reference` names the variable, `value` is there for a literal only."""

    place: str
    name: str
    line: int
    form: Form
    reference: str | None = None
    value: Sensitive[str] | None = None
    traits: Traits | None = None
    confidence: Confidence = Confidence.HIGH
    part: str | None = None


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
        if spot.forced or spot.place in {"header", "arg"} or words.names_credential(spot.name):
            scheme = _SCHEME.fullmatch(text)
            text = scheme["rest"] if scheme else text
        named = spot.forced or words.names_credential(spot.name)
        found = Found(spot.place, spot.name, spot.line, Form.EMPTY)
        if not text:
            if named:
                yield found
            return
        yield from self._content(found, text, named=named)

    def _content(self, found: Found, text: str, *, named: bool) -> Iterator[Found]:
        special = _aws(found, text)
        literal = special or _literal_by_shape(found, text)
        if literal is not None:
            yield literal
        elif (form := _kept_elsewhere(text)) is not None:
            if named:
                yield replace(found, form=form)
        elif references := list(_REFERENCE.finditer(text)):
            for match in references:
                yield from self._reference(found, match, named=named)
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
        elif name and space in {"", "env"}:
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
    if _VAULT.match(text) or words.is_encrypted(text):
        return Form.VAULT
    if _KEYRING.match(text):
        return Form.KEYRING
    return Form.HELPER_COMMAND if _COMMAND.fullmatch(text) else None


def _aws(found: Found, text: str) -> Found | None:
    """Parts of an AWS access key, which only together are a credential."""
    parts = words.words(found.name)
    if AWS_KEY_ID.fullmatch(text):
        form = Form.PLACEHOLDER if words.is_placeholder(text) else Form.LITERAL
        return replace(found, form=form, value=Sensitive(text), part=AWS_ID)
    secret = "aws" in parts or parts[-3:] == ["secret", "access", "key"]
    if secret and "secret" in parts and _AWS_SECRET.fullmatch(text):
        form = Form.PLACEHOLDER if words.is_placeholder(text) else Form.LITERAL
        traits = Traits(kind=CredentialKind.ACCESS_KEY, provider="aws", format="aws-access-key")
        return replace(found, form=form, value=Sensitive(text), traits=traits, part=AWS_SECRET)
    if "aws" in parts and parts[-2:] == ["session", "token"] and _STRONG.fullmatch(text) and "{" not in text:
        return replace(found, form=Form.LITERAL, value=Sensitive(text), part=AWS_SESSION)
    return None


def _literal_by_shape(found: Found, text: str) -> Found | None:
    if traits := recognise(text):
        form = Form.PLACEHOLDER if words.is_placeholder(text) else Form.LITERAL
        return replace(found, form=form, value=Sensitive(text), traits=traits)
    dsn = _DSN.fullmatch(text) or _DRIVER_DSN.fullmatch(text) or (_DSN_FIELD.search(text) if ";" in text else None)
    if dsn is None or _REFERENCE.search(dsn["password"]):
        return None
    scheme = dsn.groupdict().get("scheme") or ""
    password = unquote(dsn["password"])
    if words.is_placeholder(password):
        return replace(found, form=Form.PLACEHOLDER)
    provider = words.PROVIDERS.get(scheme.split("+")[0])
    if scheme in {"http", "https"}:
        kind, shape, value = CredentialKind.PASSWORD, "url-password", dsn["password"]
    else:
        # The whole string, as the secret scanner takes it, so that both find one credential.
        kind, shape, value = CredentialKind.CONNECTION_STRING, "connection-string", text
    traits = recognise(value) or Traits(kind=kind, provider=provider, format=shape)
    return replace(found, form=Form.LITERAL, value=Sensitive(value), traits=traits, confidence=_strength(password))


def _literal_by_name(found: Found, text: str, *, named: bool) -> Iterator[Found]:
    if words.is_placeholder(text, found.name):
        yield replace(found, form=Form.PLACEHOLDER)
    elif words.is_path(text) and words.names_file(found.name):
        yield replace(found, form=Form.REFERENCE)
    elif named and not words.is_setting(text, found.name):
        traits = Traits(kind=words.kind_of(found.name), provider=words.provider_of(found.name))
        if "anon" in words.words(found.name) and traits.provider == "supabase":
            traits = replace(traits, public=True)
        yield replace(found, form=Form.LITERAL, value=Sensitive(text), traits=traits, confidence=_strength(text))


def _strength(text: str) -> Confidence:
    """How much a value looks like a secret that somebody generated."""
    if _STRONG.fullmatch(text):
        return Confidence.HIGH
    return Confidence.MEDIUM if len(text) >= 8 and not (text.isalpha() and text.islower()) else Confidence.LOW
