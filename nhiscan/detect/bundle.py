"""Formats and their automaton, made once and kept: reading and compiling takes seconds, loading does not.

What is kept lies in the user's cache directory under a name made of everything it depends on.  It holds patterns only.
"""

from __future__ import annotations

import functools
import json
import platform
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan import __version__, cache
from nhiscan.detect import formats as formats_of
from nhiscan.detect import generic, packed
from nhiscan.detect.confirm import FURTHEST, GAP, tells_provider
from nhiscan.detect.dialect import prefixes
from nhiscan.detect.late import Late
from nhiscan.detect.layers import Layers
from nhiscan.detect.packed import Packed
from nhiscan.detect.stage import Expression, matcher_kind
from nhiscan.model import ExposurePart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nhiscan.detect.formats import Format
    from nhiscan.detect.stage import Matcher

    Owned = dict[Expression, tuple[int, ...]]
    Owners = tuple[tuple[int, ...], ...]

MARKS = (
    Expression(b"nhiscan:[ \\t]{1,4}ignore", 1),
    Expression(b"pragma: ?(?:allow|white)list", 1, caseless=True),
)
"""Comments that speak to a scanner."""

_WORDS = "key|token|secret|access|private|passw[a-z]{0,4}|pwd|auth|credential|bearer|id|pat|jwt|sid|dsn|license"

ANNOUNCED = (Expression(rf"(?:{_WORDS})[^A-Za-z0-9_\n]{{1,6}}[A-Za-z0-9+/_-]{{12}}".encode(), 12, caseless=True),)
"""Places at which a value may stand that only a provider's name makes one: a word for secrets, then a long word."""


_KEYED_MOST = 12  # bytes of a value without a beginning of its own: longer ones triple the time of compiling
_JOINTS = (b"_", b"", b"-", b".", b" ")
_LONG_ANCHOR = 5
_STEM = re.compile(r"(?:[a-z0-9_]{4,40}|aws|box|gcp|ibm|npm|okx|sap|xai)")
# Words that mean anything, and stand in so many places that looking at them costs time.
_NO_STEM = frozenset({
    "generic", "admin", "batch", "cache", "chec", "close", "cognitive", "cognitiveservices", "content", "data",
    "engine", "flow", "formrecognizer", "hass", "here", "homeassistant", "insight", "lambda", "line", "master", "meta",
    "metrics", "phrase", "primary", "stability", "storage", "stream", "vault",
})  # fmt: skip
_COMMON = frozenset({
    "api", "apikey", "key", "keys", "token", "tokens", "secret", "access", "auth", "client", "app", "id", "private",
    "public", "account", "org", "personal", "password", "project", "service", "user", "bearer", "oauth",
})  # fmt: skip
_FAMILY = "detect-"


@dataclass(frozen=True)
class Bundle:
    """The formats, the encodings around them, and the automaton over everything that points to either.

    The expressions of `matcher` are those of the formats (`owners`: for each the formats it may be the beginning of, by
    index), then those of the generic layer, ANNOUNCED, `encoded` ones of encodings, and MARKS.  `names` is a small
    automaton over keywords, asked only about the bytes before a value; `named` has length and formats of each, as
    `~index` those that the name tells only where a word for secrets follows it.  `words` are the literals that formats
    begin with, `by_word` the formats that begin so, `paired` those of which another one is the other half.  `version`
    changes with whatever could change what is found.
    """

    formats: Sequence[Format]
    owners: Owners
    matcher: Matcher
    names: Matcher
    named: Sequence[tuple[int, tuple[int, ...]]]
    words: tuple[str, ...]
    by_word: frozenset[int]
    paired: tuple[int, ...]
    encoded: int
    version: str
    expressions: Sequence[Expression]

    @functools.cached_property
    def layers(self) -> Layers:
        """The encodings that hide formats."""
        return _layers(self.words)

    @functools.cached_property
    def anchored(self) -> Sequence[tuple[Format, ...]]:
        """For each expression of formats, those that begin with a literal."""
        return Late(
            len(self.owners), lambda number: tuple(self.formats[n] for n in self.owners[number] if n in self.by_word)
        )

    @functools.cached_property
    def own(self) -> tuple[bool, ...]:
        """For each expression before those of encodings, whether its formats all begin with a literal of their own."""
        further = (False,) * (len(generic.EXPRESSIONS) + len(ANNOUNCED))
        return (*(self.by_word.issuperset(numbers) for numbers in self.owners), *further)

    @functools.cached_property
    def anchors(self) -> tuple[str, ...]:
        """The longer literals that values of formats begin with."""
        return tuple(word for word in self.words if len(word) >= _LONG_ANCHOR)

    @functools.cached_property
    def pairs(self) -> tuple[Format, ...]:
        """The formats of which another one is the other half."""
        return tuple(self.formats[number] for number in self.paired)


def load(directory: Path, version: str = "") -> Bundle:
    """The bundle for a directory of formats, made or read from what is kept.  Raises FormatError.

    `version` is what `version_of` says of the directory, where the caller knows it.
    """
    version = version or version_of(directory)
    name = f"{_FAMILY}{version}.bin"
    kept = cache.load(name)
    if kept is not None:
        return _unpacked(Packed.split(kept), version)
    items = formats_of.sorted_items(formats_of.read(directory))
    found = formats_of.built(items)
    owned, named = expressions_of(found)
    layers = _layers(a.decode("ascii") for item in found for a in item.anchors)
    expressions = _all(owned, layers)
    automata = matcher_kind().of(expressions), matcher_kind().of(tuple(named))
    kept_automata = (automata[0].keep(), automata[1].keep())
    parts = packed.packed(items, owned, named, kept_automata, len(layers.expressions))
    cache.store(_FAMILY, name, parts.joined())
    return _unpacked(parts, version, automata)


