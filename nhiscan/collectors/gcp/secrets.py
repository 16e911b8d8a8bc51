"""Google Cloud stores of secrets: Secret Manager and Cloud KMS, what is in them, how old it is; never a value.

Kinds of store as elsewhere: `secret`, `managed_secret` (its service rotates it), `kms_key` and its siblings.  One list
of Cloud Asset Inventory tells of all projects; without it Secret Manager is asked project by project and secret by
secret (of regional secrets it then knows nothing).  Fields: secretmanager.v1 `Secret`, `SecretVersion`; cloudkms.v1
`CryptoKey` (discovery documents of October 2026).  A rotation schedule only sends a message (cloud.google.com/
secret-manager/docs, "Create rotation schedules"): whether anybody acts on it shows in `changed_at`, the age of the
newest version.  When a secret was last read stands in audit logs alone.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._assets import ASSETS, unseen
from nhiscan.collectors.gcp._below import ASKED
from nhiscan.collectors.gcp._things import each_project, estate, labelled, owned, seconds
from nhiscan.plugin import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._things import Estate, Thing
    from nhiscan.plugin import Record

_SECRET, _VERSION = "secretmanager.googleapis.com/Secret", "secretmanager.googleapis.com/SecretVersion"
_KEY = "cloudkms.googleapis.com/CryptoKey"
_TYPES = (_SECRET, _VERSION, _KEY)
_OF_VERSIONS = ("store.changed_at", "store.state")
_SECRETS = Operation(
    "secretmanager:secrets.list", "/v1/projects/{project}/secrets", ("secretmanager.secrets.list",),
    query={"pageSize": "25000"}, named=lambda data: text(data.get("name")),
)  # fmt: skip
_VERSIONS = Operation(
    "secretmanager:versions.list", "/v1/{+secret}/versions", ("secretmanager.versions.list",),
    query={"pageSize": "25000"},
)  # fmt: skip
_HOST, _KMS = "//secretmanager.googleapis.com/", "//cloudkms.googleapis.com/"
_DAY = 86_400
GOOGLE_MANAGED = "google-managed"
"""What stands for the key of Google itself where no key of the customer encrypts."""
_KINDS = {
    "ENCRYPT_DECRYPT": "kms_key", "RAW_ENCRYPT_DECRYPT": "kms_asymmetric_key", "ASYMMETRIC_SIGN": "kms_asymmetric_key",
    "ASYMMETRIC_DECRYPT": "kms_asymmetric_key", "KEY_ENCAPSULATION": "kms_asymmetric_key", "MAC": "kms_hmac_key",
}  # fmt: skip
_STATES = {
    "ENABLED": "enabled", "DISABLED": "disabled", "DESTROY_SCHEDULED": "deleting", "DESTROYED": "deleting",
    "PENDING_IMPORT": "empty", "PENDING_GENERATION": "creating", "IMPORT_FAILED": "unavailable",
    "GENERATION_FAILED": "unavailable",
}  # fmt: skip


def _secrets(ask: Ask) -> Iterator[Record]:
    around = estate(ask, *_TYPES)
    if around.error is not None:
        yield from _by_project(around)
        return
    versions: dict[str, list[Json]] = defaultdict(list)
    for asset in around.found:
        if asset.type == _VERSION:
            versions[asset.name.partition("/versions/")[0]].append(asset.data)
    for asset in around.found:
        if asset.type == _SECRET:
            yield from _secret(around, around.thing(asset.name, asset.project), asset.data, versions[asset.name])
    yield from around.scopes.rows()


def _by_project(around: Estate) -> Iterator[Record]:
    """What Secret Manager itself tells, where there is no inventory of assets."""
    secrets: dict[str, tuple[Thing, Json]] = {}
    for project, entry in (yield from each_project(around, _SECRETS, "secrets")):
        name = text(entry.get("name"))
        if name is not None:
            secrets[name] = around.thing(f"{_HOST}{name}", project), entry
    told: set[str] = set()
    try:
        for request, found in around.ask.each_items(_VERSIONS, "versions", [{"secret": name} for name in secrets]):
            name = str(request["secret"])
            thing, entry = secrets[name]
            told.add(name)
            yield from _secret(around, thing, entry, None if isinstance(found, RefusedError) else found)
            if isinstance(found, RefusedError):
                yield from unseen(around.ask, found, covers=_OF_VERSIONS, subject_id=thing.id)
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=_OF_VERSIONS)
    for name in secrets.keys() - told:
        yield from _secret(around, *secrets[name], None)
    yield from around.scopes.rows()


def _secret(around: Estate, thing: Thing, data: Json, versions: list[Json] | None) -> Iterator[Record]:
    labels = labelled(data.get("labels"))
    rotation = mapping(data.get("rotation"))
    managed = mapping(rotation.get("managedRotationStatus")).get("state") == "ACTIVE"
    period = seconds(rotation.get("rotationPeriod"))
    known = {} if versions is None else {"state": _state(thing, versions), "changed_at": _newest(versions)}
    yield Store(
        **thing.seen(),
        provider="gcp",
        kind="managed_secret" if managed else "secret",
        name=thing.id.rpartition("/")[2],
        rotation=managed or bool(rotation.get("nextRotationTime") or rotation.get("rotationPeriod")),
        rotation_days=period // _DAY if period is not None and period >= _DAY else None,
        ttl=seconds(data.get("ttl")),
        created_at=moment(data.get("createTime")),
        expires_at=moment(data.get("expireTime")),
        encrypted_with=_encrypted(around, data),
        environment=labels.environment,
        tags=labels.tags,
        **known,  # type: ignore[arg-type] # columns by name: a text and a time
    )
    yield from owned(thing, labels)


def _state(thing: Thing, versions: Iterable[Json]) -> str | None:
    """What its versions allow: enabled as long as one of them can be read.

    None for words that are new, and for a regional secret without versions: nobody says that those are listed too.
    """
    states = {text(v.get("state")) for v in versions}
    if not states:
        return None if "/locations/" in thing.id else "empty"
    if "ENABLED" in states:
        return "enabled"
    if not states <= {"DISABLED", "DESTROYED"}:
        return None
    return "disabled" if "DISABLED" in states else "empty"


def _newest(versions: Iterable[Json]) -> datetime | None:
    times = [t for v in versions if (t := moment(v.get("createTime"))) is not None]
    return max(times, default=None)


def _encrypted(around: Estate, data: Json) -> str:
    """The customer's key of the secret, of its replicas the first in order; Google's own where none is named."""
    replication = mapping(data.get("replication"))
    places = [data, mapping(replication.get("automatic"))]
    places += [mapping(r) for r in listing(mapping(replication.get("userManaged")).get("replicas"))]
    names = {text(mapping(p.get("customerManagedEncryption")).get("kmsKeyName")) for p in places} - {None}
    return around.named(f"{_KMS}{min(n for n in names if n)}") if names else GOOGLE_MANAGED


def _keys(ask: Ask) -> Iterator[Record]:
    around = estate(ask, *_TYPES)
    if around.error is not None:
        yield from unseen(ask, around.error, covers=("store",))
    for asset in around.found:
        if asset.type == _KEY:
            yield from _key(around.thing(asset.name, asset.project), asset.data)
    yield from around.scopes.rows()


def _key(thing: Thing, data: Json) -> Iterator[Record]:
    """A key; only those for symmetric encryption rotate by themselves (cloudkms.v1, `rotationPeriod`)."""
    labels, primary = labelled(data.get("labels")), mapping(data.get("primary"))
    period = seconds(data.get("rotationPeriod"))
    kind, made = _kind(data), moment(data.get("createTime"))
    renewed = moment(primary.get("generateTime")) or moment(primary.get("createTime"))
    yield Store(
        **thing.seen(),
        provider="gcp",
        kind=kind,
        name=thing.id.rpartition("/")[2],
        rotation=period is not None if kind == "kms_key" else False,
        rotation_days=period // _DAY if period is not None else None,
        state=_STATES.get(text(primary.get("state")) or ""),
        created_at=made,
        changed_at=renewed,
        rotated_at=renewed if renewed and made and (renewed - made).total_seconds() > _DAY else None,
        expires_at=moment(primary.get("destroyTime")),
        environment=labels.environment,
        tags=labels.tags,
    )
    yield from owned(thing, labels)


def _kind(data: Json) -> str:
    """The kind of store, as for keys of other clouds: kept elsewhere, imported, or by what it is for."""
    level = text(mapping(data.get("versionTemplate")).get("protectionLevel")) or ""
    if level.startswith("EXTERNAL"):
        return "kms_external_key"
    if data.get("importOnly") is True:
        return "kms_imported_key"
    return _KINDS.get(text(data.get("purpose")) or "", "kms_asymmetric_key")


COLLECTOR = Group(
    name="gcp.secrets",
    title="Google Cloud Secret Manager and Cloud KMS: stored secrets and keys, and what is known of them",
    place="estate",
    parts=(
        Part(
            name="secrets",
            kind="Secret Manager secret",
            facts=("created", "changed", "expires", "rotation schedule", "key", "owner"),
            calls={
                ASSETS: "store, owner",
                **dict.fromkeys(ASKED, "store, owner"),
                _SECRETS: "store, owner",
                _VERSIONS: ", ".join(_OF_VERSIONS),
            },
            read=_secrets,
        ),
        Part(
            name="keys",
            kind="Cloud KMS key",
            facts=("created", "rotated", "rotation", "state", "owner"),
            calls={ASSETS: "store, owner"},
            read=_keys,
        ),
    ),
)
