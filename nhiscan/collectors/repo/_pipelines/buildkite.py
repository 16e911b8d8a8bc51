"""Buildkite: `.buildkite/pipeline.yml`.

Facts (buildkite.com/docs, read 2026-11): `buildkite-agent oidc request-token` gives a token with the issuer
`https://agent.buildkite.com` and the subject `organization:<slug>:pipeline:<slug>:ref:<ref>:commit:<sha>:step:<key>`
(agent/cli-oidc, apis/workload-identity-federation/buildkite-agents); what stands after a block or input step waits for
a person unless it names what it depends on (pipelines/configure/step-types/block-step); builds of third-party forks are
off unless switched on; whether an agent is hosted only the server knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import (
    OWN,
    SECRET,
    VAULT,
    Call,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    Shared,
    git_pin,
    image_part,
    texts,
)
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import CredentialKind, Form, Lifetime, Purpose, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "buildkite"
_ISSUER = "agent.buildkite.com"
_FEDERATED = ("aws-assume-role-with-web-identity", "gcp-workload-identity-federation", "azure-login")
_VAULTS = {"aws-sm": "aws", "vault-secrets": "vault", "aws-ssm": "aws", "gcp-secret-manager": "gcp"}
_DEEPEST = 4
_MOST = 2_000


def reads(root: Node) -> bool:
    """Whether a document is a pipeline of Buildkite."""
    marks = ("command", "commands", "label", "block", "input", "wait", "trigger", "group", "plugins", "agents")
    return any(n.text == "wait" or any(m in n.map for m in marks) for n in _items(root))


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """One job per command or trigger step."""
    del load, home
    made = Pipeline(document, PLATFORM, read={document.path})
    root = document.root
    names, spots, held = _environment(root.at("env") if root.map else None, shell.Names())
    made.shared.append(Shared(document, tuple(spots), (*held, *_secrets(root.at("secrets") if root.map else None))))
    gated: bool | None = False
    seen = 0
    for step in _steps(_items(root), 0):
        if step.text in {"block", "input"} or "block" in step.map or "input" in step.map:
            # A block with a condition stands before some builds only.
            gated = True if gated is True or "if" not in step.map else None
            continue
        if not any(k in step.map for k in ("command", "commands", "trigger", "plugins")):
            continue
        seen += 1
        made.jobs.append(_job(document, step, seen, names, gated=gated))
    return made


def _items(root: Node) -> list[Node]:
    return list(root.list or (s.list if (s := root.at("steps")) else []))


def _steps(items: list[Node], depth: int) -> Iterator[Node]:
    for item in items[:_MOST]:
        if "group" in item.map and depth < _DEEPEST:
            yield from _steps(list(s.list) if (s := item.at("steps")) else [], depth + 1)
        else:
            yield item


def _environment(node: Node | None, outer: shell.Names) -> tuple[shell.Names, list[Spot], list[Held]]:
    members = [(k, n) for k, n in (node.map if node else {}).items() if n.text is not None]
    names = shell.Names(outer.plain | {k for k, _ in members})
    spots = [Spot("env", k, n.text or "", n.line) for k, n in members if "$" not in (n.text or "")]
    return names, spots, [h for k, n in members for h in shell.value_refs(k, n, names)]


def _secrets(node: Node | None) -> Iterator[Held]:
    """`secrets:` is a list of names, or variables and the names of what they are to hold."""
    for name, line in texts(node):
        yield Held(Ref(SECRET, name), line, name, "env", purpose_of(name))
    for variable, secret in (node.map if node else {}).items():
        if secret.text:
            yield Held(Ref(SECRET, secret.text), secret.line, variable, "env", purpose_of(secret.text))


def _job(document: Document, step: Node, number: int, outer: shell.Names, *, gated: bool | None) -> Job:
    name = (
        step.text_at("key") or step.text_at("id") or step.text_at("label") or step.text_at("name") or f"step {number}"
    )
    job = Job(document, name, step.line, Trigger.EVENT, ("push",), gated=gated)
    if "depends_on" in step.map and gated:
        job.gated = None
    names, spots, held = _environment(step.at("env"), outer)
    job.spots += spots
    job.held += [*held, *_secrets(step.at("secrets"))]
    lines = [*texts(step.at("command")), *texts(step.at("commands"))]
    job.held += shell.held_in(lines, names)
    job.spots += shell.spots_in(lines)
    given = list(_plugins(job, step.at("plugins"), names))
    if any("oidc request-token" in text for text, _ in lines) or given:
        _token(job, step, lines, given)
    if target := step.text_at("trigger"):
        job.calls.append(Call(target, "trigger", step.line))
    return job


def _plugins(job: Job, node: Node | None, names: shell.Names) -> Iterator[tuple[str, int]]:
    """Plugins as parts with what they are given; gives back the settings of those that take a role."""
    entries = [(n.text, n, n) for n in (node.list if node else ()) if n.text]
    entries += [(k, c, n) for n in (node.list if node else ()) for k, c in n.map.items()]
    entries += [(k, c, c) for k, c in (node.map if node else {}).items()]
    for package, options, at in entries:
        if package.startswith("./"):
            continue
        source, _, version = package.partition("#")
        short = source.rsplit("/", 1)[-1].removesuffix(".git").removesuffix("-buildkite-plugin")
        job.parts.append(Part("plugin", package, git_pin(version), at.line))
        for key, member in options.map.items():
            _setting(job, key, member, names, (short, package))
        for variable, line in [*texts(options.at("environment")), *texts(options.at("env"))]:
            if "=" not in variable and (ref := names.ref(variable)):
                job.held.append(Held(ref, line, variable, "env", purpose_of(variable), by=package))
        if short in _FEDERATED:
            yield "", at.line
            yield from ((f"{k}={n.text}", n.line) for k, n in options.map.items() if n.text)


def _setting(job: Job, key: str, member: Node, names: shell.Names, plugin: tuple[str, str]) -> None:
    """One setting of a plugin, given by its short name and as it is written."""
    short, package = plugin
    if key == "image":
        job.parts += image_part(member.text, member.line)
    elif short in _VAULTS and key in {"env", "secrets", "parameters"}:
        job.held += _fetched(member, _VAULTS[short], package)
    elif member.text and key.endswith("-env") and words.names_credential(member.text):
        ref, how = Ref(SECRET, member.text), UseHow.CONFIGURED
        job.held.append(Held(ref, member.line, key, "input", purpose_of(member.text), how, by=package))
    elif member.text:
        found = list(shell.value_refs(key, member, names, place="input", by=package))
        job.held += found
        job.spots += [] if found or "$" in member.text else [Spot("input", key, member.text, member.line)]


def _fetched(node: Node, provider: str, package: str) -> Iterator[Held]:
    for variable, member in node.map.items():
        if path := member.text or member.text_at("secret-id"):
            ref = Ref(VAULT, path, provider=provider)
            yield Held(ref, member.line, variable, "env", purpose_of(variable), UseHow.ENV, Form.VAULT, by=package)


def _token(job: Job, step: Node, lines: list[tuple[str, int]], given: list[tuple[str, int]]) -> None:
    branch = step.text_at("branches") or ""
    ref = f"refs/heads/{branch}" if branch and not set(branch) & set("*! ") else "*"
    job.issuer = _ISSUER
    job.subjects = (f"organization:*:pipeline:*:ref:{ref}:commit:*:step:{step.text_at('key') or '*'}",)
    token = Ref(OWN, "oidc", CredentialKind.JWT, "buildkite", Lifetime.SHORT_LIVED)
    job.held.append(Held(token, step.line, "oidc", "oidc", Purpose.CLOUD, UseHow.ENV, Form.FEDERATED))
    job.held += shell.roles([*lines, *given])
