"""A service of the Serverless Framework as records: its functions, the role they share, its CloudFormation resources.

Without `provider.iam.role` of its own, or `role` of a function, all functions run as one role that the framework makes,
`IamRoleLambdaExecution`, which may write their logs (serverless.com, Framework guide, AWS, IAM permissions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._templates.compute import runs_as
from nhiscan.collectors.repo._templates.sam import trust_in
from nhiscan.collectors.repo._templates.stack import holder, iam_of, stack
from nhiscan.plugin import AttachmentKind, Consumer, ConsumerKind, IdentityKind, Trigger, Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.collectors.repo._templates.iam import Iam
    from nhiscan.plugin import Record

_ROLE = "IamRoleLambdaExecution"
_LOGS = ("logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource", "logs:PutLogEvents")
_TIMED = frozenset({"schedule"})


def service(document: Document, book: Book) -> Iterator[Record]:
    """The records of a `serverless.yml` for AWS; of any other nothing."""
    root = document.root
    provider = root.at("provider")
    if provider is None or (provider.text or provider.text_at("name")) != "aws":
        return
    declared = root.at("resources")
    top = declared if declared and declared.map else Node({}, root.line, root.line)
    iam, service_id = iam_of(document, book, top), f"{book.scope_id}#{document.path}:(stack)"
    held = list(_environment(iam, service_id, provider.at("environment")))
    held += iam.values.everywhere(service_id, _custom(root))
    if any(isinstance(r, Use) for r in held):
        yield holder(iam.maker, service_id, "serverless", root.line)
    yield from held
    own = provider.at("iam", "role") or provider.at("role")
    named = own is not None and (own.text is not None or any(k.startswith(("Fn::", "Ref")) for k in own.map))
    functions = root.at("functions")
    shared = own if named else None
    alone = [f for _, f in _functions(functions) if f.at("role") is None]
    if functions and alone and not named:
        yield from _role(iam, provider, own)
    for name, node in _functions(functions):
        yield from _function(iam, name, node, shared)
    if top.at("Resources"):
        yield from stack(document, book, top)


def _functions(node: Node | None) -> Iterator[tuple[str, Node]]:
    for group in (node.list or [node]) if node else ():
        yield from ((k, n) for k, n in group.map.items() if n.map)


def _custom(root: Node) -> Node:
    custom = root.at("custom")
    return custom if custom and custom.map else Node({}, root.line, root.line)


def _environment(iam: Iam, consumer_id: str, node: Node | None) -> Iterator[Record]:
    yield from iam.values.variables(consumer_id, list(node.map.items()) if node else [])


def _role(iam: Iam, provider: Node, own: Node | None) -> Iterator[Record]:
    role_id, line = iam.template.id_of(_ROLE), provider.key_line
    said = own.text_at("name") if own else None
    yield from iam.maker.identity(
        IdentityKind.ROLE, role_id, said if said and "${" not in said else _ROLE, line, interactive=False
    )
    yield from iam.trust(role_id, _ROLE, trust_in("lambda"), line)
    statements = (own.at("statements") if own else None) or provider.at("iamRoleStatements")
    found = iam.resolver.value(statements) if statements else []
    logs = {"Effect": "Allow", "Action": list(_LOGS), "Resource": "arn:${AWS::Partition}:logs:*"}
    # A list from a file cannot be read from here, and so neither can the policy as a whole.
    body: object = "(from a file)"
    if isinstance(found, list) and all(isinstance(s, dict) for s in found):
        body = {"Version": "2012-10-17", "Statement": [logs, *found]}
    yield from iam.inline(role_id, "serverless", body, statements.line if statements else line)
    managed = (own.at("managedPolicies") if own else None) or provider.at("iamManagedPolicies")
    for arn in iam.resolver.strings(managed):
        yield from iam.managed(role_id, arn, managed.line if managed else line)
    limit = (own.at("permissionsBoundary") if own else None) or provider.at("rolePermissionsBoundary")
    if limit and (text := iam.resolver.text(limit)):
        yield from iam.managed(role_id, text, limit.line, AttachmentKind.BOUNDARY)


def _function(iam: Iam, name: str, node: Node, shared: Node | None) -> Iterator[Record]:
    shown = iam.maker.shown(name)
    mine, line = f"{iam.template.base}:function/{shown}", node.key_line
    held = list(_environment(iam, mine, node.at("environment")))
    events = node.at("events")
    kinds = tuple(sorted({iam.maker.shown(k) for e in (events.list if events else ()) for k in [*e.map, *_word(e)]}))
    trigger = None if not kinds else Trigger.SCHEDULE if _TIMED.issuperset(kinds) else Trigger.EVENT
    yield Consumer(
        **iam.maker.seen(mine, line), kind=ConsumerKind.FUNCTION, name=shown, framework="serverless",
        platform="aws_lambda", uri=iam.maker.document.path, line=line, visibility=iam.maker.document.visibility,
        trigger=trigger, triggers=kinds,
    )  # fmt: skip
    yield from held
    role = node.at("role") or shared
    if role is None:
        yield iam.maker.acts_as(mine, iam.template.id_of(_ROLE), "role", line)
        return
    part = iam.template.part(role.text) if role.text else None
    if part is not None and part.type == "AWS::IAM::Role":
        yield iam.maker.acts_as(mine, iam.template.id_of(part.name), "role", role.line)
    else:
        yield from runs_as(iam, mine, "role", role)


def _word(node: Node) -> list[str]:
    return [node.text] if node.text else []
