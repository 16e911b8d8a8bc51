"""Policies on resources as `trust` rows of kind `access`: who from outside may use a thing, and who holds him back.

One row for each Allow statement and each principal that is not of the thing's own account: everybody, another account
or one of its identities, a service, a principal that was deleted.  Everybody under a condition that names accounts,
organisations, networks or the thing a service acts for is not everybody (S3 User Guide, blocking public access, "The
meaning of public"), so such a row is not `external`, or the question stays open.  Of secrets and keys only statements
count that let somebody read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.estate import SOURCE, account_of
from nhiscan.analysis.aws.evaluate import concerns
from nhiscan.model import AttachmentKind, Certainty, PrincipalKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.analysis.aws.documents import Document, Statement
    from nhiscan.analysis.aws.library import Library
    from nhiscan.analysis.aws.trusts import World
    from nhiscan.model import Attachment

_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")
_READS = {
    "secretsmanager": "secretsmanager:GetSecretValue", "kms": "kms:Decrypt", "ssm": "ssm:GetParameter",
}  # fmt: skip
_POSITIVE = frozenset({
    "stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike", "ipaddress",
})  # fmt: skip
# Keys whose value says whose request it is: an account number, or an ARN that holds one.
_ACCOUNTS = frozenset({
    "aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn", "aws:sourceowner",
    "kms:calleraccount",
})  # fmt: skip
_ORGANISATIONS = frozenset({"aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths"})
_NETWORKS = frozenset({
    "aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpceaccount",
    "aws:vpceorgid", "aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
})  # fmt: skip
_BOUND_TO = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})
# Conditions that any caller meets as he likes.
_HARMLESS = frozenset({
    "aws:securetransport", "s3:tlsversion", "lambda:functionurlauthtype", "lambda:invokedviafunctionurl",
})  # fmt: skip
_EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})


@dataclass(frozen=True, slots=True)
class _Party:
    kind: PrincipalKind
    name: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class _Thing:
    id: str
    scope_id: str
    account: str

    def read_by(self, statement: Statement) -> bool:
        """Whether a statement lets somebody at what the thing holds; for most things any action does."""
        action = _READS.get(self.id.split(":", 3)[2] if self.id.startswith("arn:") else "")
        return action is None or concerns(statement, action)


def shares(attachments: Iterable[Attachment], books: Library, known: World) -> Iterator[Trust]:
    """The rows, ordered by thing and policy; nothing for a policy that could not be read."""
    standing = {(a.principal_id, a.policy_id): a for a in attachments if a.kind is AttachmentKind.RESOURCE}
    for (thing_id, policy_id), attachment in sorted(standing.items()):
        document = books.documents.get(policy_id)
        if document is not None:
            account = account_of(thing_id) or attachment.scope_id.removeprefix("aws:")
            yield from _of_document(_Thing(thing_id, attachment.scope_id, account), document, known)


def _of_document(thing: _Thing, document: Document, known: World) -> Iterator[Trust]:
    doubtful = any(_takes_back(s) for s in document.statements)
    mark = document.policy_id.removeprefix(f"{thing.id}#")
    seen: set[str] = set()
    for statement in document.statements:
        if not statement.allow or not thing.read_by(statement):
            continue
        demand = _demands(statement)
        for party in _parties(statement, thing.account):
            row_id = f"{thing.id}#access:{mark}:{statement.number}:{party.kind}:{party.name}"
            if row_id in seen:
                continue
            seen.add(row_id)
            yield Trust(
                id=row_id, scope_id=thing.scope_id, source=SOURCE, locator=thing.id, principal=party.name,
                principal_kind=party.kind, target_id=thing.id, kind=TrustKind.ACCESS, account_id=party.account,
                external=_external(party, thing, demand, known, doubtful=doubtful),
                source_bound=bool(demand.keys() & _BOUND_TO) if party.kind is PrincipalKind.SERVICE else None,
                condition=statement.condition_json, certainty=_certainty(statement),
            )  # fmt: skip


def _parties(statement: Statement, own: str) -> Iterator[_Party]:
    """Whom a statement names outside the account `own`; federated and canonical users are left out."""
    for kind, value in (("AWS", "*"),) if statement.not_principal else statement.principals:
        low = kind.lower()
        if value == "*" and low in {"aws", "*"}:
            yield _Party(PrincipalKind.ANYONE, "*")
        elif low == "service":
            yield _Party(PrincipalKind.SERVICE, value.lower())
        elif low == "aws" and _UNIQUE_ID.fullmatch(value):
            yield _Party(PrincipalKind.DELETED, value)
        elif low == "aws":
            account = value if _ACCOUNT.fullmatch(value) else account_of(value)
            if account is not None and account != own:
                whole = account == value or value.endswith(":root")
                yield _Party(PrincipalKind.ACCOUNT if whole else PrincipalKind.IDENTITY,
                             account if whole else value, account)  # fmt: skip


def _demands(statement: Statement) -> Mapping[str, tuple[str, ...]]:
    """The keys that must have one of some values, with these; what any value or a missing key meets demands nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for operator, key, values in statement.conditions:
        quantifier, _, name = operator.lower().rpartition(":")
        if name not in _POSITIVE or quantifier == "forallvalues" or _EVERYWHERE & set(values):
            continue
        if values and all(v.strip("*?") for v in values):
            found[key.lower()] = values
    return found


def _external(
    party: _Party, thing: _Thing, demand: Mapping[str, tuple[str, ...]], known: World, *, doubtful: bool
) -> bool | None:
    """Whether strangers get in; None where that depends on facts of the caller that nobody here knows."""
    if party.kind in {PrincipalKind.SERVICE, PrincipalKind.DELETED}:
        return False
    own = known.own | {thing.account}
    if party.kind is not PrincipalKind.ANYONE:
        # Of what infrastructure code declares the account is not known before it is applied.
        return None if party.account is None else party.account not in own
    named = [_account_in(v) for key in demand.keys() & _ACCOUNTS for v in demand[key]]
    if named:
        return any(account is not None and account not in own for account in named)
    if demand.keys() & _NETWORKS:
        return False
    return None if doubtful or demand.keys() & _ORGANISATIONS else True


def _account_in(value: str) -> str | None:
    return value if _ACCOUNT.fullmatch(value) else account_of(value)


def _takes_back(statement: Statement) -> bool:
    """Whether a Deny may shut strangers out again: one that speaks of whose request it is, or excepts somebody."""
    if statement.allow:
        return False
    everybody = statement.not_principal or any(value == "*" for _, value in statement.principals)
    keys = {key.lower() for _, key, _ in statement.conditions}
    return everybody and (not keys or bool(keys & (_ACCOUNTS | _ORGANISATIONS | _NETWORKS)))


def _certainty(statement: Statement) -> Certainty:
    keys = {key.lower() for _, key, _ in statement.conditions}
    return Certainty.CONDITIONAL if statement.not_principal or keys - _HARMLESS else Certainty.CERTAIN
