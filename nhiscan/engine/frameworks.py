"""The frameworks rules may cite: their ids, titles and editions, and the labels people use for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nhiscan.engine.yamlfile import Document, RuleFileError, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KEYS = ("id", "title", "edition", "source", "url", "items", "aliases", "published", "note", "license")
_LETTERS_NUMBER = re.compile(r"([a-z]+)[-_ ]?0*(\d+)")


@dataclass(frozen=True, slots=True)
class Alias:
    """A label in use that is no official id; `warning` says what it may have meant, None when there is no doubt."""

    label: str
    id: str
    warning: str | None


@dataclass(frozen=True, slots=True)
class Framework:
    """One edition of one framework; `items` is id -> title in the framework's own order."""

    id: str
    title: str
    edition: str
    source: str
    url: str
    items: Mapping[str, str]
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a label means: a framework, or one item of it."""

    framework: str
    item: str | None
    warning: str | None = None


class AmbiguousLabelError(LookupError):
    """A label that several frameworks have."""


@dataclass(frozen=True, slots=True)
class Frameworks:
    """All frameworks by id."""

    by_id: Mapping[str, Framework]

    def __iter__(self) -> Iterator[Framework]:
        return iter(self.by_id.values())

    def get(self, framework_id: str) -> Framework | None:
        """The framework of this id, None when there is none."""
        return self.by_id.get(framework_id)

    def labels(self) -> list[str]:
        """Every label `resolve` knows exactly, for suggestions."""
        items = [item for f in self for item in f.items]
        return [*self.by_id, *items, *(a.label for f in self for a in f.aliases)]

    def resolve(self, label: str) -> Resolved | None:
        """What a label means, None when it means nothing.

        Understood are framework ids, item ids, `framework:item`, the aliases of the framework files, an id with its
        edition (`NHI3:2025`) and other spellings of letters and number (`nhi-9`, `ASI-1`).  Raises AmbiguousLabelError.
        """
        wanted = label.strip()
        for framework in self:
            if framework.id.casefold() == wanted.casefold():
                return Resolved(framework.id, None)
        prefix, _, rest = wanted.partition(":")
        if prefix in self.by_id:
            return _one(wanted, [r for r in [_in(self.by_id[prefix], rest)] if r])
        return _one(wanted, [r for framework in self for r in [_in(framework, wanted)] if r])


def _one(label: str, found: list[Resolved]) -> Resolved | None:
    exact = [r for r in found if r.item == label] or found
    if len(exact) > 1:
        choices = ", ".join(f"{r.framework}:{r.item}" for r in exact)
        msg = f"{label} is an id of several frameworks; write one of: {choices}"
        raise AmbiguousLabelError(msg)
    return exact[0] if exact else None


def _in(framework: Framework, label: str) -> Resolved | None:
    folded = label.casefold()
    for alias in framework.aliases:
        if alias.label.casefold() == folded:
            return Resolved(framework.id, alias.id, alias.warning)
    year = re.sub(r"\D.*", "", framework.edition)
    plain = folded.removesuffix(f":{year}") if year else folded
    for item in framework.items:
        if plain == item.casefold() or (_spelling(plain) and _spelling(plain) == _spelling(item.casefold())):
            return Resolved(framework.id, item)
    return None


def _spelling(text: str) -> tuple[str, int] | None:
    match = _LETTERS_NUMBER.fullmatch(text)
    return (match[1], int(match[2])) if match else None


def load_frameworks(directory: Path) -> Frameworks:
    """The framework files of a directory (`rules/frameworks`), by id.  Raises RuleFileError."""
    found: dict[str, Framework] = {}
    named = [(path, f"rules/frameworks/{path.name}") for path in sorted(directory.glob("*.yaml"))]
    for (path, _), document in zip(named, read_all(named, "frameworks-"), strict=True):
        framework = _framework(document)
        if framework.id != path.stem or framework.id in found:
            shown = f"rules/frameworks/{path.name}"
            raise RuleFileError(shown, 1, f"the id {framework.id} does not match the file", f"name it {framework.id}")
        found[framework.id] = framework
    return Frameworks(found)


def _framework(document: Document) -> Framework:
    data = document.data
    for key in data:
        if key not in _KEYS:
            raise _wrong(document, (key,), f"the key `{key}` is unknown here", f"use one of: {', '.join(_KEYS)}")
    texts = {key: _text(document, data, (key,)) for key in ("id", "title", "edition", "source", "url")}
    items: dict[str, str] = {}
    for n, item in enumerate(_list(document, "items")):
        name = _text(document, item, ("items", n, "id"))
        if name in items:
            raise _wrong(document, ("items", n), f"the id {name} occurs twice", "remove one of them")
        items[name] = _text(document, item, ("items", n, "title"))
    aliases = tuple(_alias(document, item, n, items) for n, item in enumerate(_list(document, "aliases")))
    return Framework(**texts, items=items, aliases=aliases)


def _alias(document: Document, data: object, n: int, items: Mapping[str, str]) -> Alias:
    label, target = (_text(document, data, ("aliases", n, key)) for key in ("label", "id"))
    if target not in items:
        raise _wrong(document, ("aliases", n), f"the alias {label} points to {target}, which is no item", "correct it")
    warning = data.get("warning") if isinstance(data, dict) else None
    return Alias(label, target, None if warning is None else str(warning))


def _list(document: Document, key: str) -> list[Any]:
    value = document.data.get(key, [])
    if not isinstance(value, list):
        raise _wrong(document, (key,), f"`{key}` is not a list", "write a list of mappings")
    return value


def _text(document: Document, data: object, where: tuple[str | int, ...]) -> str:
    value = data.get(where[-1]) if isinstance(data, dict) else None
    if value is None or isinstance(value, dict | list):
        raise _wrong(document, where, f"`{where[-1]}` is missing or not a text", f"write `{where[-1]}: …`")
    return str(value)


def _wrong(document: Document, where: tuple[str | int, ...], message: str, remedy: str) -> RuleFileError:
    return RuleFileError(document.path, document.line(*where), message, remedy)
