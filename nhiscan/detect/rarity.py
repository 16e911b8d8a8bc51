"""How rare a text is: whether it was drawn at random or written by a person, in bits.

Two explanations of the same characters are weighed.  A generator draws each of them from an alphabet.  A person writes
words, and strings them together in few ways: the cost of each letter after the two before it, and of each class of
character after the two before it, is learned from source code (`rarity.txt`, made by `.ci/rarity.py`).  The difference
of the two code lengths is the logarithm of a likelihood ratio, so it grows with the length of the text by itself, and
evidence of other kinds can be added to it.  Entropy alone cannot tell `authorization` from `tnzuiroahtoia`.
"""

from __future__ import annotations

import functools
import math
import re
import string
from importlib import resources
from itertools import pairwise

_CAP = 9.0  # bits that one letter can say at most, so that one odd acronym does not decide
_DIGIT = math.log2(10)
_STEADY = 1.0  # a digit that repeats the last or follows it
_OTHER = 2.0  # of the class of other characters a person mostly uses dashes, underscores and dots
_STRANGE = 5.0
_COMMON = frozenset("_-. /:@")
_SPELLED = str.maketrans("@4301$5!7", "aaeolssit")  # as in P@ssw0rd
_PLAY = 4.5  # the price of one such letter
_CHOICE = 4.0  # the price of choosing an alphabet
_LONG_HEX = 14.0  # what sixteen hexadecimal digits say at least: their letters are too few for words
_LONG_HEX_TEXT = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_LETTER = math.log2(26)
_HEX = frozenset("abcdef")
_HEX_CAPITAL = frozenset("ABCDEF")
_ALPHABETS = (
    (frozenset(string.ascii_lowercase), 26),
    (frozenset(string.ascii_uppercase), 26),
    (frozenset(string.digits), 10),
)
_BASE64 = frozenset("+/=-_")
_PRINTABLE = math.log2(94)


@functools.lru_cache(maxsize=8_192)  # the same few values stand in many files
def surplus(text: str) -> float:
    """Bits by which drawing at random explains the text better than writing it: above 0 for generated values.

    Sixteen random letters and digits reach about 40; words lose about 1.5 a letter.  Two generators are tried: one that
    draws every character from one alphabet, and one that fills a shape a person chose (`aaaa-0000`) at random.
    """
    total, letters = _written(text)
    spelled = text.translate(_SPELLED)
    if spelled != text:
        changed = sum(map(str.__ne__, text, spelled))
        total_too, letters_too = _written(spelled)
        total, letters = min(total, total_too + changed * _PLAY), min(letters, letters_too + changed * _PLAY)
    found = max(total - _drawn(text), letters - _CHOICE / 2)
    return max(found, _LONG_HEX) if _LONG_HEX_TEXT.fullmatch(text) and _mixed(text) else found


def _mixed(text: str) -> bool:
    """Whether letters and digits alternate as often as drawn ones do: nobody writes words with so many digits."""
    changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(text))
    return changes * 4 >= len(text)


def _written(text: str) -> tuple[float, float]:
    """The cost of writing the text, and what its letters cost more than drawn ones."""
    letters, classes = _tables()
    shaped = spoken = rest = 0.0
    count = 0
    first = second = 26
    shape = older = 4
    last = -2
    for character in text:
        code = ord(character)
        if 97 <= code <= 122:
            kind, letter = 0, code - 97
        elif 65 <= code <= 90:
            kind, letter = 1, code - 65
        else:
            kind, letter = (2 if 48 <= code <= 57 else 3), 26
        shaped += classes[(older * 5 + shape) * 4 + kind]
        if letter < 26:
            if kind == 1 and shape == 0:  # a capital after a small letter begins a word
                first = second = 26
            spoken += letters[(first * 27 + second) * 26 + letter]
            count += 1
        elif kind == 2:
            rest += _STEADY if code - last in {0, 1} else _DIGIT
        else:
            rest += _OTHER if character in _COMMON else _STRANGE
        first, second, older, shape, last = second, letter, shape, kind, code
    return shaped + spoken + rest, spoken - count * _LETTER


def _drawn(text: str) -> float:
    symbols = set(text)
    lower = {c for c in symbols if not "0" <= c <= "9"}
    if lower <= _HEX or lower <= _HEX_CAPITAL:
        return len(text) * (4.0 if lower else _DIGIT) + _CHOICE
    size = 0
    for letters, count in _ALPHABETS:
        if symbols & letters:
            size += count
            symbols = symbols - letters
    if symbols <= _BASE64:
        return len(text) * math.log2(size + (2 if symbols else 0)) + _CHOICE
    return len(text) * _PRINTABLE + _CHOICE


@functools.cache
def _tables() -> tuple[tuple[float, ...], tuple[float, ...]]:
    text = resources.files("nhiscan.detect").joinpath("rarity.txt").read_text(encoding="ascii")
    rows = [row for row in text.split("\n") if row and not row.startswith("# ")]
    costs = [tuple(min(_CAP, (ord(c) - 48) / 4) for c in row) for row in rows]
    # Rows are ordered by states with the border first; here the border comes last, after the letters and the classes.
    letters = _turned(costs[: 27 * 27], 27)
    return letters, _turned(costs[27 * 27 :], 5)


def _turned(rows: list[tuple[float, ...]], states: int) -> tuple[float, ...]:
    order = [*range(1, states), 0]
    return tuple(cost for a in order for b in order for cost in rows[a * states + b])
