"""A job that calls a reusable workflow: to whom it hands over, and which secrets go along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows import parties
from nhiscan.collectors.repo._workflows.shape import members, root_of
from nhiscan.collectors.repo._workflows.steps import Site
from nhiscan.collectors.repo._workflows.writer import Spotted
from nhiscan.plugin import Form, Hop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors.repo._workflows.shape import Job
    from nhiscan.collectors.repo._workflows.steps import Steps


def call(job: Job, walk: Steps, jobs_of: Mapping[str, tuple[str, ...]]) -> None:
    """Add the hops to the jobs that are called, or to the foreign workflow, and the secrets that are handed over."""
    writer, path = walk.writer, job.workflow.document.path
    party = parties.workflow(job.calls)
    uses = job.node.at("uses")
    line = uses.line if uses else job.node.key_line
    secrets = job.node.at("secrets")
    inherits = secrets is not None and secrets.text == "inherit"
    holder = walk.third_party(party, line, path) if party else walk.job_id
    if party:
        callees = [holder]
    else:
        callee = root_of(path) + job.calls.removeprefix("./").partition("@")[0]
        callees = [f"{writer.scope_id}#{callee}:{writer.book.scrub(n)}" for n in jobs_of.get(callee, ())]
    for to in callees:
        _, _, shown = to.partition("#")
        writer.add(
            Hop(
                id=f"{walk.job_id}#hop:{shown}",
                scope_id=writer.scope_id,
                source=writer.book.source,
                locator=f"{path}:{line}",
                from_id=walk.job_id,
                to_id=to,
                via="reusable_workflow",
                forwards=True if inherits else None if secrets is None else False,
            )
        )
    if inherits and secrets is not None:
        writer.use(holder, Spotted("inherit", "all_secrets", path, secrets.line, form=Form.REFERENCE))
    for key in ("with", "secrets"):
        given = members(job.node, key)
        for name, node in given.items():
            walk.hand(node, Site(holder, name, "input"))
        if key == "secrets":
            writer.literals(holder, job.workflow.document, "input", given)
