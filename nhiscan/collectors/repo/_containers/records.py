"""What the readers of container files share: judged spots, images, places of the machine that are handed over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.launch import read_launch
from nhiscan.collectors.repo._config.records import Book, Holder, holdings
from nhiscan.plugin import Consumer, ConsumerKind, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.plugin import Pin, Record

# What a path on the machine gives to whoever can read it; the first that fits.
_HOST = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:^|/)(?:docker|podman|containerd)\.sock$|^//\./pipe/docker_engine", "docker_socket"),
        (r"SSH_AUTH_SOCK|(?:^|/)ssh-agent|ssh-auth\.sock", "ssh_agent"),
        (r"(?:^|/)\.ssh(?:/(?:id_\w+|.*key.*))?/?$", "ssh_keys"),
        (r"(?:^|/)\.(?:aws|azure|config/gcloud|oci)(?:/|$)", "cloud_profile"),
        (r"(?:^|/)\.kube(?:/|$)|kubeconfig", "kubeconfig"),
        (r"(?:^|/)\.docker(?:/config\.json)?/?$", "registry_login"),
        (r"(?:^|/)\.(?:netrc|npmrc|pypirc|git-credentials|gnupg)(?:/|$)|(?:^|/)\.config/gh(?:/|$)", "credential_file"),
        (r"^(?:~|\$\{?HOME\}?|\$\{localEnv:HOME\}|/root|/home/[^/]+)/?$", "home"),
        (r"^/$|^/(?:etc|proc|var/run|run)/?$", "root"),
    )
)
# Commands and images whose purpose is to serve tools to agents, or to be one.
_MCP = re.compile(r"(?:^|[/@:_.-])mcp(?:[/@:_.-]|$)|model-?context-?protocol", re.IGNORECASE)
_AGENT = re.compile(
    r"(?:^|[/@])(?:claude-code|codex|openhands|open-?interpreter|aider|goose|auto-?gpt|langgraph-api|opencode|gemini-cli"
    r"|cline|crewai|letta|openclaw)(?:[:@-]|$)",
    re.IGNORECASE,
)
_LONGEST = 400


def host_place(path: str) -> str | None:
    """What of the machine a path hands over, None for an ordinary directory."""
    text = path.strip().strip("\"'")[:_LONGEST]
    return next((name for pattern, name in _HOST if pattern.search(text)), None)


def kind_of(image: str | None, argv: Iterable[str]) -> ConsumerKind:
    """Whether a container is an agent, a tool server or anything else, by its image and command."""
    words = [w[:_LONGEST] for w in ([image] if image else []) + list(argv)[:40] if w]
    if any(_MCP.search(w) for w in words):
        return ConsumerKind.TOOL_SERVER
    return ConsumerKind.AGENT if any(_AGENT.search(w) for w in words) else ConsumerKind.WORKLOAD


def pin_of(image: str | None) -> Pin | None:
    """How exactly an image is fixed; None where a variable decides."""
    return None if not image or "$" in image else read_launch(["docker", "run", image]).pin


@dataclass(frozen=True, slots=True, repr=False)
class Teller:
    """Makes the records of one file."""

    document: Document
    book: Book
    client: str

    @property
    def base(self) -> str:
        """What the ids of this file begin with."""
        return f"{self.book.scope_id}#{self.document.path}"

    def held(self, consumer_id: str, spots: Iterable[Spot | Found]) -> list[Record]:
        """Credential, exposure and use records of what one consumer holds."""
        judge = Judge()
        found = [f for s in spots for f in ([s] if isinstance(s, Found) else judge.spot(s))]
        learnt = self.book.learn(found)
        return list(holdings(learnt, Holder(consumer_id, self.client), self.document, self.book))

    def consumer(
        self,
        consumer_id: str,
        name: str,
        line: int,
        *,
        kind: ConsumerKind = ConsumerKind.WORKLOAD,
        platform: str | None = None,
        parent_id: str | None = None,
        image: str | None = None,
        host_network: bool | None = None,
        sandbox: str | None = None,
    ) -> Consumer:
        """What runs in a container."""
        return Consumer(
            id=consumer_id, scope_id=self.book.scope_id, source=self.book.source,
            locator=f"{self.document.path}:{line}", kind=kind, name=self.book.scrub(name), platform=platform,
            framework="mcp" if kind is ConsumerKind.TOOL_SERVER else None, parent_id=parent_id, uri=self.document.path,
            line=line, visibility=self.document.visibility, launcher="docker" if image else None,
            package=self.book.scrub(image) if image else None, pin=pin_of(image), host_network=host_network,
            sandbox=sandbox,
        )  # fmt: skip

    def use(self, consumer_id: str, place: str, name: str, line: int, form: Form | None, how: UseHow) -> Use:
        """Something a consumer is given that holds no value here."""
        shown = self.book.scrub(name)
        stem = f"{consumer_id}#use:{place}:{shown}"
        self.book.uses[stem] += 1
        return Use(
            id=f"{stem}:{self.book.uses[stem]}", scope_id=self.book.scope_id, source=self.book.source,
            locator=f"{self.document.path}:{line}", consumer_id=consumer_id, how=how, form=form, name=shown,
            place=place, uri=self.document.path, line=line,
        )  # fmt: skip

    def mounts(self, consumer_id: str, sources: Iterable[tuple[str, int]]) -> Iterator[Use]:
        """Uses of the machine's own credentials among mounted paths."""
        for source, line in sources:
            if place := host_place(source):
                yield self.use(consumer_id, "host", place, line, None, UseHow.MOUNTED)
