"""Which files may describe containers, told by their names."""

from __future__ import annotations

import re

_COMPOSE = re.compile(
    r"(?:^|[.-])(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$|^(?:docker-)?stack(?:[.-][\w.-]+)?\.ya?ml$"
)
_DOCKERFILE = re.compile(r"(?:^|\.)(?:dockerfile|containerfile)(?:[.-][\w.-]+)?$")
_NOT_DOCKERFILE = (".md", ".py", ".ts", ".js", ".go", ".rs", ".json", ".yml", ".yaml", ".txt", ".dockerignore", ".sh")


def kind_of(path: str) -> str | None:
    """Which reader a path is for, None for most."""
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith((".yml", ".yaml")):
        return "compose" if _COMPOSE.search(name) else None
    if name in {"devcontainer.json", ".devcontainer.json"}:
        return "devcontainer"
    found = "ockerfile" in name or "ontainerfile" in name
    return "dockerfile" if found and _DOCKERFILE.search(name) and not name.endswith(_NOT_DOCKERFILE) else None
