"""SageMaker: notebooks, Studio domains, models and pipelines, with their execution roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._seen import Asking
from nhiscan.collectors.aws._tagged import Tagged
from nhiscan.collectors.aws._workloads import TAGS_COVER, Workload, acts_as, consumer, gathered, named_pairs
from nhiscan.plugin import Auth, ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

NOTEBOOKS, NOTEBOOK = "sagemaker:ListNotebookInstances", "sagemaker:DescribeNotebookInstance"
DOMAINS, DOMAIN = "sagemaker:ListDomains", "sagemaker:DescribeDomain"
MODELS, MODEL = "sagemaker:ListModels", "sagemaker:DescribeModel"
PIPELINES = "sagemaker:ListPipelines"
PLATFORM = "aws_sagemaker"
_LISTS = (
    (NOTEBOOKS, "NotebookInstances", "NotebookInstanceArn", "NotebookInstanceName"),
    (DOMAINS, "Domains", "DomainArn", "DomainName"),
    (MODELS, "Models", "ModelArn", "ModelName"),
    (PIPELINES, "PipelineSummaries", "PipelineArn", "PipelineName"),
)
_ENABLED = {"InService": True, "Updating": True, "Pending": True, "Stopped": False, "Failed": False, "Stopping": False}


def records(ask: Ask) -> Iterator[Record]:
    """All of them; each list or thing that is refused is a gap."""
    found: dict[str, dict[str, Json]] = {}
    for operation, key, arn_key, _ in _LISTS:
        entries = yield from gathered(ask, operation, key, MaxResults=100)
        found[operation] = {arn: e for e in entries if (arn := text(e.get(arn_key)))}
    if not any(found.values()):
        return
    tagged = Tagged()
    yield from tagged.read(ask, "sagemaker", covers=TAGS_COVER)
    asking, values = Asking(ask), Values(ask, "model")
    yield from _notebooks(ask, asking, found[NOTEBOOKS], tagged)
    yield from _domains(ask, asking, found[DOMAINS], tagged)
    yield from _models(ask, asking, found[MODELS], tagged, values)
    for arn, entry in found[PIPELINES].items():
        yield from _consumer(ask, arn, entry, "PipelineName", tagged, kind=ConsumerKind.PIPELINE)
        yield from acts_as(ask, arn, ("role", entry.get("RoleArn")))
    yield from asking.gaps
    yield from values.told()


def _notebooks(ask: Ask, asking: Asking, found: Mapping[str, Json], tagged: Tagged) -> Iterator[Record]:
    requests = {arn: {"NotebookInstanceName": e.get("NotebookInstanceName")} for arn, e in found.items()}
    answers = dict(asking.each(NOTEBOOK, requests))
    for arn, entry in found.items():
        answer = answers.get(arn, {})
        service = mapping(answer.get("InstanceMetadataServiceConfiguration"))
        version = text(service.get("MinimumInstanceMetadataServiceVersion"))
        first = None if version is None else version == "1"
        yield from _consumer(ask, arn, entry, "NotebookInstanceName", tagged, metadata_v1=first)
        yield from acts_as(ask, arn, ("role", answer.get("RoleArn")))


def _domains(ask: Ask, asking: Asking, found: Mapping[str, Json], tagged: Tagged) -> Iterator[Record]:
    requests = {arn: {"DomainId": e.get("DomainId")} for arn, e in found.items()}
    answers = dict(asking.each(DOMAIN, requests))
    for arn, entry in found.items():
        answer = answers.get(arn, {})
        auth = {"SSO": Auth.OAUTH, "IAM": Auth.IAM}.get(text(answer.get("AuthMode")) or "")
        yield from _consumer(ask, arn, entry, "DomainName", tagged, auth=auth)
        r_studio = mapping(mapping(answer.get("DomainSettings")).get("RStudioServerProDomainSettings"))
        yield from acts_as(
            ask, arn, ("role", mapping(answer.get("DefaultUserSettings")).get("ExecutionRole")),
            ("space_role", mapping(answer.get("DefaultSpaceSettings")).get("ExecutionRole")),
            ("rstudio_role", r_studio.get("DomainExecutionRoleArn")),
        )  # fmt: skip


def _models(ask: Ask, asking: Asking, found: Mapping[str, Json], tagged: Tagged, values: Values) -> Iterator[Record]:
    requests = {arn: {"ModelName": e.get("ModelName")} for arn, e in found.items()}
    answers = dict(asking.each(MODEL, requests))
    for arn, entry in found.items():
        answer = answers.get(arn, {})
        yield from _consumer(ask, arn, entry, "ModelName", tagged)
        yield from acts_as(ask, arn, ("role", answer.get("ExecutionRoleArn")))
        containers = [mapping(answer.get("PrimaryContainer")), *map(mapping, listing(answer.get("Containers")))]
        for index, container in enumerate(containers):
            place = f"env/{text(container.get('ContainerHostname')) or index}"
            yield from values.variables(arn, named_pairs(container.get("Environment")), place)


def _consumer(
    ask: Ask,
    arn: str,
    entry: Json,
    name_key: str,
    tagged: Tagged,
    *,
    kind: ConsumerKind = ConsumerKind.WORKLOAD,
    metadata_v1: bool | None = None,
    auth: Auth | None = None,
) -> Iterator[Record]:
    status = text(entry.get("NotebookInstanceStatus")) or text(entry.get("Status")) or ""
    return consumer(ask, Workload(
        arn=arn, name=text(entry.get(name_key)) or arn.rsplit("/", 1)[-1], platform=PLATFORM, kind=kind,
        created_at=moment(entry.get("CreationTime")), enabled=_ENABLED.get(status), metadata_v1=metadata_v1, auth=auth,
        tags=tagged.of(arn),
    ))  # fmt: skip
