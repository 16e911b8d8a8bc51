"""Agents written in Python: what they may call, whom they hand over to, which keys and identities they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._agent_code import COVERS, SOURCE, names
from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.reading import LARGEST, Files
from nhiscan.collectors.repo._file_class import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

_FOREIGN = ("site-packages/", "node_modules/", ".venv/")


class RepoAgentCode(CheckoutCollector):
    """Python code of agent frameworks, parsed and never imported."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agents written in Python in a checkout"

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.endswith(".py")

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Agents, servers, tools, hops, uses, memories and logs; a file that does not parse is a gap."""
        files = Files(checkout, SOURCE, COVERS)
        for file in checkout.files():
            if not file.path.endswith(".py") or any(f in file.path for f in _FOREIGN):
                continue
            if is_test(file.path):
                # Agents of tests act for nobody; a key in a test is still found by the scan of all files.
                continue
            data = checkout.read(file, LARGEST) if glances(checkout).any_of(file, names.WORDS) else None
            if data is not None and names.PREFILTER.search(data):
                # The readers are loaded with the first file of an agent: most checkouts have none.
                from nhiscan.collectors.repo._agent_code import checkout as reading

                yield from reading.records(files, file, data, ctx)


COLLECTOR: Collector = RepoAgentCode()
