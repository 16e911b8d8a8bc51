"""Azure Pipelines: `azure-pipelines.yml` and its templates, each file by itself.

Facts (learn.microsoft.com/azure/devops/pipelines, read 2026-11): a service connection is a credential of the project
whose kind (secret or workload identity) only the server knows; without `trigger` every branch starts the pipeline,
without `pr` (repositories on GitHub and Bitbucket) every pull request does (yaml-schema/trigger, yaml-schema/pr);
builds of forks get no secrets unless a setting hands them over (security/repos); `vmImage` names a hosted machine, any
other pool is one of one's own (yaml-schema/pool); checks of an environment are kept on the server (process/approvals).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.azure_tasks import SYSTEM, inputs_of, is_foreign
from nhiscan.collectors.repo._pipelines.parts import (
    Call,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    Shared,
    git_pin,
    image_part,
    least_trusted,
    named,
    texts,
)
from nhiscan.plugin import Pin, Purpose, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "azure_pipelines"
_SCRIPTS = ("script", "bash", "pwsh", "powershell")
_WORK = ("stages", "jobs", "steps", "extends")
# `ne(variables['Build.Reason'], 'PullRequest')` and `eq(variables['Build.SourceBranch'], 'refs/heads/main')`; the ref
# of a pull request is `refs/pull/…` (build/variables).
_NO_PULL_REQUEST = re.compile(
    r"ne\([^()]*Build\.Reason[^()]*PullRequest|(?:eq|startsWith)\([^()]*Build\.SourceBranch[^()]*refs/(?:heads|tags)/"
    r"|eq\([^()]*Build\.SourceBranchName"
)
_DEEPEST = 20
_MOST = 2_000


def reads(root: Node) -> bool:
    """Whether a document is a pipeline or a template of Azure Pipelines."""
    if not any(k in root.map for k in _WORK):
        return False
    steps = [s for k in _WORK[:3] for s in _flat(root.at(k), 0)]
    marks = ("stage", "job", "deployment", "template", "task", "checkout", *_SCRIPTS)
    return "extends" in root.map or any(m in s.map for s in steps for m in marks)


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """The jobs of one file; a file with nothing but steps is one job."""
    del load
    root = document.root
    made = Pipeline(document, PLATFORM, read={document.path})
    repositories = _repositories(root)
    names, spots, held = _variables(root.at("variables"), shell.Names(known=SYSTEM, secret=_is_secret, macros=True))
    for node in _flat(root.at("resources", "repositories"), 0):
        if endpoint := node.text_at("endpoint"):
            connection = Ref("service_connection", endpoint)
            held.append(Held(connection, node.line, "endpoint", "input", Purpose.SOURCE, UseHow.CONFIGURED))
    made.shared.append(Shared(document, tuple(spots), tuple(held)))
    for name, node, stage in _jobs(root):
        job = Job(document, name, node.key_line)
        _stand(job, root, home)
        _narrow(job, node, stage)
        _fill(job, node, node.at("pool") or stage.at("pool") or root.at("pool"), names, repositories)
        made.jobs.append(job)
    extended = root.at("extends")
    if (
        extended
        and (template := extended.text_at("template"))
        and (part := _template(template, extended.line, repositories))
    ):
        made.parts.append(part)
    return made


def _jobs(root: Node) -> Iterator[tuple[str, Node, Node]]:
    """Name, node and stage of each job; the file itself is the stage of what has none."""
    count = 0
    for stage in [*_flat(root.at("stages"), 0), root]:
        within = stage.text_at("stage") if stage is not root else None
        for node in _flat(stage.at("jobs"), 0):
            count += 1
            name = node.text_at("job") or node.text_at("deployment") or node.text_at("template") or f"job {count}"
            yield f"{within}/{name}" if within else name, node, stage
        if stage is not root and "template" in stage.map:
            yield stage.text_at("template") or "template", stage, stage
    if "steps" in root.map:
        yield "steps", root, root


def _flat(node: Node | None, depth: int) -> Iterator[Node]:
    """The items of a list, those behind `${{ if }}` and `${{ each }}` among them."""
    for item in (node.list if node and depth < _DEEPEST else [])[:_MOST]:
        if item.map and all(k.startswith("${{") for k in item.map):
            for below in item.map.values():
                yield from _flat(below, depth + 1)
        elif item.map:
            yield item


def _is_secret(name: str) -> bool:
    return words.names_credential(name) and not name.lower().startswith(("system.", "build.", "agent.", "variables."))


def _variables(node: Node | None, outer: shell.Names) -> tuple[shell.Names, list[Spot], list[Held]]:
    members = [(k, n, n) for k, n in (node.map if node else {}).items()]
    groups: list[Held] = []
    for item in _flat(node, 0):
        if group := item.text_at("group"):
            groups.append(Held(Ref("variable_group", group), item.line, group, "env"))
        elif (name := item.text_at("name")) and (value := item.at("value")):
            members.append((name, value, item))
    names = replace(outer, plain=outer.plain | {k for k, _, _ in members})
    spots = [Spot("env", k, n.text, n.line) for k, n, _ in members if n.text and "$(" not in n.text]
    held = [h for k, n, _ in members if n.text for h in shell.value_refs(k, n, names)]
    return names, spots, groups + held


def _stand(job: Job, root: Node, home: Home) -> None:
    trigger, pull, schedules = root.at("trigger"), root.at("pr"), root.at("schedules")
    names = []
    if trigger is None or trigger.text != "none":
        names.append("push")
    if (pull is not None and pull.text != "none") or (pull is None and home.host in {"github.com", "bitbucket.org"}):
        names.append("pull_request")
    if schedules:
        names.append("schedule")
    if (
        "trigger" not in root.map
        and "pr" not in root.map
        and not ({"stages", "steps", "jobs"} & root.map.keys() - {"parameters"})
    ):
        names = []
    job.triggers = tuple(names or ["manual"])
    untrusted = "pull_request" in names
    job.runs_untrusted = untrusted
    job.trigger = (
        Trigger.UNTRUSTED if untrusted else Trigger.EVENT if "push" in names
        else Trigger.SCHEDULE if names else Trigger.MANUAL
    )  # fmt: skip
    if "parameters" in root.map and "trigger" not in root.map and "pr" not in root.map:
        # A file with parameters and no triggers is a template: whoever uses it decides.
        job.triggers, job.trigger, job.runs_untrusted = (), None, None


def _narrow(job: Job, node: Node, stage: Node) -> None:
    """Take away pull requests where a condition keeps them out."""
    conditions = [c for n in (node, stage) if (c := n.text_at("condition"))]
    if "pull_request" in job.triggers and any(_NO_PULL_REQUEST.search(c) for c in conditions):
        job.triggers = tuple(t for t in job.triggers if t != "pull_request")
        job.trigger = least_trusted(Trigger.SCHEDULE if t == "schedule" else Trigger.EVENT for t in job.triggers)
        job.runs_untrusted = False


def _fill(
    job: Job, node: Node, pool: Node | None, outer: shell.Names, repositories: Mapping[str, tuple[str, str | None]]
) -> None:
    job.environment = named(node.at("environment"), "name")
    job.gated = None if job.environment else False
    job.self_hosted = _self_hosted(pool)
    job.parts += image_part(named(node.at("container"), "image"), node.line)
    own = node.at("variables") if node is not job.document.root else None
    names, spots, held = _variables(own, outer)
    job.spots += spots
    job.held += held
    if (template := node.text_at("template")) and (part := _template(template, node.line, repositories)):
        job.parts.append(part)
    for step in _steps(node):
        _step(job, step, names, repositories)


def _self_hosted(pool: Node | None) -> bool | None:
    if pool is None or (pool.text is None and not pool.map):
        return None
    if pool.at("vmImage"):
        return False
    name = named(pool, "name")
    if not name or "$" in name:
        return None
    return not (name == "Azure Pipelines" or name.startswith("Hosted "))


def _steps(node: Node) -> Iterator[Node]:
    yield from _flat(node.at("steps"), 0)
    for strategy in n.map.values() if (n := node.at("strategy")) else ():
        for phase in strategy.map.values():
            yield from _flat(phase.at("steps"), 0)
            for outcome in phase.map.values():
                yield from _flat(outcome.at("steps"), 0)


def _step(job: Job, step: Node, names: shell.Names, repositories: Mapping[str, tuple[str, str | None]]) -> None:
    env = step.at("env")
    own: dict[str, Ref] = {}
    for name, member in (env.map if env else {}).items():
        if member.text is None:
            continue
        found = list(shell.value_refs(name, member, names))
        own.update((name, h.ref) for h in found if h.ref)
        job.held += found
        job.spots += [] if found else [Spot("env", name, member.text, member.line)]
    names = replace(names, plain=names.plain | set(env.map if env else ()), known={**(names.known or {}), **own})
    lines = [line for key in _SCRIPTS for line in texts(step.at(key))]
    task = step.text_at("task")
    inputs = step.at("inputs")
    if task:
        part = Part("task", task, Pin.RANGE if "@" in task else Pin.NONE, step.line) if is_foreign(task) else None
        if part:
            job.parts.append(part)
        held, spots, scripts = inputs_of(task, inputs, names, part.package if part else None)
        job.held += held
        job.spots += spots
        lines += scripts
        if task.lower().startswith("manualvalidation"):
            job.gated = True
        if task.lower().startswith("triggerbuild") and inputs and (called := inputs.text_at("buildDefinition")):
            job.calls.append(Call(called, "task", step.line))
    job.held += shell.held_in(lines, names)
    job.spots += shell.spots_in(lines)
    if (checkout := step.at("checkout")) and step.is_true("persistCredentials"):
        job.held.append(
            Held(
                SYSTEM["System.AccessToken"],
                checkout.line,
                "persistCredentials",
                "file",
                Purpose.SOURCE,
                UseHow.CONFIGURED,
            )
        )
    if (template := step.text_at("template")) and (part := _template(template, step.line, repositories)):
        job.parts.append(part)


def _repositories(root: Node) -> dict[str, tuple[str, str | None]]:
    """Other repositories by alias: name and ref."""
    return {
        alias: (node.text_at("name") or alias, node.text_at("ref"))
        for node in _flat(root.at("resources", "repositories"), 0)
        if (alias := node.text_at("repository"))
    }


def _template(template: str, line: int, repositories: Mapping[str, tuple[str, str | None]]) -> Part | None:
    path, at, alias = template.rpartition("@")
    if not at or alias == "self":
        return None
    name, ref = repositories.get(alias, (alias, None))
    pin = git_pin(ref) if alias in repositories else None
    return Part("template", f"{name}/{path.lstrip('/')}@{ref or ''}".rstrip("@"), pin, line)
