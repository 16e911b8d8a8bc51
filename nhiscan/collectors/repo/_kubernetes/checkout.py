"""Kubernetes in a checkout: accounts, rights, secrets and workloads that manifests, charts and overlays declare."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._kubernetes import (
    COVERS,
    SOURCE,
    SUFFIXES,
    accounts,
    agents,
    argo,
    helm,
    kept,
    manifests,
    rbac,
    secrets,
    workloads,
)
from nhiscan.collectors.repo._kubernetes.cluster import Cluster
from nhiscan.collectors.repo._kubernetes.desk import Desk
from nhiscan.collectors.repo._kubernetes.kustomize import NAMES, Kustomizations
from nhiscan.plugin import Gap, GapReason, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._kubernetes.manifests import Read, Thing
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

# A bundle of one large operator, of which most is schemas that are not parsed.
_LARGEST = 8_000_000
_CHART = "Chart.yaml"


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """What the manifests declare, every record once; a file that cannot be read is a gap."""
    estate = _Estate(Files(checkout, SOURCE, COVERS, _LARGEST))
    yield from estate.read()
    cluster = Cluster(checkout.scope.id)
    cluster.add(estate.named(), estate.charts)
    desk = Desk(cluster, Book(checkout.scope.id, SOURCE, ctx.key))
    seen: set[tuple[str, str]] = set()
    for record in classed(_records(desk, estate)):
        if (record.table, record.id) not in seen:
            seen.add((record.table, record.id))
            yield record


def _records(desk: Desk, estate: _Estate) -> Iterator[Record]:
    """Secrets come first, because what uses them asks what they are; accounts before what becomes them."""
    yield from secrets.secrets(desk)
    yield from secrets.settings(desk)
    yield from kept.kept_elsewhere(desk)
    yield from accounts.accounts(desk)
    yield from accounts.federation(desk)
    yield from rbac.roles(desk)
    yield from rbac.bindings(desk)
    for directory, documents in sorted(estate.values.items()):
        yield from helm.chart(desk, directory, documents)
    yield from workloads.workloads(desk)
    yield from agents.agents(desk)
    yield from argo.argo(desk)


@dataclass(slots=True, repr=False)
class _Estate:
    """What the files of one checkout say, before it is known how they belong together."""

    files: Files
    things: list[Thing] = field(default_factory=list)
    charts: set[str] = field(default_factory=set)
    values: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    kustomizations: Kustomizations = field(default_factory=Kustomizations)
    unrendered: list[str] = field(default_factory=list)

    def named(self) -> Iterator[Thing]:
        """The things with their final names, without the patches."""
        for thing in self.things:
            if not self.kustomizations.is_patch(thing.document.path):
                yield from self.kustomizations.named(thing)
        yield from self.kustomizations.generated()

    def read(self) -> Iterator[Record]:
        """Read every file that may matter; what comes back are gaps."""
        listed = [f for f in self.files.checkout.files() if f.path.endswith(SUFFIXES) or _base(f) in NAMES]
        look = glances(self.files.checkout)
        self.charts = {posixpath.dirname(f.path) for f in listed if _base(f) == _CHART} - {""}
        roots = {posixpath.dirname(f.path) for f in listed if _base(f) == _CHART}
        for file in listed:
            directory, _, base = file.path.rpartition("/")
            if base in NAMES:
                yield from self._kustomization(file)
            elif base.startswith("values") and base.endswith((".yaml", ".yml")) and directory in roots:
                yield from self._values(file, directory)
            elif base != _CHART and look.may_be(file, "kubernetes"):
                yield from self._manifest(file, roots)
        if self.unrendered:
            yield self._note()

    def _manifest(self, file: SourceFile, roots: set[str]) -> Iterator[Gap]:
        data = self.files.checkout.read(file, _LARGEST)
        if data is None or b"apiVersion" not in data or b"kind" not in data:
            return
        text = self.files.text(file)
        if text is None or isinstance(text, Gap) or not manifests.concerns(text):
            return
        in_chart = "/templates/" in f"/{file.path}" and _chart_of(file.path, roots) is not None
        try:
            found = _parse(file.path, text, template=in_chart)
        except MalformedError as e:
            found = manifests.Read((), e)
        for root in found.roots:
            self.things += manifests.things(root, self._document(file, root))
        if found.error is not None:
            if in_chart or manifests.is_template(text):
                self.unrendered.append(file.path)
            else:
                yield self.files.malformed(file.path, found.error)

    def _values(self, file: SourceFile, directory: str) -> Iterator[Gap]:
        for root in self._whole(file) or ():
            if isinstance(root, Gap):
                yield root
            elif root.map:
                self.values[directory].append(self._document(file, root))

    def _kustomization(self, file: SourceFile) -> Iterator[Gap]:
        for root in self._whole(file) or ():
            if isinstance(root, Gap):
                yield root
            elif root.map:
                self.kustomizations.add(self._document(file, root))

    def _whole(self, file: SourceFile) -> list[Node] | list[Gap] | None:
        found = self.files.parsed(file, parse_yaml)
        return [found] if isinstance(found, Gap) else found

    def _document(self, file: SourceFile, root: Node) -> Document:
        return Document(file.path, root, file.visibility, self.files.checkout.at_head(file.visibility))

    def _note(self) -> Gap:
        """Templates that make no sense unrendered: counted, since the chart's other files were read."""
        scope_id = self.files.checkout.scope.id
        shown = ", ".join(self.unrendered[:3]) + (", …" if len(self.unrendered) > 3 else "")
        return Gap(
            id=f"{scope_id}#{SOURCE}/unrendered",
            scope_id=scope_id,
            source=SOURCE,
            covers=(),
            reason=GapReason.UNSUPPORTED,
            remedy="render the charts with helm template into the checkout, then audit again",
            detail=f"{len(self.unrendered)} templates could be read in part only: {shown}",
        )


def _parse(path: str, text: str, *, template: bool) -> Read:
    if path.endswith(".json"):
        return manifests.read_json(text)
    if template:
        return manifests.read_yaml(manifests.without_expressions(text))
    found = manifests.read_yaml(text)
    if found.error is not None and manifests.is_template(text):
        return manifests.read_yaml(manifests.without_expressions(text))
    return found


def _chart_of(path: str, roots: set[str]) -> str | None:
    directory = posixpath.dirname(path)
    while directory:
        directory = posixpath.dirname(directory)
        if directory in roots:
            return directory
    return None


def _base(file: SourceFile) -> str:
    return file.path.rpartition("/")[2]
