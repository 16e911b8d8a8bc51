"""CodeBuild projects and CodePipeline pipelines: the roles they work with, and what stands in their variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._seen import Asking, seen
from nhiscan.collectors.aws._tagged import Tagged
from nhiscan.collectors.aws._workloads import (
    TAGS_COVER,
    Rows,
    Workload,
    acts_as,
    consumer,
    from_vault,
    parameter_named,
    secret_named,
)
from nhiscan.plugin import ConsumerKind, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

PROJECTS, PROJECT = "codebuild:ListProjects", "codebuild:BatchGetProjects"
PIPELINES, PIPELINE = "codepipeline:ListPipelines", "codepipeline:GetPipeline"
_AT_ONCE = 100  # CodeBuild API reference, BatchGetProjects
# Settings of actions that name things and are no values of anybody's.
_PLAIN = frozenset({
    "ProjectName", "ClusterName", "ServiceName", "FunctionName", "BucketName", "RepositoryName", "BranchName",
    "StackName", "ActionMode", "TemplatePath", "RoleArn", "ConnectionArn", "FullRepositoryId", "Owner", "Repo",
    "Branch",
})  # fmt: skip


def projects(ask: Ask) -> Iterator[Record]:
    """The projects of a region, a hundred to a call."""
    asking, values = Rows(ask), Values(ask, "build project")
    names = [name for e in ask.items(PROJECTS, "projects") if (name := text(e.get("")))]
    requests = {
        ask.arn("codebuild", f"project/{names[at]}"): {"names": names[at : at + _AT_ONCE]}
        for at in range(0, len(names), _AT_ONCE)
    }
    for _, answer in asking.each(PROJECT, requests):
        for entry in map(mapping, listing(answer.get("projects"))):
            arn = text(entry.get("arn"))
            if arn is not None:
                yield from _project(ask, arn, entry, values)
    yield from asking.gaps
    yield from values.told()


def _project(ask: Ask, arn: str, entry: Json, values: Values) -> Iterator[Record]:
    environment = mapping(entry.get("environment"))
    yield from consumer(ask, Workload(
        arn=arn, name=text(entry.get("name")) or arn.rsplit("/", 1)[-1], platform="aws_codebuild",
        kind=ConsumerKind.PIPELINE, created_at=moment(entry.get("created")),
        # Logs and artifacts of builds of a public project are there for everybody.
        public={"PUBLIC_READ": True, "PRIVATE": False}.get(text(entry.get("projectVisibility")) or ""),
        sandbox="privileged" if environment.get("privilegedMode") is True else "container",
        tags=_tags.read(entry.get("tags")),
    ))  # fmt: skip
    yield from acts_as(
        ask, arn, ("role", entry.get("serviceRole")),
        ("batch_role", mapping(entry.get("buildBatchConfig")).get("serviceRole")),
        ("public_access_role", entry.get("resourceAccessRole")),
    )  # fmt: skip
    plain = []
    for variable in map(mapping, listing(environment.get("environmentVariables"))):
        name, value, kind = text(variable.get("name")), text(variable.get("value")), variable.get("type")
        if name and value and kind == "PARAMETER_STORE":
            yield from_vault(ask, arn, name, parameter_named(ask, value))
        elif name and value and kind == "SECRETS_MANAGER":
            # `name:json-key:stage:version`, where the name may be an ARN.
            yield from_vault(ask, arn, name, secret_named(ask, value))
        elif name:
            plain.append((name, variable.get("value")))
    yield from values.variables(arn, plain)
    registry = text(mapping(environment.get("registryCredential")).get("credential"))
    if registry:
        yield from_vault(ask, arn, "registry", secret_named(ask, registry), place="image")
    yield from _sources(ask, arn, entry)


def _sources(ask: Ask, arn: str, entry: Json) -> Iterator[Use]:
    """The credential or connection that a project fetches its sources with."""
    sources = [mapping(entry.get("source")), *map(mapping, listing(entry.get("secondarySources")))]
    for index, source in enumerate(sources):
        auth = mapping(source.get("auth"))
        place = text(auth.get("resource"))
        if place:
            form = Form.VAULT if auth.get("type") == "SECRETS_MANAGER" else Form.REFERENCE
            name = text(source.get("sourceIdentifier")) or ("source" if index == 0 else f"source{index}")
            yield Use(
                **seen(ask, f"{arn}#source/{name}", arn), consumer_id=arn, how=UseHow.CONFIGURED, form=form, name=name,
                place=place, uri=arn,
            )  # fmt: skip


def pipelines(ask: Ask) -> Iterator[Record]:
    """The pipelines of a region; one call for each tells its roles."""
    found = {
        ask.arn("codepipeline", name): e
        for e in ask.items(PIPELINES, "pipelines", maxResults=1000)
        if (name := text(e.get("name")))
    }
    if not found:
        return
    tagged, asking, values = Tagged(), Asking(ask), Values(ask, "pipeline")
    yield from tagged.read(ask, "codepipeline", covers=TAGS_COVER)
    for arn, entry in found.items():
        yield from consumer(ask, Workload(
            arn=arn, name=str(text(entry.get("name"))), platform="aws_codepipeline", kind=ConsumerKind.PIPELINE,
            created_at=moment(entry.get("created")), tags=tagged.of(arn),
        ))  # fmt: skip
    requests = {arn: {"name": e["name"]} for arn, e in found.items()}
    for arn, answer in asking.each(PIPELINE, requests):
        pipeline = mapping(answer.get("pipeline"))
        actions = [mapping(a) for s in map(mapping, listing(pipeline.get("stages"))) for a in listing(s.get("actions"))]
        yield from acts_as(
            ask, arn, ("role", pipeline.get("roleArn")), *(("action_role", a.get("roleArn")) for a in actions)
        )
        for action in actions:
            yield from _settings(ask, arn, action, values)
    yield from asking.gaps
    yield from values.told()


def _settings(ask: Ask, arn: str, action: Json, values: Values) -> Iterator[Record]:
    """The settings of one action; variables it hands to a build are JSON in one of them."""
    name = text(action.get("name")) or "action"
    plain: list[tuple[str, object]] = []
    for key, value in mapping(action.get("configuration")).items():
        if key != "EnvironmentVariables":
            plain += [(key, value)] if key not in _PLAIN else []
            continue
        for variable in map(mapping, listing(_json(value))):
            label, held = text(variable.get("name")), text(variable.get("value"))
            if label and held and variable.get("type") == "PARAMETER_STORE":
                yield from_vault(ask, arn, label, parameter_named(ask, held), place=f"env/{name}")
            elif label and held and variable.get("type") == "SECRETS_MANAGER":
                yield from_vault(ask, arn, label, secret_named(ask, held), place=f"env/{name}")
            elif label:
                plain.append((label, variable.get("value")))
    yield from values.variables(arn, plain, f"env/{name}")


def _json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None
