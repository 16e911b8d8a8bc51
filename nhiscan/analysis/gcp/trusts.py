"""Who may become which service account, as `trust` rows: tokens of pools, of clusters, and other identities.

Sources: docs.cloud.google.com/iam/docs/workload-identity-federation, .../principal-identifiers,
.../service-account-permissions, docs.cloud.google.com/kubernetes-engine/docs/how-to/workload-identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.decide import dead, decide
from nhiscan.analysis.gcp.demands import demand, provider
from nhiscan.analysis.gcp.effective import certainty
from nhiscan.analysis.gcp.estate import SOURCE
from nhiscan.model import IdentityKind, PrincipalKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.estate import Estate
    from nhiscan.model import Identity

MAX_TARGETS = 500
"""A member that is bound on a project trusts so many of its accounts at most, the first by id."""

_TOKENS = (
    "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signJwt", "iam.serviceAccounts.signBlob",
    "iam.serviceAccountKeys.create",
)  # fmt: skip
_ACT_AS = "iam.serviceAccounts.actAs"
_MEMBER = re.compile(
    r"gcp:principal/(?:iam\.googleapis\.com/)?(projects/[^/]+/locations/global/workloadIdentityPools/[^/]+)/"
    r"(?:(subject|group|attribute\.[^/]+)/(.+)|\*)"
)
_CLUSTER = re.compile(r"gcp:sa/([^\[\]]+\.svc\.id\.goog)\[([^/\[\]]+)/([^/\[\]]+)\]")
_CLUSTER_POOL = re.compile(r"projects/[^/]+/locations/global/workloadIdentityPools/([^/]+\.svc\.id\.goog)")
_CLUSTER_SUBJECT = re.compile(r"ns/([^/]+)/sa/([^/]+)")
_KINDS = {IdentityKind.SAML_PROVIDER: PrincipalKind.SAML, IdentityKind.OIDC_PROVIDER: PrincipalKind.OIDC}


@dataclass(frozen=True, slots=True)
class _Party:
    """Who is trusted, what must be said of him, and the provider by which he comes in (its resource name)."""

    kind: PrincipalKind
    name: str
    mark: str
    subjects: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    condition: str | None = None
    account: str | None = None
    sure: Answer = Answer.YES
    place: str | None = None


def trusts(estate: Estate) -> Iterator[Trust]:
    """Rows ordered by member and account.

    A member of a pool gives one row for each provider of the pool that is alive; roles that it has on anything but a
    service account make the member itself (`gcp:principal/…`) the target, because it then acts by itself.
    """
    providers = _providers(estate)
    for member in sorted(estate.bindings):
        parties = list(_parties(estate, member, providers))
        outside = bool(_MEMBER.fullmatch(member) or _CLUSTER.fullmatch(member))
        for account, kind, answer in _targets(estate, member, outside=outside):
            for party in parties if outside else [_identity(member)]:
                yield _row(estate, party, account, TrustKind.FEDERATE if outside else kind, answer)
        if outside and member.startswith(names.FEDERATED) and _direct(estate, member):
            for party in parties:
                yield _row(estate, party, member, TrustKind.FEDERATE, Answer.YES)


def _providers(estate: Estate) -> dict[str, list[Identity]]:
    """The living providers of each living pool, by `projects/ID/locations/global/workloadIdentityPools/P`."""
    found: dict[str, list[Identity]] = {}
    for identity in estate.identities.values():
        pool, mark, _ = identity.id.partition("/providers/")
        if identity.kind is IdentityKind.IDENTITY_POOL and identity.id.startswith("gcp:pool/"):
            found.setdefault(_pool(estate, identity.id.removeprefix("gcp:pool/")), [])
        if mark and not dead(estate, identity.id) and not dead(estate, pool):
            found.setdefault(_pool(estate, pool.removeprefix("gcp:pool/")), []).append(identity)
    return found


def _pool(estate: Estate, name: str) -> str:
    """The name of a pool with its project by id where that is known: bindings and lists write it either way."""
    project = names.project_in(f"/{name}") or ""
    return name.replace(f"projects/{project}/", f"projects/{estate.numbers.get(project, project)}/", 1)


def _parties(estate: Estate, member: str, providers: dict[str, list[Identity]]) -> Iterator[_Party]:
    cluster = _CLUSTER.fullmatch(member)
    if cluster:
        subject = f"system:serviceaccount:{cluster[2]}:{cluster[3]}"
        yield _Party(PrincipalKind.OIDC, cluster[1], cluster[1], (subject,))
    match = _MEMBER.fullmatch(member)
    if match is None:
        return
    pool, attribute, value = match.groups()
    own = _CLUSTER_POOL.fullmatch(pool)
    named = _CLUSTER_SUBJECT.fullmatch(value or "")
    if own:
        subjects = (f"system:serviceaccount:{named[1]}:{named[2]}",) if named else ()
        claims = (f"{attribute}={value}",) if attribute and not named else ()
        yield _Party(PrincipalKind.OIDC, own[1], own[1], subjects, claims=claims)
    elif _pool(estate, pool) not in providers:
        # The pool was not read: that somebody outside is trusted is known, by whose word is not.
        yield _Party(PrincipalKind.IDENTITY, member, "pool", sure=Answer.CONDITIONAL)
    name = {"subject": "google.subject", "group": "google.groups"}.get(attribute or "", attribute)
    for one in providers.get(_pool(estate, pool), ()):
        yield from _party(one, name, value or "")


def _party(one: Identity, attribute: str | None, value: str) -> Iterator[_Party]:
    found = provider(one)
    asked = demand(found, attribute, value)
    if asked is None:
        return
    kind = PrincipalKind.ACCOUNT if found.account else _KINDS.get(one.kind, PrincipalKind.IDENTITY)
    outside = found.account or found.issuer or one.id
    kind = PrincipalKind.IDENTITY if kind is PrincipalKind.OIDC and not found.issuer else kind
    yield _Party(
        kind, outside, one.id.rpartition("/")[2], asked.subjects,
        found.audiences if kind is PrincipalKind.OIDC else (), asked.claims, found.document, found.account,
        Answer.YES if asked.readable else Answer.CONDITIONAL, one.locator or one.id.removeprefix("gcp:pool/"),
    )  # fmt: skip


def _identity(member: str) -> _Party:
    if member in {names.EVERYBODY, names.SIGNED_IN}:
        return _Party(PrincipalKind.ANYONE, "*", member.removeprefix("gcp:"))
    return _Party(PrincipalKind.IDENTITY, member, member.removeprefix("gcp:"))


def _targets(estate: Estate, member: str, *, outside: bool) -> Iterator[tuple[str, TrustKind, Answer]]:
    """The accounts whose own policy lets a member in; for one from outside, those of projects as well."""
    if dead(estate, member):
        return
    accounts: dict[str, None] = {}
    for target in sorted(estate.bindings[member]):
        if "/serviceAccounts/" in target:
            accounts[names.ACCOUNT + target.rpartition("/")[2]] = None
        elif outside and names.scope_id(target):
            inside = (a for p in sorted(estate.accounts) if estate.within(p, target) for a in estate.accounts[p])
            accounts |= dict.fromkeys(sorted(inside)[:MAX_TARGETS])
    for account in accounts:
        if account == member or account not in estate.identities or dead(estate, account):
            continue
        resource = estate.resource_of(account)
        becomes = max(_own(estate, member, p, resource) for p in _TOKENS)
        if becomes:
            yield account, TrustKind.IMPERSONATE, becomes
        elif acts := _own(estate, member, _ACT_AS, resource):
            yield account, TrustKind.ACT_AS, acts


def _own(estate: Estate, member: str, permission: str, resource: str) -> Answer:
    """The answer by the member's own bindings: what everybody may is a trust in everybody."""
    found = decide(estate, member, permission, resource)
    return found.answer if found.binding and found.binding.principal_id == member else Answer.NO


