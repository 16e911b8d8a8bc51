"""Conditions of Azure role assignments, read and decided as far as a request is known.

Source: learn.microsoft.com/azure/role-based-access-control/conditions-format (grammar, operators, grouping) and
conditions-authorization-actions-attributes (attributes of role assignments).  Three answers: it is met, it is not met,
or that depends on something that nobody can know beforehand (None).
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Test = Callable[[str, str], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\()|(?P<close>\))
    | (?P<and>&&|\bAND\b)|(?P<or>\|\||\bOR\b)|(?P<not>!|\bNOT\b)
    | (?P<call>ActionMatches|SubOperationMatches)\s*\{\s*'(?P<pattern>[^']*)'\s*\}
    | (?P<exists>NOT\s*EXISTS|EXISTS)\s*@(?P<asked>\w+\[[^\]]*\])
    | @(?P<attribute>\w+\[[^\]]*\])
    | (?P<operator>(?:For(?:Any|All)Of(?:Any|All)Values:)?[A-Za-z]+)
    | \{(?P<set>(?:[^{}']|'(?:[^'\\]|\\.)*')*)\}
    | '(?P<text>(?:[^'\\]|\\.)*)' | (?P<number>-?\d+(?:\.\d+)?)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|([^\s,']+)")
_QUALIFIER = re.compile(r"for(any|all)of(any|all)values:")
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a condition: a word with the parts or values it is about."""

    kind: str
    parts: tuple[Node, ...] = ()
    name: str = ""
    values: tuple[str, ...] = ()


class _UnreadableError(ValueError):
    """Something the grammar does not know."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The request a condition is about: an action, and the attributes that are known of it, `source[name]`."""

    action: str
    attributes: Mapping[str, tuple[str, ...]]


def met(condition: str | None, action: str, attributes: Mapping[str, tuple[str, ...]] | None = None) -> bool | None:
    """Whether a request meets the condition; None where that depends on what is not known, or cannot be read."""
    if not condition or not condition.strip():
        return True
    node = _read(condition)
    return None if node is None else _decide(node, Asked(action.lower(), attributes or {}))


@lru_cache(1 << 10)
def _read(condition: str) -> Node | None:
    try:
        reader = _Reader(list(_tokens(condition)))
        node = reader.either()
    except (_UnreadableError, RecursionError):
        return None
    return node if reader.at_end else None


