"""Manifests in a checkout: servers, agents, plugins and workflows that are declared rather than programmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.mend import mend_json
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node, decode
from nhiscan.collectors.repo._config.reading import LARGEST, Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._config.sheet import Sheet
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._manifests import COVERS, SOURCE
from nhiscan.collectors.repo._manifests.formats import formats
from nhiscan.plugin import Gap, GapReason, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._manifests.formats import Format
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

# Every checkout is full of these, and none declares an agent.
_NEVER = ("package-lock.json", "package.json", "tsconfig.json", "composer.lock", "openapi.json", ".min.json", ".map")
_FOREIGN = ("node_modules/", "/node_modules/")


@dataclass(frozen=True, slots=True, repr=False)
class _Page:
    """A file that turned out to be of a format."""

    format: Format
    document: Document


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Agents, servers, tools, hops, uses and credentials; a file that cannot be read is a gap."""
    files = Files(checkout, SOURCE, COVERS)
    joined: list[_Page] = []
    for file in checkout.files():
        for read in _pages(files, file):
            if isinstance(read, Gap):
                yield read
            elif read.format.joined:
                joined.append(read)
            else:
                yield from classed(_records(read, checkout.scope.id, ctx, {}))
    others = {p.document.path: p.document.root for p in joined}
    for page in joined:
        yield from classed(_records(page, checkout.scope.id, ctx, others))


def _records(page: _Page, scope_id: str, ctx: Context, others: Mapping[str, Node]) -> Iterator[Record]:
    sheet = Sheet(page.document, Book(scope_id, SOURCE, ctx.key), page.format.name, others)
    return page.format.read(sheet, page.document.root)


def _candidates(path: str) -> Sequence[Format]:
    """The formats a file may have by its path alone."""
    lower = path.lower()
    is_yaml = lower.endswith((".yaml", ".yml"))
    if not (is_yaml or lower.endswith(".json")) or lower.endswith(_NEVER):
        return ()
    if lower.startswith(_FOREIGN[0]) or _FOREIGN[1] in lower:
        return ()
    return [f for f in formats() if f.yaml is is_yaml and (f.named is None or f.named.search(lower))]


def _pages(files: Files, file: SourceFile) -> Iterator[_Page | Gap]:
    """The file as what it is: nothing for most, a gap where it holds the marks of a format and does not parse."""
    if not (candidates := _candidates(file.path)):
        return
    if all(c.named is None for c in candidates) and not glances(files.checkout).may_be(file, "manifest"):
        return
    data = files.checkout.read(file, LARGEST)
    if data is None:
        if any(c.own_name for c in candidates):
            remedy = f"make the file readable and smaller than {LARGEST // 1_000_000} MB"
            yield files.gap(file.path, GapReason.SKIPPED, "was skipped", remedy)
        return
    if not (shown := [c for c in candidates if c.shows(data)]):
        return
    text = decode(data)
    try:
        roots = parse_yaml(text) if shown[0].yaml else [parse_json(text)]
    except MalformedError as e:
        yield files.malformed(file.path, e)
        roots = [] if shown[0].yaml else [mend_json(text)]
    for root in roots[:1]:
        chosen = next((c for c in shown if c.belongs(root)), None)
        if chosen:
            at_head = files.checkout.at_head(file.visibility)
            yield _Page(chosen, Document(file.path, root, file.visibility, at_head))
