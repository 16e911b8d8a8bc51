"""The catalogue of escalations of privilege in Google Cloud: `escalations.yaml`, read and checked.

The file says what its fields mean and where the facts come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from nhiscan import yamldata
from nhiscan.model import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping


class Need(Enum):
    """What an escalation needs before it works."""

    ACCOUNT = "a service account"
    DELEGATE = "a service account that may make tokens of another"
    WORKLOAD = "a workload that runs as a service account"
    AGENT = "the account that a service uses without being told"
    POOL = "a pool whose identities may act as service accounts"
    NODE = "a project, folder or organisation"
    OWN_ROLE = "a custom role that the principal has"
    OWN_DENY = "a deny policy that binds the principal"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Escalation:
    """One entry; see the head of the file.  `does` are the words before the target, `permissions` all that it takes."""

    id: str
    need: Need
    target: tuple[str, ...]
    project: tuple[str, ...]
    does: str
    source: str
    platform: str | None = None
    exists: str | None = None
    account: str | None = None
    doubt: str | None = None
    elsewhere: str | None = None
    known: tuple[str, ...] = ()
    permissions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "permissions", frozenset((*self.target, *self.project)))


class CatalogueError(ValueError):
    """The shipped catalogue is broken: an escalation search without it would call everybody harmless."""


@cache
def catalogue() -> tuple[Escalation, ...]:
    """Every entry in order, those that are only listed included.  Raises CatalogueError."""
    groups = yamldata.shipped(__package__, "escalations.yaml")
    shared = ({k: v for k, v in g.items() if k != "entries"} for g in groups)
    found = tuple(_entry({**s, **raw}) for s, g in zip(shared, groups, strict=True) for raw in g["entries"])
    if len({e.id for e in found}) != len(found):
        msg = "two entries of escalations.yaml have one id"
        raise CatalogueError(msg)
    return found


def _entry(raw: Mapping[str, object]) -> Escalation:
    try:
        need = Need[str(raw["need"]).upper()]
    except KeyError:
        msg = f"an entry of escalations.yaml has no need that is known: {raw.get('id')}"
        raise CatalogueError(msg) from None
    words = {k: str(raw[k]) for k in ("platform", "exists", "account", "doubt", "elsewhere") if raw.get(k)}
    target, project, known = (tuple(str(raw.get(k, "")).split()) for k in ("target", "project", "known"))
    return Escalation(
        str(raw["id"]), need, target, project, str(raw.get("does", "")), str(raw["source"]), known=known, **words
    )


@cache
def searched(*needs: Need) -> tuple[Escalation, ...]:
    """The entries with one of these needs that are searched for."""
    return tuple(e for e in catalogue() if e.need in needs and not e.elsewhere)


CAPABILITIES: Mapping[Capability, tuple[str, ...]] = {
    Capability.ADMIN: (
        "resourcemanager.organizations.setIamPolicy", "resourcemanager.folders.setIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
    Capability.GRANT_ACCESS: (
        "resourcemanager.projects.setIamPolicy", "resourcemanager.folders.setIamPolicy",
        "resourcemanager.organizations.setIamPolicy", "iam.serviceAccounts.setIamPolicy",
        "iam.serviceAccountKeys.create", "storage.buckets.setIamPolicy", "secretmanager.secrets.setIamPolicy",
        "bigquery.datasets.setIamPolicy", "pubsub.topics.setIamPolicy", "run.services.setIamPolicy",
        "cloudfunctions.functions.setIamPolicy", "cloudkms.cryptoKeys.setIamPolicy", "compute.instances.setIamPolicy",
        "artifactregistry.repositories.setIamPolicy",
    ),
    Capability.READ_SECRETS: (
        "secretmanager.versions.access", "parametermanager.parameterVersions.render", "container.secrets.get",
        "apikeys.keys.getKeyString",
    ),
    Capability.WRITE_DATA: (
        "storage.objects.create", "storage.objects.delete", "storage.objects.update", "bigquery.tables.updateData",
        "bigquery.tables.delete", "spanner.databases.write", "datastore.entities.update", "datastore.entities.delete",
        "bigtable.tables.mutateRows", "pubsub.topics.publish", "cloudsql.instances.delete", "cloudsql.instances.import",
        "compute.disks.delete",
    ),
    Capability.ALTER_LOGS: (
        "logging.sinks.update", "logging.sinks.delete", "logging.exclusions.create", "logging.exclusions.update",
        "logging.buckets.update", "logging.buckets.delete", "logging.logs.delete", "logging.settings.update",
    ),
}  # fmt: skip
"""The permissions that tell each capability, in order; source: docs.cloud.google.com/iam/docs/roles-permissions."""


@cache
def known() -> frozenset[str]:
    """Every permission that this analysis asks about."""
    listed = (p for permissions in CAPABILITIES.values() for p in permissions)
    return frozenset((*listed, *(p for e in catalogue() for p in e.permissions)))
