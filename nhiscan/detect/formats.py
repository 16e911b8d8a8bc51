"""Credential formats as data: `rules/credentials/<provider>.yaml`, one provider per file, examples included."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from nhiscan.detect import checksum
from nhiscan.model import Confidence, CredentialKind, ExposurePart, Lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = {"provider", "title", "formats"}
_KEYS = {
    "id", "kind", "source", "anchors", "before", "key", "pattern", "joined", "near", "within", "checksum", "decode",
    "part", "lifetime", "human", "public", "confidence", "weight", "examples",
}  # fmt: skip
_DECODERS = {"jwt", "pem", "basic", "url", "random"}


class FormatError(Exception):
    """A credential format file is wrong; the message names file and format."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way a provider writes a credential.

    Found either by `anchors` (literals the value begins with; `pattern` is matched at the anchor) or by `key` (a regex
    over the name a value is assigned to; `pattern` must match the whole value).  Of `pattern` the group `value` is the
    secret, the groups `key_id` and `account_id` are public facts, the rest becomes facts.  `near` are regexes of
    further facts within `within` bytes; one that is missing means it is not this format.  `weight` decides between two
    formats on the same bytes; `joined` lets letters and digits follow the match.
    """

    id: str
    provider: str
    kind: CredentialKind
    source: str
    pattern: re.Pattern[bytes]
    anchors: tuple[bytes, ...] = ()
    before: re.Pattern[bytes] | None = None
    key: re.Pattern[str] | None = None
    near: Mapping[str, re.Pattern[bytes]] = field(default_factory=dict)
    within: int = 2_000
    checksum: str | None = None
    decode: str | None = None
    part: ExposurePart = ExposurePart.VALUE
    lifetime: Lifetime | None = Lifetime.STATIC
    human: bool | None = None
    public: bool | None = None
    confidence: Confidence = Confidence.HIGH
    weight: int = 10
    match: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()


def shipped_directory() -> Path:
    """Where the formats of this installation lie: in the wheel, or in `rules/` of the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_rules" / "credentials"
    return installed if installed.is_dir() else package.parent / "rules" / "credentials"


@functools.cache
def shipped_formats() -> tuple[Format, ...]:
    """The formats of this installation, heaviest first.  Raises FormatError."""
    return load_formats(shipped_directory())


def load_formats(directory: Path) -> tuple[Format, ...]:
    """The formats of every YAML file in the directory, heaviest first, then by id.  Raises FormatError."""
    found: dict[str, Format] = {}
    for path in sorted(directory.glob("*.yaml")):
        for item in _load_file(path):
            if item.id in found:
                _refuse(f"{path.name}: format {item.id} is defined twice; give it an id of its own")
            found[item.id] = item
    return tuple(sorted(found.values(), key=lambda f: (-f.weight, f.id)))


def _load_file(path: Path) -> list[Format]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        _refuse(f"{path.name}: cannot be read as YAML ({type(e).__name__}); see the other files beside it")
    if not isinstance(document, dict) or set(document) != _HEADER or not isinstance(document["formats"], list):
        _refuse(f"{path.name}: needs exactly the keys {', '.join(sorted(_HEADER))}, formats being a list")
    return [_format(path.name, str(document["provider"]), item) for item in document["formats"]]


def _format(file: str, provider: str, item: object) -> Format:
    if not isinstance(item, dict) or not {"id", "kind", "source", "pattern"} <= set(item):
        _refuse(f"{file}: every format needs id, kind, source and pattern")
    name = f"{file}: format {item['id']}"
    if unknown := set(item) - _KEYS:
        _refuse(f"{name}: unknown key {min(unknown)}; known are {', '.join(sorted(_KEYS))}")
    if bool(item.get("anchors")) == bool(item.get("key")):
        _refuse(f"{name}: needs either anchors or key")
    if item.get("checksum") not in {None, *checksum.KNOWN} or item.get("decode") not in {None, *_DECODERS}:
        _refuse(f"{name}: unknown checksum or decode")
    try:
        return _build(provider, item)
    except (re.error, ValueError, TypeError, KeyError, AttributeError, UnicodeEncodeError) as e:
        _refuse(f"{name}: {e}")


def _build(provider: str, item: dict[str, object]) -> Format:
    examples = item.get("examples") or {}
    near = item.get("near") or {}
    if not isinstance(examples, dict) or not isinstance(near, dict):
        msg = "examples and near are mappings"
        raise TypeError(msg)
    if "(?P<value>" not in str(item["pattern"]):
        msg = "the pattern needs a group named value"
        raise ValueError(msg)
    end = "" if item.get("joined") else "(?![A-Za-z0-9_])"
    key, lifetime = item.get("key"), item.get("lifetime", "static")
    return Format(
        id=str(item["id"]),
        provider=provider,
        kind=CredentialKind(str(item["kind"])),
        source=str(item["source"]),
        pattern=re.compile(f"(?:{item['pattern']}){end}".encode("ascii")),
        anchors=tuple(text.encode("ascii") for text in _texts(item.get("anchors"))),
        before=re.compile(f"(?:{item['before']})\\Z".encode("ascii")) if item.get("before") else None,
        key=re.compile(str(key), re.IGNORECASE) if key else None,
        near={str(k): re.compile(str(v).encode("ascii")) for k, v in near.items()},
        within=int(str(item.get("within", 2_000))),
        checksum=_optional(item.get("checksum")),
        decode=_optional(item.get("decode")),
        part=ExposurePart(str(item.get("part", "value"))),
        lifetime=Lifetime(str(lifetime)) if lifetime else None,
        human=_flag(item.get("human")),
        public=_flag(item.get("public")),
        confidence=Confidence(str(item.get("confidence", "high"))),
        weight=int(str(item.get("weight", 10))),
        match=_texts(examples.get("match")),
        no_match=_texts(examples.get("no_match")),
    )


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
