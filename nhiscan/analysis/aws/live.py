"""Roles in other hands: of a service that takes them by iam:PassRole, of a running workload, of a sign-in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.assume import statement_of
from nhiscan.analysis.aws.candidate import Candidate, account_mates
from nhiscan.analysis.aws.escalations import Need, resources_of
from nhiscan.analysis.aws.estate import account_of, partition_of
from nhiscan.analysis.aws.evaluate import Level
from nhiscan.analysis.aws.ground import plausible
from nhiscan.analysis.aws.patterns import matches
from nhiscan.model import Certainty, IdentityKind, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.aws.escalations import Escalation
    from nhiscan.analysis.aws.evaluate import Principal
    from nhiscan.analysis.aws.ground import Ground
    from nhiscan.analysis.aws.workloads import Workload

EC2 = "ec2.amazonaws.com"


def passed(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """More powerful roles of the account that trust the service."""
    service = escalation.service or ""
    for role in plausible(who, escalation.targeted[0], _serving(ground, who, service)):
        cap = min(ground.power[role], _trusted(ground, role, service))
        yield Candidate(role, cap, (_trust_step(ground, role, service), *ground.proof(role)))


def profiled(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Those that an instance profile hands to EC2; where none at all is known, none was read."""
    profiles = ground.estate.profiled
    for candidate in passed(ground, who, escalation):
        if not profiles:
            yield replace(candidate, cap=Level.MAYBE)
        elif candidate.resource in profiles:
            yield candidate


def running(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Workloads that run as a more powerful role; a role that could be in one, where workloads were not looked for."""
    account, platform = account_of(who.id) or "", escalation.platform or ""
    service = escalation.service or ""
    if escalation.workload:
        yield from _seen(ground, who, escalation)
        if ground.workloads.known(account, platform):
            return
    profiles = ground.estate.profiled
    for role in _serving(ground, who, service):
        if service != EC2 or not profiles or role in profiles:
            unseen = "whether a workload runs as it was not seen"
            proof = (f"{_trust_step(ground, role, service)}; {unseen}", *ground.proof(role))
            yield Candidate(None, Level.MAYBE, proof)
            return


def _seen(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    account = account_of(who.id) or ""
    found = [
        w
        for w in ground.workloads.of(account, escalation.platform or "", escalation.workload)
        if w.role_id in ground.power and w.role_id != who.id
    ]
    for workload in sorted(found, key=lambda w: (-_sureness(ground, w), w.id)):
        state = ", which is switched off" if workload.enabled is False else ""
        role = ground.estate.identities[workload.role_id]
        words = f"{workload.name} ({escalation.platform}) runs as {role.kind} {role.name}{state}"
        patterns = (p for a in escalation.targeted for p in resources_of(a, account, partition_of(who.id)))
        loose = not any(matches(p, workload.id) for p in patterns)
        proof = (words, *ground.proof(workload.role_id))
        yield Candidate(workload.id, _sureness(ground, workload), proof, loose=loose)


def _sureness(ground: Ground, workload: Workload) -> Level:
    return min(ground.power[workload.role_id], Level.MAYBE if workload.enabled is False else Level.YES)


def _serving(ground: Ground, who: Principal, service: str) -> Iterator[str]:
    key = ("serving", service, len(ground.power))
    if key not in ground.ordered:
        roles = ground.powerful(ground.services.get(service, {}), service)
        ground.ordered[key] = tuple(sorted(roles, key=lambda r: -min(ground.power[r], _trusted(ground, r, service))))
    return account_mates(ground, who, ground.ordered[key])


def _trusted(ground: Ground, role: str, service: str) -> Level:
    """A service is its account's own deputy: only a condition that could fail for it makes its trust less sure."""
    return Level.YES if ground.services[service][role].certainty is Certainty.CERTAIN else Level.MAYBE


def _trust_step(ground: Ground, role: str, service: str) -> str:
    trust = ground.services[service][role]
    identity = ground.estate.identities[role]
    return f"trust policy of {identity.kind} {identity.name} statement {statement_of(trust)} lets {service} assume it"


def federated(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """The first powerful role that trusts a provider of the kind: whoever changes the provider speaks for it."""
    kind = PrincipalKind.SAML if escalation.need is Need.SAML_ROLE else PrincipalKind.OIDC
    limit = Level.YES if kind is PrincipalKind.SAML else Level.MAYBE
    for role in account_mates(ground, who, ground.powerful(ground.by_federation.get(kind, ()), kind)):
        name = ground.estate.identities[role].name
        proof = (f"role {name} trusts the provider", *ground.proof(role))
        yield Candidate(None, min(limit, ground.power[role]), proof)
        return


def permission_sets(ground: Ground, who: Principal, _: Escalation) -> Iterator[Candidate]:
    """Roles that Identity Center keeps in the account show that it is used; who runs it cannot be seen from here."""
    account = account_of(who.id)
    for identity in ground.estate.identities.values():
        reserved = "/aws-reserved/sso.amazonaws.com/" in identity.id and account_of(identity.id) == account
        if reserved or identity.kind is IdentityKind.PERMISSION_SET:
            words = f"Identity Center hands out {identity.name}; whether this account runs it was not seen"
            yield Candidate(None, Level.MAYBE, (words,))
            return
