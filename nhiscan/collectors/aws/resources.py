"""AWS resources that say themselves who may use them: queues, topics, image repositories, buses, search domains."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, listing, mapping, moment, number, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._openness import anybody
from nhiscan.collectors.aws._seen import Asking, pages
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.collectors.aws._things import OF_POLICY, TAGS_COVER, Thing, resource
from nhiscan.collectors.aws._workloads import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_QUEUES, _QUEUE = "sqs:ListQueues", "sqs:GetQueueAttributes"
_TOPICS, _TOPIC = "sns:ListTopics", "sns:GetTopicAttributes"
_REPOSITORIES, _REPOSITORY_POLICY = "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy"
_BUSES = "events:ListEventBuses"
_SENDERS = "sesv2:ListEmailIdentities"
_DOMAINS, _DOMAIN = "opensearch:ListDomainNames", "opensearch:DescribeDomains"
_TAGS = ", ".join(TAGS_COVER)
_SEEN_HERE = "resource"
_DOMAINS_AT_ONCE = 5  # OpenSearch API reference, DescribeDomains


def _queues(ask: Ask) -> Iterator[Record]:
    urls = [url for e in ask.items(_QUEUES, "QueueUrls", MaxResults=1000) if (url := text(e.get("")))]
    if not urls:
        return
    tagged, asking = Tagged(), Asking(ask)
    yield from tagged.read(ask, "sqs", covers=TAGS_COVER)
    wanted = ["Policy", "CreatedTimestamp", "KmsMasterKeyId"]
    arns = {ask.arn("sqs", url.rsplit("/", 1)[-1]): url for url in urls}
    requests = {arn: {"QueueUrl": url, "AttributeNames": wanted} for arn, url in arns.items()}
    answers = dict(asking.each(_QUEUE, requests))
    for arn in arns:
        found = mapping(answers.get(arn, {}).get("Attributes"))
        policy, made = found.get("Policy"), number(found.get("CreatedTimestamp"))
        yield from resource(ask, Thing(
            arn=arn, kind="queue", name=arn.rsplit(":", 1)[-1], policy=policy,
            public=anybody(policy) if arn in answers else None, created_at=_since_1970(made),
            key=found.get("KmsMasterKeyId"), tags=tagged.of(arn),
        ))  # fmt: skip
    yield from asking.gaps


def _since_1970(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _topics(ask: Ask) -> Iterator[Record]:
    arns = [arn for e in ask.items(_TOPICS, "Topics") if (arn := text(e.get("TopicArn")))]
    if not arns:
        return
    tagged, asking = Tagged(), Asking(ask)
    yield from tagged.read(ask, "sns", covers=TAGS_COVER)
    answers = dict(asking.each(_TOPIC, {arn: {"TopicArn": arn} for arn in arns}))
    for arn in arns:
        found = mapping(answers.get(arn, {}).get("Attributes"))
        policy = found.get("Policy")
        yield from resource(ask, Thing(
            arn=arn, kind="topic", name=arn.rsplit(":", 1)[-1], policy=policy,
            public=anybody(policy) if arn in answers else None, key=found.get("KmsMasterKeyId"), tags=tagged.of(arn),
        ))  # fmt: skip
    yield from asking.gaps


def _repositories(ask: Ask) -> Iterator[Record]:
    entries = ask.items(_REPOSITORIES, "repositories", maxResults=1000)
    found = {arn: e for e in entries if (arn := text(e.get("repositoryArn")))}
    if not found:
        return
    tagged, asking = Tagged(), Asking(ask)
    yield from tagged.read(ask, "ecr", covers=TAGS_COVER)
    requests = {arn: {"repositoryName": e.get("repositoryName")} for arn, e in found.items()}
    policies = {arn: a.get("policyText") for arn, a in asking.each(_REPOSITORY_POLICY, requests)}
    # One without a policy is no gap; a gap without a subject stands for all that were not answered.
    unread = {gap.locator for gap in asking.gaps}
    for arn, entry in found.items():
        known = arn in policies or not unread & {arn, None}
        yield from resource(ask, Thing(
            arn=arn, kind="image_repository", name=text(entry.get("repositoryName")) or arn, policy=policies.get(arn),
            public=anybody(policies.get(arn)) if known else None, created_at=moment(entry.get("createdAt")),
            key=mapping(entry.get("encryptionConfiguration")).get("kmsKey"), tags=tagged.of(arn),
        ))  # fmt: skip
    yield from asking.gaps


def _buses(ask: Ask) -> Iterator[Record]:
    for page in pages(ask, _BUSES, "NextToken", Limit=100):
        for entry in map(mapping, listing(page.get("EventBuses"))):
            arn, name, policy = text(entry.get("Arn")), text(entry.get("Name")), entry.get("Policy")
            if arn and name:
                yield from resource(ask, Thing(
                    arn=arn, kind="event_bus", name=name, policy=policy, public=anybody(policy),
                    created_at=moment(entry.get("CreationTime")),
                ))  # fmt: skip


def _domains(ask: Ask) -> Iterator[Record]:
    names = [name for e in ask.items(_DOMAINS, "DomainNames") if (name := text(e.get("DomainName")))]
    batches = [names[at : at + _DOMAINS_AT_ONCE] for at in range(0, len(names), _DOMAINS_AT_ONCE)]
    rows = Rows(ask)
    for _, answer in rows.each(_DOMAIN, {batch[0]: {"DomainNames": batch} for batch in batches}):
        for entry in map(mapping, listing(answer.get("DomainStatusList"))):
            arn, policy = text(entry.get("ARN")), entry.get("AccessPolicies")
            if arn is None:
                continue
            inside = bool(mapping(entry.get("VPCOptions")).get("VPCId"))
            users = mapping(entry.get("AdvancedSecurityOptions")).get("InternalUserDatabaseEnabled")
            yield from resource(ask, Thing(
                arn=arn, kind="search_domain", name=text(entry.get("DomainName")) or arn, policy=policy,
                public=False if inside else anybody(policy), local_auth=flag(users),
                key=mapping(entry.get("EncryptionAtRestOptions")).get("KmsKeyId"),
            ))  # fmt: skip
    yield from rows.gaps


def _senders(ask: Ask) -> Iterator[Record]:
    """Addresses and domains that identities may send mail as; SMTP passwords are access keys of IAM users."""
    for entry in ask.items(_SENDERS, "EmailIdentities", PageSize=1000):
        name = text(entry.get("IdentityName"))
        if name:
            yield from resource(ask, Thing(arn=ask.arn("ses", f"identity/{name}"), kind="mail_sender", name=name))


COLLECTOR = Group(
    name="aws.resources",
    title="AWS resources with policies: queues, topics, image repositories, event buses, search domains, mail",
    parts=(
        Part(
            name="queues",
            kind="SQS queue",
            facts=("policy", "open to anybody", "created", "encryption key", "owner"),
            calls={_QUEUES: _SEEN_HERE, _QUEUE: f"{OF_POLICY}, resource.created_at", GET_RESOURCES: _TAGS},
            read=_queues,
        ),
        Part(
            name="topics",
            kind="SNS topic",
            facts=("policy", "open to anybody", "encryption key", "owner"),
            calls={_TOPICS: _SEEN_HERE, _TOPIC: OF_POLICY, GET_RESOURCES: _TAGS},
            read=_topics,
        ),
        Part(
            name="image-repositories",
            kind="ECR repository",
            facts=("policy", "open to anybody", "created", "encryption key", "owner"),
            calls={_REPOSITORIES: _SEEN_HERE, _REPOSITORY_POLICY: OF_POLICY, GET_RESOURCES: _TAGS},
            read=_repositories,
        ),
        Part(
            name="event-buses",
            kind="EventBridge event bus",
            facts=("policy", "open to anybody", "created"),
            calls={_BUSES: _SEEN_HERE},
            read=_buses,
        ),
        Part(
            name="search-domains",
            kind="OpenSearch domain",
            facts=("policy", "open to anybody", "users of its own"),
            calls={_DOMAINS: _SEEN_HERE, _DOMAIN: _SEEN_HERE},
            read=_domains,
        ),
        Part(
            name="mail-senders",
            kind="SES sending identity",
            facts=("name",),
            calls={_SENDERS: _SEEN_HERE},
            read=_senders,
        ),
    ),
)
