"""What a format of manifest is: which files may be one, which bytes must stand in it, who reads it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    `named` fits the path in lower case (None: the name says nothing); of `marks` all of one group stand in the bytes;
    `belongs` decides on the tree.  `joined` formats are read after all files are known, because they speak of each
    other; `own_name`: no other kind of file is called so, and one that cannot be read is a gap.
    """

    name: str
    yaml: bool
    named: re.Pattern[str] | None
    marks: tuple[tuple[bytes, ...], ...]
    belongs: Callable[[Node], bool]
    read: Callable[[Sheet, Node], Iterator[Record]]
    joined: bool = False
    own_name: bool = False

    def shows(self, data: bytes) -> bool:
        """Whether the bytes hold what every file of this format holds."""
        return any(all(mark in data for mark in group) for group in self.marks)


@functools.cache
def formats() -> tuple[Format, ...]:
    """Every format; of several that fit one file, the first that believes the content reads it."""
    from nhiscan.collectors.repo._manifests import (
        adk,
        agentcore,
        cards,
        copilot,
        crewai,
        dify,
        flowise,
        langgraph,
        mcp,
        microsoft,
        n8n,
        rasa,
    )

    modules = (mcp, cards, copilot, langgraph, crewai, agentcore, microsoft, adk, n8n, dify, flowise, rasa)
    return tuple(f for m in modules for f in m.FORMATS)
