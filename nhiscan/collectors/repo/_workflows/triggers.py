"""What sets a job to work, how far that can be trusted, and what its OIDC token says of it.

Sources (read 2026-11): https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows,
https://docs.github.com/actions/reference/security/oidc#example-subject-claims.  Repositories that were made, renamed or
transferred since July 2026 carry ids in their subject (`repo:acme@12/app@34:ref:…`:
https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens); no file tells which
form a repository has, so subjects are given by name here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows.expressions import conditional
from nhiscan.plugin import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._workflows.shape import Job

# Anybody may cause these and shape what they carry, and the job that they start is given the secrets.
PRIVILEGED = frozenset(
    {
        *("pull_request_target", "issue_comment", "issues", "discussion", "discussion_comment", "workflow_run"),
        *("fork", "watch", "gollum"),
    }
)
# These carry what outsiders wrote too, but from a fork they come without secrets and with a token that only reads.
_FORKS = frozenset({"pull_request", "pull_request_review", "pull_request_review_comment"})
_MANUAL = frozenset({"workflow_dispatch", "repository_dispatch"})
_EVENT_IS = re.compile(r"github\.event_name\s*(==|!=)\s*'([a-z_]+)'")
_TRUSTED_ASSOCIATION = re.compile(r"author_association\b", re.IGNORECASE)
_LOW_ASSOCIATION = re.compile(
    r"'(?:none|contributor|first_time\w*|mannequin)'|\"(?:none|contributor|first_time\w*)\"", re.IGNORECASE
)
_NO_FORKS = re.compile(
    r"head\.repo\.full_name\s*==\s*github\.repository|github\.repository\s*==\s*[\w.]*head\.repo\.full_name"
    r"|head\.repo\.fork\s*(?:==|!=\s*true)\s*false|!\s*github\.event\.pull_request\.head\.repo\.fork"
    r"|head_repository\.full_name\s*==\s*github\.repository"
)
_ACTORS = re.compile(
    r"github\.(?:actor|triggering_actor|event\.(?:sender|comment\.user|issue\.user|pull_request\.user)\.login)"
    r"\s*==\s*'([^']+)'"
)
_BOT = re.compile(
    r"(github\.(?:actor|triggering_actor|event\.(?:pull_request\.)?sender\.login))\s*==\s*'[^']*\[bot\]'"
    r"|'[^']*\[bot\]'\s*==\s*(github\.(?:actor|triggering_actor))"
    r"|(github\.(?:actor_id|event\.(?:pull_request\.)?sender\.id))\s*==\s*'?(?:49699333|29139614|41898282|27856297)'?\b",
    re.IGNORECASE,
)
_LONGEST = 4_000
# Characters that stand for others in a filter.
_GLOB = re.compile(r"(?:[*?+]|\[[^\]]*\])+")


@dataclass(frozen=True, slots=True)
class Cause:
    """What sets a job to work: the `names` of all triggers, the least trusted as `trigger`.

    `privileged` are those that outsiders cause and that come with secrets.
    """

    trigger: Trigger | None
    names: tuple[str, ...]
    privileged: tuple[str, ...]


def cause(names: Iterable[str], *conditions: str) -> Cause:
    """What sets a job to work whose workflow has these triggers, as far as its `if:` lets them through."""
    every = tuple(sorted(set(names)))
    passed, closed = set(every), False
    for text in conditions:
        condition = conditional(text)[:_LONGEST]
        passed = set(_let_through(condition, passed))
        if forks_barred(condition):
            passed = {n if n not in _FORKS else "push" for n in passed} - {"workflow_run"} or {"push"}
        closed = closed or people_only(condition)
    privileged = () if closed else tuple(sorted(passed & PRIVILEGED))
    return Cause(_least(passed, closed=closed), every, privileged)


def forks_barred(condition: str) -> bool:
    """Whether a condition demands that the head lies in this very repository."""
    return "||" not in condition and bool(_NO_FORKS.search(condition))


def people_only(condition: str) -> bool:
    """Whether a condition lets only members, collaborators or named people through, whatever else it says."""
    branches = condition.split("||") if "&&" in condition or "||" in condition else [condition]
    if _TRUSTED_ASSOCIATION.search(condition) and not _LOW_ASSOCIATION.search(condition):
        return condition.count("||") == 0 or all("association" in b for b in branches) or _conjoined(condition)
    return all(any(not name.endswith("[bot]") for name in _ACTORS.findall(b)) for b in branches)


def bot_condition(condition: str) -> str | None:
    """The context that a condition takes for the bot's proof of identity, where it can be forged."""
    match = _BOT.search(conditional(condition)[:_LONGEST])
    return next((g.lower() for g in match.groups() if g), None) if match else None


