"""What every system's reader gives: jobs, what they hold, whose code they run, whom they call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from nhiscan.collectors.repo._config.launch import read_launch
from nhiscan.plugin import Form, Pin, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nhiscan.collectors.repo._config.judge import Found, Spot
    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.plugin import CredentialKind, Lifetime, Purpose

# Reads another file of the same checkout; a pattern may name several.
Load: TypeAlias = "Callable[[str], list[Document]]"

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RELEASE = re.compile(r"v?\d+\.\d+\.\d+(?:[-+.][\w.+-]+)?")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:\.x)?")
# The least trusted first.
_TRUST = (Trigger.UNTRUSTED, Trigger.EVENT, Trigger.SCHEDULE, Trigger.MANUAL)
OWN = "own"
SECRET = "secret"  # noqa: S105 - the name of a space of names
VAULT = "vault"


@dataclass(frozen=True, slots=True)
class Ref:
    """A credential known only by its name in a store.

    `space` is the store and part of the id (`secret`, `vault`, `context`, …); `own` is what the system makes for one
    job and takes back when that ends.
    """

    space: str
    name: str
    kind: CredentialKind | None = None
    provider: str | None = None
    lifetime: Lifetime | None = None
    scopes: tuple[str, ...] | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """One use: what is held, under which name, at which place and for what; `by` names the part that receives it."""

    ref: Ref | None
    line: int
    name: str
    place: str = "env"
    purpose: Purpose | None = None
    how: UseHow = UseHow.ENV
    form: Form = Form.REFERENCE
    identity_id: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Code of somebody else that a job runs: an orb, a pipe, a plugin, an image, an included file."""

    launcher: str
    package: str
    pin: Pin | None
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """Another pipeline that a job starts; `forwards` says that it hands on its variables."""

    target: str
    via: str
    line: int
    forwards: bool | None = None


@dataclass(slots=True, repr=False)
class Job:
    """One job while it is read; `document` is the file it stands in."""

    document: Document
    name: str
    line: int
    trigger: Trigger | None = None
    triggers: tuple[str, ...] = ()
    runs_untrusted: bool | None = None
    environment: str | None = None
    gated: bool | None = None
    self_hosted: bool | None = None
    issuer: str | None = None
    subjects: tuple[str, ...] = ()
    held: list[Held] = field(default_factory=list)
    spots: list[Spot | Found] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True, repr=False)
class Shared:
    """What stands in one file for every job of the pipeline."""

    document: Document
    spots: tuple[Spot | Found, ...] = ()
    held: tuple[Held, ...] = ()


@dataclass(slots=True, repr=False)
class Pipeline:
    """The jobs that one file (and what it includes) defines; `parts` are included for all of them."""

    document: Document
    platform: str
    jobs: list[Job] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Home:
    """Where the repository lives: host and path of its remote, None where that is not known."""

    host: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, scope_id: str) -> Home:
        """The home that the id of a checkout's scope tells (`repo:host/group/name`)."""
        kind, _, place = scope_id.partition(":")
        host, slash, path = place.partition("/")
        return cls(host, path) if kind == "repo" and slash and "." in host else cls()


def image_pin(image: str) -> Pin | None:
    """How exactly a container image is fixed; None where a variable decides."""
    if "$" in image or "<<" in image or "{{" in image:
        return None
    return read_launch(["docker", "run", image]).pin


def image_part(image: str | None, line: int) -> Iterator[Part]:
    """The part that a container image is; none where a variable names it."""
    if image and not image.startswith(("$", "<<", "{{")) and not any(c.isspace() for c in image):
        yield Part("image", image, image_pin(image), line)


def git_pin(ref: str | None) -> Pin | None:
    """How exactly a git ref is fixed: a commit, a release, another version tag; a branch or nothing is no pin."""
    ref = (ref or "").removeprefix("refs/tags/")
    if "$" in ref or "{{" in ref or "<<" in ref:
        return None
    if _COMMIT.fullmatch(ref):
        return Pin.DIGEST
    if _RELEASE.fullmatch(ref):
        return Pin.EXACT
    return Pin.TAG if _VERSION.fullmatch(ref) else Pin.NONE


def least_trusted(triggers: Iterable[Trigger]) -> Trigger | None:
    """The least trusted of the things that set a job to work, None where nothing is known."""
    seen = set(triggers)
    return next((t for t in _TRUST if t in seen), None)


def texts(node: Node | None) -> list[tuple[str, int]]:
    """The strings of a node that is one string or a list of them, with their lines."""
    if node is None:
        return []
    if node.text is not None:
        return [(node.text, node.line)]
    return [(n.text, n.line) for n in node.list if n.text is not None]


def named(node: Node | None, *keys: str) -> str | None:
    """The string of a node, or the one below the first of these keys that has one."""
    if node is None or node.text is not None:
        return node.text if node else None
    return next((t for k in keys if (t := node.text_at(k))), None)
