"""Whether an attribute condition (CEL) can be met, judged over claims that may be known in part only.

Understood: claims by path (`assertion.repository_owner`, `assertion['ref']`), text and flags, lists, `==`, `!=`, `in`,
`!`, `&&`, `||`, `has`, `startsWith`, `endsWith`, `contains`, and `matches` as far as its pattern is literal text and
runs of anything.  Whatever else an expression holds is unknown, and so is what depends on it: never met, never failed.

Language: github.com/google/cel-spec, "Language Definition"; what pools may say with it: cloud.google.com/iam/docs,
"Workload Identity Federation" (attribute mappings, attribute conditions).
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import covers
from nhiscan.analysis.gcp.cel import UnreadableError, parse
from nhiscan.analysis.patterns import intersects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.analysis.gcp.cel import Node

_PLAIN = re.compile(r"[\w\s/@:=,#~%&;<>\"'!-]|\\[./@:+_()\[\]-]")
_RUN = re.compile(r"(?:\.|\[\^/\]|\[\w-\w(?:[\w-])*\]|\\[wdS])[*+]")
_TESTS = frozenset({"startsWith", "endsWith", "contains", "matches"})


class Answer(IntEnum):
    """`UNKNOWN`: it depends on what nobody could read."""

    NO = 0
    UNKNOWN = 1
    YES = 2


def read(text: str) -> Node | None:
    """The expression, None for one that cannot be read."""
    try:
        return parse(text)
    except UnreadableError:
        return None


def judge(node: Node | None, claims: Mapping[str, str]) -> Answer:
    """Whether an expression holds, for claims by path (`assertion.sub`) whose values are patterns, `""` for absent."""
    if node is None:
        return Answer.UNKNOWN
    own = value(node, claims)
    if own is not None or not node.parts:
        return {"true": Answer.YES, "false": Answer.NO}.get(own or "", Answer.UNKNOWN)
    match node.kind, node.parts:
        case "&&", of:
            return min(judge(n, claims) for n in of)
        case "||", of:
            return max(judge(n, claims) for n in of)
        case "!", (inner,):
            return Answer(2 - judge(inner, claims))
        case _:
            return _tested(node, claims)


def _tested(node: Node, claims: Mapping[str, str]) -> Answer:
    """A comparison, or a function that tests a text."""
    answer = Answer.UNKNOWN
    match node.kind, node.parts:
        case "==", (left, right):
            answer = _equal(left, right, claims)
        case "!=", (left, right):
            answer = Answer(2 - _equal(left, right, claims))
        case "in", (left, right) if right.kind == "list":
            answer = max((_equal(left, item, claims) for item in right.parts), default=Answer.NO)
        case "function", (of,) if node.value == "has" and path(of) in claims:
            answer = Answer.YES if claims[path(of) or ""] else Answer.NO
        case "call", (of, text) if node.value in _TESTS and isinstance(text.value, str) and text.kind == "literal":
            known = value(of, claims)
            answer = Answer.UNKNOWN if known is None else _fits(known, str(node.value), text.value)
    return answer


def path(node: Node) -> str | None:
    """The variable that a node is, fields in brackets too (`assertion['sub']`), else None."""
    if node.kind == "name" and isinstance(node.value, str):
        return node.value
    if node.kind == "index" and isinstance(node.parts[1].value, str) and node.parts[1].kind == "literal":
        of = path(node.parts[0])
        return None if of is None else f"{of}.{node.parts[1].value}"
    return None


def value(node: Node, claims: Mapping[str, str]) -> str | None:
    """The text of a literal or a claim, None where it is neither or not known."""
    if node.kind != "literal":
        return claims.get(path(node) or "")
    return str(node.value).lower() if isinstance(node.value, bool) else _number(node.value)


def _number(literal: str | float | None) -> str | None:
    return f"{literal:g}" if isinstance(literal, float) else literal


def _equal(left: Node, right: Node, claims: Mapping[str, str]) -> Answer:
    """Two sides; a claim that is a pattern may or may not be the value it fits."""
    one, other = value(left, claims), value(right, claims)
    if one is None or other is None:
        return Answer.UNKNOWN
    if "*" not in one + other and "?" not in one + other:
        return Answer.YES if one == other else Answer.NO
    return Answer.UNKNOWN if intersects(one, other) else Answer.NO


def _fits(own: str, how: str, text: str) -> Answer:
    if how == "matches":
        return _matches(own, text)
    if "*" in text or "?" in text:
        return Answer.UNKNOWN
    pattern = {"startsWith": f"{text}*", "endsWith": f"*{text}", "contains": f"*{text}*"}[how]
    return _against(own, pattern)


def _against(own: str, pattern: str) -> Answer:
    if covers(pattern, own):
        return Answer.YES
    return Answer.UNKNOWN if intersects(own, pattern) else Answer.NO


def _matches(own: str, expression: str) -> Answer:
    """`matches` searches; a pattern of literal text and `.*` is decided, one that is a little narrower only refused."""
    start, end = expression.startswith("^"), expression.endswith("$") and not expression.endswith(r"\$")
    body = expression[start : len(expression) - end]
    glob, exact, at = [], True, 0
    while at < len(body):
        run = _RUN.match(body, at)
        plain = _PLAIN.match(body, at)
        if run:
            exact = exact and run[0] == ".*"
            glob.append("*")
            at = run.end()
        elif (plain or body[at] == ".") and body[(plain.end() if plain else at + 1) :][:1] not in set("*+?{"):
            glob.append(plain[0].removeprefix("\\") if plain else "?")
            at = plain.end() if plain else at + 1
        else:
            return Answer.UNKNOWN
    answer = _against(own, f"{'' if start else '*'}{''.join(glob)}{'' if end else '*'}")
    return answer if exact or answer is Answer.NO else Answer.UNKNOWN
