"""Whether two patterns (`*` any run, `?` one character) have a text in common."""

from __future__ import annotations

from functools import lru_cache

_LONGEST = 400


@lru_cache(4096)
def intersects(one: str, other: str) -> bool:
    """Whether some text fits both patterns, in time |one| x |other|.

    Texts that are longer than any real subject are taken to meet.
    """
    if len(one) > _LONGEST or len(other) > _LONGEST:
        return True
    # row[j]: the part of `one` read so far and the first j characters of `other` share a text.
    row = [True] + [False] * len(other)
    for j, b in enumerate(other):
        row[j + 1] = row[j] and b == "*"
    for a in one:
        above, row = row, [row[0] and a == "*"]
        for j, b in enumerate(other):
            same = above[j] and (a == b or "?" in {a, b})
            row.append((above[j + 1] or row[j]) if "*" in {a, b} else same)
    return row[-1]
