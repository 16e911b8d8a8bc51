"""Who stands behind an identity: human, workload, agent, break-glass or provider-managed; NULL when nothing tells.

What is certain comes first: what a team declared, what the provider manages, what an agent was seen to use.  Then
come signs, weakest last, each of which also a person can read off the record:

* an interactive password and no access key, or a name that is an e-mail address with a password: human;
* a role that a service or an OIDC provider may assume, or a user with keys and no password: workload;
* a role that only SAML may assume: human, since SAML providers sign in people;
* an identity of a kind that only software has: workload (apps, managed identities, service accounts) or agent.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nhiscan.model import (
    ConsumerKind,
    CredentialKind,
    CredentialState,
    IdentityClass,
    IdentityKind,
    PrincipalKind,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.model import Consumer, Credential, Declared, Identity, Scope, Trust, Use

_AGENT_SERVICES = frozenset({"bedrock.amazonaws.com", "bedrock-agentcore.amazonaws.com"})
_AGENTS = frozenset({ConsumerKind.AGENT, ConsumerKind.TOOL_SERVER})
_ADDRESS = re.compile(r"[^@\s/]+@[^@\s/]+\.[A-Za-z]{2,}")
_ENDED = frozenset({CredentialState.DELETED, CredentialState.INACTIVE, CredentialState.EXPIRED})
_BY_KIND = {
    IdentityKind.APP: IdentityClass.WORKLOAD,
    IdentityKind.MANAGED_IDENTITY: IdentityClass.WORKLOAD,
    IdentityKind.SERVICE_ACCOUNT: IdentityClass.WORKLOAD,
    IdentityKind.AGENT_IDENTITY: IdentityClass.AGENT,
    IdentityKind.AGENT_BLUEPRINT: IdentityClass.AGENT,
}


@dataclass(frozen=True, slots=True)
class _Signs:
    emergency: tuple[str, ...]
    by_agents: frozenset[str]
    trusted_by: Mapping[str, frozenset[tuple[PrincipalKind, str]]]
    keyed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The tables that tell something of who stands behind an identity."""

    credentials: Sequence[Credential] = ()
    consumers: Sequence[Consumer] = ()
    uses: Sequence[Use] = ()
    trusts: Sequence[Trust] = ()
    declared: Sequence[Declared] = ()


def classify(identities: Iterable[Identity], evidence: Evidence) -> Iterator[Identity]:
    """The same identities in the same order, with `class_` filled in where something tells."""
    creds = evidence.credentials
    trusted: dict[str, set[tuple[PrincipalKind, str]]] = defaultdict(set)
    for trust in evidence.trusts:
        if trust.kind in {TrustKind.ASSUME, TrustKind.FEDERATE}:
            trusted[trust.target_id].add((trust.principal_kind, trust.principal))
    signs = _Signs(
        emergency=tuple(d.value for d in evidence.declared if d.kind == "break_glass"),
        by_agents=frozenset(_of_agents(creds, evidence.consumers, evidence.uses)),
        trusted_by={k: frozenset(v) for k, v in trusted.items()},
        keyed=frozenset(
            c.identity_id for c in creds
            if c.identity_id and c.kind is CredentialKind.ACCESS_KEY and c.state not in _ENDED
        ),
    )  # fmt: skip
    for identity in identities:
        found = _class_of(identity, signs)
        yield identity if found is identity.class_ else replace(identity, class_=found)


def _of_agents(credentials: Sequence[Credential], consumers: Iterable[Consumer], uses: Iterable[Use]) -> Iterator[str]:
    """Identities that an agent, or a tool server it starts, runs as or holds a credential of."""
    agents = {c.id for c in consumers if c.kind in _AGENTS}
    proves = {c.id: c.identity_id for c in credentials}
    for use in uses:
        identity_id = use.identity_id or proves.get(use.credential_id or "")
        if use.consumer_id in agents and identity_id:
            yield identity_id


def _class_of(identity: Identity, signs: _Signs) -> IdentityClass | None:
    if any(fnmatchcase(identity.id, v) or fnmatchcase(identity.name, v) for v in signs.emergency):
        return IdentityClass.BREAK_GLASS
    return identity.class_ or _by_signs(identity, signs)


def _by_signs(identity: Identity, signs: _Signs) -> IdentityClass | None:
    trusted = signs.trusted_by.get(identity.id, frozenset())
    if any(kind is PrincipalKind.SERVICE and name in _AGENT_SERVICES for kind, name in trusted):
        return IdentityClass.AGENT
    if _is_person(identity, signs):
        return IdentityClass.HUMAN
    if identity.id in signs.by_agents:
        return IdentityClass.AGENT
    kinds = {kind for kind, _ in trusted}
    if identity.kind is IdentityKind.ROLE:
        if kinds & {PrincipalKind.SERVICE, PrincipalKind.OIDC}:
            return IdentityClass.WORKLOAD
        return IdentityClass.HUMAN if kinds == {PrincipalKind.SAML} else None
    machine = identity.kind is IdentityKind.USER and identity.interactive is False and identity.id in signs.keyed
    return IdentityClass.WORKLOAD if machine else _BY_KIND.get(identity.kind)


def strangers(
    trusts: Iterable[Trust], scopes: Iterable[Scope], identities: Iterable[Identity], declared: Iterable[Declared]
) -> Iterator[Trust]:
    """The same trusts in the same order, with `external` filled in where one names a whole account, tenant or project.

    An account is one's own when identities of it were read or it is declared as trusted; a tenant that an inventory
    merely names is not.
    """
    read = {i.scope_id for i in identities}
    own = {s.id.rpartition("/")[2] if "/" in s.id else s.id.rpartition(":")[2] for s in scopes if s.id in read}
    own |= {d.value.lower() for d in declared if d.kind == "trusted_account"}
    for trust in trusts:
        named = trust.principal_kind is PrincipalKind.ACCOUNT and trust.external is None and trust.account_id
        yield replace(trust, external=trust.account_id.lower() not in own) if named and trust.account_id else trust


def _is_person(identity: Identity, signs: _Signs) -> bool:
    """Signs in with a password, and either has no key or is named by an address; an agent may borrow his keys."""
    if identity.kind is not IdentityKind.USER or not identity.interactive:
        return False
    return identity.id not in signs.keyed or _ADDRESS.fullmatch(identity.name) is not None
