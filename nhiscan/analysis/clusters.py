"""The passive join: one credential that was found apart becomes one record with all its places.

Records meet by id, by public key id, by keyed fingerprint of the value, by the place where two collectors read one
entry (one as it is written, one decoded), and by the variable that names a literal.  No value is used, and nothing is
asked of anybody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from nhiscan.analysis.merge import exposure_place, issuer_first, one_credential, one_place, use_place
from nhiscan.analysis.references import is_reference, literals, resolutions
from nhiscan.model import Cluster, ExposurePart, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nhiscan.model import Credential, Exposure, Use

SOURCE = "analysis"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Joined:
    """The tables after the join, each in a fixed order."""

    credentials: tuple[Credential, ...]
    exposures: tuple[Exposure, ...]
    uses: tuple[Use, ...]
    owners: tuple[Owner, ...]
    clusters: tuple[Cluster, ...]


def join(
    credentials: Iterable[Credential], exposures: Iterable[Exposure], uses: Iterable[Use], owners: Iterable[Owner]
) -> Joined:
    """All records of a credential under one id; whatever pointed to one of them points to it."""
    rows, told = list(credentials), list(exposures)
    by_id: dict[str, list[Credential]] = defaultdict(list)
    for row in rows:
        by_id[row.id].append(row)
    groups = _groups(by_id, _places(by_id, told))
    named = ((_name(by_id, members), members) for members in groups.values())
    canonical = {member: name for name, members in named for member in members}
    merged = {name: [r for m in ms for r in by_id[m]] for ms in groups.values() for name in (canonical[ms[0]],)}
    bases = {c.id: c for ms in groups.values() for c in _cluster_rows(by_id, ms, canonical[ms[0]])}

    seen = [_moved(e, canonical) for e in told]
    used = [_used(u, canonical) for u in uses]
    used, gone, more = _follow_references(by_id, canonical, seen, used)
    for reference, target in gone.items():
        merged[target] += merged.pop(reference)
    joined = [one_credential(members, name) for name, members in sorted(merged.items())]
    scopes = {c.id: c.scope_id for c in joined}
    final = canonical | gone
    return Joined(
        credentials=tuple(joined),
        exposures=tuple(_distinct((_moved(e, gone) for e in seen), exposure_place, one_place)),
        uses=tuple(_distinct(used, use_place, lambda g: min(g, key=lambda u: u.id))),
        owners=tuple(_owned(owners, final)),
        clusters=tuple(sorted(_scoped([*bases.values(), *more], scopes), key=lambda c: c.id)),
    )


def _groups(by_id: Mapping[str, Sequence[Credential]], places: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Ids that are one credential, by their representative; sorted, so that the order of records is irrelevant."""
    parent = {i: i for i in by_id}

    def find(i: str) -> str:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for meeting in [*_meetings(by_id), *places]:
        for other in meeting[1:]:
            low, high = sorted((find(meeting[0]), find(other)))
            parent[high] = low
    groups: dict[str, list[str]] = defaultdict(list)
    for i in sorted(by_id):
        groups[find(i)].append(i)
    return groups


def _meetings(by_id: Mapping[str, Sequence[Credential]]) -> list[list[str]]:
    """Lists of ids that are the same credential: one for each public key id, one for each value."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    values: dict[str, list[str]] = defaultdict(list)
    own_key: dict[str, str] = {}
    for i in sorted(by_id):
        for row in by_id[i]:
            if row.key_id:
                keys[row.provider or "", row.key_id].append(i)
                own_key[i] = f"{row.provider}/{row.key_id}"
            if row.fingerprint:
                values[row.fingerprint].append(i)
    return [*keys.values(), *(_one_key(ids, own_key) for ids in values.values())]


def _places(by_id: Mapping[str, Sequence[Credential]], exposures: Iterable[Exposure]) -> list[list[str]]:
    """Lists of ids that are one entry of a file: each collector saw one value there, under one name on one line.

    A value in a known format is told by that; the others have one fingerprint as written and another one decoded.
    """
    found: dict[tuple[str, str, int, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for e in exposures:
        rows = by_id.get(e.credential_id, ())
        if e.part is ExposurePart.VALUE and e.line and e.key_name and e.commit is None and rows:
            found[e.scope_id, e.uri, e.line, e.key_name][e.source].add(e.credential_id)
    meetings = []
    for ids in (by_source.values() for by_source in found.values() if len(by_source) > 1):
        one = sorted(set().union(*ids))
        plain = not any(r.format or r.key_id for i in one for r in by_id[i])
        if plain and len(one) > 1 and all(len(i) == 1 for i in ids):
            meetings.append(one)
    return meetings


def _one_key(ids: Sequence[str], own_key: Mapping[str, str]) -> list[str]:
    """One value beside two different public ids is a mistake of a file: it joins the first, they stay apart."""
    named = sorted({own_key[i] for i in ids if i in own_key})
    return [i for i in ids if i not in own_key or own_key[i] == named[0]]


def _name(by_id: Mapping[str, Sequence[Credential]], members: Sequence[str]) -> str:
    """The issuer's own id, else a public one, else the smallest of the place-bound ones."""
    return min((row for m in members for row in by_id[m]), key=issuer_first).id if len(members) > 1 else members[0]


