"""The organisation above an account: its units, and the control policies attached on the way down.

Every node from the root to the account itself must allow; the management account and service-linked roles are exempt
(Organizations User Guide, orgs_manage_policies_scps_evaluation and orgs_manage_policies_scps).  Resource control
policies only ever deny, because the one that allows everything cannot be detached (orgs_manage_policies_rcps).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.evaluate import Bound
from nhiscan.model import AttachmentKind, PolicyKind, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.analysis.aws.library import Library
    from nhiscan.model import Attachment, Scope

SERVICE_LINKED = ":role/aws-service-role/"
RCP_SERVICES = frozenset({
    "s3", "sts", "kms", "sqs", "secretsmanager", "cognito-idp", "cognito-identity", "logs", "dynamodb", "ecr",
    "aoss",
})  # fmt: skip
"""Services whose resources resource control policies limit (orgs_manage_policies_rcps, list of supported services)."""

_WORDS = {PolicyKind.SERVICE_CONTROL: "service control policy", PolicyKind.RESOURCE_CONTROL: "resource control policy"}


@dataclass(frozen=True, slots=True)
class Node:
    """One node between the root and an account, with the statements of the policies attached there.

    `bare`: no service control policy was seen there, though AWS keeps at least one on every node; `unread`: one of
    them could not be read.
    """

    scope_id: str
    name: str
    service: tuple[Bound, ...] = ()
    resource: tuple[Bound, ...] = ()
    bare: bool = False
    unread: bool = False

    @property
    def open(self) -> bool:
        """Whether it allows everything that it does not deny."""
        return self.bare or any(_everything(b) for b in self.service)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the organisation puts on the principals of one account.

    `guards` are sets of statements each of which must allow, `bars` the Denies of all nodes.
    """

    guards: tuple[tuple[Bound, ...], ...] = ()
    bars: tuple[Bound, ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """The tree of scopes with what hangs on it; `controlled` says whether any service control policy was collected."""

    scopes: Mapping[str, Scope] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    controlled: bool = False

    def way(self, account: str | None) -> tuple[Scope, ...]:
        """The scopes from the organisation down to the account, empty when the account is not known."""
        found: list[Scope] = []
        scope = self.scopes.get(f"aws:{account}")
        while scope is not None and scope not in found:
            found.append(scope)
            scope = self.scopes.get(scope.parent_id or "")
        return tuple(reversed(found))

    def org_id(self, account: str | None) -> str | None:
        """The organisation an account belongs to (`o-…`), None when that is not known."""
        way = self.way(account)
        return way[0].id.removeprefix("aws:") if way and way[0].kind is ScopeKind.ORGANIZATION else None

    def org_path(self, account: str | None) -> str | None:
        """The path of an account as `aws:PrincipalOrgPaths` has it: `o-…/r-…/ou-…/`."""
        if self.org_id(account) is None:
            return None
        return "".join(f"{s.id.removeprefix('aws:')}/" for s in self.way(account)[:-1])

    def exempt(self, account: str | None) -> bool:
        """Whether control policies do not bind the account because it manages the organisation."""
        scope = self.scopes.get(f"aws:{account}")
        return scope is not None and scope.management is True

    def path(self, account: str | None) -> tuple[Node, ...]:
        """The nodes whose policies bind the account, the root first."""
        if not self.controlled or self.exempt(account) or self.org_id(account) is None:
            return ()
        return tuple(self.nodes[s.id] for s in self.way(account) if s.id in self.nodes)

    def limits(self, account: str | None) -> Limits:
        """What binds the principals of an account, service-linked roles apart."""
        path = self.path(account)
        return Limits(
            # What could not be read limits in a way we do not know: `unread` says so, it is not a void.
            guards=tuple(node.service for node in path if not (node.open or node.unread)),
            bars=tuple(b for node in path for b in node.service if not b.statement.allow),
            unread=any(node.unread for node in path),
        )

    def walls(self, account: str | None) -> tuple[Bound, ...]:
        """The Denies of resource control policies on what lies in an account."""
        if self.exempt(account):
            return ()
        nodes = (self.nodes.get(scope.id) for scope in self.way(account))
        return tuple(b for node in nodes if node for b in node.resource if not b.statement.allow)


def organisation(scopes: Iterable[Scope], books: Library, attachments: Iterable[Attachment]) -> Organisation:
    """The tree of AWS scopes with the control policies on them."""
    known = {s.id: s for s in sorted(scopes, key=lambda s: s.id) if s.provider == "aws"}
    held: dict[str, set[str]] = defaultdict(set)
    for item in attachments:
        if item.kind is AttachmentKind.CONTROL and item.principal_id in known:
            held[item.principal_id].add(item.policy_id)
    kinds = {books.kinds.get(p) for ids in held.values() for p in ids}
    nodes = {s.id: _node(s, held[s.id], books) for s in known.values() if held[s.id] or _is_node(s)}
    return Organisation(known, nodes, PolicyKind.SERVICE_CONTROL in kinds)


def _is_node(scope: Scope) -> bool:
    return scope.kind in {ScopeKind.ORGANIZATIONAL_UNIT, ScopeKind.ACCOUNT}


def _node(scope: Scope, policies: Iterable[str], books: Library) -> Node:
    ids = sorted(policies)
    service = [p for p in ids if books.kinds.get(p) is PolicyKind.SERVICE_CONTROL]
    return Node(
        scope_id=scope.id,
        name=scope.name,
        service=tuple(b for p in service for b in _bounds(p, scope, books)),
        resource=tuple(
            b for p in ids if books.kinds.get(p) is PolicyKind.RESOURCE_CONTROL for b in _bounds(p, scope, books)
        ),
        bare=not service,
        unread=any(p not in books.documents for p in ids),
    )


def _bounds(policy_id: str, scope: Scope, books: Library) -> Iterable[Bound]:
    document = books.documents.get(policy_id)
    if document is None:
        return ()
    name = f"{_WORDS[books.kinds[policy_id]]} {document.name} of {scope.name}"
    return tuple(Bound(policy_id, name, s) for s in document.statements)


def _everything(bound: Bound) -> bool:
    s = bound.statement
    return s.allow and "*" in s.actions and "*" in s.resources and not s.conditions
