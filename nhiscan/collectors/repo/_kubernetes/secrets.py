"""Secrets: values in them, tokens of service accounts, and what only stands for a value kept elsewhere.

Every key of a Secret is the credential `{secret id}:{key}`; what consumers reference is looked up by it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._credential import Place, credential, public_id
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._kubernetes.accounts import account_of
from nhiscan.collectors.repo._kubernetes.cluster import Held, part
from nhiscan.collectors.repo._kubernetes.desk import FRAMEWORK
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.detect import pairs
from nhiscan.plugin import (
    Confidence,
    Credential,
    CredentialKind,
    CredentialState,
    Exposure,
    ExposurePart,
    Form,
    Lifetime,
    Sensitive,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the type of a Secret
_ACCOUNT = "kubernetes.io/service-account.name"
_DOCKER = frozenset({".dockerconfigjson", ".dockercfg"})
# Larger values are files; Kubernetes itself stops at 1 MiB for the whole Secret.
_LONGEST = 20_000
_MOST_KEYS = 500
# Parts of a Secret that are no proof of anything.
_PUBLIC_KEYS = frozenset({"ca.crt", "namespace", "username", "user", "host", "port", "url", "name", "type", "project"})


def secrets(desk: Desk) -> Iterator[Record]:
    """Credentials and exposures of every Secret; remembers in `desk.cluster.keys` what each key is."""
    for secret_id, thing in desk.cluster.of("Secret"):
        if known(thing.node.text_at("type")) == _TOKEN:
            yield from _account_token(desk, secret_id, thing)
        elif held := list(entries(thing.node, "stringData", "data")):
            yield from literals(desk, secret_id, thing, held)


def entries(node: Node, *parents: str) -> Iterator[tuple[str, Node, str]]:
    """Key, node and plain text of each entry: `data` is Base64 (RFC 4648), anything else is as written."""
    seen: set[str] = set()
    for parent in parents:
        found = node.at(parent)
        for key, member in list(found.map.items() if found else ())[:_MOST_KEYS]:
            text = member.text
            if key in seen or text is None or len(text) > _LONGEST:
                continue
            seen.add(key)
            yield key, member, _decoded(text) if parent == "data" else text


def _decoded(text: str) -> str:
    if not is_known(text):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def _account_token(desk: Desk, secret_id: str, thing: Thing) -> Iterator[Record]:
    """The token that never expires (kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets)."""
    token_id = f"{secret_id}:token"
    identity_id = None
    if name := known(thing.node.text_at("metadata", "annotations", _ACCOUNT)):
        identity_id, records = account_of(desk, thing.namespace, name, thing)
        yield from records
    written = next((e for e in entries(thing.node, "stringData", "data") if e[0] == "token"), None)
    value = Sensitive(written[2]) if written and is_known(written[2]) and written[2].strip() else None
    yield Credential(
        id=token_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider="kubernetes",
        kind=CredentialKind.TOKEN,
        name=desk.book.scrub(thing.name),
        identity_id=identity_id,
        state=CredentialState.DECLARED,
        lifetime=Lifetime.STATIC,
        fingerprint=desk.book.key.fingerprint(value) if value else None,
    )
    desk.cluster.keys[secret_id]["token"] = Held(token_id)
    if written and value:
        yield exposure(desk, thing, token_id, "token", written[1].line)


def literals(
    desk: Desk, secret_id: str, thing: Thing, held: Sequence[tuple[str, Node, str]], *, sure: bool = False
) -> Iterator[Record]:
    """What the entries of one Secret hold; an AWS key and its id become one credential; `sure` leaves out doubts."""
    found: list[tuple[str, Found]] = []
    for key, node, text in held:
        if not is_known(text):
            continue
        judged = desk.judged(_spots(key, text, node.line, thing.name))
        found += [(key, replace(i, line=node.line)) for i in judged if not (sure and _is_doubtful(key, i))]
    ids = [f for _, f in found if _format(f) == pairs.KEY_ID]
    values = [f for _, f in found if _format(f) == pairs.SECRET]
    paired = {id(s): i for i, s in zip(ids, values, strict=False)}
    absorbed = {id(i) for i in paired.values()}
    several: set[str] = set()
    for key, item in found:
        credential_id = f"{secret_id}:{part(desk.book.scrub(key))}"
        if key in several:
            credential_id = f"{credential_id}:{part(desk.book.scrub(item.name))}"
        several.add(key)
        if id(item) in absorbed:
            owner = next(s for s in values if paired.get(id(s)) is item)
            whole = public_id(item.literal) if item.literal else None
            desk.cluster.keys[secret_id][key] = Held(whole or f"{secret_id}:{part(owner.name)}")
            continue
        yield from _entry(desk, thing, (secret_id, credential_id, key), item, paired.get(id(item)))


def _spots(key: str, text: str, line: int, secret: str) -> Iterator[Spot]:
    """A value under its key; the lines of an environment file and the parts of a registry login for themselves."""
    if key in _DOCKER:
        yield from _logins(text, line)
        return
    rows = text.strip().splitlines()
    if len(rows) > 1 and "PRIVATE KEY" not in text and not text.lstrip().startswith("{"):
        for row in rows[:_MOST_KEYS]:
            name, mark, value = row.partition("=")
            if mark and name.strip().isidentifier():
                yield Spot("file", name.strip(), value.strip().strip("\"'"), line)
        return
    plain = key.lower() not in _PUBLIC_KEYS and not key.endswith((".crt", ".pem", ".yaml", ".yml", ".json"))
    named = words.names_credential(key)
    telling = not named and plain and words.names_credential(secret) and key.lower() in {"value", "data", "default"}
    yield Spot("file", key, text, line, forced=named or telling)


def _logins(text: str, line: int) -> Iterator[Spot]:
    """The passwords in the configuration of a container registry's client, by registry."""
    from nhiscan.collectors.repo._config.jsonc import parse_json

    try:
        root = parse_json(text)
    except MalformedError:
        return
    for registry, login in list((root.at("auths") or root).map.items())[:_MOST_KEYS]:
        password = login.text_at("password")
        if not password and (packed := login.text_at("auth")):
            password = _decoded(packed).partition(":")[2]
        if password:
            yield Spot("file", f"{registry} password", password, line, forced=True)


