"""What AWS services hold to sign in elsewhere: connections with a secret of a third party, never the secret.

A connection is a credential that somebody else issued.  Facts: `service` that holds it, `auth` as AWS names it, `user`,
`secret` (ARN of the secret that keeps the value) and `kept`: in a `secret`, `inline` in the service, or in a
`connection` that needs none.  Calls: lists; one for each EventBridge connection: only its description names the secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, listing, mapping, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, pages, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_KINDS = {
    "BASIC": CredentialKind.PASSWORD, "BASIC_AUTH": CredentialKind.PASSWORD, "API_KEY": CredentialKind.API_KEY,
    "OAUTH_CLIENT_CREDENTIALS": CredentialKind.CLIENT_SECRET, "OAUTH": CredentialKind.TOKEN,
    "OAUTH2": CredentialKind.CLIENT_SECRET, "PERSONAL_ACCESS_TOKEN": CredentialKind.TOKEN,
    "CODECONNECTIONS": CredentialKind.FEDERATED, "SECRETS_MANAGER": CredentialKind.TOKEN,
}  # fmt: skip
_HOSTS = {"github": "github", "bitbucket": "bitbucket", "gitlab": "gitlab", "azuredevops": "azure_devops"}
_EVENTS, _EVENT = "events:ListConnections", "events:DescribeConnection"
_DMS_TAGS = "dms:endpoint"


def _events(ask: Ask) -> Iterator[Record]:
    found = {
        arn: entry
        for page in pages(ask, _EVENTS, "NextToken", Limit=100)
        for entry in map(mapping, listing(page.get("Connections")))
        if (arn := text(entry.get("ConnectionArn"))) and text(entry.get("Name"))
    }
    asking = Asking(ask)
    requests = {arn: {"Name": entry["Name"]} for arn, entry in found.items()}
    described = dict(asking.each(_EVENT, requests, absent=("ResourceNotFoundException",)))
    for arn, entry in found.items():
        auth, state = text(entry.get("AuthorizationType")), text(entry.get("ConnectionState")) or ""
        answer = described.get(arn, {})
        basic = mapping(mapping(answer.get("AuthParameters")).get("BasicAuthParameters"))
        yield Credential(
            **seen(ask, f"{arn}#credential", arn),
            kind=_KINDS.get(auth or "", CredentialKind.UNKNOWN),
            name=text(entry.get("Name")),
            state={"AUTHORIZED": CredentialState.ACTIVE, "ACTIVE": CredentialState.ACTIVE,
                   "DEAUTHORIZED": CredentialState.INACTIVE}.get(state),
            lifetime=Lifetime.STATIC,
            # Whoever changes the connection enters its secret anew (API reference, UpdateConnection).
            rotated_at=moment(entry.get("LastModifiedTime")),
            issued_at=moment(entry.get("CreationTime")),
            facts=facts(
                service="events", auth=auth, secret=answer.get("SecretArn"), kept="secret", user=basic.get("Username")
            ),
        )  # fmt: skip
    yield from asking.gaps


def _codebuild(ask: Ask) -> Iterator[Record]:
    for page in pages(ask, "codebuild:ListSourceCredentials", "nextToken"):
        for entry in map(mapping, listing(page.get("sourceCredentialsInfos"))):
            arn, auth = text(entry.get("arn")), text(entry.get("authType"))
            if arn is None:
                continue
            resource = text(entry.get("resource"))
            federated = auth == "CODECONNECTIONS"
            yield Credential(
                **seen(ask, arn),
                provider=_host(entry.get("serverType")),
                kind=_KINDS.get(auth or "", CredentialKind.UNKNOWN),
                name=f"CodeBuild source credential for {(text(entry.get('serverType')) or 'an unknown host').lower()}",
                state=CredentialState.ACTIVE,
                lifetime=Lifetime.FEDERATED if federated else Lifetime.STATIC,
                facts=facts(
                    service="codebuild", auth=auth, secret=resource if auth == "SECRETS_MANAGER" else None,
                    connection=resource if federated else None,
                    kept="connection" if federated else "secret" if auth == "SECRETS_MANAGER" else "inline",
                ),
            )  # fmt: skip


def _host(value: object) -> str | None:
    plain = (text(value) or "").lower().replace("_", "")
    return next((name for start, name in _HOSTS.items() if plain.startswith(start)), None)


def _code_connections(ask: Ask) -> Iterator[Record]:
    found = {
        arn: entry
        for page in pages(ask, "codeconnections:ListConnections", "NextToken", MaxResults=100)
        for entry in map(mapping, listing(page.get("Connections")))
        if (arn := text(entry.get("ConnectionArn")))
    }
    tagged = Tagged()
    if found:
        types = ("codeconnections:connection", "codestar-connections:connection")
        yield from tagged.read(ask, *types, covers=("owner", "credential.environment"))
    for arn, entry in found.items():
        tags = tagged.of(arn)
        status = text(entry.get("ConnectionStatus")) or ""
        yield Credential(
            **seen(ask, arn),
            provider=_host(entry.get("ProviderType")),
            kind=CredentialKind.FEDERATED,
            name=text(entry.get("ConnectionName")),
            state={"AVAILABLE": CredentialState.ACTIVE, "PENDING": CredentialState.INACTIVE,
                   "ERROR": CredentialState.INACTIVE}.get(status),
            lifetime=Lifetime.FEDERATED,
            environment=_tags.environment(tags),
            facts=facts(service="codeconnections", auth="APP", kept="connection", host=entry.get("HostArn")),
        )  # fmt: skip
        yield from owners(ask, arn, tags)


def _glue(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("glue:GetConnections", "ConnectionList", HidePassword=True, MaxResults=100):
        name = text(entry.get("Name"))
        settings = mapping(entry.get("ConnectionProperties"))
        auth = mapping(entry.get("AuthenticationConfiguration"))
        type_ = text(auth.get("AuthenticationType"))
        secret = text(auth.get("SecretArn")) or text(settings.get("SECRET_ID"))
        user = text(settings.get("USERNAME")) or text(settings.get("KAFKA_SASL_SCRAM_USERNAME"))
        # The hidden password leaves its name, or its encrypted form, behind; neither is kept.
        inline = any(key in settings for key in ("PASSWORD", "ENCRYPTED_PASSWORD")) or (user is not None and not secret)
        if name is None or type_ == "IAM" or not (secret or inline or type_):
            continue
        arn = ask.arn("glue", f"connection/{name}")
        yield Credential(
            **seen(ask, f"{arn}#credential", arn),
            kind=_KINDS.get(type_ or "BASIC", CredentialKind.UNKNOWN),
            name=name,
            lifetime=Lifetime.STATIC,
            issued_at=moment(entry.get("CreationTime")),
            facts=facts(
                service="glue", auth=type_, secret=secret, kept="secret" if secret else "inline",
                user=user if user and not _tags.looks_secret(user) else None,
            ),
        )  # fmt: skip


def _dms(ask: Ask) -> Iterator[Record]:
    found = {
        arn: entry
        for entry in ask.items("dms:DescribeEndpoints", "Endpoints", MaxRecords=100)
        if (arn := text(entry.get("EndpointArn")))
    }
    tagged = Tagged()
    if found:
        yield from tagged.read(ask, _DMS_TAGS, covers=("owner", "credential.environment"))
    for arn, entry in found.items():
        secret = _of_settings(entry, "SecretsManagerSecretId")
        user = text(entry.get("Username")) or _of_settings(entry, "Username")
        if secret is None and user is None:
            continue  # a bucket, stream or table, reached by a role
        tags = tagged.of(arn)
        yield Credential(
            **seen(ask, f"{arn}#credential", arn),
            kind=CredentialKind.PASSWORD,
            name=text(entry.get("EndpointIdentifier")),
            lifetime=Lifetime.STATIC,
            environment=_tags.environment(tags),
            facts=facts(
                service="dms", engine=entry.get("EngineName"), user=user, secret=secret,
                kept="secret" if secret else "inline",
            ),
        )  # fmt: skip
        yield from owners(ask, f"{arn}#credential", tags)


def _of_settings(entry: Json, key: str) -> str | None:
    """A field of whichever `…Settings` the engine of an endpoint has."""
    return next((value for settings in entry.values() if (value := text(mapping(settings).get(key)))), None)


COLLECTOR = Group(
    name="aws.connections",
    title="AWS connections that hold a credential of somebody else",
    parts=(
        Part(
            name="event connections",
            kind="EventBridge connection (API key, OAuth)",
            facts=("created", "changed", "kind of authorization", "state", "secret that keeps it"),
            calls={_EVENTS: "credential", _EVENT: "credential.facts"},
            read=_events,
        ),
        Part(
            name="source credentials",
            kind="CodeBuild source credential",
            facts=("host", "kind of authorization", "secret or connection"),
            calls={"codebuild:ListSourceCredentials": "credential"},
            read=_codebuild,
        ),
        Part(
            name="code connections",
            kind="CodeConnections connection",
            facts=("host", "state", "owner"),
            calls={
                "codeconnections:ListConnections": "credential, owner",
                GET_RESOURCES: "owner, credential.environment",
            },
            read=_code_connections,
        ),
        Part(
            name="glue connections",
            kind="Glue connection (credentials)",
            facts=("created", "user", "secret or inline password"),
            calls={"glue:GetConnections": "credential"},
            read=_glue,
        ),
        Part(
            name="migration endpoints",
            kind="DMS endpoint",
            facts=("user", "secret or inline password", "owner"),
            calls={"dms:DescribeEndpoints": "credential, owner", GET_RESOURCES: "owner, credential.environment"},
            read=_dms,
        ),
    ),
)
