"""Who is accountable: owners are ranked by basis, and passed on to records that have none of their own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.model import Confidence, Owner, OwnerBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.model import Consumer, Credential, Exposure, Member, Use

SOURCE = "analysis"
_RANK: Mapping[OwnerBasis, int] = {basis: n for n, basis in enumerate(OwnerBasis)}
_SURENESS: Mapping[Confidence, int] = {c: n for n, c in enumerate(Confidence)}
_OF_FILES = frozenset({OwnerBasis.CODEOWNERS, OwnerBasis.BLAME})


def rank(owner: Owner) -> tuple[int, int, str, str]:
    """A sort key: best basis first, then confidence, then name."""
    return _RANK[owner.basis], _SURENESS[owner.confidence], owner.name, owner.id


def best(owners: Iterable[Owner]) -> Owner | None:
    """The owner to name when only one can be named."""
    return min(owners, key=rank, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heirs:
    """The tables whose records can take over an owner, and those that lead to one."""

    credentials: Sequence[Credential] = ()
    exposures: Sequence[Exposure] = ()
    consumers: Sequence[Consumer] = ()
    uses: Sequence[Use] = ()
    members: Sequence[Member] = ()


def inherited(owners: Iterable[Owner], heirs: Heirs) -> Iterator[Owner]:
    """New rows only.

    A credential takes the owner of the identity it proves where that is better than its own; a consumer takes the
    owner of its file, else of its parent or its tool servers; an instance profile takes that of its role.  The owner
    of a file never becomes the owner of an identity: who committed a key need not answer for it.
    """
    by_subject: dict[str, list[Owner]] = defaultdict(list)
    for owner in owners:
        by_subject[owner.subject_id].append(owner)
    for credential in heirs.credentials:
        given = best(by_subject.get(credential.identity_id or "", ()))
        own = best(by_subject.get(credential.id, ()))
        if given and (own is None or rank(given)[0] < rank(own)[0]):
            yield _passed_on(given, credential.id, credential.scope_id)
    for member in heirs.members:
        given = best(by_subject.get(member.identity_id, ()))
        if given and ":instance-profile/" in member.group_id and member.group_id not in by_subject:
            yield _passed_on(given, member.group_id, member.scope_id)
    yield from _consumers(by_subject, heirs.consumers, _by_file(by_subject, heirs))


def _passed_on(owner: Owner, subject_id: str, scope_id: str) -> Owner:
    return Owner(
        id=f"owner:{subject_id}:{owner.basis}:{owner.name}",
        scope_id=scope_id,
        source=SOURCE,
        locator=owner.subject_id,
        subject_id=subject_id,
        name=owner.name,
        kind=owner.kind,
        basis=owner.basis,
        confidence=owner.confidence,
    )


def _by_file(
    by_subject: Mapping[str, Sequence[Owner]],
    heirs: Heirs,
) -> Mapping[tuple[str, str], list[Owner]]:
    """Owners that are known of a file, through whatever record lies in it alone."""
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for exposure in heirs.exposures:
        places[exposure.credential_id].add((exposure.scope_id, exposure.uri))
    for use in heirs.uses:
        if use.credential_id and use.uri:
            places[use.credential_id].add((use.scope_id, use.uri))
    for consumer in heirs.consumers:
        if consumer.uri:
            places[consumer.id].add((consumer.scope_id, consumer.uri))
    found: dict[tuple[str, str], list[Owner]] = defaultdict(list)
    for subject, where in places.items():
        if len(where) == 1:
            found[next(iter(where))] += [o for o in by_subject.get(subject, ()) if o.basis in _OF_FILES]
    return found


def _consumers(
    by_subject: Mapping[str, Sequence[Owner]],
    consumers: Sequence[Consumer],
    by_file: Mapping[tuple[str, str], Sequence[Owner]],
) -> Iterator[Owner]:
    known: dict[str, Owner] = {}
    lacking: list[Consumer] = []
    for consumer in consumers:
        own = best(by_subject.get(consumer.id, ()))
        given = own or best(by_file.get((consumer.scope_id, consumer.uri or ""), ()))
        if given is None:
            lacking.append(consumer)
            continue
        known[consumer.id] = given
        if own is None:
            yield _passed_on(given, consumer.id, consumer.scope_id)
    children: dict[str, list[Owner]] = defaultdict(list)
    for consumer in consumers:
        if consumer.parent_id and consumer.id in known:
            children[consumer.parent_id].append(known[consumer.id])
    for consumer in lacking:
        given = known.get(consumer.parent_id or "") or best(children.get(consumer.id, ()))
        if given:
            yield _passed_on(given, consumer.id, consumer.scope_id)
