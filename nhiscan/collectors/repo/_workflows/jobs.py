"""The records of one job: the pipeline, its token, what it is handed, and to whom it hands that on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows import expressions, parties, runners, scripts, triggers
from nhiscan.collectors.repo._workflows.agents import write_copilot
from nhiscan.collectors.repo._workflows.calls import call
from nhiscan.collectors.repo._workflows.handed import lowered
from nhiscan.collectors.repo._workflows.permissions import Permissions, effective
from nhiscan.collectors.repo._workflows.shape import Job, Step, members, root_of, scalar
from nhiscan.collectors.repo._workflows.steps import Bounds, Site, Steps
from nhiscan.collectors.repo._workflows.writer import FRAMEWORK, Spotted
from nhiscan.plugin import (
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Lifetime,
    Purpose,
    Trigger,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._workflows.triggers import Cause
    from nhiscan.collectors.repo._workflows.writer import Writer

_DEEPEST = 3
_MOST_STEPS = 2_000


@dataclass(frozen=True, slots=True, repr=False)
class Estate:
    """What a job needs to know of its checkout.

    `repository` is `owner/name`, `issuer` who signs its OIDC tokens; `opened` gives the action that
    a `./folder` in the workflow at a path leads to;
    `jobs_of` names the jobs of a reusable workflow here, `callers` the triggers of those who call one.
    """

    repository: str
    issuer: str
    opened: Callable[[str, str], Document | None]
    jobs_of: Mapping[str, tuple[str, ...]]
    callers: Mapping[str, frozenset[str]]


def write_job(job: Job, estate: Estate, writer: Writer) -> Steps:
    """Add the records of a job; gives the walk through it, to which more can be added."""
    job_id = f"{writer.scope_id}#{job.workflow.document.path}:{writer.book.scrub(job.name)}"
    permissions = effective(job)
    steps = list(_expanded(job.steps, job.workflow.document.path, estate, 0))[:_MOST_STEPS]
    cause = _cause(job, estate)
    # The environment of a workflow does not reach the workflows it calls.
    workflow_env = {} if job.calls else members(job.workflow.root, "env")
    writer.add(_consumer(job_id, _Parts(job, steps, cause, permissions), estate, writer))
    token_id = _token(job, job_id, permissions, writer)
    walk = Steps(Bounds(job, job_id, token_id, permissions, cause), writer)
    for level in (workflow_env, job.env):
        for name, node in level.items():
            walk.hand(node, Site(job_id, name, "env"))
        writer.literals(job_id, job.workflow.document, "env", level)
    for key in ("if", "strategy", "concurrency", "environment", "runs-on", "outputs", "defaults", "name"):
        walk.hand_below(job_id, job.node.at(key), key)
    walk.containers(lowered(workflow_env, job.env))
    if job.calls:
        call(job, walk, estate.jobs_of)
    walk.steps(steps, lowered(workflow_env, job.env))
    write_copilot(walk)
    return walk


def _expanded(steps: Iterator[Step], path: str, estate: Estate, depth: int) -> Iterator[Step]:
    """The steps, those of local composite actions after the step that runs them."""
    for step in steps:
        yield step
        if depth >= _DEEPEST or not step.uses.startswith("./"):
            continue
        document = estate.opened(path, step.uses)
        runs = document.root.at("runs", "steps") if document else None
        if document is None or runs is None:
            continue
        given = lowered(_defaults(document), step.inputs)
        inner = (
            Step(node, f"{step.index}.{number}", document, given)
            for number, node in enumerate(runs.list[:_MOST_STEPS], 1)
            if node.map
        )
        yield from _expanded(inner, path, estate, depth + 1)


def _defaults(document: Document) -> dict[str, Node]:
    return {n: d for n, i in members(document.root, "inputs").items() if (d := i.at("default")) is not None}


def _cause(job: Job, estate: Estate) -> Cause:
    """What sets the job to work; a reusable workflow is set to work by whatever sets its callers to work."""
    own = job.workflow.on.keys()
    called = estate.callers.get(job.workflow.document.path, frozenset()) if "workflow_call" in own else frozenset()
    condition = job.node.at("if")
    return triggers.cause({*own, *called}, scalar(condition) if condition else "")


@dataclass(frozen=True, slots=True, repr=False)
class _Parts:
    """What has been read of a job before its records are made."""

    job: Job
    steps: list[Step]
    cause: Cause
    permissions: Permissions


def _consumer(job_id: str, part: _Parts, estate: Estate, writer: Writer) -> Consumer:
    job, cause, permissions = part.job, part.cause, part.permissions
    document, environment = job.workflow.document, job.environment
    way = _way(job, part.steps, cause)
    return Consumer(
        id=job_id,
        scope_id=writer.scope_id,
        source=writer.book.source,
        locator=f"{document.path}:{job.node.key_line}",
        kind=ConsumerKind.PIPELINE,
        name=writer.book.scrub(f"{job.workflow.name} / {job.name}"),
        framework=FRAMEWORK,
        platform="github_actions",
        uri=document.path,
        line=job.node.key_line,
        visibility=document.visibility,
        environment=writer.book.scrub(environment.text or "") if environment else None,
        enabled=_enabled(job),
        autonomy=Autonomy.UNATTENDED,
        autonomy_basis=Basis.DEFAULT,
        trigger=cause.trigger,
        triggers=tuple(writer.book.scrub(n) for n in cause.names),
        runs_untrusted=_runs_untrusted(job, way, cause),
        gated=None if environment or job.calls else False,
        self_hosted=None if job.calls else runners.is_self_hosted(job),
        issuer=estate.issuer if permissions.federates else None,
        subjects=tuple(writer.book.scrub(s) for s in triggers.subjects(job, estate.repository))
        if permissions.federates
        else (),
        file_class=writer.class_of(document.path),
        tags=_tags(part, way, writer),
    )


def _enabled(job: Job) -> bool | None:
    """Whether it runs at all; None for a workflow that lies where GitHub does not look for it."""
    condition = job.node.at("if")
    if condition and expressions.conditional(scalar(condition)).strip() == "false":
        return False
    return True if not root_of(job.workflow.document.path) else None


def _way(job: Job, steps: list[Step], cause: Cause) -> str | None:
    """By which way what outsiders wrote comes to run in a job that they may set to work."""
    called = cause.trigger is None and "workflow_call" in cause.names
    if job.calls or (cause.trigger is not Trigger.UNTRUSTED and not called):
        return None
    actions = {i: p.action for i, s in enumerate(steps) if (p := parties.action(s.uses))}
    return scripts.takes_in(steps, actions, cause.names)


def _runs_untrusted(job: Job, way: str | None, cause: Cause) -> bool | None:
    if job.calls:
        return None
    if way is not None:
        return True
    return None if cause.trigger is None and "workflow_call" in cause.names else False


def _tags(part: _Parts, way: str | None, writer: Writer) -> dict[str, str]:
    job, steps, cause = part.job, part.steps, part.cause
    tags = {"takes_in": way} if way else {}
    if cause.privileged:
        tags["privileged_triggers"] = ",".join(cause.privileged)
    found = []
    for node in (n for part in (job.node, *(s.node for s in steps)) if (n := part.at("if")) is not None):
        if forged := triggers.bot_condition(scalar(node)):
            found.append((forged, node.line))
    if found:
        tags |= {"bot_condition": found[0][0], "bot_condition_lines": ",".join(str(n) for _, n in found[:20])}
    if group := job.node.text_at("runs-on", "group"):
        tags["runner_group"] = group
    return {k: writer.book.scrub(v) for k, v in tags.items()}


def _token(job: Job, job_id: str, permissions: Permissions, writer: Writer) -> str:
    document = job.workflow.document
    token_id = f"{job_id}:GITHUB_TOKEN"
    declared = {"declared": permissions.declared} if permissions.declared else {}
    writer.add(
        Credential(
            id=token_id,
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{document.path}:{permissions.line}",
            provider="github",
            kind=CredentialKind.TOKEN,
            name="GITHUB_TOKEN",
            lifetime=Lifetime.SHORT_LIVED,
            scopes=tuple(writer.book.scrub(s) for s in permissions.scopes) if permissions.scopes is not None else None,
            facts={"basis": permissions.basis, "workflow": permissions.workflow, **declared},
        )
    )
    at = Spotted("GITHUB_TOKEN", "job", document.path, job.node.key_line, Purpose.SOURCE, how=UseHow.ENV)
    writer.use(job_id, at, token_id)
    return token_id