def _all(owned: Iterable[Expression], layers: Layers) -> tuple[Expression, ...]:
    return (*owned, *generic.EXPRESSIONS, *ANNOUNCED, *layers.expressions, *MARKS)


def _layers(words: Iterable[str]) -> Layers:
    return Layers.of({word.encode("ascii") for word in words})


def expressions_of(formats: Sequence[Format]) -> tuple[Owned, Owned]:
    """What points to formats, and the formats (by index) that each may point to.

    First what is looked for in whole files, then what is looked for before a value that the generic layer points to:
    thousands of names would double the cost of every byte, and most name a variable that speaks of a secret anyway.
    """
    owned: Owned = {}
    named: Owned = {}
    for number, item in enumerate(formats):
        for expression in _anchored(item) if item.anchors else _addressed(item):
            owned[expression] = (*owned.get(expression, ()), number)
        for word in item.keywords:
            for variant in _variants(word):
                expression = Expression(_escaped(variant), len(variant), caseless=True)
                named[expression] = (*named.get(expression, ()), number)
        for word in _stems(item):
            for variant in _variants(word)[:3]:
                expression = Expression(_escaped(variant), len(variant), caseless=True)
                named[expression] = (*named.get(expression, ()), ~number)
    return owned, named


def _stems(item: Format) -> list[str]:
    """What a format is known by where a word for secrets stands right before the value: `acme` of `acme_api_key`."""
    found = {item.provider.replace("-", "_")}
    for word in item.keywords:
        parts = word.split("_")
        while parts and parts[-1] in _COMMON:
            parts.pop()
        found.add("_".join(parts))
    stems = {word for word in found if _STEM.fullmatch(word) and tells_provider(word.encode("ascii"))}
    return sorted(stems.difference(item.keywords, _NO_STEM))


def _variants(word: str) -> list[bytes]:
    """A keyword with its parts joined in each of the ways that names are joined."""
    parts = word.encode("ascii").split(b"_")
    return [joint.join(parts) for joint in (_JOINTS if len(parts) > 1 else (b"",))]


def _anchored(item: Format) -> list[Expression]:
    """The fixed beginnings of the pattern; the anchors alone where those are longer."""
    if item.until:
        ways_in = b"|".join(_escaped(anchor) for anchor in item.anchors)
        between = rb"""[^\s/?#"'<>`]{1,%d}""" % FURTHEST
        return [Expression(b"(?:" + ways_in + b")" + between + _escaped(item.until), 1)]
    ways = prefixes(item.expression)
    least = min(len(a) for a in item.anchors)
    if all(len(way.texts) >= least for way in ways):
        return [Expression(way.text.encode("ascii"), len(way.texts)) for way in ways]
    return [Expression(_escaped(anchor), len(anchor)) for anchor in item.anchors]


def _addressed(item: Format) -> list[Expression]:
    """Hosts, headers and names of ids: they stand before a value without a word for secrets between."""
    chosen = [w for w in item.keywords if "." in w or "x-" in w or item.part is ExposurePart.KEY_ID]
    words = [re.escape(word).replace("_", "[_.-]?") for word in chosen]
    if not words:
        return []
    lead = rf"(?i:{'|'.join(words)})[\x00-\xff]{{0,{GAP}}}[^A-Za-z0-9_]"
    ways = prefixes(item.expression, _KEYED_MOST)
    return [Expression((lead + way.text).encode("ascii"), len(way.texts)) for way in ways]


def _escaped(anchor: bytes) -> bytes:
    return b"".join(bytes([c]) if chr(c).isalnum() or c in b"_ " else b"\\x%02x" % c for c in anchor)


def version_of(directory: Path) -> str:
    """What changes with whatever could change what is found; quick, as nothing of the bundle is read."""
    system = (__version__, platform.machine(), sys.platform, str(sys.version_info[:2]), _library())
    code = cache.listed(Path(__file__).parent, ".py")
    return cache.stamp(*system, files=[*cache.listed(directory, ".yaml"), *code])


def _library() -> str:
    kind = matcher_kind()
    if kind.__name__ != "Vectorscan":
        return f"{kind.__name__} {_installed('ahocorasick-rs')}"
    import hyperscan

    # The package's own word, as asking the metadata of the installation takes longer than loading the automaton.
    return f"{kind.__name__} {getattr(hyperscan, '__version__', None) or _installed('hyperscan')}"


def _installed(package: str) -> str:
    from importlib import metadata

    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return ""


def _unpacked(parts: Packed, version: str, automata: tuple[Matcher, Matcher] | None = None) -> Bundle:
    told = json.loads(parts.facts)
    owners = tuple(map(tuple, told["owners"]))
    named = packed.named(parts)
    whole = len(owners) + len(generic.EXPRESSIONS) + len(ANNOUNCED) + told["layers"] + len(MARKS)
    every = functools.cache(lambda: _all(packed.expressions(parts.expressions), _layers(told["words"])))
    names = functools.cache(lambda: tuple(packed.expressions(parts.names)))
    expressions = Late(whole, lambda number: every()[number])
    if automata is None:
        kind = matcher_kind()
        by_name = Late(len(named), lambda number: names()[number])
        automata = kind.of(expressions, parts.matcher), kind.of(by_name, parts.name_matcher)
    return Bundle(
        packed.formats(parts), owners, *automata, named, tuple(told["words"]), frozenset(told["anchored"]),
        tuple(told["paired"]), told["layers"], version, expressions,
    )  # fmt: skip
