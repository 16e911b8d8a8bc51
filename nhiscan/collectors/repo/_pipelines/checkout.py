"""Pipelines of a checkout other than GitHub's: jobs, their secrets, federated tokens and the code of others in them."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._pipelines import COVERS, SOURCE, jcasc, jenkins
from nhiscan.collectors.repo._pipelines.parts import Home
from nhiscan.collectors.repo._pipelines.records import Ledger
from nhiscan.collectors.repo._pipelines.systems import JCASC, JENKINSFILE, System, system_of
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

_MOST_MATCHES = 100


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Jobs, steps of others, uses, credentials, exposures, calls; a file that cannot be read is a gap."""
    yield from classed(_Reading(checkout, ctx).records())


class _Reading:
    """One pass over the files of a checkout."""

    def __init__(self, checkout: Checkout, ctx: Context) -> None:
        self.files = Files(checkout, SOURCE, COVERS)
        self.ledger = Ledger(Book(checkout.scope.id, SOURCE, ctx.key))
        self.home = Home.of(checkout.scope.id)
        self.yaml: dict[str, SourceFile] = {}
        self.gaps: dict[str, Gap] = {}
        self.read: set[str] = set()

    def records(self) -> Iterator[Record]:
        """Everything, credentials and gaps last."""
        todo: list[tuple[SourceFile, System]] = []
        others: list[SourceFile] = []
        for file in self.files.checkout.files():
            if file.path.lower().endswith((".yml", ".yaml")):
                self.yaml[file.path] = file
                if system := system_of(file.path):
                    todo.append((file, system))
                elif JCASC.fullmatch(file.path):
                    others.append(file)
            elif "jenkins" in file.path.lower() and JENKINSFILE.fullmatch(file.path):
                others.append(file)
        # What a root file includes is read as part of it, so the plain name comes first.
        for file, system in sorted(
            todo, key=lambda t: (not t[0].path.endswith("/.gitlab-ci.yml"), t[0].path.count("/"), t[0].path)
        ):
            yield from self._system(file, system)
        for file in others:
            yield from self._jenkins(file)
        yield from self.ledger.end()
        yield from (self.gaps[p] for p in sorted(self.gaps))

    def _system(self, file: SourceFile, system: System) -> Iterator[Record]:
        if file.path in self.read:
            return
        for document in self._documents(file, system.marks):
            if system.reads(document.root):
                pipeline = system.pipeline(document, self._load, self.home)
                self.read |= pipeline.read
                yield from self.ledger.pipeline(pipeline)

    def _jenkins(self, file: SourceFile) -> Iterator[Record]:
        if file.path.lower().endswith((".yml", ".yaml")):
            for document in self._documents(file, ("credentials", "jenkins")):
                if jcasc.reads(document.root):
                    yield from jcasc.records(document, self.ledger)
            return
        text = self._text(file)
        if text and jenkins.LOOKS_LIKE.search(text):
            document = self._document(file, Node(text, 1, 1))
            yield from self.ledger.pipeline(jenkins.pipeline(document, self._load, self.home))

    def _load(self, path: str) -> list[Document]:
        """Other files of the checkout by path or pattern; none where there is no such file."""
        names = [path] if path in self.yaml else fnmatch.filter(self.yaml, path)[:_MOST_MATCHES] if "*" in path else []
        return [d for n in names for d in self._documents(self.yaml[n], ())]

    def _documents(self, file: SourceFile, marks: tuple[str, ...]) -> list[Document]:
        text = self._text(file)
        if text is None or (marks and not any(m in text for m in marks)):
            return []
        try:
            roots = parse_yaml(text)
        except MalformedError as e:
            self.gaps[file.path] = self.files.malformed(file.path, e)
            roots = _before(text, e.line)
        return [self._document(file, r) for r in roots if r.map or r.list]

    def _text(self, file: SourceFile) -> str | None:
        text = self.files.text(file)
        if isinstance(text, Gap):
            self.gaps[file.path] = text
            return None
        return text

    def _document(self, file: SourceFile, root: Node) -> Document:
        return Document(file.path, root, file.visibility, self.files.checkout.at_head(file.visibility))


def _before(text: str, line: int) -> list[Node]:
    """What can be read of a broken file: everything before the entry of the top level in which sense ends."""
    rows = text.split("\n")[: max(line - 1, 0)]
    while rows and (not rows[-1].strip() or rows[-1][0] in " \t-#}]"):
        rows.pop()
    try:
        return parse_yaml("\n".join(rows[:-1]))
    except MalformedError:
        return []
