"""Which identity of one system may become which of another: trusts between clouds and clusters, one row for each pair.

A trust names an issuer and what its tokens must say; this finds the collected identities whose tokens say it.

* Google service account: issuer `accounts.google.com`, `sub` and `azp` are its unique id (cloud.google.com/docs,
  "Get an ID token"); AWS reads `azp` as `accounts.google.com:aud` where there is one (IAM User Guide,
  reference_policies_iam-condition-keys).
* Application of Entra: issuer `sts.windows.net/<tenant>` or `login.microsoftonline.com/<tenant>/v2.0`, `sub` and `oid`
  are the object id of its service principal, `appid` or `azp` its client id (learn.microsoft.com, "Access token claims
  reference").
* AWS role: a pool of Google Cloud names its account and sees `arn` (`arn:aws:sts::<account>:assumed-role/<role>/…`:
  cloud.google.com/iam/docs, "Configure Workload Identity Federation with AWS or Azure VMs"); elsewhere the account's
  own issuer, whose `sub` is the ARN of the role (IAM User Guide, "Outbound identity federation").
* Kubernetes service account: `sub` is `system:serviceaccount:<namespace>:<name>`.  Files do not say which cluster they
  are for, so such a row is sure only when the account itself names the cloud identity.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.attributes import Answer
from nhiscan.analysis.claims import claims_of, issuer_of
from nhiscan.analysis.demands import accepts
from nhiscan.analysis.federation import SOURCE
from nhiscan.analysis.kubernetes.estate import name_of
from nhiscan.analysis.namesakes import GOOGLE, client_id, is_collected, namesakes
from nhiscan.model import Certainty, IdentityClass, IdentityKind, PrincipalKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.model import Identity

_ENTRA = re.compile(r"entra:([0-9a-f-]{36})/([0-9a-f-]{36})")
_TENANT = re.compile(
    r"(?:sts\.windows\.net|login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn)/([0-9a-f-]{36})(?:/v2\.0)?"
)
_OUTBOUND = re.compile(r"[0-9a-f-]{36}\.tokens\.sts\.global\.api\.(?:aws|amazonwebservices\.com\.cn)")
_ARN = re.compile(r"arn:([\w-]+):iam::(\d{12}):(role|user)/([\w+=,.@/-]+)")
_POD = "system:serviceaccount:"
_SPEAKERS = frozenset({IdentityKind.ROLE, IdentityKind.USER})


@dataclass(frozen=True, slots=True)
class _Speaker:
    """An identity, and what its tokens say; `sure` is False where it may be another of the same name."""

    identity: Identity
    claims: dict[str, str]
    sure: bool = True


@dataclass(slots=True)
class _Cast:
    """Who may speak, by what trusts name them by."""

    google: dict[str, Identity] = field(default_factory=dict)
    entra: dict[str, dict[str, Identity]] = field(default_factory=lambda: defaultdict(dict))
    aws: dict[str, list[Identity]] = field(default_factory=lambda: defaultdict(list))
    arns: dict[str, Identity] = field(default_factory=dict)
    pods: dict[tuple[str, str], list[Identity]] = field(default_factory=lambda: defaultdict(list))


def crossings(identities: Iterable[Identity], trusts: Iterable[Trust]) -> Iterator[Trust]:
    """A trust of kind `federate` from each identity to every one of another system that takes its token, by id.

    Trusts of this stage are not looked at, so that running it twice gives the same, and a pair that another trust
    names already is not said again.
    """
    given = [t for t in trusts if t.source != SOURCE]
    told = {(t.principal, t.target_id) for t in given if t.principal_kind is PrincipalKind.IDENTITY}
    yield from (row for row in accepted(identities, given) if (row.principal, row.target_id) not in told)


def accepted(identities: Iterable[Identity], trusts: Iterable[Trust]) -> list[Trust]:
    """The same for every pair, also those that a trust names: what both sides allow."""
    rows = list(identities)
    given = [t for t in trusts if t.source != SOURCE]
    same, people = namesakes(rows), _cast(rows)
    # An account of a cluster that names the cloud identity in its own annotation, by both names of that identity.
    named = {(t.principal, same.get(t.target_id, t.target_id)) for t in given}
    found: dict[str, Trust] = {}
    for trust in given:
        for speaker, answer in _speakers(people, trust):
            pair = (speaker.identity.id, trust.target_id)
            if answer is Answer.NO or pair[0] == pair[1]:
                continue
            sure = answer is Answer.YES and (speaker.sure or pair in named)
            row = _row(speaker.identity, trust, sure=sure)
            known = found.get(row.id)
            if known is None or (known.certainty, known.locator or "") > (row.certainty, row.locator or ""):
                found[row.id] = row
    return [found[i] for i in sorted(found)]


def _cast(identities: Sequence[Identity]) -> _Cast:
    people = _Cast()
    for identity in sorted(identities, key=lambda i: i.id):
        pod = name_of(identity.id) if identity.provider == "kubernetes" else None
        if pod is not None and identity.kind is IdentityKind.SERVICE_ACCOUNT:
            people.pods[pod.namespace, pod.name].append(identity)
        elif identity.id.startswith(GOOGLE) and is_collected(identity) and identity.native_id:
            people.google[identity.native_id] = identity
        elif match := _ENTRA.fullmatch(identity.id):
            people.entra[match[1]][match[2]] = identity
        elif (match := _ARN.fullmatch(identity.id)) and identity.kind in _SPEAKERS:
            people.aws[match[2]].append(identity)
            people.arns[identity.id] = identity
    return people


def _speakers(people: _Cast, trust: Trust) -> Iterator[tuple[_Speaker, Answer]]:
    """Who may use a trust, with the answer to whether it takes their token."""
    found: Iterable[_Speaker] = ()
    if trust.principal_kind is PrincipalKind.OIDC:
        found = _of_issuer(people, trust, issuer_of(trust.principal))
    elif trust.principal_kind is PrincipalKind.ACCOUNT and trust.kind is TrustKind.FEDERATE:
        found = (_amazon(i, trust) for i in people.aws.get(trust.account_id or trust.principal, ()))
    for speaker in found:
        yield speaker, accepts(trust, speaker.claims)


def _of_issuer(people: _Cast, trust: Trust, issuer: str) -> Iterable[_Speaker]:
    if issuer == "accounts.google.com":
        known = (i for i in _narrowed(people.google, trust) if i.id != trust.target_id and _audible(trust, i))
        return (_google(i, trust) for i in known)
    if match := _TENANT.fullmatch(issuer):
        known = (i for i in _narrowed(people.entra.get(match[1], {}), trust) if not _is_provider(i))
        return (_application(i, issuer, match[1]) for i in known)
    if _OUTBOUND.fullmatch(issuer):  # whose account the issuer is, only its subjects tell
        return [_Speaker(people.arns[s], {"sub": s}) for s in trust.subjects if s in people.arns]
    return _pods(people, trust, issuer)


def _pods(people: _Cast, trust: Trust, issuer: str) -> Iterator[_Speaker]:
    if any(s.startswith(_POD) for s in trust.subjects):
        for (namespace, name), pods in people.pods.items():
            claims = claims_of(issuer, f"{_POD}{namespace}:{name}")
            yield from (_Speaker(pod, claims, sure=False) for pod in pods)


def _is_provider(identity: Identity) -> bool:
    return identity.class_ is IdentityClass.PROVIDER_MANAGED


def _narrowed(known: dict[str, Identity], trust: Trust) -> Iterable[Identity]:
    """Those that subjects without wildcards name, else all."""
    if trust.subjects and not any("*" in s or "?" in s for s in trust.subjects):
        return [known[s] for s in trust.subjects if s in known]
    return known.values()


def _audible(trust: Trust, identity: Identity) -> bool:
    """AWS compares `aud` with `azp`, which is the unique id too; elsewhere `aud` is whatever was asked for."""
    is_aws = trust.target_id.startswith("arn:")
    return not is_aws or not trust.audiences or (identity.native_id or "") in trust.audiences


def _google(identity: Identity, trust: Trust) -> _Speaker:
    """A service account, which may ask for any audience (`oaud` to AWS), and so for the one that is demanded."""
    email, number = identity.id.removeprefix(GOOGLE), identity.native_id or ""
    said = {"sub": number, "azp": number, "email": email, "email_verified": "true"}
    audience = next((c.partition("=")[2] for c in trust.claims if c.startswith("oaud=")), "")
    return _Speaker(identity, {**said, "oaud": audience, "iss": "https://accounts.google.com"})


def _application(identity: Identity, issuer: str, tenant: str) -> _Speaker:
    number = identity.id.rpartition("/")[2]
    said = {"sub": number, "oid": number, "tid": tenant, "iss": f"https://{issuer}"}
    client = client_id(identity)
    return _Speaker(identity, said | ({"appid": client, "azp": client} if client else {}))


def _amazon(identity: Identity, trust: Trust) -> _Speaker:
    """A role or user as a pool of Google Cloud sees it.

    `aws_role` is what a mapping makes of the ARN: all of it but the session, or the name of the role alone.
    """
    match = _ARN.fullmatch(identity.id)
    partition, account, kind, way = match.groups() if match else ("aws", "", "user", "")
    name = way.rpartition("/")[2]
    role = f"arn:{partition}:sts::{account}:assumed-role/{name}"
    arn = f"{role}/*" if kind == "role" else identity.id
    said = {"sub": arn, "arn": arn, "account": account}
    asked = next((c.partition("=")[2] for c in trust.claims if c.startswith("aws_role=")), "")
    if asked.startswith("arn:"):
        said["aws_role"] = role if kind == "role" else identity.id
    elif "/" not in asked:
        said["aws_role"] = name
    return _Speaker(identity, said)


def _row(identity: Identity, trust: Trust, *, sure: bool) -> Trust:
    arn = _ARN.fullmatch(identity.id)
    return Trust(
        id=f"{trust.target_id}#trust:from:{identity.id}",
        scope_id=trust.scope_id,
        source=SOURCE,
        locator=trust.id,
        principal=identity.id,
        principal_kind=PrincipalKind.IDENTITY,
        target_id=trust.target_id,
        kind=TrustKind.FEDERATE,
        account_id=arn[2] if arn else None,
        external=trust.external,
        external_id=trust.external_id,
        subjects=trust.subjects,
        audiences=trust.audiences,
        claims=trust.claims,
        condition=trust.condition,
        certainty=Certainty.CERTAIN if sure else Certainty.CONDITIONAL,
    )
