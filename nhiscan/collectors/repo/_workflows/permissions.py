"""What the token of a job may do: its own `permissions`, else the workflow's, else the repository's default.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#permissions (read 2026-11):
once one permission is set, those not named are `none`; `id-token` knows only `write`, `models` only `read`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows.shape import scalar

if TYPE_CHECKING:
    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._workflows.shape import Job

_ALL = (
    "actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
)  # fmt: skip
_ONLY = {"id-token": ("write",), "models": ("read",)}
_WORDS = ("read", "write")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a job's token may do: `scopes` is None where the repository decides, `basis` job, workflow or default.

    `declared` is `write-all` or `read-all` where that stands there; `line` is where it stands.
    `workflow` is what the whole workflow sets: absent, read-all, write-all, none (`{}`) or named.
    """

    scopes: tuple[str, ...] | None
    basis: str
    declared: str | None
    line: int
    workflow: str = "absent"

    @property
    def federates(self) -> bool:
        """Whether the job may ask for an OIDC token; no default allows it."""
        return self.scopes is not None and "id-token: write" in self.scopes

    @property
    def writes(self) -> bool | None:
        """Whether the token may change anything; None where the repository decides."""
        return None if self.scopes is None else any(s.endswith(": write") for s in self.scopes)


def effective(job: Job) -> Permissions:
    """The permissions of a job."""
    own, outer = job.node.at("permissions"), job.workflow.root.at("permissions")
    above = _above(outer)
    for basis, node in (("job", own), ("workflow", outer)):
        if node is not None and node.value is not None:
            return replace(_read(node, basis), workflow=above)
    return Permissions(None, "default", None, job.node.key_line, above)


def _above(node: Node | None) -> str:
    if node is None or node.value is None:
        return "absent"
    if node.text is not None:
        return node.text if node.text in {"read-all", "write-all"} else "absent"
    return "named" if node.map else "none"


def _read(node: Node, basis: str) -> Permissions:
    said = (node.text or "").strip()
    if said in {"read-all", "write-all"}:
        word = said.partition("-")[0]
        known = ((p, word if word in _ONLY.get(p, _WORDS) else None) for p in _ALL)
        return Permissions(tuple(f"{p}: {w}" for p, w in known if w), basis, said, node.key_line)
    if node.text is not None:
        return Permissions(None, basis, None, node.key_line)
    scopes = tuple(sorted(f"{name}: {scalar(n)}" for name, n in node.map.items() if scalar(n) in _WORDS))
    return Permissions(scopes, basis, None, node.key_line)
