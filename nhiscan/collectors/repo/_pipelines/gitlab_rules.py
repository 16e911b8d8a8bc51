"""When a GitLab job runs, on which refs, and whether a person starts it; read off `rules`, `only` and `workflow`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._pipelines.parts import least_trusted, texts
from nhiscan.plugin import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Job

# `CI_PIPELINE_SOURCE` by what it means (ci/jobs/job_rules#ci_pipeline_source-predefined-variable).
_SOURCES = {
    "push": Trigger.EVENT, "merge_request_event": Trigger.EVENT, "external_pull_request_event": Trigger.EVENT,
    "schedule": Trigger.SCHEDULE, "web": Trigger.MANUAL, "api": Trigger.EVENT, "trigger": Trigger.EVENT,
    "pipeline": Trigger.EVENT, "parent_pipeline": Trigger.EVENT, "chat": Trigger.EVENT, "webide": Trigger.MANUAL,
}  # fmt: skip
_ONLY = {
    "merge_requests": "merge_request_event", "schedules": "schedule", "web": "web", "api": "api",
    "triggers": "trigger", "pipelines": "pipeline", "pushes": "push", "branches": "push", "tags": "push",
    "external_pull_requests": "external_pull_request_event", "chat": "chat",
}  # fmt: skip
_SOURCE = re.compile(r"""\$CI_PIPELINE_SOURCE\s*==\s*["'](\w+)["']""")
_BRANCH = re.compile(r"""\$CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*["']([^"'$]+)["']""")
_DEFAULT_BRANCH = re.compile(r"\$CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*\$CI_DEFAULT_BRANCH")
_TAG = re.compile(r"\$CI_COMMIT_TAG(?!\s*==\s*null)")
_NAMED_TAG = re.compile(r"""\$CI_COMMIT_TAG\s*==\s*["']([^"'$]+)["']""")
_MERGE = re.compile(r"\$CI_MERGE_REQUEST_\w+")
_MOST_RULES = 200


def stand(job: Job, entry: Mapping[str, Node], first: Mapping[str, Node], home: Home) -> None:
    """Fill what sets the job to work and what stands before it."""
    workflow = first.get("workflow")
    rules = _rules(entry.get("rules"))
    names = list(dict.fromkeys([*_sources(rules), *_only(entry.get("only"))]))
    if not names and workflow:
        names = list(dict.fromkeys(_sources(_rules(workflow.at("rules")))))
    manual = _manual(entry, rules)
    job.triggers = tuple(names or ["push"])
    job.trigger = Trigger.MANUAL if manual else least_trusted(_SOURCES.get(n, Trigger.EVENT) for n in job.triggers)
    # Who may deploy to an environment is decided on the server.
    job.gated = True if manual else None if manual is None or job.environment else False
    if job.issuer and job.trigger is None:
        job.trigger = Trigger.EVENT
    if home.host is None and job.issuer:
        job.issuer = None


def subjects(entry: Mapping[str, Node], home: Home) -> tuple[str, ...]:
    """The subjects that the job's id token can have; `*` stands for what is not known."""
    project = home.path if home.host not in {"github.com", "bitbucket.org"} and home.path else "*"
    found = list(dict.fromkeys(_refs(entry)))
    return tuple(f"project_path:{project}:{ref}" for ref in found) or (f"project_path:{project}:ref_type:*:ref:*",)


def _refs(entry: Mapping[str, Node]) -> Iterator[str]:
    rules = _rules(entry.get("rules"))
    only = [t for t, _ in texts(entry.get("only"))]
    for rule in rules[:_MOST_RULES]:
        if rule.text_at("when") == "never":
            continue
        yield from _condition_refs(rule.text_at("if") or "")
    for name in only:
        if name == "tags":
            yield "ref_type:tag:ref:*"
        elif name == "branches" or name in _ONLY or name.startswith("/"):
            yield "ref_type:branch:ref:*"
        else:
            yield f"ref_type:*:ref:{name}"


def _condition_refs(text: str) -> Iterator[str]:
    branches, tags = _BRANCH.findall(text), _NAMED_TAG.findall(text)
    if "||" in text and not (branches or tags):
        yield "ref_type:*:ref:*"
        return
    for branch in branches:
        yield f"ref_type:branch:ref:{branch}"
    for tag in tags:
        yield f"ref_type:tag:ref:{tag}"
    if _DEFAULT_BRANCH.search(text) or _MERGE.search(text):
        yield "ref_type:branch:ref:*"
    elif not tags and _TAG.search(text):
        yield "ref_type:tag:ref:*"
    elif not branches and not tags:
        yield "ref_type:*:ref:*"


def _rules(node: Node | None) -> Sequence[Node]:
    return [n for n in (node.list if node else []) if n.map][:_MOST_RULES]


def _sources(rules: Sequence[Node]) -> Iterator[str]:
    for rule in rules:
        if rule.text_at("when") == "never":
            continue
        text = rule.text_at("if") or ""
        found = _SOURCE.findall(text)
        yield from found
        if not found:
            yield "merge_request_event" if _MERGE.search(text) else "push"


def _only(node: Node | None) -> Iterator[str]:
    for name, _ in texts(node) or texts(node.at("refs") if node else None):
        yield _ONLY.get(name, "push")


def _manual(entry: Mapping[str, Node], rules: Sequence[Node]) -> bool | None:
    """Whether a person starts the job; None where only some of its rules say so."""
    job_level = (w := entry.get("when")) is not None and w.text == "manual"
    if not rules:
        return job_level
    running = [r.text_at("when") for r in rules if r.text_at("when") != "never"]
    by_hand = [w == "manual" or (w is None and job_level) for w in running]
    return all(by_hand) if all(by_hand) == any(by_hand) and by_hand else None
