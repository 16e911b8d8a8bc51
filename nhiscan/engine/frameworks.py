"""The frameworks rules may cite: their ids, titles and editions, and the labels people use for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nhiscan.engine.yamlfile import Document, RuleFileError, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nhiscan.engine.rule import Rule

_KEYS = (
    "id", "title", "edition", "source", "url", "items", "aliases", "published", "note", "license", "covers", "complete",
)  # fmt: skip
_ITEM_KEYS = ("id", "title", "not_coverable", "limits", "evidence", "decidable", "rules", "related")
# What a framework may speak of alone; without the key it speaks of every subject.
AGENTS = "agents"
ALL_RULES = "all"
_LETTERS_NUMBER = re.compile(r"([a-z]+)[-_ ]?0*(\d+)")


@dataclass(frozen=True, slots=True)
class Alias:
    """A label in use that is no official id; `warning` says what it may have meant, None when there is no doubt."""

    label: str
    id: str
    warning: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of one item beside its title.

    `not_coverable` says why no rule can exist for it; `limits` what rules that exist cannot see of it; `evidence` what
    they look at and `decidable` what that decides.  `rules` are rules and areas, where the framework's file and not
    the rule draws the line (`all`: every rule serves it and none judges it); `related` is the framework's own
    crosswalk: framework id -> item ids.
    """

    not_coverable: str | None = None
    limits: str | None = None
    evidence: str | None = None
    decidable: str | None = None
    rules: tuple[str, ...] = ()
    related: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Framework:
    """One edition of one framework; `items` is id -> title in the framework's own order.

    `covers` is `agents` when it only speaks of agents and tool servers; `complete` says that every item of the
    framework is listed, and not only those that rules can bear on; `more` holds what else is known of items.
    """

    id: str
    title: str
    edition: str
    source: str
    url: str
    items: Mapping[str, str]
    aliases: tuple[Alias, ...] = ()
    covers: str | None = None
    complete: bool = False
    more: Mapping[str, Item] = field(default_factory=dict)

    def item(self, item_id: str) -> Item:
        """What is known of an item beside its title."""
        return self.more.get(item_id, _NOTHING)

    def levels(self, rule: Rule) -> Mapping[str, str]:
        """The items a rule bears on, with the level: as the rule maps itself, or as this file names rules and areas."""
        found = dict(rule.maps.get(self.id, {}))
        if self.id == "cwe":
            found |= dict.fromkeys(rule.cwe, "direct")
        labels = {rule.id, rule.area}
        found |= {i: "direct" for i, m in self.more.items() if i not in found and not labels.isdisjoint(m.rules)}
        return {i: found[i] for i in self.items if i in found and self.item(i).not_coverable is None}


_NOTHING = Item()


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

    def maps(self, rule: Rule, *, agentic: bool = True) -> dict[str, Mapping[str, str]]:
        """Framework -> item -> level, as a finding of a rule is tagged.

        Frameworks about agents only where `agentic`; never cwe, which findings have by themselves.
        """
        chosen = (f for f in self if f.id != "cwe" and (agentic or f.covers != AGENTS))
        return {f.id: levels for f in chosen if (levels := f.levels(rule))}

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
    more: dict[str, Item] = {}
    for n, item in enumerate(_list(document, "items")):
        name = _text(document, item, ("items", n, "id"))
        if name in items:
            raise _wrong(document, ("items", n), f"the id {name} occurs twice", "remove one of them")
        items[name] = _text(document, item, ("items", n, "title"))
        more[name] = _item(document, item, n)
    aliases = tuple(_alias(document, item, n, items) for n, item in enumerate(_list(document, "aliases")))
    covers = data.get("covers")
    if covers not in {None, AGENTS}:
        raise _wrong(document, ("covers",), f"`covers` cannot be `{covers}`", f"write `covers: {AGENTS}` or nothing")
    complete = str(data.get("complete", "false")).lower() == "true"
    known = {name: item for name, item in more.items() if item != _NOTHING}
    return Framework(**texts, items=items, aliases=aliases, covers=covers, complete=complete, more=known)


def _item(document: Document, data: Mapping[str, Any], n: int) -> Item:
    for key in data:
        if key not in _ITEM_KEYS:
            remedy = f"use one of: {', '.join(_ITEM_KEYS)}"
            raise _wrong(document, ("items", n, key), f"the key `{key}` is unknown here", remedy)
    texts = {
        key: _text(document, data, ("items", n, key))
        for key in ("not_coverable", "limits", "evidence", "decidable")
        if key in data
    }
    rules, related = data.get("rules", []), data.get("related", {})
    if not isinstance(rules, list):
        raise _wrong(document, ("items", n, "rules"), "`rules` is not a list", "write rule ids or areas in brackets")
    if not isinstance(related, dict) or not all(isinstance(ids, list) for ids in related.values()):
        raise _wrong(document, ("items", n, "related"), "`related` is no mapping of lists", "write `framework: [id]`")
    crosswalk = {str(name): tuple(map(str, ids)) for name, ids in related.items()}
    return Item(**texts, rules=tuple(map(str, rules)), related=crosswalk)


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
