"""Work on many rules, shared by two processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nhiscan.engine.rule import Rule

T = TypeVar("T")

# Below this many rules a second process costs more than it brings.
WORTH_A_POOL = 6


def shared(work: Callable[[Sequence[Rule]], list[T]], rules: Sequence[Rule]) -> list[T]:
    """What `work`, a function of a module, finds on all rules, in no order that may be relied on."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    if len(rules) < WORTH_A_POOL:
        return work(rules)
    halves = [rules[n::2] for n in range(2)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return [found for share in pool.map(work, halves) for found in share]
