"""Bitbucket Pipelines: `bitbucket-pipelines.yml`.

Facts (support.atlassian.com/bitbucket-cloud, read 2026-11): a step with `oidc: true` gets a token whose issuer is
`https://api.bitbucket.org/2.0/workspaces/<workspace>/pipelines-config/identity/oidc` and whose subject is
`{repository uuid}[:{environment uuid}]:{step uuid}` (integrate-pipelines-with-resource-servers-using-oidc); pull
requests of forks start no pipeline of the parent (pipeline-start-conditions); `self.hosted` is the
label of every runner of one's own (configure-your-runner-in-bitbucket-pipelines-yml).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import (
    OWN,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    Shared,
    git_pin,
    image_part,
    image_pin,
    named,
    texts,
)
from nhiscan.plugin import CredentialKind, Form, Lifetime, Pin, Purpose, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "bitbucket_pipelines"
_TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"  # noqa: S105 - a variable's name
_TRIGGERS = {
    "default": ("push", Trigger.EVENT), "branches": ("push", Trigger.EVENT), "tags": ("tag", Trigger.EVENT),
    "bookmarks": ("push", Trigger.EVENT), "pull-requests": ("pull_request", Trigger.EVENT),
    "custom": ("custom", Trigger.MANUAL),
}  # fmt: skip
_DEEPEST = 6


def reads(root: Node) -> bool:
    """Whether a document is a configuration of Bitbucket Pipelines."""
    return "pipelines" in root.map


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """One job per step."""
    del load
    made = Pipeline(document, PLATFORM, read={document.path})
    services = document.root.at("definitions", "services")
    spots = [
        Spot("env", name, node.text, node.line)
        for service in (services.map.values() if services else ())
        for variables in [service.at("variables")]
        if variables
        for name, node in variables.map.items()
        if node.text is not None and "$" not in node.text
    ]
    made.shared.append(Shared(document, tuple(spots)))
    seen: dict[str, int] = {}
    for section, start in (p.map if (p := document.root.at("pipelines")) else {}).items():
        groups = start.map.items() if start.map else [("", start)]
        for pattern, steps in groups:
            for step, deployment in _steps(steps, None, 0):
                stem = "/".join(p for p in (section, pattern, step.text_at("name") or "step") if p)
                seen[stem] = seen.get(stem, 0) + 1
                name = stem if seen[stem] == 1 else f"{stem} {seen[stem]}"
                made.jobs.append(_job(document, name, step, deployment, home))
    return made


def _steps(node: Node, deployment: str | None, depth: int) -> Iterator[tuple[Node, str | None]]:
    for item in node.list if depth < _DEEPEST else ():
        if step := item.at("step"):
            yield step, step.text_at("deployment") or deployment
        for key in ("parallel", "stage"):
            if group := item.at(key):
                below = group.at("steps") or group
                yield from _steps(below, group.text_at("deployment") or deployment, depth + 1)


def _job(document: Document, name: str, step: Node, deployment: str | None, home: Home) -> Job:
    root = document.root
    job = Job(document, name, step.key_line, environment=deployment)
    trigger, kind = _TRIGGERS.get(name.partition("/")[0], ("push", Trigger.EVENT))
    by_hand = named(step.at("trigger"), "type") == "manual"
    job.triggers, job.trigger = (trigger,), kind
    job.gated = True if by_hand else None if deployment else False
    labels = [t for t, _ in texts(step.at("runs-on"))]
    job.self_hosted = any(label.startswith("self") for label in labels)
    names = shell.Names(secret=lambda n: words.names_credential(n) and n != _TOKEN)
    image = step.at("image") or root.at("image")
    job.parts += image_part(named(image, "name"), image.line if image else 0)
    for key, node in (image.map if image else {}).items():
        if node.text is not None and words.names_credential(key):
            found = list(shell.value_refs(key, node, names, place="key"))
            job.held += [Held(h.ref, h.line, key, "key", Purpose.REGISTRY, UseHow.CONFIGURED) for h in found]
            job.spots += [] if found else [Spot("key", key, node.text, node.line, forced=True)]
    lines = [line for key in ("script", "after-script") for line in texts(step.at(key))]
    job.held += shell.held_in(lines, names)
    job.spots += shell.spots_in(lines)
    given: list[tuple[str, int]] = []
    for key in ("script", "after-script"):
        for item in n.list if (n := step.at(key)) else ():
            given += _pipe(job, item, names)
    oidc = step.at("oidc") or root.at("options", "oidc")
    if oidc is not None and oidc.value is not False:
        _token(job, oidc, deployment, home)
        job.held += shell.roles([*lines, *given])
    return job


def _pipe(job: Job, item: Node, names: shell.Names) -> Iterator[tuple[str, int]]:
    """A pipe as a part of the job, with what it is given; gives back its settings as text."""
    package = item.text_at("pipe")
    if not package:
        return
    image = package.removeprefix("docker://")
    pin = image_pin(image) if image != package else git_pin(package.partition(":")[2])
    job.parts.append(Part("pipe", package, pin or Pin.NONE, item.line))
    for key, node in (v.map if (v := item.at("variables")) else {}).items():
        if node.text is None:
            continue
        found = list(shell.value_refs(key, node, names, by=package))
        job.held += found
        job.spots += [] if found or "$" in node.text else [Spot("env", key, node.text, node.line)]
        yield f"{key}={node.text}", node.line


def _token(job: Job, oidc: Node, deployment: str | None, home: Home) -> None:
    workspace = (home.path or "*").partition("/")[0] if home.host == "bitbucket.org" else "*"
    job.issuer = f"api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"
    job.subjects = ("*:*:*",) if deployment else ("*:*",)
    audiences = ",".join(t for t, _ in texts(oidc.at("audiences")))
    facts = (("aud", audiences),) if audiences else ()
    ref = Ref(OWN, _TOKEN, CredentialKind.JWT, "bitbucket", Lifetime.SHORT_LIVED, facts=facts)
    job.held.append(Held(ref, oidc.key_line, _TOKEN, "oidc", Purpose.CLOUD, UseHow.ENV, Form.FEDERATED))
