"""AWS Amplify: apps, the roles they run as, and what they hold to reach their repository; one call for each 100 apps.

The answer holds the values of environment variables, build files and basic authentication: they are dropped unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, flag, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import owners, role_arn, seen
from nhiscan.plugin import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Lifetime,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_ROLES = {"compute_role": "computeRoleArn", "service_role": "iamServiceRoleArn"}


def _apps(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("amplify:ListApps", "apps", maxResults=100):
        arn = text(entry.get("appArn"))
        if arn is None:
            continue
        tags = _tags.read(entry.get("tags"))
        app = text(entry.get("name")) or arn.rsplit("/", 1)[-1]
        environment = _tags.environment(tags)
        yield Consumer(
            **seen(ask, arn), kind=ConsumerKind.APPLICATION, name=app, platform="aws_amplify",
            created_at=moment(entry.get("createTime")), environment=environment, tags=tags,
        )  # fmt: skip
        yield from owners(ask, arn, tags)
        for name, key in _ROLES.items():
            role = role_arn(ask, entry.get(key))
            if role is not None:
                yield Use(
                    **seen(ask, f"{arn}#runs_as/{role}", arn), consumer_id=arn, identity_id=role, how=UseHow.RUNS_AS,
                    name=name,
                )  # fmt: skip
        yield from _repository(ask, arn, app, entry, environment)
        if flag(entry.get("enableBasicAuth")):
            yield Credential(
                **seen(ask, f"{arn}#basic_auth", arn), provider="aws", kind=CredentialKind.PASSWORD,
                name=f"basic authentication of {app}", state=CredentialState.ACTIVE, lifetime=Lifetime.STATIC,
                environment=environment, facts=facts(service="amplify", auth="BASIC", kept="inline"),
            )  # fmt: skip


def _repository(ask: Ask, arn: str, app: str, entry: Json, environment: str | None) -> Iterator[Record]:
    # TOKEN for GitHub, SSH for GitLab and Bitbucket, SIGV4 (a role) for CodeCommit (API reference, App).
    method = text(entry.get("repositoryCloneMethod"))
    if method not in {"TOKEN", "SSH"}:
        return
    address = (text(entry.get("repository")) or "").rpartition("@")[2].rpartition("//")[2]
    host = address.replace(":", "/").partition("/")[0].partition(".")[0]
    credential_id = f"{arn}#repository"
    yield Credential(
        **seen(ask, credential_id, arn),
        provider=host if host in {"github", "gitlab", "bitbucket"} else None,
        kind=CredentialKind.TOKEN if method == "TOKEN" else CredentialKind.SSH_KEY,
        name=f"repository access of {app}",
        environment=environment,
        facts=facts(service="amplify", auth=method, kept="inline"),
    )
    yield Use(
        **seen(ask, f"{arn}#configured/{credential_id}", arn), consumer_id=arn, credential_id=credential_id,
        how=UseHow.CONFIGURED, name="repository",
    )  # fmt: skip


COLLECTOR = Group(
    name="aws.amplify",
    title="AWS Amplify apps, their roles and repository access",
    parts=(
        Part(
            name="apps",
            kind="Amplify app (token, roles)",
            facts=("created", "roles", "repository host", "basic authentication", "owner"),
            calls={"amplify:ListApps": "consumer, use, credential, owner"},
            read=_apps,
        ),
    ),
)
