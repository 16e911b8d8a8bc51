"""Wildcard patterns of IAM: `*` is any run of characters, `?` any one character.

Three questions: does a pattern match a text, can two patterns match one text, does one match all that another does.
Matching walks with one point of return instead of a regular expression, so a hostile pattern costs at most
len(pattern) * len(text) steps.  A `*` or `?` that stands for itself (policies write `${*}`) is a sign of its own here.
"""

from __future__ import annotations

from functools import lru_cache

_CACHE = 1 << 16
_MAX = 4096
# Two characters no ARN, tag or name may hold (a private-use area) stand for a literal asterisk and question mark.
_LITERAL = {ord("*"): "\ue000", ord("?"): "\ue001"}
_SHOWN = {ord(v): chr(k) for k, v in _LITERAL.items()}


def literal(text: str) -> str:
    """A text whose wildcards stand for themselves."""
    return text.translate(_LITERAL) if is_wild(text) else text


def shown(pattern: str) -> str:
    """A pattern as a reader knows it."""
    return pattern.translate(_SHOWN)


@lru_cache(_CACHE)
def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text, case counting."""
    if pattern == "*":
        return True
    text = literal(text)
    if not is_wild(pattern):
        return pattern == text
    return _walk(pattern, text, wild="")


@lru_cache(_CACHE)
def covers(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` matches is matched by `wide` (never true when it is not so)."""
    if wide in {"*", narrow}:
        return True
    return _walk(wide, narrow, wild="*")


def _walk(pattern: str, text: str, wild: str) -> bool:
    """Greedy glob matching; characters of the text that are in `wild` can only be swallowed by a `*`."""
    i = j = 0
    star, mark = -1, 0
    while j < len(text):
        if i < len(pattern) and pattern[i] == "*":
            star, mark = i, j
            i += 1
        elif i < len(pattern) and text[j] not in wild and pattern[i] in {"?", text[j]}:
            i += 1
            j += 1
        elif star >= 0:
            mark += 1
            i, j = star + 1, mark
        else:
            return False
    return not pattern[i:].strip("*")


@lru_cache(_CACHE)
def overlap(left: str, right: str) -> bool:
    """Whether some text is matched by both patterns; True when they are too long to tell."""
    if "*" in {left, right}:
        return True
    if not is_wild(right):
        return matches(left, right)
    if not is_wild(left):
        return matches(right, left)
    if not _heads_agree(left, right) or not _heads_agree(left[::-1], right[::-1]):
        return False
    if len(left) > _MAX or len(right) > _MAX:
        return True
    return _product(left, right)


def is_wild(pattern: str) -> bool:
    """Whether a pattern has a wildcard."""
    return "*" in pattern or "?" in pattern


def _heads_agree(left: str, right: str) -> bool:
    for a, b in zip(left, right, strict=False):
        if "*" in {a, b}:
            return True
        if a != b and "?" not in {a, b}:
            return False
    return True


def _product(left: str, right: str) -> bool:
    """Walk both patterns at once, keeping for each position of `left` the positions of `right` that can be reached."""
    row = _close({0}, right)
    for a in left:
        if a == "*":
            fresh = set(range(min(row), len(right) + 1)) if row else set()
        else:
            fresh = {j + 1 for j in row if j < len(right) and right[j] != "*" and (right[j] in {"?", a} or a == "?")}
            fresh |= {j for j in row if j < len(right) and right[j] == "*"}
            fresh = _close(fresh, right)
        row = fresh
    return len(right) in row


def _close(row: set[int], pattern: str) -> set[int]:
    """Positions reached without reading a character: past each `*`."""
    found = set(row)
    for j in sorted(row):
        k = j
        while k < len(pattern) and pattern[k] == "*":
            k += 1
            found.add(k)
    return found


@lru_cache(_CACHE)
def action_matches(pattern: str, action: str) -> bool:
    """Whether an action pattern matches an action (`service:Name`); the case of both is ignored, as IAM does."""
    if pattern in {"*", "*:*"}:
        return True
    return matches(pattern.lower(), action.lower())


def arn_matches(pattern: str, arn: str) -> bool | None:
    """Whether an ARN operator matches: each of the six parts by itself; None where AWS leaves the answer open.

    IAM User Guide, reference_policies_elements_condition_operators, ARN condition operators.
    """
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) != 6:
        return None if is_wild(pattern) else False
    return len(given) == 6 and all(map(matches, wanted, given))
