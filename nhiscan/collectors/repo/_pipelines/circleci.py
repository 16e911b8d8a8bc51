"""CircleCI: `.circleci/config.yml`.

Facts (circleci.com/docs, read 2026-11): contexts are sets of variables of the organisation that a workflow hands to a
job; the issuer of a job's OIDC token is `https://oidc.circleci.com/org/<organisation id>`, its subject
`org/<id>/project/<id>/user/<id>` and for the second version also `/vcs-origin/<repository>/vcs-ref/<ref>`
(openid-connect-tokens); a resource class with a slash is a runner of one's own (runner-overview); orbs follow
semantic versions, `@volatile` is whatever is newest (orb-concepts); builds of forked pull requests are off unless
switched on (oss), so a push is an event of members.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import (
    OWN,
    SECRET,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    image_part,
    named,
    texts,
)
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import CredentialKind, Form, Lifetime, Pin, Purpose, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "circleci"
_TOKEN = re.compile(r"\$\{?CIRCLE_OIDC_TOKEN(_V2)?\b")
_ROLE_KEYS = ("role_arn", "role-arn", "aws_role_arn", "oidc_role_arn")
_VARIABLE_NAME = re.compile(r"\$?\{?([A-Z][A-Z0-9_]{2,})\}?")
_ORB_VERSION = re.compile(r"\d+\.\d+\.\d+$")
_DEEPEST = 5
_MOST_STEPS = 2_000


@dataclass(frozen=True, slots=True, repr=False)
class _Around:
    """What is the same for all jobs of a file."""

    document: Document
    orbs: Mapping[str, Part]
    home: Home


@dataclass(slots=True, repr=False)
class _Steps:
    """What the steps of one job come to: lines of commands, and settings given to orbs."""

    names: shell.Names
    lines: list[tuple[str, int]] = field(default_factory=list)
    values: dict[str, Node] = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class _Usage:
    """How workflows use one job."""

    contexts: dict[str, int] = field(default_factory=dict)
    gated: list[bool] = field(default_factory=list)
    scheduled: list[bool] = field(default_factory=list)
    line: int = 0
    values: dict[str, Node] = field(default_factory=dict)


def reads(root: Node) -> bool:
    """Whether a document is a configuration of CircleCI."""
    return "version" in root.map and ("jobs" in root.map or "workflows" in root.map or "orbs" in root.map)


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """The jobs of one configuration, those that come out of an orb included."""
    del load
    root = document.root
    made = Pipeline(document, PLATFORM, read={document.path})
    usages = _usages(root)
    orbs = _orbs(root)
    around = _Around(document, orbs, home)
    jobs = root.at("jobs")
    for name, node in (jobs.map if jobs else {}).items():
        made.jobs.append(_job(around, name, node, usages.get(name)))
    for name, usage in usages.items():
        orb = orbs.get(name.partition("/")[0])
        if "/" in name and orb and not (jobs and name in jobs.map):
            job = Job(document, name, usage.line, parts=[orb])
            _stand(job, usage)
            job.held += _given(usage.values, orb.package)
            made.jobs.append(
                _with_token(job, [(n.text, n.line) for n in usage.values.values() if n.text], usage.values, home)
            )
    return made


def _orbs(root: Node) -> dict[str, Part]:
    node = root.at("orbs")
    return {
        name: Part("orb", orb.text, _orb_pin(orb.text), orb.line)
        for name, orb in (node.map if node else {}).items()
        if orb.text
    }


def _orb_pin(orb: str) -> Pin | None:
    version = orb.partition("@")[2]
    if "<<" in version:
        return None
    if not version or version == "volatile":
        return Pin.LATEST
    if version.startswith("dev:"):
        return Pin.TAG
    return Pin.EXACT if _ORB_VERSION.match(version) else Pin.RANGE


def _usages(root: Node) -> dict[str, _Usage]:
    found: dict[str, _Usage] = defaultdict(_Usage)
    workflows = root.at("workflows")
    for workflow in (workflows.map if workflows else {}).values():
        entries = [e for n in (workflow.at("jobs") or workflow).list if (e := _entry(n))]
        waits = {name: [t for t, _ in texts(o.get("requires"))] for name, _, o, _ in entries}
        approvals = {name for name, _, o, _ in entries if (t := o.get("type")) and t.text == "approval"}
        triggers = workflow.at("triggers")
        scheduled = bool(triggers and any("schedule" in t.map for t in triggers.list))
        for name, job, options, line in entries:
            if name in approvals:
                continue
            usage = found[job]
            usage.line = usage.line or line
            usage.contexts.update((t, n) for t, n in texts(options.get("context")))
            usage.gated.append(_waits_for(name, waits, approvals))
            usage.scheduled.append(scheduled)
            usage.values.update(
                {k: n for k, n in options.items() if k not in {"requires", "context", "filters", "name"}}
            )
    return found


def _entry(node: Node) -> tuple[str, str, Mapping[str, Node], int] | None:
    """The name in the workflow, the job, its options and the line of one entry."""
    if node.text is not None:
        return node.text, node.text, {}, node.line
    for job, options in node.map.items():
        return options.text_at("name") or job, job, options.map, options.key_line
    return None


def _waits_for(name: str, waits: Mapping[str, list[str]], approvals: set[str]) -> bool:
    """Whether a job waits, by whatever way, for a person."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for before in waits.get(todo.pop(), ()):
            if before in approvals:
                return True
            if before not in seen:
                seen.add(before)
                todo.append(before)
    return False


