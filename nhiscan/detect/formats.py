"""Credential formats as data: `rules/credentials/<provider>.yaml`, one provider per file, examples included."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from nhiscan import yamldata
from nhiscan.detect import checksum
from nhiscan.model import Confidence, CredentialKind, ExposurePart, Lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER = {"provider", "title", "formats"}
_PLACES = ("anchors", "keywords")
_KEYS = {
    "id", "kind", "source", "anchors", "until", "before", "keywords", "pattern", "joined", "near", "within", "checksum",
    "decode", "part", "pair", "facts", "environment", "lifetime", "human", "public", "confidence", "weight", "examples",
}  # fmt: skip
_DECODERS = {"jwt", "pem", "basic", "url", "random"}
_ENVIRONMENTS = {None, "test", "sandbox", "production"}
_KEYWORD = re.compile(r"[!-@\[-~ ]{2,60}")  # anything printable but capitals
_JOINT = r"[_.\- \t]?"  # what `_` in a keyword stands for: names are joined in several ways, or not at all


class FormatError(Exception):
    """A credential format file is wrong; the message names file and format."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The other half of a credential: a format of the same provider, at most `within` lines away."""

    format: str
    within: int


@dataclass(frozen=True, slots=True)
class Format:
    """One way a provider writes a credential.

    Found either by `anchors` (literals the value begins with) or by `keywords` (names that stand before a value
    which has no beginning of its own). `until` is for anchors that are everywhere (`https://`): only one that is
    followed by this character, with nothing that ends an address between, is worth a look. Of `pattern` the group
    `value` is the secret, the groups `key_id` and `account_id` are public facts, the rest becomes facts; `facts`
    are true of every such value. `near` are regexes of further facts within `within` bytes; one that is missing
    means it is not this format. `weight` decides between two formats on the same bytes; `joined` lets letters and
    digits follow the match. Patterns are kept as text and compiled when first needed, because a run needs few of
    them.
    """

    id: str
    provider: str
    kind: CredentialKind
    source: str
    expression: str
    anchors: tuple[bytes, ...] = ()
    until: bytes = b""
    keywords: tuple[str, ...] = ()
    context: str | None = None
    nearby: Mapping[str, str] = field(default_factory=dict)
    within: int = 2_000
    checksum: str | None = None
    decode: str | None = None
    part: ExposurePart = ExposurePart.VALUE
    pair: Pair | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    lifetime: Lifetime | None = Lifetime.STATIC
    human: bool | None = None
    public: bool | None = None
    confidence: Confidence = Confidence.HIGH
    weight: int = 10
    match: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """What is matched at the place that the first stage names."""
        return _compiled(self.expression)

    @property
    def before(self) -> re.Pattern[bytes] | None:
        """What must end where the anchor begins."""
        return _compiled(self.context) if self.context is not None else None

    @property
    def near(self) -> Mapping[str, re.Pattern[bytes]]:
        """Facts that must stand nearby, by name."""
        return {name: _compiled(text) for name, text in self.nearby.items()}

    @property
    def keyword(self) -> str:
        """The keywords as one expression, to be read without case."""
        return "|".join(re.escape(word).replace("_", _JOINT) for word in self.keywords)


@functools.cache
def _compiled(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode("ascii"))


