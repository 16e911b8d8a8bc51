"""Kustomize: which namespace and name its files get, and the secrets it generates.  Patches are not applied.

Source: kubectl.docs.kubernetes.io/references/kustomize/kustomization.  What several overlays take in exists once in
each of them.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Document, Node
from nhiscan.collectors.repo._kubernetes.manifests import CLUSTER_WIDE, Thing, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_LISTS = ("resources", "bases", "components")
_DEEPEST = 8
_MOST = 2_000
_MOST_COPIES = 20


@dataclass(frozen=True, slots=True, repr=False)
class Kustomization:
    """One file: what it takes in (directories and files, relative to the root) and what it does to that."""

    directory: str
    document: Document
    namespace: str | None
    prefix: str
    suffix: str
    members: tuple[str, ...]
    patches: frozenset[str]


@dataclass(slots=True)
class Kustomizations:
    """All of a repository."""

    by_directory: dict[str, Kustomization] = field(default_factory=dict)
    parents: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    patches: set[str] = field(default_factory=set)

    def add(self, document: Document) -> None:
        """Take one file up."""
        found = _read(document)
        self.by_directory[found.directory] = found
        self.patches |= found.patches
        for member in found.members:
            self.parents[member].append(found.directory)

    def is_patch(self, path: str) -> bool:
        """Whether the file only changes what another declares."""
        return path in self.patches

    def named(self, thing: Thing) -> Iterator[Thing]:
        """The thing with the namespace and name it gets, once for each way in which overlays take it in.

        Where there are several, each copy belongs to the realm of its outermost overlay.
        """
        copies = list(islice(self._copies(thing.document.path, None, ("", ""), 0), _MOST_COPIES))
        tops = {top for _, _, top in copies}
        seen: set[tuple[str | None, str, str]] = set()
        for namespace, (prefix, suffix), top in copies:
            place = None if thing.kind in CLUSTER_WIDE else namespace or thing.namespace
            name, realm = f"{prefix}{thing.name}{suffix}", top if len(tops) > 1 else ""
            if (place, name, realm) not in seen:
                seen.add((place, name, realm))
                yield replace(thing, namespace=place, name=name, realm=realm)

    def _copies(
        self, path: str, namespace: str | None, around: tuple[str, str], depth: int
    ) -> Iterator[tuple[str | None, tuple[str, str], str]]:
        """Namespace, prefix and suffix, and outermost directory of every way up; outer ones win and come outside."""
        above = self.parents.get(path, [])[:_MOST_COPIES] if depth < _DEEPEST else []
        if not above:
            yield namespace, around, path if depth else ""
        for directory in above:
            found = self.by_directory[directory]
            wrapped = (f"{found.prefix}{around[0]}", f"{around[1]}{found.suffix}")
            yield from self._copies(directory, found.namespace or namespace, wrapped, depth + 1)

    def generated(self) -> Iterator[Thing]:
        """The Secrets and ConfigMaps that generators make of literals, as if they were written out."""
        for found in self.by_directory.values():
            for key, kind in (("secretGenerator", "Secret"), ("configMapGenerator", "ConfigMap")):
                rows = found.document.root.at(key)
                for row in (rows.list if rows else [])[:_MOST]:
                    yield from _generated(found, kind, row)


def _generated(found: Kustomization, kind: str, row: Node) -> Iterator[Thing]:
    name, literals = row.text_at("name"), row.at("literals")
    if not name:
        return
    data: dict[str, Node] = {}
    for item in (literals.list if literals else [])[:_MOST]:
        key, mark, value = (item.text or "").partition("=")
        if mark:
            data[key] = Node(value.strip("\"'"), item.line, item.line)
    body = {"stringData" if kind == "Secret" else "data": Node(data, row.line, row.line)}
    if text := row.at("type"):
        body["type"] = text
    namespace = known(row.text_at("namespace")) or found.namespace
    named = f"{found.prefix}{name}{found.suffix}"
    yield Thing(kind, "", namespace, named, Node(body, row.line, row.line), found.document)


def _read(document: Document) -> Kustomization:
    root, directory = document.root, posixpath.dirname(document.path)
    members = tuple(_paths(directory, (n.text for k in _LISTS if (found := root.at(k)) for n in found.list)))
    patches: list[str | None] = []
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        rows = root.at(key)
        patches += [row.text or row.text_at("path") for row in (rows.list if rows else [])]
    return Kustomization(
        directory,
        document,
        known(root.text_at("namespace")),
        known(root.text_at("namePrefix")) or "",
        known(root.text_at("nameSuffix")) or "",
        members,
        frozenset(_paths(directory, patches)),
    )


def _paths(directory: str, names: Iterable[str | None]) -> Iterator[str]:
    for name in names:
        if name and "\n" not in name and "://" not in name and len(name) < 500:
            path = posixpath.normpath(posixpath.join(directory, name))
            yield "" if path == "." else path
