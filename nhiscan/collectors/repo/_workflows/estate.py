"""The workflows of a checkout: which files they are, which call which, and what a `./path` leads to."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._workflows import shape
from nhiscan.collectors.repo._workflows.jobs import Estate
from nhiscan.collectors.repo._workflows.shape import FOLDER, root_of
from nhiscan.plugin import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.reading import Files
    from nhiscan.collectors.repo._tree import SourceFile

_CALLS = re.compile(r"\buses['\"]?:\s*['\"]?\./+([^\s'\"#@,{}]+\.ya?ml)")
_ACTION_FILES = ("action.yml", "action.yaml")
_FRONT = re.compile(r"(\s*)---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_MOST_CALLS = 10
_LOOKED_BACK = 6
# A checkout of samples may hold any number of them; those beyond are read again each time.
_KEPT_ACTIONS = 500
# Characters of workflows that are read once for their calls and are not read again for their jobs.
_KEPT_TEXT = 16_000_000


class Survey:
    """Finds the files first, so that who calls a workflow is known when its jobs are written."""

    def __init__(self, files: Files) -> None:
        self.texts: dict[str, Sequence[str]] = {}
        self._files = files
        self._workflows: dict[str, SourceFile] = {}
        self._actions: dict[str, SourceFile] = {}
        self._texts: dict[str, str] = {}
        self._opened: dict[str, Document | None] = {}
        self._jobs: dict[str, tuple[str, ...]] = {}
        self._callers: dict[str, frozenset[str]] = {}
        repository, issuer = _known_as(files.checkout.scope.id)
        self.estate = Estate(repository, issuer, self._open, self._jobs, self._callers)

    def look(self) -> None:
        """List the files and read who calls whom."""
        for file in self._files.checkout.files():
            if FOLDER in file.path and _is_workflow(file.path):
                self._workflows[file.path] = file
            elif file.path.endswith(_ACTION_FILES) and file.path.rpartition("/")[2] in _ACTION_FILES:
                self._actions[file.path] = file
        self._relate()

    def workflows(self) -> Iterator[tuple[Document, Sequence[str]] | Gap]:
        """Every workflow with its lines; a file that cannot be read, or only in part, leaves a gap."""
        for path, file in self._workflows.items():
            if path.endswith(".lock.yml") and f"{path[: -len('.lock.yml')]}.md" in self._workflows:
                continue
            text = self._texts.pop(path, None) or self._files.text(file)
            if isinstance(text, Gap):
                yield text
            if text is None or isinstance(text, Gap) or not _may_be(path, text):
                continue
            root, gap = self._tree(path, text)
            if gap:
                yield gap
            if root is not None and root.map:
                yield self._document(file, root), text.split("\n")

    def _tree(self, path: str, text: str) -> tuple[Node | None, Gap | None]:
        """The first document; of a broken file what stands before the error, and the gap."""
        if path.endswith(".md"):
            match = _FRONT.match(text)
            text = f"{match[1]}---\n{match[2]}" if match else ""
        try:
            return next(iter(parse_yaml(text)), None), None
        except MalformedError as e:
            return _before(text, e.line), self._files.malformed(path, e)

    def _document(self, file: SourceFile, root: Node) -> Document:
        return Document(file.path, root, file.visibility, self._files.checkout.at_head(file.visibility))

    def _relate(self) -> None:
        """Note the jobs of workflows that can be called, and hand the triggers of callers down to them."""
        triggers: dict[str, frozenset[str]] = {}
        called: dict[str, set[str]] = {}
        room = _KEPT_TEXT
        for path, file in self._workflows.items():
            text = self._files.text(file)
            if not isinstance(text, str) or path.endswith(".md"):
                continue
            if (room := room - len(text)) > 0:
                self._texts[path] = text
            calls = _CALLS.finditer(text) if "./" in text else ()
            names = {root_of(path) + m[1] for m in calls} & self._workflows.keys()
            if not names and "workflow_call" not in text:
                continue
            root, _ = self._tree(path, text)
            workflow = shape.workflow(self._document(file, root)) if root is not None else None
            if workflow is None:
                continue
            triggers[path] = frozenset(workflow.on)
            if "workflow_call" in workflow.on:
                self._jobs[path] = tuple(job.name for job in workflow.jobs)
            for name in names:
                called.setdefault(name, set()).add(path)
        self._hand_down(triggers, called)

    def _hand_down(self, triggers: Mapping[str, frozenset[str]], called: Mapping[str, set[str]]) -> None:
        """Give each called workflow what sets its callers to work, over several calls."""
        for _ in range(_MOST_CALLS):
            before = dict(self._callers)
            for callee, callers in called.items():
                self._callers[callee] = frozenset().union(
                    *(triggers[c] | self._callers.get(c, frozenset()) for c in callers)
                ) - {"workflow_call"}
            if before == self._callers:
                break

    def _open(self, path: str, uses: str) -> Document | None:
        """The action that `./folder` leads to in the workflow at `path`, or None."""
        folder = (root_of(path) + uses.removeprefix("./").strip("/")).strip("/")
        file = next((f for n in _ACTION_FILES if (f := self._actions.get(f"{folder}/{n}".lstrip("/")))), None)
        if file is None:
            return None
        if file.path not in self._opened:
            if len(self._opened) >= _KEPT_ACTIONS:
                self._opened.clear()
                self.texts.clear()
            text = self._files.text(file)
            root = self._tree(file.path, text)[0] if isinstance(text, str) else None
            self._opened[file.path] = self._document(file, root) if root is not None and root.map else None
            self.texts[file.path] = text.split("\n") if isinstance(text, str) else ()
        return self._opened[file.path]


def _before(text: str, line: int) -> Node | None:
    """What stands before an error: its cause may lie a few lines above the place where sense ends."""
    lines = text.split("\n")
    for end in range(line - 1, max(line - _LOOKED_BACK, 0), -1):
        with suppress(MalformedError):
            return next(iter(parse_yaml("\n".join(lines[:end]))), None)
    return None


def _is_workflow(path: str) -> bool:
    """Whether GitHub would read the file as a workflow (`.md`: as the source of an agentic one)."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/".endswith(FOLDER) and name.endswith((".yml", ".yaml", ".md"))


def _may_be(path: str, text: str) -> bool:
    return text.lstrip().startswith("---") if path.endswith(".md") else "jobs" in text


def _known_as(scope_id: str) -> tuple[str, str]:
    """The repository as `owner/name` and who signs its tokens, `*` where the checkout has no remote.

    An enterprise server signs its own: https://docs.github.com/enterprise-server/admin (`HOST/_services/token`).
    """
    host, _, name = scope_id.removeprefix("repo:").partition("/")
    if not scope_id.startswith("repo:") or name.count("/") != 1:
        return "*/*", "token.actions.githubusercontent.com"
    if host in {"github.com", "gitlab.com", "bitbucket.org"}:
        return name if host == "github.com" else "*/*", "token.actions.githubusercontent.com"
    return name, f"{host}/_services/token"
