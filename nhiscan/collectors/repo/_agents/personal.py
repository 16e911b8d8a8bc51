"""The files of the person who runs nhiscan, and of the machine: found by the clients' tables, read like a checkout's.

Only when asked for (`--user`), never in a checkout.  Paths are shown from the home (`~/.cursor/mcp.json`).
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, Place, all_clients, belongs
from nhiscan.collectors.repo._agents.formats import read_tree
from nhiscan.collectors.repo._agents.inventory import Part
from nhiscan.collectors.repo._config.nodes import Document, Node, clean, decode
from nhiscan.collectors.repo._config.reading import LARGEST
from nhiscan.collectors.repo._listing import Skip
from nhiscan.collectors.repo._reading import Reader
from nhiscan.plugin import Gap, GapReason, Scope, ScopeKind, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BUDGET = 20_000  # entries looked at below one folder of extensions
_GLOB = re.compile(r"\*\*/|\*|[^*]+")


@dataclass(frozen=True, slots=True)
class Machine:
    """Whose files they are: `system` as in sys.platform, `root` the folder that stands for `/`."""

    home: Path = field(default_factory=Path.home)
    system: str = sys.platform
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    root: Path = Path("/")

    @property
    def config(self) -> Path:
        """Where programs keep the settings of a person."""
        if self.system == "win32":
            return Path(self.env.get("APPDATA") or self.home / "AppData/Roaming")
        if self.system == "darwin":
            return self.home / "Library/Application Support"
        return Path(self.env.get("XDG_CONFIG_HOME") or self.home / ".config")

    @property
    def data(self) -> Path:
        """Where programs keep the settings of the machine."""
        if self.system == "win32":
            return Path(self.env.get("ProgramData") or "C:/ProgramData")
        return self.root / ("Library/Application Support" if self.system == "darwin" else "etc")

    def path(self, pattern: str) -> Path:
        """The place a pattern of the clients' tables stands for."""
        for mark, place in (("~/", self.home), ("{config}/", self.config), ("{data}/", self.data)):
            if pattern.startswith(mark):
                return place / pattern[len(mark) :]
        return self.root / pattern.lstrip("/")

    def shown(self, path: Path) -> str:
        """The path from the home or the root, with forward slashes."""
        if path.is_relative_to(self.home):
            return f"~/{path.relative_to(self.home).as_posix()}"
        return f"/{path.relative_to(self.root).as_posix()}" if path.is_relative_to(self.root) else path.as_posix()


def scope() -> Scope:
    """The person on this machine."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError, ImportError):
        login = "unknown"
    name = clean(f"{login}@{platform.node() or 'localhost'}")
    return Scope(
        id=f"user:{name}", scope_id=f"user:{name}", source="repo.agents", locator="~", provider="filesystem",
        kind=ScopeKind.DIRECTORY, name=name,
    )  # fmt: skip


def parts(machine: Machine, scope_id: str, covers: tuple[str, ...]) -> Iterator[Part | Gap]:
    """The files that are there and are what their place promises; one that cannot be read is a gap."""
    seen: set[Path] = set()
    for client in all_clients():
        for pattern in (*client.user, *client.system):
            for path in _matching(machine.path(pattern)):
                if path not in seen:
                    seen.add(path)
                    yield from _read(machine, client, pattern, path, _Gaps(scope_id, covers))


@dataclass(frozen=True, slots=True)
class _Gaps:
    scope_id: str
    covers: tuple[str, ...]

    def of(self, shown: str, reason: GapReason, what: str, remedy: str) -> Gap:
        return Gap(
            id=f"{self.scope_id}#{shown}:agents:{reason}", scope_id=self.scope_id, source="repo.agents", locator=shown,
            covers=self.covers, reason=reason, remedy=remedy, detail=f"{shown}: {what}",
        )  # fmt: skip


def _read(machine: Machine, client: Client, pattern: str, path: Path, gaps: _Gaps) -> Iterator[Part | Gap]:
    shown = clean(machine.shown(path))
    data = Reader(path.parent).whole(path.name, LARGEST)
    if isinstance(data, Skip):
        if data is not Skip.ABSENT:
            yield gaps.of(shown, GapReason.SKIPPED, f"was skipped ({data.value})", data.remedy)
        return
    text = decode(data)
    if not text.strip():
        return
    root, error = read_tree(shown, text)
    if error is not None:
        yield gaps.of(
            shown, GapReason.MALFORMED, f"line {error.line}: {error.what}", f"correct {shown} at line {error.line}"
        )
    if root is None:
        return
    flat = next((f for f in client.flat if f == path.name), pattern)
    if belongs(client, flat, root):
        place = Place(client, "~", flat, own=bool(client.agents))
        yield Part(place, Document(shown, root, Visibility.LOCAL))
    yield from _projects(machine, client, shown, root)


def _projects(machine: Machine, client: Client, shown: str, root: Node) -> Iterator[Part]:
    """The agents that a person's own file declares for single projects (`~/.claude.json`)."""
    found = root.at("projects")
    names: set[str] = set()
    for path, node in found.map.items() if found and client.project_consent else ():
        servers = node.at("mcpServers")
        if servers is None or not servers.map:
            continue
        place = Path(path)
        label = machine.shown(place) if place.is_relative_to(machine.home) else place.name or "root"
        name = clean(label)
        while name in names:
            name = f"{name}+"
        names.add(name)
        yield Part(Place(client, name, "~/.claude.json"), Document(shown, node, Visibility.LOCAL))


def _matching(place: Path) -> Iterator[Path]:
    """The files a path with `*` and `**` stands for, in order; links are not entered."""
    steps = place.parts
    first = next((i for i, step in enumerate(steps) if "*" in step), None)
    if first is None:
        if os.path.lexists(place):
            yield place
        return
    base = Path(*steps[:first])
    rest = "/".join(steps[first:])
    fits = re.compile("".join(_piece(p) for p in _GLOB.findall(rest)))
    left = _BUDGET
    for here, folders, names in os.walk(base):
        folders.sort()
        left -= len(folders) + len(names)
        if left < 0:
            return
        for name in sorted(names):
            path = Path(here, name)
            if fits.fullmatch(path.relative_to(base).as_posix()):
                yield path


def _piece(text: str) -> str:
    return "(?:.*/)?" if text == "**/" else "[^/]*" if text == "*" else re.escape(text)
