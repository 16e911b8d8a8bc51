# ruff: noqa: INP001 - a script, not a package
"""Write nhiscan/detect/rarity.txt anew: how surprising each letter is in what people write.

    python .ci/rarity.py [OUTPUT]

Learned from the source of the Python standard library and its tests (PSF licence), which every interpreter brings
along: names, keywords, comments and prose.  A word counts when two files hold it, so test vectors teach nothing, and
with the square root of its frequency, so rare names count beside frequent ones.
"""

from __future__ import annotations

import math
import re
import sys
import sysconfig
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OUTPUT = Path(__file__).resolve().parents[1] / "nhiscan/detect/rarity.txt"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STATES = "^" + LETTERS  # `^` stands for whatever is no letter, and for the border of a word
CLASSES = "^aA0-"  # before the text, small, capital, digit, other
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NAME = re.compile(r"[A-Za-z0-9_.-]{3,60}")
STEP = 4  # parts of a bit
HEAD = "Bits per letter after two others and per class after two others, in quarters, as characters from 0 on."


def main() -> None:
    """Read the library, count, write the table."""
    words, names = learned(sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")))
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    rows = [*table(words, STATES, LETTERS), *table(names, CLASSES, CLASSES[1:])]
    if len(words) < 5_000:
        sys.exit("The standard library holds too few words here; use an interpreter that brings its tests.")
    output.write_text("\n".join([f"# {HEAD}", *rows]) + "\n", encoding="ascii")


def learned(paths: Iterable[Path]) -> tuple[dict[str, float], dict[str, float]]:
    """Words and shapes of names with their weights."""
    counts: Counter[str] = Counter()
    files: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    for path in paths:
        if "site-packages" in path.parts:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = Counter(NAME.findall(text))
        counts.update(found)
        files.update(found.keys())
    words: Counter[str] = Counter()
    for name, count in counts.items():
        if files[name] < 2:
            continue
        shapes["".join(map(shape, name))] += 1
        for word in WORD.findall(name):
            words[word.lower()] += count
    return {w: math.sqrt(n) for w, n in words.items()}, {s: float(n) for s, n in shapes.items()}


def shape(character: str) -> str:
    """The class of a character."""
    return "0" if character.isdigit() else "a" if character.islower() else "A" if character.isupper() else "-"


def table(texts: dict[str, float], states: str, symbols: str) -> list[str]:
    """One row for each pair of states: the cost of each symbol, smoothed over shorter contexts (Witten, Bell 1991)."""
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, weight in texts.items():
        padded = f"^^{text}" + ("^" if symbols == LETTERS else "")
        for i in range(2, len(padded)):
            for context in (padded[i - 2 : i], padded[i - 1], ""):
                seen[context][padded[i]] += weight  # type: ignore[assignment]  # weights are fractions
    rows = []
    for first, second in product(states, repeat=2):
        share = {s: 1 / len(symbols) for s in symbols}
        for context in ("", second, first + second):
            counts = {s: seen[context][s] for s in symbols}
            total, kinds = sum(counts.values()), sum(1 for n in counts.values() if n)
            share = {s: (counts[s] + kinds * share[s]) / (total + kinds) if total else share[s] for s in symbols}
        rows.append("".join(chr(48 + min(70, round(-math.log2(share[s]) * STEP))) for s in symbols))
    return rows


if __name__ == "__main__":
    main()
