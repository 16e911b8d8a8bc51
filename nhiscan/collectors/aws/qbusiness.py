"""Amazon Q Business: applications, the plugins they act through, the sources they read, and the roles of each.

An application is an agent; it answers anybody when its identity type is ANONYMOUS.  A plugin is a tool server below
it, reached with a secret it reads through a role of its own.  Of a source's configuration only the ARN of its secret is
read.

Source: Amazon Q Business User Guide and API Reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import mapping, moment, text
from nhiscan.collectors.aws._actions import of_schema
from nhiscan.collectors.aws._agents import Kind, Thing, address, fetch, fetch_items, reads, runs_as, things
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import owners, policy_on, seen
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Tool, Transport

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_TAGS, _POLICY = "qbusiness:ListTagsForResource", "qbusiness:GetPolicy"
_APPLICATIONS = Kind(
    list_all="qbusiness:ListApplications", entries="applications", arn="qbusiness:application/{}",
    number="applicationId", describe="qbusiness:GetApplication", parameter="applicationId", tags=_TAGS,
    tagged="resourceARN", params={"maxResults": 100},
)  # fmt: skip
_PLUGINS, _PLUGIN = "qbusiness:ListPlugins", "qbusiness:GetPlugin"
_INDICES, _SOURCES, _SOURCE = "qbusiness:ListIndices", "qbusiness:ListDataSources", "qbusiness:GetDataSource"
_PAGES, _PAGE = "qbusiness:ListWebExperiences", "qbusiness:GetWebExperience"
_ACTIVE = {"ACTIVE": True, "UPDATING": True, "CREATING": False, "DELETING": False, "FAILED": False}
_PLUGIN_AUTH = {
    "basicAuthConfiguration": Auth.BASIC,
    "oAuth2ClientCredentialConfiguration": Auth.OAUTH,
    "idcAuthConfiguration": Auth.OAUTH,
    "noAuthConfiguration": Auth.NONE,
}


def _applications(ask: Ask) -> Iterator[Record]:
    applications = yield from things(ask, _APPLICATIONS)
    for application in applications:
        yield _application(ask, application)
        yield from owners(ask, application.arn, application.tags)
        yield from runs_as(ask, application.arn, application.detail.get("roleArn"))
    asked = [(a.arn, {"applicationId": a.number}) for a in applications]
    yield from _plugins(ask, asked)
    yield from _sources(ask, asked)
    yield from _web_experiences(ask, asked)
    for arn, _, answer in (yield from fetch(ask, _POLICY, asked)):
        yield from policy_on(ask, arn, answer.get("policy"))


def _application(ask: Ask, application: Thing) -> Consumer:
    signs_in = text(application.entry.get("identityType")) or text(application.detail.get("identityType"))
    anybody = None if signs_in is None else signs_in == "ANONYMOUS"
    return Consumer(
        **seen(ask, application.arn),
        kind=ConsumerKind.AGENT,
        name=text(application.entry.get("displayName")) or application.number,
        framework="amazon-q-business",
        platform="aws_qbusiness",
        environment=_tags.environment(application.tags),
        enabled=_ACTIVE.get(text(application.entry.get("status")) or ""),
        auth=None if anybody is None else Auth.NONE if anybody else Auth.OAUTH,
        created_at=moment(application.entry.get("createdAt")),
        public=anybody,
        tags=application.tags,
    )


def _below(
    ask: Ask, operation: str, key: str, number: str, parents: Iterable[tuple[str, Json]]
) -> Generator[Record, None, list[tuple[str, Json, Json]]]:
    """What is listed below each parent, as (ARN of the parent, request that names it, entry)."""
    found: list[tuple[str, Json, Json]] = []
    for parent, request, entries in (yield from fetch_items(ask, operation, key, parents)):
        found += [(parent, {**request, number: name}, e) for e in entries if (name := text(e.get(number)))]
    return found


def _plugins(ask: Ask, applications: Sequence[tuple[str, Json]]) -> Iterator[Record]:
    listed = yield from _below(ask, _PLUGINS, "plugins", "pluginId", applications)
    named = {f"{parent}/plugin/{request['pluginId']}": (parent, request, entry) for parent, request, entry in listed}
    answers = yield from fetch(ask, _PLUGIN, [(arn, request) for arn, (_, request, _) in named.items()])
    details = {arn: answer for arn, _, answer in answers}
    for arn, (parent, request, entry) in named.items():
        detail = details.get(arn, {})
        kind, settings = next(iter(mapping(detail.get("authConfiguration")).items()), ("", {}))
        url, tls = address(entry.get("serverUrl"))
        yield Consumer(
            **seen(ask, arn), kind=ConsumerKind.TOOL_SERVER,
            name=text(entry.get("displayName")) or str(request["pluginId"]),
            framework="amazon-q-business-plugin", platform="aws_qbusiness", parent_id=parent, url=url, tls=tls,
            transport=Transport.HTTP if url else None, loopback=False if url else None, auth=_PLUGIN_AUTH.get(kind),
            enabled={"ENABLED": True, "DISABLED": False}.get(text(entry.get("state")) or ""),
            created_at=moment(entry.get("createdAt")),
        )  # fmt: skip
        yield from runs_as(ask, arn, mapping(settings).get("roleArn"))
        yield from reads(ask, arn, mapping(settings).get("secretArn"), kind)
        schema = mapping(mapping(detail.get("customPluginConfiguration")).get("apiSchema")).get("payload")
        for action in of_schema(schema) or ():
            yield Tool(
                **seen(ask, f"{arn}#tool/{action.name}", arn), consumer_id=arn, name=action.name, class_=action.class_
            )


def _sources(ask: Ask, applications: Sequence[tuple[str, Json]]) -> Iterator[Record]:
    indices = yield from _below(ask, _INDICES, "indices", "indexId", applications)
    wanted = [(f"{parent}/index/{request['indexId']}", request) for parent, request, _ in indices]
    listed = yield from _below(ask, _SOURCES, "dataSources", "dataSourceId", wanted)
    named = {f"{parent}/data-source/{r['dataSourceId']}": (r, entry) for parent, r, entry in listed}
    answers = yield from fetch(ask, _SOURCE, [(arn, request) for arn, (request, _) in named.items()])
    details = {arn: answer for arn, _, answer in answers}
    for arn, (request, entry) in named.items():
        detail = details.get(arn, {})
        yield Consumer(
            **seen(ask, arn), kind=ConsumerKind.WORKLOAD, platform="aws_qbusiness",
            name=text(entry.get("displayName")) or str(request["dataSourceId"]), framework="amazon-q-business-source",
            enabled=_ACTIVE.get(text(entry.get("status")) or ""), created_at=moment(entry.get("createdAt")),
        )  # fmt: skip
        yield from runs_as(ask, arn, detail.get("roleArn"))
        yield from reads(ask, arn, mapping(detail.get("configuration")).get("secretArn"), "secretArn")


def _web_experiences(ask: Ask, applications: Sequence[tuple[str, Json]]) -> Iterator[Record]:
    """Roles that users of a web experience, and its sign-in, work through: they are the application's."""
    listed = yield from _below(ask, _PAGES, "webExperiences", "webExperienceId", applications)
    answers = yield from fetch(ask, _PAGE, [(parent, request) for parent, request, _ in listed])
    found: dict[str, Record] = {}
    for parent, _, answer in answers:
        sign_in = mapping(mapping(answer.get("identityProviderConfiguration")).get("openIDConnectConfiguration"))
        saml = mapping(mapping(answer.get("authenticationConfiguration")).get("samlConfiguration"))
        for record in (
            *runs_as(ask, parent, answer.get("roleArn"), "web_experience"),
            *runs_as(ask, parent, saml.get("roleArn"), "web_experience"),
            *runs_as(ask, parent, sign_in.get("secretsRole"), "secrets_role"),
            *reads(ask, parent, sign_in.get("secretsArn"), "openIDConnectConfiguration"),
        ):
            found.setdefault(record.id, record)
    yield from found.values()


COLLECTOR = Group(
    name="aws.qbusiness",
    title="Amazon Q Business applications, plugins and data sources",
    parts=(
        Part(
            name="applications",
            kind="Q Business application",
            facts=("role", "created", "sign-in", "plugins", "data sources", "their roles and secrets", "owner"),
            calls={
                _APPLICATIONS.list_all: "consumer, tool, use, policy, attachment, owner",
                _APPLICATIONS.describe: "use",
                _TAGS: "consumer.tags, consumer.environment, owner",
                _PLUGINS: "consumer, tool, use",
                _PLUGIN: "consumer.auth, tool, use",
                _INDICES: "consumer, use",
                _SOURCES: "consumer, use",
                _SOURCE: "use",
                _PAGES: "use",
                _PAGE: "use",
                _POLICY: "policy, attachment",
            },
            read=_applications,
        ),
    ),
)
