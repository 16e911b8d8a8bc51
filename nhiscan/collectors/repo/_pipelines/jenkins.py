"""Jenkinsfiles, declarative and scripted: one job per innermost stage.

Facts (jenkins.io/doc/book/pipeline, read 2026-11): `withCredentials` and `credentials()` name credentials of the
controller; a secret that Groovy puts into a double-quoted step is part of the command line and of the process list
(jenkinsfile#string-interpolation); agents are machines of one's own; which pull requests are built, those of forks
among them, is set on the controller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.groovy import Block, Token, parse, settings
from nhiscan.collectors.repo._pipelines.parts import SECRET, Call, Held, Job, Part, Pipeline, Ref, git_pin, image_part
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import CredentialKind, Purpose, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "jenkins"
LOOKS_LIKE = re.compile(r"\b(?:pipeline|node|stage|withCredentials)\s*[({]|@Library")
_KINDS = {
    "usernamePassword": CredentialKind.PASSWORD, "usernameColonPassword": CredentialKind.PASSWORD,
    "sshUserPrivateKey": CredentialKind.SSH_KEY, "sshagent": CredentialKind.SSH_KEY,
    "certificate": CredentialKind.CERTIFICATE, "aws": CredentialKind.ACCESS_KEY,
}  # fmt: skip
_STEPS = {
    "withKubeConfig": Purpose.CLOUD, "withAWS": Purpose.CLOUD, "azureServicePrincipal": Purpose.CLOUD,
    "aws": Purpose.CLOUD, "git": Purpose.SOURCE, "checkout": Purpose.SOURCE, "sshagent": Purpose.SOURCE,
    "sshUserPrivateKey": Purpose.SOURCE, "docker.withRegistry": Purpose.REGISTRY, "userRemoteConfigs": Purpose.SOURCE,
    "withDockerRegistry": Purpose.REGISTRY,
}  # fmt: skip
_KEYS = ("credentialsId", "registryCredentialsId", "credentials", "awsCredentialsId")
_COMMANDS = frozenset({"sh", "bat", "powershell", "pwsh", "echo"})
_TRIGGERS = {
    "cron": ("schedule", Trigger.SCHEDULE), "pollSCM": ("poll", Trigger.EVENT), "upstream": ("upstream", Trigger.EVENT),
    "githubPush": ("push", Trigger.EVENT), "GenericTrigger": ("webhook", Trigger.EVENT),
    "bitbucketPush": ("push", Trigger.EVENT), "gitlab": ("push", Trigger.EVENT),
    "issueCommentTrigger": ("issue_comment", Trigger.UNTRUSTED), "ghprb": ("pull_request", Trigger.UNTRUSTED),
    "githubPullRequests": ("pull_request", Trigger.UNTRUSTED),
}  # fmt: skip
_INTERPOLATED = re.compile(r"(?<!\\)\$(?:\{(?:env\.)?(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class _Context:
    """What a stage has from the blocks around it; `known` are the variables that stand for a secret."""

    known: Mapping[str, Ref]
    held: tuple[Held, ...] = ()
    spots: tuple[Spot, ...] = ()
    parts: tuple[Part, ...] = ()
    trigger: Trigger | None = None
    triggers: tuple[str, ...] = ()


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """The stages of a Jenkinsfile, whose text is the value of the document's root."""
    del load, home
    root = parse(document.root.text or "")
    made = Pipeline(document, PLATFORM, read={document.path})
    made.parts += _libraries(root)
    rest = Job(document, "pipeline", 1, self_hosted=True, gated=False)
    _walk(root, _Context({}), made, rest)
    if rest.held or rest.spots or not made.jobs:
        made.jobs.append(rest)
    return made


