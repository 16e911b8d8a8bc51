"""What runs as an identity: functions, tasks, machines, builds, with their environment.

Arguments: Terraform Registry, providers hashicorp/aws 6, hashicorp/google 6 and hashicorp/azurerm 4 (November 2026).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.nodes import Document, Node
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._terraform.aws import ROLES
from nhiscan.collectors.repo._terraform.functions import jsondecode
from nhiscan.collectors.repo._terraform.learning import learn
from nhiscan.collectors.repo._terraform.values import Ref, Text, Thing, Unknown, Value, known_text, member
from nhiscan.plugin import Consumer, ConsumerKind, Exposure, FileClass, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.plugin import Credential, Record

PROFILES = ("aws_iam_instance_profile",)
GOOGLE = ("google_service_account",)
AZURE = ("azurerm_user_assigned_identity",)
_STORED = ("arn:aws:secretsmanager:", "arn:aws:ssm:")
_STORES = ("aws_secretsmanager_secret", "aws_ssm_parameter", "google_secret_manager_secret", "azurerm_key_vault_secret")


@dataclass(frozen=True, slots=True)
class Running:
    """A kind of resource that runs code: where its identities stand, as (path of the argument, name of the use)."""

    platform: str
    roles: tuple[tuple[tuple[str, ...], str], ...]
    kind: ConsumerKind = ConsumerKind.WORKLOAD
    kinds: tuple[str, ...] = ROLES


def _role(*path: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    return ((path, "role"),)


KINDS: Mapping[str, Running] = {
    "aws_lambda_function": Running("aws_lambda", _role("role"), ConsumerKind.FUNCTION),
    "aws_ecs_task_definition": Running(
        "aws_ecs", ((("task_role_arn",), "task_role"), (("execution_role_arn",), "execution_role"))
    ),
    "aws_instance": Running("aws_ec2", _role("iam_instance_profile"), kinds=(*PROFILES, *ROLES)),
    "aws_launch_template": Running("aws_ec2", _role("iam_instance_profile", "name"), kinds=PROFILES),
    "aws_codebuild_project": Running("aws_codebuild", _role("service_role"), ConsumerKind.PIPELINE),
    "aws_codepipeline": Running("aws_codepipeline", _role("role_arn"), ConsumerKind.PIPELINE),
    "aws_sfn_state_machine": Running("aws_stepfunctions", _role("role_arn")),
    "aws_glue_job": Running("aws_glue", _role("role_arn")),
    "aws_sagemaker_notebook_instance": Running("aws_sagemaker", _role("role_arn")),
    "aws_apprunner_service": Running("aws_apprunner", _role("instance_configuration", "instance_role_arn")),
    "aws_batch_job_definition": Running("aws_batch", ()),
    "aws_cloudformation_stack": Running("aws_cloudformation", _role("iam_role_arn"), ConsumerKind.PIPELINE),
    "aws_scheduler_schedule": Running("aws_scheduler", _role("target", "role_arn"), ConsumerKind.PIPELINE),
    "google_cloud_run_service": Running(
        "gcp_cloud_run", _role("template", "spec", "service_account_name"), kinds=GOOGLE
    ),
    "google_cloud_run_v2_service": Running("gcp_cloud_run", _role("template", "service_account"), kinds=GOOGLE),
    "google_cloudfunctions_function": Running(
        "gcp_cloud_functions", _role("service_account_email"), ConsumerKind.FUNCTION, GOOGLE
    ),
    "google_cloudfunctions2_function": Running(
        "gcp_cloud_functions", _role("service_config", "service_account_email"), ConsumerKind.FUNCTION, GOOGLE
    ),
    "google_compute_instance": Running("gcp_compute", _role("service_account", "email"), kinds=GOOGLE),
    "google_compute_instance_template": Running("gcp_compute", _role("service_account", "email"), kinds=GOOGLE),
    "azurerm_linux_web_app": Running("azure_app_service", _role("identity", "identity_ids"), kinds=AZURE),
    "azurerm_windows_web_app": Running("azure_app_service", _role("identity", "identity_ids"), kinds=AZURE),
    "azurerm_linux_function_app": Running(
        "azure_functions", _role("identity", "identity_ids"), ConsumerKind.FUNCTION, AZURE
    ),
    "azurerm_container_app": Running("azure_container_apps", _role("identity", "identity_ids"), kinds=AZURE),
    "azurerm_linux_virtual_machine": Running("azure_vm", _role("identity", "identity_ids"), kinds=AZURE),
}
# Attributes and blocks that hold the environment; they are read here, with their consumer, and nowhere else.
ENVIRONMENT = frozenset(
    {"environment", "environment_variables", "container_definitions", "app_settings", "env", "template"}
)


def running(desk: Desk, thing: Thing) -> Iterator[Record]:
    """A consumer, the identities it runs as, and the credentials in its environment."""
    kind = KINDS[thing.kind]
    consumer = desk.id(thing)
    options = thing.blocks("metadata_options")
    tokens = known_text(options[0].get("http_tokens")) if options else None
    hops = member(options, "http_put_response_hop_limit") if options else None
    yield Consumer(
        **desk.seen(consumer, thing), kind=kind.kind, name=desk.name(thing), platform=kind.platform, uri=thing.path,
        line=thing.line, tags=desk.tags(thing),
        metadata_v1={"optional": True, "required": False}.get(tokens or ""),
        metadata_hops=hops if isinstance(hops, int) else None,
    )  # fmt: skip
    for path, name in kind.roles:
        value = thing.at(*path)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            yield from desk.runs_as(thing, consumer, desk.target(thing, one, kind.kinds), name)
    yield from _environment(desk, thing, consumer)


def variables(thing: Thing) -> Iterator[tuple[str, Value]]:
    """Name and value of everything that stands in the environment."""
    for block in thing.blocks("environment"):
        yield from _pairs(block.get("variables"))
        yield from _named(block.get("environment_variable"))
    yield from _named(thing.at("environment_variable"))
    for name in ("environment_variables", "app_settings"):
        yield from _pairs(thing.at(name))
    definitions = jsondecode([thing.at("container_definitions")])
    for container in definitions if isinstance(definitions, list) else []:
        yield from _named(member(container, "environment"))
        for secret in _blocks(member(container, "secrets")):
            if name_ := known_text(secret.get("name")):
                yield name_, Ref("", "", None) if secret.get("valueFrom") is not None else Unknown()
    yield from _pairs(thing.at("service_config", "environment_variables"))
    for container in _blocks(thing.at("template", "containers")):
        yield from _named(container.get("env"))
    for container in _blocks(thing.at("template", "spec", "containers")):
        yield from _named(container.get("env"))


def _blocks(value: Value) -> list[Mapping[str, Value]]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return [i for i in items if isinstance(i, Mapping)]


def _pairs(value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        yield from value.items()


def _named(value: Value) -> Iterator[tuple[str, Value]]:
    for entry in _blocks(value):
        name = known_text(entry.get("name"))
        kind = known_text(entry.get("type")) or ""
        stored = kind in {"PARAMETER_STORE", "SECRETS_MANAGER"}
        if name:
            yield name, Ref("", "", None) if stored or entry.get("value_source") else entry.get("value")


def _environment(desk: Desk, thing: Thing, consumer: str) -> Iterator[Record]:
    found: list[Found] = []
    owned: dict[str, Credential] = {}
    judge = Judge()
    for name, value in variables(thing):
        line = thing.lines.get(name, thing.line or 0)
        text = known_text(value)
        if text is not None:
            found += judge.spot(Spot("env", name, text, line))
        elif words.names_credential(name):
            found.append(Found("env", name, line, _form(value)))
            if isinstance(value, (Unknown, Ref)) and (held := _held(desk, thing, value, name)):
                owned[name] = held
    if not found:
        return
    learn(desk.book, found, desk.secrets)
    visibility, at_head = desk.place(thing.path)
    document = Document(thing.path, Node(None, 1, 1), visibility, at_head)
    class_ = FileClass.INFRASTRUCTURE if thing.form == "hcl" else FileClass.STATE
    for record in holdings(found, Holder(consumer, "terraform"), document, desk.book):
        if isinstance(record, Exposure):
            yield dataclasses.replace(record, file_class=class_, config=None, line=record.line or None)
        elif isinstance(record, Use):
            credential = owned.get(record.name or "") if record.form is Form.REFERENCE else None
            if credential is not None:
                yield credential
                yield dataclasses.replace(record, credential_id=credential.id, how=UseHow.ENV)
            else:
                yield dataclasses.replace(record, line=record.line or None)
        else:
            yield record


def _form(value: Value) -> Form:
    """A secret of a store, a variable of the module, or an attribute of something it makes."""
    if isinstance(value, Ref):
        kind = value.address.rpartition(".")[0].rpartition(".")[2]
        return Form.VAULT if not value.address or kind in _STORES else Form.REFERENCE
    if isinstance(value, Text):
        return Form.VAULT if any(isinstance(p, str) and p.startswith(_STORED) for p in value.parts) else Form.REFERENCE
    return Form.REFERENCE


def _held(desk: Desk, thing: Thing, value: Unknown | Ref, name: str) -> Credential | None:
    """The credential that a variable of the module, or something it makes, stands for."""
    from nhiscan.plugin import Credential

    if isinstance(value, Ref):
        if not value.address or (thing.root, value.address) not in desk.by_address:
            return None
        address = value.address
        if ".data." in f".{address}":
            return None
    elif value.why.startswith("var."):
        address = value.why
    else:
        return None
    return Credential(
        **desk.seen(desk.id_of(thing.root, address), thing), provider=words.provider_of(name), kind=words.kind_of(name),
        name=desk.book.scrub(name),
    )  # fmt: skip
