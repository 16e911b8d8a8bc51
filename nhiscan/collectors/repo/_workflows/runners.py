"""On whose machine a job runs.

Labels of GitHub's own runners: https://docs.github.com/actions/reference/runners/github-hosted-runners (read 2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows.expressions import contexts, expressions
from nhiscan.collectors.repo._workflows.shape import members, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._workflows.shape import Job

_HOSTED = re.compile(
    r"(?:ubuntu|windows|macos)-(?:latest|slim|\d[\w.]*)(?:-(?:arm|arm64|intel|large|xlarge|vs\d+\w*))?",
    re.IGNORECASE,
)
_MOST = 500


def is_self_hosted(job: Job) -> bool | None:
    """Whether the job runs on a machine of one's own; None where labels are computed or of an organisation."""
    node = job.node.at("runs-on")
    if node is None:
        return None
    labels = node.at("labels") if node.map else node
    known = [label for n in strings(labels) for label in _resolved(n.text or "", job)][:_MOST]
    if any(label is not None and label.lower() == "self-hosted" for label in known):
        return True
    hosted = bool(known) and all(label is not None and _HOSTED.fullmatch(label) for label in known)
    return False if hosted and not node.map.get("group") else None


def _resolved(text: str, job: Job) -> Iterator[str | None]:
    """The label, or those that the matrix gives for it; None stands for one that is not known."""
    found = list(expressions(text))
    if not found:
        yield text.strip()
        return
    for expression in found:
        # `x && 'self-hosted' || 'ubuntu-latest'` names what it may be.
        said = re.findall(r"'([^']*)'", expression.body)
        yield from (s for s in said if s.lower() == "self-hosted")
        paths = list(contexts(expression.body))
        matrix = len(found) == 1 and text.strip() == text[expression.start : expression.end].strip()
        if len(paths) == 1 and paths[0].startswith("matrix.") and matrix:
            yield from _of_matrix(paths[0].split(".")[1:], job)
        else:
            yield None


def _of_matrix(path: list[str], job: Job) -> Iterator[str | None]:
    strategy = job.node.at("strategy")
    matrix = strategy.at("matrix") if strategy else None
    if matrix is None or not matrix.map:
        yield None
        return
    values: list[Node] = []
    for name, node in matrix.map.items():
        if name.lower() == path[0]:
            values += node.list or [node]
    include = members_list(matrix, "include")
    values += [n for entry in include for name, n in entry.map.items() if name.lower() == path[0]]
    if not values:
        yield None
    for value in values[:_MOST]:
        below = value
        for step in path[1:]:
            below = next((n for name, n in below.map.items() if name.lower() == step), below)
        for text in strings(below):
            yield None if "${{" in (text.text or "") else text.text


def members_list(node: Node, key: str) -> list[Node]:
    """The mappings of a list below a key."""
    found = node.at(key)
    return [n for n in found.list if n.map] if found else []


def images(job: Job) -> Iterator[tuple[str, Node]]:
    """The job's container and its services, each with its name and settings."""
    container = job.node.at("container")
    if container is not None:
        yield "container", container
    yield from ((f"services.{name}", node) for name, node in members(job.node, "services").items())