def _conjoined(condition: str) -> bool:
    """Whether the part about the author stands beside the alternatives instead of in one of them."""
    outside = condition
    for _ in range(20):
        outside, changed = re.subn(r"\([^()]*\)", lambda m: "A" if "association" in m[0] else "B", outside)
        if not changed:
            break
    return "||" not in outside and ("A" in outside or "association" in outside)


def _let_through(condition: str, names: set[str]) -> Iterator[str]:
    only = {m[2] for m in _EVENT_IS.finditer(condition) if m[1] == "=="}
    never = {m[2] for m in _EVENT_IS.finditer(condition) if m[1] == "!="}
    parts = condition.split("||")
    # With alternatives the event must be named in each of them to be a bound.
    bound = only and all(any(m[1] == "==" for m in _EVENT_IS.finditer(p)) for p in parts)
    for name in names:
        if (bound and name not in only) or (len(parts) == 1 and name in never):
            continue
        yield name


def _least(names: set[str], *, closed: bool) -> Trigger | None:
    if not closed and names & (PRIVILEGED | _FORKS):
        return Trigger.UNTRUSTED
    rest = names - {"workflow_call"}
    if not rest:
        return None
    if rest - _MANUAL - {"schedule"}:
        return Trigger.EVENT
    return Trigger.SCHEDULE if "schedule" in rest else Trigger.MANUAL


def subjects(job: Job, repository: str) -> tuple[str, ...]:
    """The subjects that the job's OIDC token may carry, `*` for what is not known; `repository` is `owner/name`."""
    if (named := job.environment) is not None:
        environment = named.text or ""
        return (f"repo:{repository}:environment:{'*' if '${{' in environment else environment}",)
    found: set[str] = set()
    for name, node in job.workflow.on.items():
        found.update(_contexts(name, node))
    return tuple(f"repo:{repository}:{c}" for c in sorted(found)[:50]) or (f"repo:{repository}:*",)


def _contexts(name: str, node: Node) -> Iterator[str]:
    match name:
        case "pull_request" | "pull_request_review" | "pull_request_review_comment":
            yield "pull_request"
        case "pull_request_target":
            yield from ("pull_request", "ref:refs/heads/*")
        case "push":
            yield from _pushed(node.map)
        case "release" | "create" | "delete":
            yield from ("ref:refs/heads/*", "ref:refs/tags/*")
        case "workflow_dispatch":
            yield from ("ref:refs/heads/*", "ref:refs/tags/*")
        case "workflow_call":
            yield "*"
        case _:
            yield "ref:refs/heads/*"


def _pushed(filters: Mapping[str, Node]) -> Iterator[str]:
    for key, kind in (("branches", "heads"), ("tags", "tags")):
        node = filters.get(key)
        if node is None:
            continue
        for item in node.list or [node]:
            if item.text and not item.text.startswith("!"):
                yield f"ref:refs/{kind}/{_GLOB.sub('*', item.text)}"
    kinds = {k.partition("-")[0] for k in filters} & {"branches", "tags"}
    if "branches" not in filters and (kinds != {"tags"}):
        yield "ref:refs/heads/*"
    if "tags" not in filters and (kinds != {"branches"}):
        yield "ref:refs/tags/*"
