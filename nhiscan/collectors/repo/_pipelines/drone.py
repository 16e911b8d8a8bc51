"""Drone and Woodpecker: `.drone.yml`, `.woodpecker.yml`, `.woodpecker/*.yml`.

Facts (docs.drone.io and woodpecker-ci.org/docs, read 2026-11): each step is a container that is handed the secrets it
names with `from_secret`; Drone builds pull requests of forks unless the repository says otherwise and holds secrets
back from them by default (pipeline/triggers, secret/repository); a promotion is started by a person
(pipeline/triggers#by-event); the machines are one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import (
    SECRET,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    image_pin,
    least_trusted,
    texts,
)
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import Purpose, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "drone"
_EVENTS = {
    "pull_request": Trigger.UNTRUSTED, "push": Trigger.EVENT, "tag": Trigger.EVENT, "cron": Trigger.SCHEDULE,
    "promote": Trigger.MANUAL, "deployment": Trigger.MANUAL, "custom": Trigger.MANUAL, "manual": Trigger.MANUAL,
    "rollback": Trigger.MANUAL, "release": Trigger.EVENT,
}  # fmt: skip
_IMAGES = (
    (("docker", "ecr", "gcr", "kaniko", "buildx"), Purpose.REGISTRY),
    (("npm", "pypi", "github-release", "gitea-release"), Purpose.PUBLISH),
    (("s3", "lambda", "helm", "terraform", "gcs"), Purpose.CLOUD),
    (("git-push", "drone/git"), Purpose.SOURCE),
)
_DEEPEST = 20


def reads(root: Node) -> bool:
    """Whether a document is a pipeline of Drone or Woodpecker."""
    return any(k in root.map for k in ("steps", "pipeline")) or root.text_at("kind") in {"pipeline", "secret"}


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """One job per document; its steps are images that are handed secrets."""
    del load, home
    made = Pipeline(document, PLATFORM, read={document.path})
    root = document.root
    if root.text_at("kind") not in {None, "pipeline"}:
        return made
    stem = document.path.rpartition("/")[2].lstrip(".").partition(".")[0]
    job = Job(document, root.text_at("name") or stem, root.line, self_hosted=True)
    _stand(job, root)
    for name, step in _steps(root):
        _step(job, name, step)
    made.jobs.append(job)
    return made


def _steps(root: Node) -> Iterator[tuple[str, Node]]:
    for key in ("steps", "pipeline", "services"):
        node = root.at(key)
        yield from (node.map.items() if node else ())
        yield from ((s.text_at("name") or "", s) for s in (node.list if node else ()))


def _stand(job: Job, root: Node) -> None:
    where = root.at("trigger") or root.at("when")
    conditions = [c for n in [where] if n for c in (n.list or [n])]
    events = [e for c in conditions if (n := c.at("event")) for e, _ in texts(n) or texts(n.at("include"))]
    job.triggers = tuple(dict.fromkeys(events)) or ("push", "pull_request")
    job.trigger = least_trusted(_EVENTS.get(e, Trigger.EVENT) for e in job.triggers)
    job.runs_untrusted = job.trigger is Trigger.UNTRUSTED
    job.gated = job.trigger is Trigger.MANUAL


def _step(job: Job, name: str, step: Node) -> None:
    image = step.text_at("image")
    by = None
    if image and "$" not in image:
        job.parts.append(Part("image", image, image_pin(image), step.line))
        by = image
    purpose = next((p for marks, p in _IMAGES if image and any(m in image for m in marks)), None)
    for variable, secret, line in _from_secret(step, name, 0):
        job.held.append(Held(Ref(SECRET, secret), line, variable, "env", purpose_of(secret) or purpose, by=by))
    secrets = step.at("secrets")
    for item in secrets.list if secrets else ():
        source = item.text or item.text_at("source")
        if source:
            job.held.append(
                Held(
                    Ref(SECRET, source),
                    item.line,
                    item.text_at("target") or source,
                    "env",
                    purpose_of(source) or purpose,
                    by=by,
                )
            )
    for key in ("environment", "settings"):
        place = "env" if key == "environment" else "input"
        for variable, node in (n.map if (n := step.at(key)) else {}).items():
            if node.text is not None and "$" not in node.text:
                job.spots.append(Spot(place, variable, node.text, node.line))
    named_here = {v: Ref(SECRET, s) for v, s, _ in _from_secret(step, name, 0)}
    lines = texts(step.at("commands"))
    names = shell.Names(known=named_here, secret=lambda _: False)
    job.held += (h for h in shell.held_in(lines, names, by=by) if h.place == "log")
    job.spots += shell.spots_in(lines)


def _from_secret(node: Node, name: str, depth: int) -> Iterator[tuple[str, str, int]]:
    if depth > _DEEPEST:
        return
    if secret := node.text_at("from_secret"):
        yield name, secret, node.line
    for key, member in node.map.items():
        yield from _from_secret(member, key, depth + 1)
    for item in node.list:
        yield from _from_secret(item, name, depth + 1)
