"""All things that a repository declares for a cluster, found by name as a cluster would find them.

The declared cluster is the repository.  Where two directories declare the same thing differently, the repository
describes several environments: both become realms of their own, told by the directory at which they part, and so does
every chart.  A name is looked up in its own realm first, then in those above it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._kubernetes.manifests import CLUSTER_WIDE, Thing
from nhiscan.plugin import Form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Node

_APART = str.maketrans({"/": "_", ">": "_", "#": "_", "\\": "_"})


@dataclass(frozen=True, slots=True)
class Held:
    """What a key of a Secret turned out to be: its credential, and in which form whoever uses the key holds it."""

    credential_id: str
    form: Form = Form.REFERENCE


@dataclass(slots=True, repr=False)
class Cluster:
    """The things by id, and what is learnt of secrets on the way."""

    scope_id: str
    things: dict[str, Thing] = field(default_factory=dict)
    keys: dict[str, dict[str, Held]] = field(default_factory=lambda: defaultdict(dict))
    federated: dict[str, str] = field(default_factory=dict)
    names: dict[tuple[str, str, str], list[Thing]] = field(default_factory=lambda: defaultdict(list))

    def add(self, found: Iterable[Thing], charts: Iterable[str] = ()) -> None:
        """Take things up; the first of equals stays."""
        every = list(found)
        realms = {*charts, *(t.realm for t in every if t.realm), *_realms(every)}
        for thing in every:
            placed = replace(thing, realm=thing.realm or _realm(thing.document.path, realms))
            thing_id = self.id_of(placed.kind, placed.namespace, placed.name, placed.realm)
            if thing_id not in self.things:
                self.things[thing_id] = placed
                self.names[placed.realm, placed.kind, placed.name].append(placed)

    def id_of(self, kind: str, namespace: str | None, name: str, realm: str = "") -> str:
        """The id of a thing: `{scope}#k8s:{realm:}{namespace or '-'}/{Kind}/{name}`."""
        where = f"{realm}:" if realm else ""
        return f"{self.scope_id}#k8s:{where}{part(namespace or '-')}/{kind}/{part(name)}"

    def own_id(self, thing: Thing) -> str:
        """The id of a thing that was added."""
        return self.id_of(thing.kind, thing.namespace, thing.name, thing.realm)

    def of(self, *kinds: str) -> Iterator[tuple[str, Thing]]:
        """The things of these kinds with their ids, in order of file."""
        return ((i, t) for i, t in self.things.items() if t.kind in kinds)

    def find(self, kind: str, namespace: str | None, name: str, realm: str) -> Thing | None:
        """The thing a name means there: without a namespace on either side, the only one of that name will do."""
        for place in _upwards(realm):
            for where in (namespace, None):
                if found := self.things.get(self.id_of(kind, where, name, place)):
                    return found
            candidates = self.names.get((place, kind, name), [])
            if namespace is None and len(candidates) == 1:
                return candidates[0]
        return None

    def refer(self, kind: str, namespace: str | None, name: str, realm: str) -> str:
        """The id of what a name means there, declared or not."""
        namespace = None if kind in CLUSTER_WIDE else namespace
        found = self.find(kind, namespace, name, realm)
        return self.own_id(found) if found else self.id_of(kind, namespace, name, realm)


def part(text: str) -> str:
    """A part of an id: what separates parts cannot occur in it."""
    return clean(text).translate(_APART)


def _upwards(realm: str) -> Iterator[str]:
    while realm:
        yield realm
        realm = realm.rpartition("/")[0]
    yield ""


def _realm(path: str, realms: set[str]) -> str:
    """The innermost realm that a file lies in."""
    return next(place for place in _upwards(path.rpartition("/")[0]) if place in realms or not place)


def _realms(every: Iterable[Thing]) -> set[str]:
    """The directories at which two files part that declare the same thing differently."""
    places: dict[tuple[str, str, str], dict[str, Thing]] = defaultdict(dict)
    for t in every:
        places[t.kind, t.namespace or "", t.name].setdefault(t.document.path, t)
    found: set[str] = set()
    for files in places.values():
        for a, b in pairwise(sorted(files)):
            if not _same(files[a].node, files[b].node):
                found |= _parting(a.split("/")[:-1], b.split("/")[:-1])
    return found


def _parting(a: list[str], b: list[str]) -> set[str]:
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return {"/".join(p[: common + 1]) for p in (a, b) if len(p) > common}


def _same(a: Node, b: Node) -> bool:
    x, y = a.value, b.value
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(_same(v, y[k]) for k, v in x.items())
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(_same, x, y))
    return x == y
