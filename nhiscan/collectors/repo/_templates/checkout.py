"""Templates of clouds in a checkout: CloudFormation, SAM, CDK output, Serverless, Bicep, ARM.

Declared identities, policies, trusts and credentials enter the inventory as those of an account do, with the state
`declared`; nothing is deployed, and no cloud is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._templates import COVERS, SOURCE, SUFFIXES
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

# What every file of its kind holds in some notation; a file without any of them is not parsed.
_CLOUDFORMATION = b"AWS::"
_ARM = (b"deploymentTemplate.json", b"deploymentParameters.json", b"DeploymentTemplate.json")


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """What the templates declare; one that cannot be read is a gap."""
    files = Files(checkout, SOURCE, COVERS)
    for file in checkout.files():
        if file.path.endswith(SUFFIXES):
            yield from classed(_file(files, file, ctx))


def _file(files: Files, file: SourceFile, ctx: Context) -> Iterator[Record]:
    kind = _kind(files.checkout, file)
    if kind is None:
        return
    from nhiscan.collectors.repo._templates import readers

    parse, told = readers.READERS[kind]
    root = files.parsed(file, parse)
    if isinstance(root, Gap):
        yield root
    elif root is not None:
        visibility = file.visibility
        document = Document(file.path, root, visibility, files.checkout.at_head(visibility))
        yield from told(document, Book(files.checkout.scope.id, SOURCE, ctx.key))


def _kind(checkout: Checkout, file: SourceFile) -> str | None:
    """Which reader a file is for, by a look at its bytes."""
    path = file.path
    if path.endswith((".bicep", ".bicepparam")):
        return "bicep"
    served = path.rsplit("/", 1)[-1].startswith("serverless.")
    look = glances(checkout)
    worth = served or look.may_be(file, "cloudformation") or look.may_be(file, "arm")
    data = checkout.read(file, 2_000_000) if worth else None
    if data is None:
        return None
    if served and b"provider" in data:
        return "serverless"
    if _CLOUDFORMATION in data and b"Resources" in data:
        return "cloudformation"
    if path.endswith(".json") and any(mark in data for mark in _ARM):
        return "arm"
    return None