def _tokens(text: str) -> Iterator[re.Match[str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _UnreadableError(text[place:])
        yield found
        place = found.end()


@dataclass(slots=True)
class _Reader:
    """Reads `or` of `and` of `not` of terms, from left to right."""

    tokens: list[re.Match[str]]
    place: int = 0
    depth: int = 0

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.tokens)

    def take(self, *names: str) -> re.Match[str] | None:
        """The next token if it is one of these."""
        if not self.at_end and self.tokens[self.place].lastgroup in names:
            self.place += 1
            return self.tokens[self.place - 1]
        return None

    def either(self) -> Node:
        return self._chain("or", self.both)

    def both(self) -> Node:
        return self._chain("and", self.single)

    def _chain(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self.take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Node(word, tuple(parts))

    def single(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _UnreadableError
        try:
            if self.take("not"):
                return Node("not", (self.single(),))
            if self.take("open"):
                node = self.either()
                if not self.take("close"):
                    raise _UnreadableError
                return node
            return self.term()
        finally:
            self.depth -= 1

    def term(self) -> Node:
        if found := self.take("pattern"):
            return Node(found["call"].lower(), values=(found["pattern"],))
        if found := self.take("asked"):
            node = Node("exists", name=found["asked"].lower())
            return Node("not", (node,)) if found["exists"].lower().startswith("not") else node
        left, operator = self.take("attribute", "text", "set", "number"), self.take("operator")
        right = self.take("attribute", "text", "set", "number", "operator")
        if left is None or operator is None or right is None:
            raise _UnreadableError
        return Node(operator["operator"].lower(), (_side(left), _side(right)))


def _side(token: re.Match[str]) -> Node:
    """One side of a comparison: an attribute, or values that stand there."""
    if token.lastgroup == "attribute":
        return Node("attribute", name=token["attribute"].lower())
    if token.lastgroup == "set":
        return Node("values", values=tuple(a or b for a, b in _ITEM.findall(token["set"])))
    return Node("values", values=(token[token.lastgroup or 0],))


def _decide(node: Node, asked: Asked) -> bool | None:
    match node.kind:
        case "or":
            return _any(_decide(p, asked) for p in node.parts)
        case "and":
            return _not(_any(_not(_decide(p, asked)) for p in node.parts))
        case "not":
            return _not(_decide(node.parts[0], asked))
        case "actionmatches":
            return like(node.values[0].lower(), asked.action)
        case _:
            return _asked(node, asked)


def _asked(node: Node, asked: Asked) -> bool | None:
    """What is asked of attributes; nothing is known of suboperations."""
    if node.kind == "exists":
        known = asked.attributes.get(node.name)
        return None if known is None else bool(known)
    return None if node.kind == "suboperationmatches" else _compare(node, asked)


def _any(answers: Iterator[bool | None]) -> bool | None:
    found: bool | None = False
    for answer in answers:
        if answer:
            return True
        found = None if answer is None else found
    return found


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - a truth value is what it takes
    return None if answer is None else not answer


def _compare(node: Node, asked: Asked) -> bool | None:
    qualifier = _QUALIFIER.match(node.kind)
    single = _OPERATORS.get(node.kind[qualifier.end() if qualifier else 0 :])
    left, right = (asked.attributes.get(p.name) if p.kind == "attribute" else p.values for p in node.parts)
    if single is None or left is None or right is None:
        return None
    outer, inner = ({"any": any, "all": all}[w] for w in qualifier.groups()) if qualifier else (any, any)
    try:
        return outer(inner(single(a, b) for b in right) for a in left)
    except ValueError:
        return None


def like(pattern: str, text: str, single: str = "") -> bool:
    """Whether a pattern with `*` (and, where `single` is `?`, that too) matches the whole text."""
    return _compiled(pattern, single).fullmatch(text) is not None


@lru_cache(1 << 12)
def _compiled(pattern: str, single: str) -> re.Pattern[str]:
    parts = re.split(r"(\\[*?]|[*?])", pattern)
    return re.compile("".join(_part(p, single) for p in parts), re.DOTALL)


def _part(part: str, single: str) -> str:
    if part == "*":
        return ".*"
    if part == "?" and single:
        return "."
    return re.escape(part[1:] if len(part) == 2 and part[0] == "\\" and single else part)


def _operators() -> Iterator[tuple[str, Test]]:
    """Each comparison with its negation and, of text, the one without regard to case."""
    texts: dict[str, Test] = {"equals": str.__eq__, "startswith": str.startswith, "like": _text_like}
    for name, test in texts.items():
        yield f"string{name}", test
        yield f"stringnot{name}", _negated(test)
        yield f"string{name}ignorecase", _caseless(test)
        yield f"stringnot{name}ignorecase", _negated(_caseless(test))
    for name in ("guid", "bool"):
        yield f"{name}equals", _caseless(str.__eq__)
        yield f"{name}notequals", _negated(_caseless(str.__eq__))
    for name, compare in {
        "equals": operator.eq, "notequals": operator.ne, "lessthan": operator.lt, "lessthanequals": operator.le,
        "greaterthan": operator.gt, "greaterthanequals": operator.ge,
    }.items():  # fmt: skip
        yield f"numeric{name}", _numeric(compare)


def _text_like(text: str, pattern: str) -> bool:
    return like(pattern, text, "?")


def _negated(test: Test) -> Test:
    return lambda a, b: not test(a, b)


def _caseless(test: Test) -> Test:
    return lambda a, b: test(a.lower(), b.lower())


def _numeric(compare: Callable[[float, float], bool]) -> Test:
    return lambda a, b: compare(float(a), float(b))


_OPERATORS = dict(_operators())
