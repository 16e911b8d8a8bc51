"""One workload as records: what runs, as which account, with which secrets handed to it by reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.gcp._things import Labels, labelled, owned
from nhiscan.collectors.gcp._using import acts_as, reads, store_of
from nhiscan.plugin import Consumer, ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._things import Estate, Thing
    from nhiscan.plugin import Auth, Record, Trigger

# Under this prefix, which no label may have, `tags` hold what a workload says of itself.
OWN = "gcp:"


@dataclass(frozen=True, slots=True)
class Raw:
    """What a reader is given: the answer of the service, the project it is in, and that project's number if known."""

    data: Json
    project: str | None
    number: str | None
    name: str

    @property
    def compute_default(self) -> str | None:
        """The default account of Compute Engine, which many services take when none is named."""
        return f"{self.number}-compute@developer.gserviceaccount.com" if self.number and self.data else None

    @property
    def app_default(self) -> str | None:
        """The default account of App Engine; a domain before the id comes after it there (`example.com:api`)."""
        if not self.data or not self.project or self.project.isdigit():
            return None
        domain, _, id_ = self.project.rpartition(":")
        return f"{id_}.{domain}@appspot.gserviceaccount.com" if domain else f"{id_}@appspot.gserviceaccount.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What differs from one kind to another.

    `accounts` are pairs of a word and an e-mail address, `secrets` of the name, the secret and the place (`env`,
    `volume`) it is handed over in; `variables` are the plain ones, with their values; `own` are facts for `tags`.
    """

    platform: str
    kind: ConsumerKind = ConsumerKind.WORKLOAD
    name: str | None = None
    labels: object = None
    created_at: datetime | None = None
    enabled: bool | None = None
    public: bool | None = None
    url: str | None = None
    auth: Auth | None = None
    parent: str | None = None
    trigger: Trigger | None = None
    triggers: tuple[str, ...] = ()
    runs_untrusted: bool | None = None
    gated: bool | None = None
    issuer: str | None = None
    accounts: tuple[tuple[str, object], ...] = ()
    secrets: tuple[tuple[object, object, str], ...] = ()
    variables: tuple[tuple[str, object], ...] = ()
    own: dict[str, str] = field(default_factory=dict)


def written(around: Estate, thing: Thing, raw: Raw, load: Workload) -> Iterator[Record]:
    """The consumer, its owners, the accounts it acts as and the secrets it is handed."""
    labels = labelled(load.labels)
    own = {f"{OWN}{name}": value for name, value in load.own.items()}
    yield Consumer(
        **thing.seen(),
        kind=load.kind,
        name=load.name or thing.id.rpartition("/")[2],
        platform=load.platform,
        parent_id=load.parent,
        environment=labels.environment,
        enabled=load.enabled,
        created_at=load.created_at,
        public=load.public,
        url=load.url,
        tls=load.url.startswith("https:") if load.url else None,
        auth=load.auth,
        trigger=load.trigger,
        triggers=load.triggers,
        runs_untrusted=load.runs_untrusted,
        gated=load.gated,
        issuer=load.issuer,
        tags=Labels({**labels.tags, **own}).tags,
    )
    yield from owned(thing, labels)
    yield from acts_as(thing, *load.accounts)
    for name, secret, place in load.secrets:
        yield from reads(thing, name, store_of(around, raw.project, secret), place=place)
