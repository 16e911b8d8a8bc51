"""Records of the agents that a pipeline starts: who may set them to work, and what they may do unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.tools import classify, is_unrestricted
from nhiscan.collectors.repo._workflows import triggers
from nhiscan.collectors.repo._workflows.runners import is_self_hosted
from nhiscan.collectors.repo._workflows.shape import scalar
from nhiscan.collectors.repo._workflows.writer import Spotted
from nhiscan.plugin import (
    Approval,
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Form,
    Purpose,
    Tool,
    Trigger,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.collectors.repo._workflows.parties import Party
    from nhiscan.collectors.repo._workflows.robots import Robot
    from nhiscan.collectors.repo._workflows.shape import Step
    from nhiscan.collectors.repo._workflows.steps import Steps

_COPILOT = "copilot-setup-steps"
_COPILOT_FILES = frozenset({f"{_COPILOT}.yml", f"{_COPILOT}.yaml"})
# Inputs that name what the job's proof is exchanged for, of each action's README (read 2026-11).
_FEDERATED = (
    ("anthropic_federation_rule_id", "anthropic"),
    ("gcp_workload_identity_provider", "gcp"),
)


def write_agent(robot: Robot, step: Step, party: Party | None, walk: Steps, number: int) -> str:
    """Add an agent with its tools and its federated access to the model; gives its id."""
    writer = walk.writer
    path, node = step.document.path, step.node.at("uses") or step.node.at("run") or step.node
    agent_id = f"{walk.job_id}:agent:{robot.framework}" + (f":{number}" if number > 1 else "")
    opened = writer.book.scrub(robot.open_to) if robot.open_to else None
    trigger = _trigger(robot, step, walk)
    writer.add(
        Consumer(
            id=agent_id,
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{path}:{node.key_line}",
            kind=ConsumerKind.AGENT,
            name=robot.framework,
            framework=robot.framework,
            parent_id=walk.job_id,
            uri=path,
            line=node.key_line,
            visibility=step.document.visibility,
            enabled=True,
            autonomy=Autonomy.UNATTENDED,
            autonomy_basis=Basis.EXPLICIT,
            approval=robot.approval,
            approval_basis=robot.basis,
            bypass=robot.bypass or opened,
            sandbox=writer.book.scrub(robot.sandbox) if robot.sandbox else None,
            platform="github_actions",
            launcher=party.launcher if party else None,
            package=writer.book.scrub(party.package) if party else None,
            pin=party.pin if party else None,
            trigger=trigger,
            triggers=walk.cause.names,
            runs_untrusted=_reads_outsiders(walk),
            gated=None if walk.job.environment else False,
            file_class=writer.class_of(path),
            tags={**robot.tags, **_checks(robot, opened)},
        )
    )
    write_tools(agent_id, robot.allowed, Approval.AUTO, walk, (path, node.key_line))
    write_tools(agent_id, robot.denied, Approval.DENY, walk, (path, node.key_line))
    for name, _ in _FEDERATED:
        if name in step.inputs:
            line = step.inputs[name].line
            at = Spotted(name, "input", path, line, Purpose.MODEL, Form.FEDERATED, UseHow.FEDERATED)
            writer.use(agent_id, at)
    return agent_id


def write_copilot(walk: Steps) -> None:
    """Add the Copilot coding agent, for which a job of a reserved name prepares the machine it then works on.

    docs.github.com/copilot/customizing-copilot/customizing-the-development-environment-for-copilot-coding-agent: the
    file and its only job are called so; who may write to the repository sets the agent to work; it does not ask.
    Its firewall and its secrets are settings of the repository that no file shows.
    """
    job, writer = walk.job, walk.writer
    document = job.workflow.document
    if job.name != _COPILOT or document.path.rpartition("/")[2] not in _COPILOT_FILES:
        return
    writer.add(
        Consumer(
            id=f"{walk.job_id}:agent:copilot-coding-agent",
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{document.path}:{job.node.key_line}",
            kind=ConsumerKind.AGENT,
            name="copilot-coding-agent",
            framework="copilot-coding-agent",
            parent_id=walk.job_id,
            uri=document.path,
            line=job.node.key_line,
            visibility=document.visibility,
            enabled=True,
            autonomy=Autonomy.UNATTENDED,
            autonomy_basis=Basis.DEFAULT,
            approval=Approval.AUTO,
            approval_basis=Basis.DEFAULT,
            platform="github_actions",
            trigger=Trigger.EVENT,
            self_hosted=is_self_hosted(job),
        )
    )


def write_tools(agent_id: str, patterns: Iterable[str], approval: Approval, walk: Steps, at: tuple[str, int]) -> None:
    """Add what an agent may call, or may not."""
    writer, (path, line) = walk.writer, at
    for pattern in dict.fromkeys(patterns):
        name = writer.book.scrub(pattern)
        writer.add(
            Tool(
                id=f"{agent_id}#tool:{approval}:{name}",
                scope_id=writer.scope_id,
                source=writer.book.source,
                locator=f"{path}:{line}",
                consumer_id=agent_id,
                name=name,
                class_=classify(pattern),
                approval=approval,
                approval_basis=Basis.EXPLICIT,
                unrestricted=is_unrestricted(pattern),
                uri=path,
                line=line,
            )
        )


def _trigger(robot: Robot, step: Step, walk: Steps) -> Trigger | None:
    """The job's trigger, less what the step's own condition or the agent's own check keeps away."""
    condition, outer = step.node.at("if"), walk.job.node.at("if")
    conditions = [scalar(n) for n in (outer, condition) if n is not None]
    trigger = triggers.cause(walk.cause.names, *conditions).trigger
    if trigger is Trigger.UNTRUSTED and robot.checks and robot.open_to is None:
        return Trigger.EVENT
    return trigger


def _reads_outsiders(walk: Steps) -> bool | None:
    """An agent reads what set it to work, so it takes in whatever outsiders can write there."""
    if walk.cause.trigger is None:
        return None
    written = triggers.PRIVILEGED | {"pull_request", "pull_request_review", "pull_request_review_comment"}
    return bool(written & set(walk.cause.names))


def _checks(robot: Robot, opened: str | None) -> dict[str, str]:
    if robot.checks is None:
        return {}
    return {"actor_check": "none" if not robot.checks else opened or "write_access"}
