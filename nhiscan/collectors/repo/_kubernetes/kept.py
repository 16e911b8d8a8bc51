"""Secrets whose value is kept elsewhere: sealed, in an external store, mounted by a driver, issued by cert-manager.

Sources: bitnami-labs/sealed-secrets README; external-secrets.io API specification (`ExternalSecret`);
secrets-store-csi-driver.sigs.k8s.io, "SecretProviderClass"; cert-manager.io API reference (`Certificate`, the duration
of which is 90 days unless written).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._kubernetes.cluster import Held, part
from nhiscan.collectors.repo._kubernetes.desk import ALL_KEYS
from nhiscan.collectors.repo._kubernetes.manifests import known
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

_MOST = 500
_DAY = 86_400
_CERTIFICATE_TTL = 90 * _DAY
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|ms|us|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
# Keys under which the providers' own formats name the object.
_OBJECT_KEYS = ("objectName", "secretPath", "resourceName", "secretName")


def kept_elsewhere(desk: Desk) -> Iterator[Record]:
    """Credentials `{scope}#vault:{path}` of external stores, and the sealed and issued ones by their Secret's key."""
    for sealed_id, thing in desk.cluster.of("SealedSecret"):
        yield from _sealed(desk, sealed_id, thing)
    for _, thing in desk.cluster.of("ExternalSecret", "ClusterExternalSecret"):
        yield from _external(desk, thing)
    for class_id, thing in desk.cluster.of("SecretProviderClass"):
        yield from _driver(desk, class_id, thing)
    for _, thing in desk.cluster.of("Certificate"):
        yield from _certificate(desk, thing)


def _sealed(desk: Desk, _: str, thing: Thing) -> Iterator[Record]:
    name = known(thing.node.text_at("spec", "template", "metadata", "name")) or thing.name
    secret_id = desk.cluster.id_of("Secret", thing.namespace, name, thing.realm)
    data = thing.node.at("spec", "encryptedData")
    for key in list(data.map if data else ())[:_MOST]:
        shown = desk.book.scrub(key)
        held = Held(f"{secret_id}:{part(shown)}", Form.VAULT)
        desk.cluster.keys[secret_id][key] = held
        yield desk.credential(held.credential_id, thing, shown, words.kind_of(key), words.provider_of(f"{name}_{key}"))


def _external(desk: Desk, thing: Thing) -> Iterator[Record]:
    spec = thing.node.at("spec", "externalSecretSpec") or thing.node.at("spec")
    if spec is None:
        return
    name = known(spec.text_at("target", "name")) or thing.name
    secret_id = desk.cluster.id_of("Secret", thing.namespace, name, thing.realm)
    for path, item in (("data", ("remoteRef",)), ("dataFrom", ("extract",))):
        rows = spec.at(path)
        for row in (rows.list if rows else [])[:_MOST]:
            remote = row.at(*item) or row
            source = known(remote.text_at("key"))
            key = known(row.text_at("secretKey")) or known(row.text_at("name")) or ALL_KEYS
            if source:
                prop = known(remote.text_at("property"))
                yield _vaulted(desk, thing, secret_id, key, f"{source}#{prop}" if prop else source)


def _vaulted(desk: Desk, thing: Thing, secret_id: str, key: str, path: str) -> Credential:
    shown = desk.book.scrub(path)
    credential_id = f"{desk.scope_id}#vault:{shown}"
    desk.cluster.keys[secret_id][key] = Held(credential_id, Form.VAULT)
    telling = key if key != ALL_KEYS else path
    return Credential(
        id=credential_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=words.provider_of(f"{path}_{telling}"),
        kind=words.kind_of(telling),
        name=shown,
    )


def _driver(desk: Desk, class_id: str, thing: Thing) -> Iterator[Record]:
    text = thing.node.text_at("spec", "parameters", "objects")
    objects: dict[str, str] = {}
    for row in _rows(text or ""):
        if name := next((n for k in _OBJECT_KEYS if (n := known(row.text_at(k)))), None):
            objects[known(row.text_at("objectAlias")) or name] = name
            yield _vaulted(desk, thing, class_id, name, name)
    mirrored = thing.node.at("spec", "secretObjects")
    for secret in (mirrored.list if mirrored else [])[:_MOST]:
        secret_name, data = known(secret.text_at("secretName")), secret.at("data")
        if not secret_name or data is None:
            continue
        secret_id = desk.cluster.id_of("Secret", thing.namespace, secret_name, thing.realm)
        for row in data.list[:_MOST]:
            key, alias = known(row.text_at("key")), known(row.text_at("objectName"))
            if key and alias:
                yield _vaulted(desk, thing, secret_id, key, objects.get(alias, alias))


def _rows(text: str) -> Iterator[Node]:
    """The objects a driver is to fetch, which stand as YAML, and for Azure as YAML in YAML."""
    for root in _parsed(text):
        inner = root.at("array")
        for row in (inner.list if inner else root.list)[:_MOST]:
            if row.text is not None:
                yield from (r for r in _parsed(row.text) if r.map)
            else:
                yield row


def _parsed(text: str) -> list[Node]:
    try:
        return parse_yaml(text)
    except MalformedError:
        return []


def _certificate(desk: Desk, thing: Thing) -> Iterator[Record]:
    name = known(thing.node.text_at("spec", "secretName"))
    if not name:
        return
    secret_id = desk.cluster.id_of("Secret", thing.namespace, name, thing.realm)
    held = Held(f"{secret_id}:tls.key")
    for key in ("tls.crt", "tls.key", ALL_KEYS):
        desk.cluster.keys[secret_id].setdefault(key, held)
    written = thing.node.text_at("spec", "duration")
    issuer = known(thing.node.text_at("spec", "issuerRef", "name"))
    yield Credential(
        id=held.credential_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider="cert-manager",
        kind=CredentialKind.CERTIFICATE,
        name=desk.book.scrub(name),
        state=CredentialState.DECLARED,
        ttl=_CERTIFICATE_TTL if written is None else span(written),
        facts={"issuer": desk.book.scrub(issuer)} if issuer else {},
    )


def span(text: str) -> int | None:
    """Seconds of a duration as Go writes it (`2160h`, `1h30m`); None for anything else."""
    found = list(_SPAN.finditer(text[:100]))
    if not found or "".join(m[0] for m in found) != text.strip():
        return None
    return int(sum(float(m[1]) * _SECONDS.get(m[2], 0.0) for m in found))