def _direct(estate: Estate, member: str) -> bool:
    """Whether a member has a role on anything but a service account."""
    held = (b for t, bs in estate.bindings[member].items() if "/serviceAccounts/" not in t for b in bs)
    return any(b.role.permissions is None or b.role.permissions for b in held)


def _row(estate: Estate, party: _Party, target: str, kind: TrustKind, answer: Answer) -> Trust:
    identity = estate.identities.get(target)
    demanded = "|".join((*party.subjects, *party.claims))
    return Trust(
        id=f"{target}#trust:{kind}:{party.mark}{f':{demanded}' if demanded else ''}",
        scope_id=identity.scope_id if identity else _scope(estate, target),
        source=SOURCE,
        locator=party.place or (estate.resource_of(target) if target.startswith(names.ACCOUNT) else None),
        principal=party.name,
        principal_kind=party.kind,
        target_id=target,
        kind=kind,
        account_id=party.account,
        external=_external(estate, party),
        subjects=party.subjects,
        audiences=party.audiences,
        claims=party.claims,
        condition=party.condition,
        certainty=certainty(min(answer, party.sure)),
    )


def _scope(estate: Estate, target: str) -> str:
    """The scope of a member that no collector gave a row: the project of its pool."""
    number = names.project_in(f"/{target}") or ""
    return f"gcp:project/{estate.numbers.get(number, number)}"


def _external(estate: Estate, party: _Party) -> bool | None:
    """Whether the trusted one is of no project that was seen; NULL where its home does not tell."""
    if party.kind is PrincipalKind.ANYONE:
        return True
    home = estate.home_of(party.name) if party.name.startswith(names.ACCOUNT) else None
    return home not in estate.titles if home else None