def _stand(job: Job, usage: _Usage | None) -> None:
    job.triggers, job.trigger, job.gated = ("push",), Trigger.EVENT, False
    if usage is None or not usage.gated:
        return
    job.gated = all(usage.gated) if all(usage.gated) == any(usage.gated) else None
    if all(usage.scheduled):
        job.triggers, job.trigger = ("schedule",), Trigger.SCHEDULE
    elif any(usage.scheduled):
        job.triggers = ("push", "schedule")
    for context, line in usage.contexts.items():
        job.held.append(Held(Ref("context", context), line, context, "env"))


def _job(around: _Around, name: str, node: Node, usage: _Usage | None) -> Job:
    document = around.document
    job = Job(document, name, node.key_line)
    _stand(job, usage)
    root = document.root
    machine = _executor(node, root)
    plain = {k for n in (node, machine) if (e := n.at("environment")) for k in e.map}
    names = shell.Names(frozenset(plain), {}, lambda n: words.names_credential(n) and not n.startswith("CIRCLE_OIDC"))
    for owner in (node, machine):
        _environment(job, owner.at("environment"), names)
    size = node.text_at("resource_class") or machine.text_at("resource_class")
    job.self_hosted = None if size and "<<" in size else bool(size and "/" in size)
    for image in (machine.at("docker") or machine).list:
        job.parts += image_part(image.text_at("image"), image.line)
        _environment(job, image.at("environment"), names)
        _logins(job, image, names)
    read = _Steps(names)
    for step in _steps(node.at("steps"), root, 0):
        _step(job, step, around.orbs, read)
    job.held += shell.held_in(read.lines, names)
    job.spots += shell.spots_in(read.lines)
    return _with_token(job, read.lines, read.values, around.home)


def _executor(node: Node, root: Node) -> Node:
    name = named(node.at("executor"), "name")
    found = root.at("executors", name) if name else None
    return found or node


def _environment(job: Job, node: Node | None, names: shell.Names) -> None:
    members = [
        *(node.map.items() if node else ()),
        *((k, n) for i in (node.list if node else ()) for k, n in i.map.items()),
    ]
    for name, member in members:
        if member.text is not None:
            job.spots.append(Spot("env", name, member.text, member.line))
            job.held += shell.value_refs(name, member, names)


