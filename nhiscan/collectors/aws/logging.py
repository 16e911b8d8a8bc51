"""What AWS writes down of the use of identities, region by region.

Kinds of `logging`; the subject is the account unless another is named, and the id ends in the region:

* `api_calls`: a trail or event data store keeps management events that change something.
* `secret_access`: one keeps management events that read, among them GetSecretValue, GetParameter and Decrypt.
* `data_events`: one keeps data events of some type of resource (objects, function calls, …).
* `tool_calls`: one keeps data events of Bedrock or AgentCore; told only where it is so.  Of a runtime, gateway or
  browser (subject) `aws.agentcore` tells whether its own log is delivered.
* `model_invocation`: Bedrock keeps prompts and answers of its models.
* `log_integrity`: a trail (subject) signs what it writes, so that a change would be noticed.
* `configuration`: AWS Config records resources.
* `threat_detection`: GuardDuty watches.

Trails of other regions and of the organisation count where they are multi-region.  An event data store for all regions
is listed in its home alone, and its records end in `every-region`.  `enabled` is NULL when a trail could not be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import flag, listing, mapping, text
from nhiscan.collectors.aws._agents import fetch
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import pages, seen
from nhiscan.collectors.aws._trails import Kept, kept
from nhiscan.plugin import Logging, Resource

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_TRAILS, _STATUS, _SELECTORS = "cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"
_STORES, _STORE = "cloudtrail:ListEventDataStores", "cloudtrail:GetEventDataStore"
_KINDS = ("api_calls", "secret_access", "data_events", "tool_calls")
_INGESTING = frozenset({"ENABLED", "STARTING_INGESTION", "CREATED"})


@dataclass(frozen=True, slots=True)
class _Log:
    """A trail or store: whether it is on and what it keeps, None where that could not be read."""

    arn: str
    on: bool | None
    kept: Kept | None
    everywhere: bool = False

    def keeps(self, kind: str) -> bool | None:
        if self.on is False or (self.kept is not None and not self.kept.of(kind)):
            return False
        return None if self.on is None or self.kept is None else True


def _audit_trails(ask: Ask) -> Iterator[Record]:
    trails = yield from _trails(ask)
    stores = yield from _stores(ask)
    logs = [*(trails or ()), *(stores or ())]
    unread = trails is None or stores is None
    for kind in _KINDS:
        judged = [(log.arn, log.keeps(kind)) for log in logs]
        on = sorted(arn for arn, keeps in judged if keeps)
        doubtful = unread or any(keeps is None for _, keeps in judged)
        if on or kind != "tool_calls":
            enabled = bool(on) or (None if doubtful else False)
            yield _logging(ask, kind, ask.region, enabled=enabled, destination=on[0] if on else None)
        for store in stores or ():
            if store.everywhere and store.keeps(kind):
                yield _logging(ask, kind, "every-region", enabled=True, destination=store.arn)
                break


def _logging(ask: Ask, kind: str, where: str, *, enabled: bool | None, destination: str | None) -> Logging:
    return Logging(
        **seen(ask, f"{ask.scope_id}#logging/{kind}/{where}", destination or ask.scope_id), subject_id=ask.scope_id,
        kind=kind, enabled=enabled, destination=destination,
    )  # fmt: skip


def _trails(ask: Ask) -> Generator[Record, None, list[_Log] | None]:
    try:
        listed = [mapping(t) for t in listing(ask.call(_TRAILS, includeShadowTrails=True).get("trailList"))]
    except RefusedError as e:
        yield ask.refused(e)
        return None
    found = {arn: trail for trail in listed if (arn := text(trail.get("TrailARN")))}
    statuses = yield from fetch(ask, _STATUS, [(arn, {"Name": arn}) for arn in found])
    selectors = yield from fetch(ask, _SELECTORS, [(arn, {"TrailName": arn}) for arn in found])
    on = {arn: flag(answer.get("IsLogging")) for arn, _, answer in statuses}
    keeps = {arn: kept(answer) for arn, _, answer in selectors}
    for arn, trail in found.items():
        yield Resource(
            **seen(ask, arn), provider="aws", kind="trail", name=text(trail.get("Name")) or arn,
            encrypted_with=text(trail.get("KmsKeyId")),
        )  # fmt: skip
        bucket = text(trail.get("S3BucketName"))
        yield Logging(
            **seen(ask, f"{arn}#logging/log_integrity", arn), subject_id=arn, kind="log_integrity",
            enabled=flag(trail.get("LogFileValidationEnabled")), destination=f"s3://{bucket}" if bucket else None,
        )  # fmt: skip
    return [_Log(arn, on.get(arn), keeps.get(arn)) for arn in found]


def _stores(ask: Ask) -> Generator[Record, None, list[_Log] | None]:
    try:
        listed = [mapping(s) for page in pages(ask, _STORES, "NextToken") for s in listing(page.get("EventDataStores"))]
    except RefusedError as e:
        if not e.missing:
            yield ask.refused(e)
        return None
    arns = [arn for store in listed if (arn := text(store.get("EventDataStoreArn")))]
    answers = yield from fetch(ask, _STORE, [(arn, {"EventDataStore": arn}) for arn in arns])
    known = {
        arn: _Log(
            arn, answer.get("Status") in _INGESTING, kept(answer), flag(answer.get("MultiRegionEnabled")) or False
        )
        for arn, _, answer in answers
    }
    return [known.get(arn, _Log(arn, None, None)) for arn in arns]


def _model_invocation(ask: Ask) -> Iterator[Record]:
    config = mapping(ask.call("bedrock:GetModelInvocationLoggingConfiguration").get("loggingConfig"))
    group = text(mapping(config.get("cloudWatchConfig")).get("logGroupName"))
    bucket = text(mapping(config.get("s3Config")).get("bucketName"))
    written = config.get("textDataDeliveryEnabled") is not False and bool(group or bucket)
    place = ask.arn("logs", f"log-group:{group}") if group else f"s3://{bucket}" if bucket else None
    yield _logging(ask, "model_invocation", ask.region, enabled=written, destination=place if written else None)


def _configuration(ask: Ask) -> Iterator[Record]:
    answer = ask.call("config:DescribeConfigurationRecorderStatus")
    recorders = [mapping(r) for r in listing(answer.get("ConfigurationRecordersStatus"))]
    # Recorders of other services keep what these services need, not the account's configuration.
    own = [r for r in recorders if r.get("recording") is True and not r.get("servicePrincipal")]
    names = sorted(name for r in own if (name := text(r.get("arn")) or text(r.get("name"))))
    yield _logging(ask, "configuration", ask.region, enabled=bool(own), destination=names[0] if names else None)


def _threat_detection(ask: Ask) -> Iterator[Record]:
    numbers = [n for d in ask.items("guardduty:ListDetectors", "DetectorIds", MaxResults=50) if (n := text(d.get("")))]
    arns = {ask.arn("guardduty", f"detector/{number}"): number for number in numbers}
    answers = yield from fetch(ask, "guardduty:GetDetector", [(arn, {"DetectorId": n}) for arn, n in arns.items()])
    on = sorted(arn for arn, _, answer in answers if answer.get("Status") == "ENABLED")
    unread = len(answers) < len(arns)
    enabled = bool(on) or (None if unread else False)
    yield _logging(ask, "threat_detection", ask.region, enabled=enabled, destination=on[0] if on else None)


COLLECTOR = Group(
    name="aws.logging",
    title="Audit trails, model-invocation logs, configuration records and threat detection of AWS",
    parts=(
        Part(
            name="audit-trails",
            kind="CloudTrail trail and event data store",
            facts=("management events", "secret reads", "data events", "integrity", "key"),
            calls={
                _TRAILS: "logging, resource",
                _STATUS: "logging.enabled",
                _SELECTORS: "logging.enabled",
                _STORES: "logging.enabled",
                _STORE: "logging.enabled",
            },
            read=_audit_trails,
        ),
        Part(
            name="model-invocation",
            kind="Bedrock model-invocation log",
            facts=("destination",),
            calls={"bedrock:GetModelInvocationLoggingConfiguration": "logging"},
            read=_model_invocation,
        ),
        Part(
            name="configuration",
            kind="AWS Config recorder",
            facts=("recording",),
            calls={"config:DescribeConfigurationRecorderStatus": "logging"},
            read=_configuration,
        ),
        Part(
            name="threat-detection",
            kind="GuardDuty detector",
            facts=("enabled",),
            calls={"guardduty:ListDetectors": "logging", "guardduty:GetDetector": "logging.enabled"},
            read=_threat_detection,
        ),
    ),
)