def _format(item: Found) -> str | None:
    return item.literal.format if item.literal else None


def _entry(desk: Desk, thing: Thing, ids: tuple[str, str, str], item: Found, key_id: Found | None) -> Iterator[Record]:
    secret_id, credential_id, key = ids
    name = desk.book.scrub(key)
    if item.literal is None:
        # A placeholder or a reference: the key exists, its value is set elsewhere.
        form = item.form if item.form is Form.VAULT else Form.REFERENCE
        desk.cluster.keys[secret_id].setdefault(key, Held(credential_id, form))
        kind, provider = words.kind_of(key), words.provider_of(f"{thing.name}_{key}")
        yield desk.credential(credential_id, thing, name, kind, provider)
        return
    literal = pairs.pair(key_id.literal, item.literal) if key_id and key_id.literal else item.literal
    provider = literal.provider or words.provider_of(f"{thing.name}_{key}")
    literal = replace(literal, key_name=name, line=item.line, provider=provider)
    canonical = public_id(literal) or credential_id
    desk.cluster.keys[secret_id].setdefault(key, Held(canonical))
    yield credential(literal, Place(canonical, desk.scope_id, desk.source, thing.locator), desk.book.key)
    yield exposure(desk, thing, canonical, name, item.line, credential_id=credential_id, part_=literal.part)


def exposure(
    desk: Desk,
    thing: Thing,
    canonical: str,
    name: str,
    line: int,
    *,
    credential_id: str | None = None,
    part_: ExposurePart = ExposurePart.VALUE,
) -> Exposure:
    """The place of a value that is written in a manifest."""
    document = thing.document
    return Exposure(
        id=f"{credential_id or canonical}@kubernetes",
        scope_id=desk.scope_id,
        source=desk.source,
        locator=f"{document.path}:{line}",
        credential_id=canonical,
        uri=document.path,
        line=line,
        key_name=name,
        detector=desk.source,
        part=part_,
        at_head=document.at_head,
        visibility=document.visibility,
        config=FRAMEWORK,
        file_class=file_class(document.path),
    )


def settings(desk: Desk) -> Iterator[Record]:
    """Credentials in ConfigMaps, which everybody with `view` can read (`{config map id}:{key}`)."""
    for map_id, thing in desk.cluster.of("ConfigMap"):
        held: list[tuple[str, Node, str]] = []
        found = thing.node.at("data")
        for key, node in list((found.map if found else {}).items())[:_MOST_KEYS]:
            if node.text and "\n" not in node.text.strip() and words.names_credential(key):
                held.append((key, node, node.text))
        yield from literals(desk, map_id, thing, held, sure=True)


def _is_doubtful(key: str, item: Found) -> bool:
    """Whether it may be a setting that only sounds like a credential, as most in a ConfigMap are."""
    literal = item.literal
    if literal is None:
        return True
    return literal.format is None and literal.confidence is not Confidence.HIGH and "passw" not in key.lower()
