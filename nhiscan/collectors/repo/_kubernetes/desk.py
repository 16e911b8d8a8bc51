"""What every reader of a kind needs at hand: the cluster, the book of values, and makers of the commonest records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge
from nhiscan.collectors.repo._kubernetes.cluster import Held, part
from nhiscan.collectors.repo._kubernetes.manifests import is_known
from nhiscan.plugin import Credential, CredentialState, Form, Purpose, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.judge import Spot
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.collectors.repo._kubernetes.cluster import Cluster
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import CredentialKind, Record

PROVIDER = "kubernetes"
FRAMEWORK = "kubernetes"
ALL_KEYS = "*"


@dataclass(slots=True, repr=False)
class Desk:
    """One run over one cluster."""

    cluster: Cluster
    book: Book
    uses: Counter[str] = field(default_factory=Counter)
    groups: set[str] = field(default_factory=set)

    @property
    def scope_id(self) -> str:
        """The scope of every record."""
        return self.cluster.scope_id

    @property
    def source(self) -> str:
        """The collector's name."""
        return self.book.source

    def judged(self, spots: Iterable[Spot | Found]) -> list[Found]:
        """What the spots hold; values are noted, so that nothing shown holds them.  Template stand-ins are nothing."""
        judge = Judge()
        found: list[Found] = []
        for spot in spots:
            if isinstance(spot, Found):
                found.append(spot)
            elif is_known(spot.value):
                found += judge.spot(spot)
        return self.book.learn(found)

    def secret(self, secret_id: str, key: str, thing: Thing, named: str = "") -> tuple[Held, Iterator[Record]]:
        """What a key of a Secret is, and the credential to be recorded where nobody has declared it.

        `named` is the variable that takes it, which may say more than the key.
        """
        declared = self.cluster.keys.get(secret_id, {})
        held = declared.get(key) or declared.get(ALL_KEYS)
        if held is not None:
            return held, iter(())
        name = self.book.scrub(key)
        held = Held(f"{secret_id}:{part(name)}")
        self.cluster.keys[secret_id][key] = held
        telling = f"{secret_id.rpartition('/')[2]}_{named or key}"
        kind = words.kind_of(named or key)
        return held, iter((self.credential(held.credential_id, thing, name, kind, words.provider_of(telling)),))

    def credential(
        self, credential_id: str, thing: Thing, name: str, kind: CredentialKind, provider: str | None = None
    ) -> Credential:
        """A credential known by its name only."""
        return Credential(
            id=credential_id,
            scope_id=self.scope_id,
            source=self.source,
            locator=thing.locator,
            provider=provider,
            kind=kind,
            name=name,
            state=CredentialState.DECLARED if thing.kind in _DECLARING else None,
        )

    def use(
        self,
        consumer_id: str,
        thing: Thing,
        line: int,
        how: UseHow,
        *,
        place: str | None = None,
        name: str | None = None,
        form: Form | None = None,
        credential_id: str | None = None,
        identity_id: str | None = None,
        purpose: Purpose | None = None,
    ) -> Use:
        """A use, numbered where one consumer has several of a name."""
        shown = self.book.scrub(name) if name else None
        stem = f"{consumer_id}#use:{place or how}:{part(shown or '')}"
        self.uses[stem] += 1
        return Use(
            id=f"{stem}:{self.uses[stem]}",
            scope_id=self.scope_id,
            source=self.source,
            locator=f"{thing.document.path}:{line}",
            consumer_id=consumer_id,
            credential_id=credential_id,
            identity_id=identity_id,
            how=how,
            form=form,
            name=shown,
            place=place,
            purpose=purpose,
            uri=thing.document.path,
            line=line,
        )


_DECLARING = frozenset(
    {"Secret", "SealedSecret", "ExternalSecret", "ClusterExternalSecret", "Certificate", "AppProject"}
)
