"""AWS certificates and key pairs of a region: what holds them, how strong they are, when they end.

Credentials of kind `certificate` (ACM, API Gateway client certificates) and `ssh_key` (EC2 key pairs), certificate
authorities as stores of kind `private_ca`.  Facts: `key_algorithm`, `key_bits`, `public_key` (a digest), `origin`
(`public`, `private`, `imported`), `in_use`, `renewal` (`automatic` or `manual`), `exportable`.  Calls: lists alone; for
a certificate authority also its policy and its permissions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, policy_on, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_TAGS = "owner, credential.environment"
_CA_POLICY, _CA_PERMISSIONS = "acm-pca:GetPolicy", "acm-pca:ListPermissions"
_STATES = {
    "ISSUED": CredentialState.ACTIVE, "INACTIVE": CredentialState.INACTIVE, "EXPIRED": CredentialState.EXPIRED,
    "REVOKED": CredentialState.INACTIVE, "FAILED": CredentialState.INACTIVE,
    "VALIDATION_TIMED_OUT": CredentialState.INACTIVE, "PENDING_VALIDATION": CredentialState.INACTIVE,
}  # fmt: skip
_ORIGINS = {"AMAZON_ISSUED": "public", "PRIVATE": "private", "IMPORTED": "imported"}
# ListCertificates names 2,048-bit RSA and elliptic keys only, unless all are asked for (API reference, Filters).
_ALL = {
    "keyTypes": [
        "RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1",
    ]
}  # fmt: skip


def _certificates(ask: Ask) -> Iterator[Record]:
    found = list(ask.items("acm:ListCertificates", "CertificateSummaryList", Includes=_ALL, MaxItems=1000))
    if not found:
        return
    tagged = Tagged()
    yield from tagged.read(ask, "acm:certificate", covers=("owner", "credential.environment"))
    for entry in found:
        arn = text(entry.get("CertificateArn"))
        if arn is not None:
            tags = tagged.of(arn)
            yield _certificate(ask, arn, entry, _tags.environment(tags))
            yield from owners(ask, arn, tags)


def _certificate(ask: Ask, arn: str, entry: Json, environment: str | None) -> Credential:
    kind = text(entry.get("Type")) or ""
    issued = moment(entry.get("NotBefore")) or moment(entry.get("IssuedAt"))
    return Credential(
        **seen(ask, arn),
        provider="aws",
        kind=CredentialKind.CERTIFICATE,
        name=text(entry.get("DomainName")),
        state=_STATES.get(text(entry.get("Status")) or ""),
        issued_at=issued,
        expires_at=moment(entry.get("NotAfter")),
        account_id=ask.account.number,
        environment=environment,
        facts={
            **_keyform.named(text(entry.get("KeyAlgorithm"))).facts(),
            **facts(
                origin=_ORIGINS.get(kind),
                in_use=flag(entry.get("InUse")),
                renewal=_renewal(kind, entry),
                exportable={"ENABLED": True, "DISABLED": False}.get(text(entry.get("ExportOption")) or ""),
            ),
        },
    )


def _renewal(kind: str, entry: Json) -> str | None:
    """ACM renews what it issued while it is in use or exported, never what was imported (ACM User Guide, "Renewal")."""
    eligible = text(entry.get("RenewalEligibility"))
    if kind == "IMPORTED" or eligible == "INELIGIBLE":
        return "manual"
    return "automatic" if eligible == "ELIGIBLE" else None


def _authorities(ask: Ask) -> Iterator[Record]:
    found = {
        arn: entry
        for entry in ask.items("acm-pca:ListCertificateAuthorities", "CertificateAuthorities", MaxResults=1000)
        if (arn := text(entry.get("Arn"))) and text(entry.get("Status")) != "DELETED"
    }
    if not found:
        return
    tagged = Tagged()
    yield from tagged.read(ask, "acm-pca:certificate-authority", covers=("owner", "store.tags", "store.environment"))
    for arn, entry in found.items():
        tags = tagged.of(arn)
        subject = mapping(mapping(entry.get("CertificateAuthorityConfiguration")).get("Subject"))
        yield Store(
            **seen(ask, arn),
            provider="aws",
            kind="private_ca",
            name=text(subject.get("CommonName")) or arn.rsplit("/", 1)[-1],
            state=(text(entry.get("Status")) or "").lower() or None,
            created_at=moment(entry.get("CreatedAt")),
            expires_at=moment(entry.get("NotAfter")),
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)
    asking = Asking(ask)
    nothing = ("ResourceNotFoundException",)
    for arn, answer in asking.each(_CA_POLICY, {arn: {"ResourceArn": arn} for arn in found}, absent=nothing):
        yield from policy_on(ask, arn, answer.get("Policy"))
    requests = {arn: {"CertificateAuthorityArn": arn} for arn in found}
    for arn, given in asking.each_items(_CA_PERMISSIONS, "Permissions", requests, absent=nothing):
        yield from policy_on(ask, arn, _as_policy(arn, given), name="permissions", mark="permissions")
    yield from asking.gaps


def _as_policy(arn: str, permissions: list[Json]) -> dict[str, object] | None:
    """The permissions of a certificate authority as the policy that would say the same; None without any."""
    statements = []
    for permission in permissions:
        service = text(permission.get("Principal"))
        actions = [f"acm-pca:{name}" for item in listing(permission.get("Actions")) if (name := text(item))]
        account = text(permission.get("SourceAccount"))
        if service is not None and actions:
            condition = {"Condition": {"StringEquals": {"aws:SourceAccount": account}}} if account else {}
            statements.append(
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions, "Resource": arn, **condition}
            )
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _client_certificates(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("apigateway:GetClientCertificates", "items", limit=500):
        certificate_id = text(entry.get("clientCertificateId"))
        if certificate_id is None:
            continue
        # ARN formats of API Gateway have no account (Service Authorization Reference, "Resource types").
        arn = f"arn:{ask.account.partition}:apigateway:{ask.region}::/clientcertificates/{certificate_id}"
        tags = _tags.read(entry.get("tags"))
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.CERTIFICATE,
            name=text(entry.get("description")) or certificate_id,
            state=CredentialState.ACTIVE,
            issued_at=moment(entry.get("createdDate")),
            expires_at=moment(entry.get("expirationDate")),
            account_id=ask.account.number,
            environment=_tags.environment(tags),
            facts={
                **_keyform.certificate(entry.get("pemEncodedCertificate")).facts(),
                **facts(origin="private", renewal="manual"),
            },
        )
        yield from owners(ask, arn, tags)


def _key_pairs(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("ec2:DescribeKeyPairs", "KeyPairs", IncludePublicKey=True):
        pair = text(entry.get("KeyPairId"))
        if pair is None:
            continue
        arn = ask.arn("ec2", f"key-pair/{pair}")
        tags = _tags.read(entry.get("Tags"))
        form = _keyform.ssh_key(entry.get("PublicKey"))
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.SSH_KEY,
            name=text(entry.get("KeyName")),
            state=CredentialState.ACTIVE,
            lifetime=Lifetime.STATIC,
            issued_at=moment(entry.get("CreateTime")),
            account_id=ask.account.number,
            environment=_tags.environment(tags),
            facts={**_keyform.named(text(entry.get("KeyType"))).facts(), **form.facts()},
        )
        yield from owners(ask, arn, tags)


COLLECTOR = Group(
    name="aws.certificates",
    title="AWS certificates, certificate authorities and SSH key pairs",
    parts=(
        Part(
            name="certificates",
            kind="ACM certificate",
            facts=("issued", "expires", "status", "in use", "renewal", "algorithm and size", "owner"),
            calls={"acm:ListCertificates": "credential, owner", GET_RESOURCES: _TAGS},
            read=_certificates,
        ),
        Part(
            name="authorities",
            kind="private certificate authority",
            facts=("created", "expires", "status", "owner", "who may issue"),
            calls={
                "acm-pca:ListCertificateAuthorities": "store, owner, policy, attachment",
                _CA_POLICY: "policy, attachment",
                _CA_PERMISSIONS: "policy, attachment",
                GET_RESOURCES: _TAGS,
            },
            read=_authorities,
        ),
        Part(
            name="client certificates",
            kind="API Gateway client certificate",
            facts=("created", "expires", "algorithm and size", "owner"),
            calls={"apigateway:GetClientCertificates": "credential, owner"},
            read=_client_certificates,
        ),
        Part(
            name="key pairs",
            kind="EC2 key pair",
            facts=("created", "algorithm and size", "digest of the public key", "owner"),
            calls={"ec2:DescribeKeyPairs": "credential, owner"},
            read=_key_pairs,
        ),
    ),
)
