"""What the Serverless Application Model adds: roles that it makes for functions, and policies by short name.

A function without `Role` gets a role called `<logical id>Role` that Lambda may assume, with the basic execution policy
and whatever `Policies` says (AWS SAM Developer Guide, sam-resource-function and serverless-policy-templates).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.managed import from_sam
from nhiscan.collectors.repo._templates.compute import runs_as
from nhiscan.plugin import AttachmentKind, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part
    from nhiscan.collectors.repo._templates.iam import Iam
    from nhiscan.plugin import Record

_SERVICES = {"AWS::Serverless::Function": "lambda", "AWS::Serverless::StateMachine": "states"}
_BASIC = {"AWS::Serverless::Function": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}


def functions(iam: Iam, defaults: Node | None) -> Iterator[Record]:
    """The roles of functions and state machines; `defaults` is `Globals.Function`."""
    for part in iam.template.parts.values():
        if part.type in _SERVICES:
            yield from _function(iam, part, defaults if part.type == "AWS::Serverless::Function" else None)


def _function(iam: Iam, part: Part, defaults: Node | None) -> Iterator[Record]:
    mine = iam.template.id_of(part.name)
    if defaults and (shared := defaults.at("Environment", "Variables")):
        yield from iam.values.variables(mine, list(shared.map.items()))
    role = part.props.at("Role") or (defaults.at("Role") if defaults else None)
    if role is not None:
        if part.type == "AWS::Serverless::Function":
            yield from runs_as(iam, mine, "role", role)
        return
    role_id = f"{mine}Role"
    yield from iam.maker.identity(IdentityKind.ROLE, role_id, f"{part.name}Role", part.line, interactive=False)
    yield from iam.trust(role_id, f"{part.name}Role", trust_in(_SERVICES[part.type]), part.line)
    if basic := _BASIC.get(part.type):
        yield from iam.managed(role_id, basic, part.line)
    limit = part.props.at("PermissionsBoundary")
    if limit and (text := iam.resolver.text(limit)):
        yield from iam.managed(role_id, text, limit.line, AttachmentKind.BOUNDARY)
    yield from policies(iam, role_id, part.props.at("Policies"))
    yield iam.maker.acts_as(mine, role_id, "role", part.line)


def policies(iam: Iam, role_id: str, node: Node | None) -> Iterator[Record]:
    """The entries of `Policies`: a name or ARN, a document, or a template with its parameters."""
    items = [] if node is None else list(node.list) if isinstance(node.value, list) else [node]
    for number, item in enumerate(items, 1):
        if item.at("Statement") is not None:
            yield from iam.inline(role_id, f"policy-{number}", iam.body(item), item.line)
        elif (text := iam.resolver.text(item)) is not None:
            yield from iam.managed(role_id, text, item.line)
        elif len(item.map) == 1:
            ((name, parameters),) = item.map.items()
            said = iam.resolver.value(parameters)
            body = from_sam(name, said if isinstance(said, dict) else {})
            yield from iam.inline(role_id, f"{name}-{number}", body, item.line)
            if body is None:
                yield iam.maker.unread(f"{role_id}#inline/{iam.maker.shown(name)}-{number}", name, item.line)


def trust_in(service: str) -> dict[str, object]:
    """The trust policy that lets one AWS service assume a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