def _cluster_rows(by_id: Mapping[str, Sequence[Credential]], members: Sequence[str], canonical: str) -> list[Cluster]:
    """A row for every member that lost its id, and one for a public id that was seen by several collectors."""
    keys = {r.key_id for m in members if m == canonical for r in by_id[m]} - {None}
    values = {r.fingerprint for m in members if m == canonical for r in by_id[m]}
    found = []
    for member in members:
        rows = by_id[member]
        if member == canonical:
            if len({r.source for r in rows}) > 1:
                found.append(_cluster(canonical, member, "id"))
        else:
            by_place = len(members) == 2 and values.isdisjoint({r.fingerprint for r in rows})
            shared = "key_id" if keys & {r.key_id for r in rows} else "place" if by_place else "fingerprint"
            found.append(_cluster(canonical, member, shared))
    return found


def _cluster(canonical: str, member: str, basis: str) -> Cluster:
    return Cluster(
        id=f"{canonical}|{member}", scope_id="", source=SOURCE, credential_id=canonical, member_id=member, basis=basis
    )


def _scoped(rows: Iterable[Cluster], scopes: Mapping[str, str]) -> list[Cluster]:
    return [replace(r, scope_id=scopes.get(r.credential_id, "")) for r in rows]


def _moved(row: Exposure, ids: Mapping[str, str]) -> Exposure:
    new = ids.get(row.credential_id, row.credential_id)
    return row if new == row.credential_id else replace(row, credential_id=new)


def _used(row: Use, ids: Mapping[str, str]) -> Use:
    new = ids.get(row.credential_id or "", row.credential_id)
    return row if new == row.credential_id else replace(row, credential_id=new)


def _follow_references(
    by_id: Mapping[str, Sequence[Credential]],
    canonical: Mapping[str, str],
    exposures: Sequence[Exposure],
    uses: Sequence[Use],
) -> tuple[list[Use], dict[str, str], list[Cluster]]:
    """Uses of variables moved to the literals they stand for; references that all went to one literal; their rows."""
    references = [i for i in by_id if is_reference(i) and canonical[i] == i]
    found = {(r, uri): c for r, uri, c in resolutions(references, uses, literals(exposures)) if not is_reference(c)}
    moved: list[Use] = []
    open_ones: set[str] = set()
    for use in uses:
        target = found.get((use.credential_id or "", use.uri or ""))
        if target is None and use.credential_id in canonical:
            open_ones.add(use.credential_id or "")
        moved.append(replace(use, credential_id=target) if target else use)
    targets: dict[str, set[str]] = defaultdict(set)
    for (reference, _), target in found.items():
        targets[reference].add(target)
    gone = {r: next(iter(t)) for r, t in targets.items() if len(t) == 1 and r not in open_ones}
    rows = [_cluster(t, r, "reference") for r, ts in targets.items() for t in sorted(ts)]
    return moved, gone, rows


def _distinct(rows: Iterable[T], key: Callable[[T], object], pick: Callable[[list[T]], T]) -> list[T]:
    groups: dict[object, list[T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return [pick(groups[k]) for k in sorted(groups, key=repr)]


def _owned(owners: Iterable[Owner], ids: Mapping[str, str]) -> list[Owner]:
    moved = (o if ids.get(o.subject_id, o.subject_id) == o.subject_id else _owner(o, ids[o.subject_id]) for o in owners)
    return _distinct(moved, lambda o: (o.subject_id, o.name, o.kind, o.basis), lambda g: min(g, key=lambda o: o.id))


def _owner(owner: Owner, subject_id: str) -> Owner:
    return replace(owner, subject_id=subject_id)
