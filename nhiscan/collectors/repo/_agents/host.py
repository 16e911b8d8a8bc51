"""What a command line takes from the machine it runs on: sockets, agents, profiles and homes of the person there."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Node

# The names are those of Use.name for place `host`.
_THINGS = (
    ("docker_socket", re.compile(r"(?:docker|podman|containerd)\.sock\b|docker_engine\b")),
    ("ssh_agent", re.compile(r"(?:^|[/\\~=,])\.ssh(?:[/\\:,]|$)|SSH_AUTH_SOCK\b")),
    ("kubeconfig", re.compile(r"(?:^|[/\\])\.kube(?:[/\\:,]|$)|(?:^|=)KUBECONFIG\b")),
    (
        "cloud_profile",
        re.compile(r"(?:^|[/\\])\.(?:aws|azure|oci)(?:[/\\:,]|$)|\.config[/\\]gcloud\b|(?:^|=)AWS_PROFILE\b"),
    ),
)  # fmt: skip
_HOME = re.compile(
    r"(?:~|\$HOME|\$\{(?:env:)?HOME\}|\$\{userHome\}|%USERPROFILE%|\$\{env:USERPROFILE\}|/(?:Users|home)/[^/\s:,]+|/root"
    r"|[A-Za-z]:[\\/]+Users[\\/]+[^\\/\s:,]+|/|[A-Za-z]:[\\/]*)[/\\]?"
)
_MOUNT = re.compile(r"(?:^|,)(?:src|source)=([^,]+)")
_MOUNTS = frozenset({"-v", "--volume", "--mount"})
_LONGEST = 500
_MOST = 500


def taken(argv: Sequence[tuple[str, int]], *, files: bool) -> Iterator[tuple[str, int]]:
    """What the command line takes, by name and line, each once; `files`: a bare path is a folder handed over."""
    seen: set[str] = set()
    before = ""
    for word, line in argv[:_MOST]:
        for name in _of_word(word[:_LONGEST], before, files=files):
            if name not in seen:
                seen.add(name)
                yield name, line
        before = word


def _of_word(word: str, before: str, *, files: bool) -> Iterator[str]:
    for name, pattern in _THINGS:
        if pattern.search(word):
            yield name
    flag, _, attached = word.partition("=")
    mounted = word if before in _MOUNTS else attached if flag in _MOUNTS else ""
    if mounted:
        source = _MOUNT.search(mounted)
        place = source[1] if source else _source(mounted)
        if _HOME.fullmatch(place):
            yield "home"
    elif files and _HOME.fullmatch(word):
        yield "home"


def _source(mounted: str) -> str:
    """The left side of a mount; the colon of a Windows drive does not part it."""
    found = re.match(r"([A-Za-z]:[\\/][^:]*|\$\{[^}]*\}[^:]*|[^:]*)", mounted)
    return found[1] if found else ""


def from_environment(env: Node | None) -> Iterator[tuple[str, int]]:
    """What variables point to."""
    named = {"AWS_PROFILE": "cloud_profile", "KUBECONFIG": "kubeconfig", "SSH_AUTH_SOCK": "ssh_agent"}
    named |= {
        "DOCKER_HOST": "docker_socket",
        "CLOUDSDK_CONFIG": "cloud_profile",
        "AWS_SHARED_CREDENTIALS_FILE": "cloud_profile",
    }
    for name, node in (env.map if env else {}).items():
        if name in named and node.text and (name != "DOCKER_HOST" or node.text.startswith("unix:")):
            yield named[name], node.line


def shares_network(argv: Sequence[tuple[str, int]]) -> bool | None:
    """True for a container on the network of its machine; None for everything else."""
    words = [w for w, _ in argv[:_MOST]]
    joined = any(w in {"--network=host", "--net=host"} for w in words)
    return joined or any(a in {"--network", "--net"} and b == "host" for a, b in pairwise(words)) or None