def shipped_directory() -> Path:
    """Where the formats of this installation lie: in the wheel, or in `rules/` of the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_rules" / "credentials"
    return installed if installed.is_dir() else package.parent / "rules" / "credentials"


def read(directory: Path) -> list[tuple[str, dict[str, object]]]:
    """Every format of the YAML files in the directory with its provider, as written, checked.  Raises FormatError."""
    found: dict[str, tuple[str, dict[str, object]]] = {}
    for path in sorted(directory.glob("*.yaml")):
        for provider, item in _read_file(path):
            name = str(item["id"])
            if name in found:
                _refuse(f"{path.name}: format {name} is defined twice; give it an id of its own")
            found[name] = (provider, item)
    for name, (_, item) in found.items():
        pair = item.get("pair")
        if isinstance(pair, dict) and pair.get("with") not in found:
            _refuse(f"format {name}: pair with {pair.get('with')}, which is no format")
    return list(found.values())


def built(items: Sequence[tuple[str, Mapping[str, object]]]) -> tuple[Format, ...]:
    """The formats of what `read` gave, heaviest first, then by id."""
    return tuple(sorted((_build(provider, item) for provider, item in items), key=lambda f: (-f.weight, f.id)))


def sorted_items(items: Sequence[tuple[str, dict[str, object]]]) -> list[tuple[str, dict[str, object]]]:
    """What `read` gave, in the order in which `built` gives the formats."""
    by_id = {str(item["id"]): (provider, item) for provider, item in items}
    return [by_id[found.id] for found in built(items)]


def load_formats(directory: Path) -> tuple[Format, ...]:
    """The formats of every YAML file in the directory, heaviest first, then by id.  Raises FormatError."""
    return built(read(directory))


def _read_file(path: Path) -> list[tuple[str, dict[str, object]]]:
    import yaml

    try:
        document = yamldata.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        _refuse(f"{path.name}: cannot be read as YAML ({type(e).__name__}); see the other files beside it")
    if not isinstance(document, dict) or set(document) != _HEADER or not isinstance(document["formats"], list):
        _refuse(f"{path.name}: needs exactly the keys {', '.join(sorted(_HEADER))}, formats being a list")
    provider = str(document["provider"])
    return [(provider, _checked(path.name, provider, item)) for item in document["formats"]]


def _checked(file: str, provider: str, item: object) -> dict[str, object]:
    if not isinstance(item, dict) or not {"id", "kind", "source", "pattern"} <= set(item):
        _refuse(f"{file}: every format needs id, kind, source and pattern")
    name = f"{file}: format {item['id']}"
    if unknown := set(item) - _KEYS:
        _refuse(f"{name}: unknown key {min(unknown)}; known are {', '.join(sorted(_KEYS))}")
    if sum(bool(item.get(place)) for place in _PLACES) != 1:
        _refuse(f"{name}: needs either anchors or keywords")
    if item.get("checksum") not in {None, *checksum.KNOWN} or item.get("decode") not in {None, *_DECODERS}:
        _refuse(f"{name}: unknown checksum or decode")
    if item.get("environment") not in _ENVIRONMENTS:
        _refuse(f"{name}: environment is test, sandbox or production")
    if not all(_KEYWORD.fullmatch(str(word)) for word in item.get("keywords") or ()):
        _refuse(f"{name}: keywords are lower case, at least three characters of a-z 0-9 _ . : / -")
    if "(?P<value>" not in str(item["pattern"]):
        _refuse(f"{name}: the pattern needs a group named value")
    try:
        fmt = _build(provider, item)
        _ = (fmt.pattern, fmt.before, fmt.near)
    except (re.error, ValueError, TypeError, KeyError, AttributeError, UnicodeEncodeError) as e:
        _refuse(f"{name}: {e}")
    return item


def _build(provider: str, item: Mapping[str, object]) -> Format:
    examples = _mapping(item, "examples")
    keywords = tuple(sorted(_texts(item.get("keywords")), key=len, reverse=True))
    lifetime = item.get("lifetime", "static")
    end = "" if item.get("joined") else "(?![A-Za-z0-9_])"
    pair = _mapping(item, "pair")
    return Format(
        id=str(item["id"]),
        provider=provider,
        kind=CredentialKind(str(item["kind"])),
        source=str(item["source"]),
        expression=f"(?:{item['pattern']}){end}",
        anchors=tuple(text.encode("ascii") for text in _texts(item.get("anchors"))),
        until=str(item.get("until", "")).encode("ascii"),
        keywords=keywords,
        context=f"(?:{item['before']})\\Z" if item.get("before") else None,
        nearby={str(k): str(v) for k, v in _mapping(item, "near").items()},
        within=int(str(item.get("within", 2_000))),
        checksum=_optional(item.get("checksum")),
        decode=_optional(item.get("decode")),
        part=ExposurePart(str(item.get("part", "value"))),
        pair=Pair(str(pair["with"]), int(str(pair.get("within", 10)))) if pair else None,
        facts={str(k): str(v) for k, v in _mapping(item, "facts").items()},
        environment=_optional(item.get("environment")),
        lifetime=Lifetime(str(lifetime)) if lifetime else None,
        human=_flag(item.get("human")),
        public=_flag(item.get("public")),
        confidence=Confidence(str(item.get("confidence", "medium" if keywords else "high"))),
        weight=int(str(item.get("weight", 5 if keywords else 10))),
        match=_texts(examples.get("match")),
        no_match=_texts(examples.get("no_match")),
    )


def _mapping(item: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = item.get(key) or {}
    if not isinstance(value, dict):
        msg = f"{key} is a mapping"
        raise TypeError(msg)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        msg = "expected a list of texts"
        raise TypeError(msg)
    return tuple(value)


def _optional(value: object) -> str | None:
    return None if value is None else str(value)


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    msg = "human and public are true or false"
    raise TypeError(msg)


def _refuse(message: str) -> NoReturn:
    raise FormatError(message) from None
