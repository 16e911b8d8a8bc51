"""Trust policies of roles as `trust` rows: who may become the role, and what the conditions demand of him.

Principal elements: IAM User Guide, reference_policies_elements_principal.  OIDC keys are `<issuer>:sub`, `<issuer>:aud`
and, since 2026, provider-specific claims such as `<issuer>:repository` (reference_policies_iam-condition-keys, keys for
AWS OIDC federation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Facts, Truth, holds
from nhiscan.analysis.aws.demands import Demands, demands
from nhiscan.analysis.aws.estate import SOURCE, account_of
from nhiscan.analysis.aws.evaluate import concerns
from nhiscan.model import AttachmentKind, Certainty, IdentityKind, PrincipalKind, ScopeKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.analysis.aws.documents import Document, Statement
    from nhiscan.analysis.aws.estate import Library
    from nhiscan.model import Attachment, Declared, Identity, Scope

ASSUME = "sts:AssumeRole"
WEB = "sts:AssumeRoleWithWebIdentity"
SAML = "sts:AssumeRoleWithSAML"
_ACCOUNT = re.compile(r"\d{12}")
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
# What AWS leaves in a policy of a user or role that was deleted (reference_identifiers, unique identifiers).
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]+")
_BOUND_TO = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
_ORGANISATION = ("aws:principalorgid", "aws:principalorgpaths")
# Keys that the party a trust names can always satisfy, because they describe who or what it is.
_MET = frozenset({"sts:externalid", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn"})


@dataclass(frozen=True, slots=True)
class World:
    """What is known of accounts: `own` are collected or declared as trusted; `roles` go by account and name."""

    own: frozenset[str]
    roles: Mapping[tuple[str, str], str]
    as_of: datetime


def world(
    scopes: Iterable[Scope], declared: Iterable[Declared], identities: Iterable[Identity], as_of: datetime
) -> World:
    """The set of own accounts, and the roles that session ARNs can be traced back to."""
    own = {s.id.removeprefix("aws:") for s in scopes if s.provider == "aws" and s.kind is ScopeKind.ACCOUNT}
    own |= {d.value for d in declared if d.kind == "trusted_account"}
    roles = {(account_of(i.id) or "", i.name): i.id for i in identities if i.kind is IdentityKind.ROLE}
    return World(frozenset(own), roles, as_of)


def trusts(
    identities: Iterable[Identity], books: Library, attachments: Iterable[Attachment], known: World
) -> Iterator[Trust]:
    """One row per Allow statement and principal of every role whose trust policy could be read, ordered by id."""
    by_id = {i.id: i for i in identities}
    pairs = sorted((a.principal_id, a.policy_id) for a in attachments if a.kind is AttachmentKind.TRUST)
    for role_id, policy_id in dict.fromkeys(pairs):
        document, role = books.documents.get(policy_id), by_id.get(role_id)
        if document and role:
            yield from _of_document(role, document, known)


def _of_document(role: Identity, document: Document, known: World) -> Iterator[Trust]:
    denies = [s for s in document.statements if not s.allow]
    seen: set[str] = set()
    for statement in document.statements:
        if not statement.allow:
            continue
        for draft in _rows(role, document, statement, known):
            row = _after_denies(draft, denies, known)
            if row and row.id not in seen:
                seen.add(row.id)
                yield row


def _rows(role: Identity, document: Document, statement: Statement, known: World) -> Iterator[Trust]:
    parties = (("AWS", "*"),) if statement.not_principal else statement.principals
    for kind, value in parties:
        party = _party(kind, value, known)
        action = {PrincipalKind.OIDC: WEB, PrincipalKind.SAML: SAML}.get(party.kind, ASSUME)
        if not concerns(statement, action):
            continue
        certainty = _certainty(statement, party, known)
        if certainty is None:
            continue
        if statement.not_principal:
            certainty = Certainty.CONDITIONAL
        demand = demands(statement)
        for narrowed in _narrow(party, demand):
            yield Trust(
                id=f"{role.id}#trust:{statement.number}:{narrowed.kind}:{narrowed.name}",
                scope_id=role.scope_id,
                source=SOURCE,
                locator=document.policy_id,
                principal=narrowed.name,
                principal_kind=narrowed.kind,
                target_id=role.id,
                kind=TrustKind.FEDERATE if action is not ASSUME else TrustKind.ASSUME,
                account_id=narrowed.account,
                external=_external(narrowed, role, known, demand),
                external_id=_external_id(narrowed, demand),
                subjects=demand.subjects(party.name) if action is WEB else (),
                audiences=demand.of(f"{party.name}:aud") if action is WEB else demand.of("saml:aud"),
                claims=demand.claims(party.name) if action is WEB else (),
                source_bound=_source_bound(narrowed, demand),
                condition=statement.condition_json,
                certainty=certainty,
            )


@dataclass(frozen=True, slots=True)
class _Party:
    kind: PrincipalKind
    name: str
    account: str | None = None


def _party(kind: str, value: str, known: World) -> _Party:
    """What one value of a Principal element names."""
    match kind.lower():
        case _ if value == "*":
            party = _Party(PrincipalKind.ANYONE, "*")
        case "service":
            party = _Party(PrincipalKind.SERVICE, _service(value))
        case "federated" if ":saml-provider/" in value:
            party = _Party(PrincipalKind.SAML, value, account_of(value))
        case "federated":
            party = _Party(PrincipalKind.OIDC, value.partition(":oidc-provider/")[2] or value)
        case _:
            party = _aws_party(value, known)
    return party


def _aws_party(value: str, known: World) -> _Party:
    if _UNIQUE_ID.fullmatch(value):
        return _Party(PrincipalKind.DELETED, value)
    if _ACCOUNT.fullmatch(value):
        return _Party(PrincipalKind.ACCOUNT, value, value)
    account = account_of(value)
    if account and value.endswith(":root"):
        return _Party(PrincipalKind.ACCOUNT, account, account)
    session = _SESSION.match(value)
    if session:
        partition, account, name = session.groups()
        fallback = f"arn:{partition}:iam::{account}:role/{name}"
        return _Party(PrincipalKind.IDENTITY, known.roles.get((account, name), fallback), account)
    return _Party(PrincipalKind.IDENTITY, value, account)


def _service(name: str) -> str:
    """The name of a service whatever region or partition it is written for: `ec2.amazonaws.com.cn` is EC2."""
    parts = name.lower().removesuffix(".cn").split(".")
    return ".".join(p for p in parts if not _REGION.fullmatch(p))


def _narrow(party: _Party, demand: Demands) -> Iterator[_Party]:
    """`*` under a condition on the caller's account or ARN names that account or identity after all."""
    if party.kind is not PrincipalKind.ANYONE:
        yield party
        return
    arns, accounts = demand.of("aws:principalarn"), demand.of("aws:principalaccount")
    if arns and all(account_of(a) for a in arns):
        for arn in arns:
            wild = "*" in arn or "?" in arn
            account = account_of(arn) or ""
            yield _Party(PrincipalKind.ACCOUNT if wild else PrincipalKind.IDENTITY, account if wild else arn, account)
    elif accounts and all(_ACCOUNT.fullmatch(a) for a in accounts):
        for account in accounts:
            yield _Party(PrincipalKind.ACCOUNT, account, account)
    else:
        yield party


