"""AWS Transfer Family: users of managed file servers, the SSH keys they sign in with and the role each works as.

Calls: one for the servers, one for each server that keeps its own users, one for each user with a key (only the
description of a user says when its keys were imported and how strong they are).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, acts_as, owners, role_arn, seen
from nhiscan.plugin import (
    Certainty,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityKind,
    IdentityState,
    Lifetime,
    Resource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_USERS, _USER = "transfer:ListUsers", "transfer:DescribeUser"
_GONE = ("ResourceNotFoundException",)


def _servers(ask: Ask) -> Iterator[Record]:
    servers: dict[str, Json] = {}
    for entry in ask.items("transfer:ListServers", "Servers", MaxResults=1000):
        arn, server = text(entry.get("Arn")), text(entry.get("ServerId"))
        if arn is None or server is None:
            continue
        managed = text(entry.get("IdentityProviderType")) == "SERVICE_MANAGED"
        yield Resource(
            **seen(ask, arn), provider="aws", kind="transfer_server", name=server, local_auth=managed,
            public={"PUBLIC": True, "VPC_ENDPOINT": False}.get(text(entry.get("EndpointType")) or ""),
        )  # fmt: skip
        if managed:
            servers[arn] = {"ServerId": server, "MaxResults": 1000}
    asking = Asking(ask)
    users: dict[str, tuple[Json, Json]] = {}
    for arn, found in asking.each_items(_USERS, "Users", servers, absent=_GONE):
        for entry in found:
            user, name = text(entry.get("Arn")), text(entry.get("UserName"))
            if user is not None and name is not None:
                users[user] = (entry, {"ServerId": servers[arn]["ServerId"], "UserName": name})
    described = dict(asking.each(_USER, {user: request for user, (_, request) in users.items()}, absent=_GONE))
    for user, (entry, _) in users.items():
        yield from _user(ask, user, entry, mapping(described.get(user, {}).get("User")))
    yield from asking.gaps


def _user(ask: Ask, arn: str, entry: Json, described: Json) -> Iterator[Record]:
    tags = _tags.read(described.get("Tags"))
    yield Identity(
        **seen(ask, arn),
        provider="aws",
        kind=IdentityKind.SERVICE_ACCOUNT,
        name=text(entry.get("UserName")) or arn,
        state=IdentityState.ENABLED,
        environment=_tags.environment(tags),
        tags=tags,
    )
    yield from owners(ask, arn, tags)
    role = role_arn(ask, entry.get("Role"))
    if role is not None:
        # A session policy may narrow what the role gives to this user.
        narrowed = bool(described.get("Policy")) or not described
        yield acts_as(ask, arn, role, certainty=Certainty.CONDITIONAL if narrowed else Certainty.CERTAIN)
    for key in map(mapping, listing(described.get("SshPublicKeys"))):
        key_id = text(key.get("SshPublicKeyId"))
        if key_id is not None:
            yield Credential(
                **seen(ask, f"{arn}#ssh_key/{key_id}", arn),
                provider="aws",
                kind=CredentialKind.SSH_KEY,
                name=key_id,
                identity_id=arn,
                state=CredentialState.ACTIVE,
                lifetime=Lifetime.STATIC,
                issued_at=moment(key.get("DateImported")),
                key_id=key_id,
                account_id=ask.account.number,
                environment=_tags.environment(tags),
                facts=_keyform.ssh_key(key.get("SshPublicKeyBody")).facts(),
            )


COLLECTOR = Group(
    name="aws.transfers",
    title="AWS Transfer Family servers, users and SSH keys",
    parts=(
        Part(
            name="servers",
            kind="Transfer Family user (SSH keys)",
            facts=("role", "keys imported", "algorithm and size", "owner"),
            calls={
                "transfer:ListServers": "resource, identity, credential, trust, owner",
                _USERS: "identity, credential, trust, owner",
                _USER: "credential, owner, identity.tags",
            },
            read=_servers,
        ),
    ),
)