def _logins(job: Job, image: Node, names: shell.Names) -> None:
    for key in ("auth", "aws_auth"):
        for name, member in (n.map if (n := image.at(key)) else {}).items():
            if member.text is None:
                continue
            for item in shell.value_refs(name, member, names, place="key"):
                job.held.append(Held(item.ref, item.line, name, "key", Purpose.REGISTRY, item.how))
            if words.names_credential(name) and "$" not in member.text:
                job.spots.append(Spot("key", name, member.text, member.line, forced=True))


def _steps(node: Node | None, root: Node, depth: int) -> Iterator[Node]:
    """The steps of a job, commands of the same file put in their place."""
    for step in (node.list if node and depth <= _DEEPEST else [])[:_MOST_STEPS]:
        name = step.text or next(iter(step.map), "")
        own = root.at("commands", name)
        if name in {"when", "unless"}:
            yield from _steps(step.at(name, "steps"), root, depth + 1)
        elif own:
            yield from _steps(own.at("steps"), root, depth + 1)
        else:
            yield step


def _step(job: Job, step: Node, orbs: Mapping[str, Part], read: _Steps) -> None:
    name = step.text or next(iter(step.map), "")
    options = step.at(name)
    orb = orbs.get(name.partition("/")[0]) if "/" in name else None
    if name == "run" and options:
        read.lines += [(c.text, c.line) for c in (options, options.at("command")) if c and c.text]
        _environment(job, options.at("environment"), read.names)
    elif name == "add_ssh_keys":
        prints = texts(options.at("fingerprints") if options else None)
        if not prints:
            job.held.append(Held(None, step.line, name, "all_secrets", Purpose.SOURCE, UseHow.CONFIGURED))
        for mark, line in prints:
            ref = Ref("ssh_key", mark, CredentialKind.SSH_KEY)
            job.held.append(Held(ref, line, name, "file", Purpose.SOURCE, UseHow.MOUNTED))
    elif orb:
        job.parts.append(orb)
        given = dict(options.map) if options else {}
        read.values.update(given)
        job.held += _given(given, orb.package)


def _given(options: Mapping[str, Node], package: str) -> Iterator[Held]:
    """Secrets handed to an orb, as a reference or by the bare name of the variable (`env_var_name`)."""
    for name, node in options.items():
        match = _VARIABLE_NAME.fullmatch(node.text or "")
        if match and words.names_credential(match[1]):
            yield Held(
                Ref(SECRET, match[1]), node.line, name, "input", purpose_of(match[1], ""), UseHow.CONFIGURED, by=package
            )


def _with_token(job: Job, lines: list[tuple[str, int]], values: Mapping[str, Node], home: Home) -> Job:
    """The job with issuer and subjects if it uses its OIDC token, or an orb that does is given a role."""
    used = {m[1] for text, _ in lines for m in _TOKEN.finditer(text)}
    given = [(node.text, node.line) for key in _ROLE_KEYS if (node := values.get(key)) and node.text]
    if not used and not given:
        return job
    origin = f"{home.host}/{home.path}" if home.host else "*"
    plain = "org/*/project/*/user/*"
    job.issuer = "oidc.circleci.com/org/*"
    wider = f"{plain}/vcs-origin/{origin}/vcs-ref/*"
    job.subjects = (plain,) if used == {None} else (wider,) if used == {"_V2"} else (plain, wider)
    line = lines[0][1] if lines else given[0][1]
    name = "CIRCLE_OIDC_TOKEN_V2" if used != {None} else "CIRCLE_OIDC_TOKEN"
    ref = Ref(OWN, name, CredentialKind.JWT, "circleci", Lifetime.SHORT_LIVED)
    job.held.append(Held(ref, line, name, "oidc", Purpose.CLOUD, UseHow.ENV, Form.FEDERATED))
    job.held += shell.roles([*lines, *((f"role-arn {text}", n) for text, n in given)])
    return job