def _external(party: _Party, role: Identity, known: World, demand: Demands) -> bool | None:
    match party.kind:
        case PrincipalKind.SERVICE:
            return False
        case PrincipalKind.ANYONE:
            return None if any(demand.of(key) for key in _ORGANISATION) else True
        case PrincipalKind.ACCOUNT | PrincipalKind.IDENTITY if party.account:
            return party.account not in known.own and party.account != account_of(role.id)
        case _:
            return None


def _external_id(party: _Party, demand: Demands) -> bool | None:
    if party.kind not in {PrincipalKind.ACCOUNT, PrincipalKind.IDENTITY, PrincipalKind.ANYONE}:
        return None
    wanted = demand.of("sts:externalid")
    return bool(wanted) and all(v.strip("*?") for v in wanted)


def _source_bound(party: _Party, demand: Demands) -> bool | None:
    """Whether a service must act for an account, resource or organisation that the trust names."""
    if party.kind is not PrincipalKind.SERVICE:
        return None
    return any(all(v.strip("*?") for v in demand.of(key)) for key in _BOUND_TO if demand.of(key))


def _certainty(statement: Statement, party: _Party, known: World) -> Certainty | None:
    """Whether whoever the principal names can meet the conditions; None when nobody ever can."""
    met: dict[str, tuple[str, ...] | Fact] = dict.fromkeys(_MET, Fact.CHOICE)
    for _, key, _ in statement.conditions:
        if party.kind in {PrincipalKind.OIDC, PrincipalKind.SAML} and not key.lower().startswith("aws:"):
            met[key.lower()] = Fact.CHOICE
    truth = holds(statement.conditions, Facts(known.as_of, met), allow=True)
    return {Truth.TRUE: Certainty.CERTAIN, Truth.FALSE: None}.get(truth, Certainty.CONDITIONAL)


def _after_denies(row: Trust, denies: Sequence[Statement], known: World) -> Trust | None:
    """The row, weakened by a Deny that may hit its principal, or None when one surely does."""
    action = {PrincipalKind.OIDC: WEB, PrincipalKind.SAML: SAML}.get(row.principal_kind, ASSUME)
    for deny in denies:
        if not concerns(deny, action):
            continue
        hit = _named(deny, row, known)
        if deny.not_principal:
            hit = None if hit is None else not hit
        if hit is False:
            continue
        truth = holds(deny.conditions, Facts(known.as_of, _caller(row)), allow=False)
        if truth is Truth.FALSE:
            continue
        if hit and truth is Truth.TRUE:
            return None
        row = replace(row, certainty=Certainty.CONDITIONAL)
    return row


def _caller(row: Trust) -> dict[str, tuple[str, ...] | Fact]:
    found: dict[str, tuple[str, ...] | Fact] = {"aws:principalisawsservice": (str(_is_service(row)).lower(),)}
    if row.principal_kind is PrincipalKind.IDENTITY:
        found["aws:principalarn"] = (row.principal,)
    if row.account_id:
        found["aws:principalaccount"] = (row.account_id,)
    return found


def _is_service(row: Trust) -> bool:
    return row.principal_kind is PrincipalKind.SERVICE


def _named(deny: Statement, row: Trust, known: World) -> bool | None:
    """Whether a Deny's principals include the row's; None when they include only some of it."""
    partial = False
    for kind, value in deny.principals:
        if value == "*":
            return True
        party = _party(kind, value, known)
        if (party.kind, party.name) == (row.principal_kind, row.principal):
            return True
        if party.kind is PrincipalKind.ACCOUNT and party.account == row.account_id:
            return True
        inside = row.principal_kind is PrincipalKind.ACCOUNT and party.account == row.account_id
        partial = partial or inside or row.principal_kind is PrincipalKind.ANYONE
    return None if partial else False