def _walk(block: Block, outer: _Context, made: Pipeline, rest: Job) -> None:
    """Jobs for the innermost stages; what lies between stages belongs to the pipeline as a whole."""
    inner = _context(block, outer)
    stage = _stage_name(block)
    if stage is not None and not any(_has_stage(b) for b in block.blocks):
        job = Job(made.document, stage, block.line, inner.trigger, inner.triggers, self_hosted=True, gated=False)
        job.held += inner.held
        job.spots += inner.spots
        job.parts += inner.parts
        _fill(block, inner, job)
        made.jobs.append(job)
        return
    if not any(_has_stage(b) for b in block.blocks) and block.name not in {"environment", "agent", "triggers"}:
        fresh = replace(outer, held=(), spots=(), parts=())
        within = _context(block, fresh)
        rest.held += within.held
        rest.spots += within.spots
        rest.trigger, rest.triggers = outer.trigger, outer.triggers
        _fill(block, within, rest)
        return
    for statement in block.statements:
        _statement(statement, inner, rest)
    for child in block.blocks:
        if child.name not in {"environment", "agent", "triggers"}:
            _walk(child, inner, made, rest)


def _stage_name(block: Block) -> str | None:
    if block.name != "stage":
        return None
    return next((t.text for t in block.head if t.kind.endswith("string")), "stage")


def _has_stage(block: Block) -> bool:
    return block.name == "stage" or any(_has_stage(b) for b in block.blocks)


def _context(block: Block, outer: _Context) -> _Context:
    """The context inside a block: credentials its head binds, its environment, agent and triggers."""
    bound = list(_bindings(block.head))
    known = {**outer.known, **{n: h.ref for h, names in bound for n in names if h.ref}}
    held = [*outer.held, *(h for h, _ in bound)]
    spots, parts, trigger, triggers = [*outer.spots], [*outer.parts], outer.trigger, outer.triggers
    for child in block.blocks:
        if child.name == "environment":
            for statement in child.statements:
                _environment(statement, known, held, spots)
        elif child.name == "agent":
            parts += _agent(child)
        elif child.name == "triggers":
            names = [_TRIGGERS[t.text] for s in child.statements for t in s[:1] if t.text in _TRIGGERS]
            triggers = tuple(n for n, _ in names)
            trigger = next(
                (k for k in (Trigger.UNTRUSTED, Trigger.EVENT, Trigger.SCHEDULE) if any(t is k for _, t in names)), None
            )
    return _Context(known, tuple(held), tuple(spots), tuple(parts), trigger, triggers)


def _bindings(tokens: list[Token]) -> Iterator[tuple[Held, list[str]]]:
    """Credentials that a step names, and the variables in which it hands them on."""
    step = next((t.text for t in tokens if t.kind == "word"), "")
    for word, pairs in settings(tokens):
        for key in _KEYS:
            value = pairs.get(key)
            if value is None:
                continue
            kind = "aws" if "AmazonWebServicesCredentialsBinding" in {t.text for t in pairs.values()} else word
            variables = [
                t.text for k, t in pairs.items() if k.lower().endswith("variable") and not k.startswith("username")
            ]
            name = variables[0] if variables else key
            yield _held(value, name, kind, _STEPS.get(kind) or _STEPS.get(step)), variables
    texts = [t for t in tokens if t.kind.endswith("string")]
    if step == "sshagent" and texts and not any(t.text in _KEYS for t in tokens):
        for each in texts:
            yield _held(each, "sshagent", "sshagent", Purpose.SOURCE), []
    elif step == "docker.withRegistry" and len(texts) > 1:
        yield _held(texts[1], "withRegistry", "usernamePassword", Purpose.REGISTRY), []
    elif step in _KEYS and len(texts) == 1 and len(tokens) <= 4:
        yield _held(texts[0], step, "", None), []


def _held(value: Token, name: str, kind: str, purpose: Purpose | None) -> Held:
    literal = value.kind == "string" or (value.kind == "gstring" and "$" not in value.text)
    ref = Ref(SECRET, value.text, _KINDS.get(kind)) if literal and value.text else None
    purpose = purpose or purpose_of(name) or (purpose_of(value.text) if ref else None)
    return Held(ref, value.line, name, "env" if name not in _KEYS else "input", purpose)


