"""GitHub Actions in a checkout: every job with its token, its secrets, its federation, and the code it trusts."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._workflows import COVERS, SOURCE, front, shape
from nhiscan.collectors.repo._workflows.estate import Survey
from nhiscan.collectors.repo._workflows.jobs import write_job
from nhiscan.collectors.repo._workflows.writer import Writer
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Context


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Pipelines, agents, third-party steps, credentials and uses; a file that cannot be read is a gap."""
    survey = Survey(Files(checkout, SOURCE, COVERS))
    survey.look()
    known: set[str] = set()
    for found in survey.workflows():
        if isinstance(found, Gap):
            yield found
            continue
        document, lines = found
        texts = ChainMap({document.path: lines}, survey.texts)
        writer = Writer(Book(checkout.scope.id, SOURCE, ctx.key), texts, known)
        if document.path.endswith(".md"):
            front.write(document, survey.estate, writer)
        elif (workflow := shape.workflow(document)) is not None:
            writer.path, writer.declared = document.path, workflow.declared
            for job in workflow.jobs:
                write_job(job, survey.estate, writer)
        yield from classed(writer.out)