def _environment(statement: list[Token], known: dict[str, Ref], held: list[Held], spots: list[Spot]) -> None:
    if len(statement) < 3 or statement[1].text != "=":
        return
    name, value = statement[0], statement[2]
    if value.text == "credentials" and len(statement) > 4 and statement[4].kind.endswith("string"):
        item = _held(statement[4], name.text, "", None)
        held.append(replace(item, place="env"))
        if item.ref:
            known.update({name.text: item.ref, f"{name.text}_PSW": item.ref})
    elif value.kind == "string" or (value.kind == "gstring" and "$" not in value.text):
        spots.append(Spot("env", name.text, value.text, value.line))


def _agent(block: Block) -> Iterator[Part]:
    for inner in [block, *block.blocks]:
        for statement in inner.statements:
            if len(statement) > 1 and statement[0].text in {"image", "docker"} and statement[1].kind.endswith("string"):
                yield from image_part(statement[1].text, statement[1].line)


def _fill(block: Block, context: _Context, job: Job) -> None:
    """Everything below a stage."""
    job.gated = True if block.name == "input" else job.gated
    for statement in block.statements:
        _statement(statement, context, job)
    for child in block.blocks:
        if child.name in {"environment", "triggers"}:
            continue
        if child.name == "changeRequest":
            job.triggers = (*job.triggers, "change_request")
        job.parts += _agent(child) if child.name == "agent" else _image(child.head)
        inner = _context(child, replace(context, held=(), spots=(), parts=()))
        job.held += inner.held
        job.spots += inner.spots
        _fill(child, inner, job)


def _image(tokens: list[Token]) -> Iterator[Part]:
    if tokens and tokens[0].text == "docker.image":
        text = next((t for t in tokens if t.kind.endswith("string")), None)
        yield from image_part(text.text if text else None, tokens[0].line)


def _statement(statement: list[Token], context: _Context, job: Job) -> None:
    first = statement[0].text
    if first == "input":
        job.gated = True
    elif first == "build" and (target := next((t for t in statement[1:] if t.kind.endswith("string")), None)):
        job.calls.append(Call(target.text, "build", target.line))
    job.held += (h for h, _ in _bindings(statement))
    for word, pairs in settings(statement):
        default = pairs.get("defaultValue")
        if word == "password" and default and default.kind == "string":
            job.spots.append(
                Spot(
                    "input",
                    pairs["name"].text if "name" in pairs else "password",
                    default.text,
                    default.line,
                    forced=True,
                )
            )
    plain = frozenset(s.name for s in (*context.spots, *job.spots) if isinstance(s, Spot))
    # What the file does not bind comes from the environment of the agent or of the job.
    names = shell.Names(plain, context.known, lambda n: n.isupper() and words.names_credential(n), "env")
    if first not in _COMMANDS and not any(t.text in _COMMANDS for t in statement if t.kind == "word"):
        return
    for token in statement:
        if not token.kind.endswith("string"):
            continue
        line = [(f"echo {token.text}" if first == "echo" else token.text, token.line)]
        told = list(shell.held_in(line, names))
        if token.kind == "gstring":
            put = {a or b for a, b in _INTERPOLATED.findall(token.text)}
            told += [Held(h.ref, h.line, h.name, "log", Purpose.EXPOSED) for h in told if h.name in put and h.ref]
        job.held += told
        job.spots += shell.spots_in(line)


def _libraries(block: Block) -> Iterator[Part]:
    """Shared libraries of the top level: their code runs with everything that the pipeline has."""
    for statement in [*block.statements, *(b.head for b in block.blocks)]:
        named = next((i for i, t in enumerate(statement) if t.text in {"Library", "library"}), None)
        for token in statement[named + 1 :] if named is not None else ():
            if token.kind.endswith("string"):
                yield Part("library", token.text, git_pin(token.text.partition("@")[2]), token.line)
