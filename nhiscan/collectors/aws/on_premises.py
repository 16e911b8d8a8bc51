"""Machines outside AWS that get in: IAM Roles Anywhere, and nodes that Systems Manager manages by a hybrid activation.

A trust anchor is an identity, a subject (who proved itself with a certificate) a credential; a profile is a trust from
each enabled anchor to its roles and, when it narrows sessions, a `session` policy.  An activation is a credential (code
and id that register a machine as a role), a node a consumer on the platform `on_premises`.  Calls: lists alone; with
`--deep` one for each subject, whose answer holds its certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.group import DEEP, wanted
from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, number, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, role_arn, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Certainty,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    LastUsed,
    Lifetime,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_PROFILES, _SUBJECT = "rolesanywhere:ListProfiles", "rolesanywhere:GetSubject"


def _anchors(ask: Ask) -> Iterator[Record]:
    anchors = {
        arn: entry
        for entry in ask.items("rolesanywhere:ListTrustAnchors", "trustAnchors")
        if (arn := text(entry.get("trustAnchorArn")))
    }
    tagged = Tagged()
    if anchors:
        yield from tagged.read(ask, "rolesanywhere:trust-anchor", covers=("owner", "identity.tags"))
    for arn, entry in anchors.items():
        enabled, tags = flag(entry.get("enabled")), tagged.of(arn)
        yield Identity(
            **seen(ask, arn),
            provider="aws",
            kind=IdentityKind.TRUST_ANCHOR,
            name=text(entry.get("name")) or arn.rsplit("/", 1)[-1],
            class_=IdentityClass.WORKLOAD,
            state={True: IdentityState.ENABLED, False: IdentityState.DISABLED}.get(enabled)
            if enabled is not None
            else None,
            created_at=moment(entry.get("createdAt")),
            interactive=False,
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)
        yield from _authority(ask, arn, entry)
    usable = [arn for arn, entry in anchors.items() if entry.get("enabled") is not False]
    for entry in ask.items(_PROFILES, "profiles"):
        yield from _profile(ask, entry, usable)


def _authority(ask: Ask, anchor: str, entry: Json) -> Iterator[Record]:
    """The uploaded certificate that an anchor trusts; a private CA of AWS is told by its own collector."""
    source = mapping(entry.get("source"))
    form = _keyform.certificate(mapping(source.get("sourceData")).get("x509CertificateData"))
    if form.not_after is None:
        return
    yield Credential(
        **seen(ask, f"{anchor}#certificate", anchor),
        provider="aws",
        kind=CredentialKind.CERTIFICATE,
        name=f"certificate authority of {text(entry.get('name')) or 'the anchor'}",
        state=CredentialState.ACTIVE,
        issued_at=form.not_before,
        expires_at=form.not_after,
        account_id=ask.account.number,
        facts={**form.facts(), **facts(origin="private", role="authority", renewal="manual")},
    )


def _profile(ask: Ask, entry: Json, anchors: list[str]) -> Iterator[Record]:
    arn = text(entry.get("profileArn"))
    if arn is None:
        return
    name = text(entry.get("name")) or arn.rsplit("/", 1)[-1]
    roles = [role for item in listing(entry.get("roleArns")) if (role := text(item))]
    limits = [policy for item in listing(entry.get("managedPolicyArns")) if (policy := text(item))]
    body = document(entry.get("sessionPolicy")) if entry.get("sessionPolicy") else None
    if body is not None:
        yield Policy(
            **seen(ask, f"{arn}#session", arn), provider="aws", kind=PolicyKind.SESSION, name=name, document=body
        )
        limits.append(f"{arn}#session")
    for role in roles:
        for limit in limits:
            yield Attachment(
                **seen(ask, f"{arn}#session/{role}/{limit}", arn), policy_id=limit, principal_id=role,
                kind=AttachmentKind.SESSION,
            )  # fmt: skip
        for anchor in anchors if entry.get("enabled") is not False else ():
            yield Trust(
                **seen(ask, f"{arn}#trust/{anchor}/{role}", arn), principal=anchor,
                principal_kind=PrincipalKind.IDENTITY, target_id=role, kind=TrustKind.FEDERATE,
                account_id=ask.account.number, certainty=Certainty.CONDITIONAL, claims=(f"profile={name}",),
            )  # fmt: skip


def _subjects(ask: Ask) -> Iterator[Record]:
    found = {
        text(entry.get("subjectArn")) or ask.arn("rolesanywhere", f"subject/{subject}"): entry
        for entry in ask.items("rolesanywhere:ListSubjects", "subjects")
        if (subject := text(entry.get("subjectId")))
    }
    asking = Asking(ask)
    certificates: dict[str, _keyform.KeyForm] = {}
    if wanted(ask.ctx, DEEP):
        requests = {arn: {"subjectId": entry["subjectId"]} for arn, entry in found.items()}
        for arn, answer in asking.each(_SUBJECT, requests, absent=("ResourceNotFoundException",)):
            certificates[arn] = _latest(mapping(answer.get("subject")))
    for arn, entry in found.items():
        form = certificates.get(arn, _keyform.KeyForm())
        last = moment(entry.get("lastSeenAt"))
        enabled = flag(entry.get("enabled"))
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.CERTIFICATE,
            name=text(entry.get("x509Subject")),
            state=None if enabled is None else CredentialState.ACTIVE if enabled else CredentialState.INACTIVE,
            issued_at=form.not_before,
            expires_at=form.not_after,
            last_used_at=last,
            last_used=LastUsed.KNOWN if last else None,
            account_id=ask.account.number,
            facts={**form.facts(), **facts(first_seen=_day(entry.get("createdAt")), origin="private", role="subject")},
        )
    yield from asking.gaps


def _latest(subject: Json) -> _keyform.KeyForm:
    """The certificate that a subject showed last; one that failed proves nothing."""
    shown = [c for c in map(mapping, listing(subject.get("credentials"))) if c.get("failed") is not True]
    last = max(shown, key=lambda c: str(moment(c.get("seenAt")) or ""), default={})
    return _keyform.certificate(mapping(last).get("x509CertificateData"))


def _day(value: object) -> str | None:
    when = moment(value)
    return when.date().isoformat() if when else None


def _activations(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("ssm:DescribeActivations", "ActivationList", MaxResults=50):
        activation = text(entry.get("ActivationId"))
        if activation is None:
            continue
        arn = ask.arn("ssm", f"activation/{activation}")
        tags = _tags.read(entry.get("Tags"))
        used, limit = number(entry.get("RegistrationsCount")), number(entry.get("RegistrationLimit"))
        full = used is not None and limit is not None and used >= limit
        ended = entry.get("Expired") is True
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.TOKEN,
            name=text(entry.get("DefaultInstanceName")) or activation,
            identity_id=role_arn(ask, entry.get("IamRole")),
            state=CredentialState.EXPIRED if ended else CredentialState.INACTIVE if full else CredentialState.ACTIVE,
            lifetime=Lifetime.SHORT_LIVED,  # 30 days at most (API reference, CreateActivation)
            issued_at=moment(entry.get("CreatedDate")),
            expires_at=moment(entry.get("ExpirationDate")),
            last_used=LastUsed.NEVER if used == 0 else None,
            account_id=ask.account.number,
            environment=_tags.environment(tags),
            facts=facts(registrations=used, registration_limit=limit),
        )
        yield from owners(ask, arn, tags)


def _nodes(ask: Ask) -> Iterator[Record]:
    # Instances of EC2 are told with their own profile, by the collector of workloads.
    only = [{"Key": "ResourceType", "Values": ["ManagedInstance"]}]
    found = [
        (node, entry)
        for entry in ask.items(
            "ssm:DescribeInstanceInformation", "InstanceInformationList", Filters=only, MaxResults=50
        )
        if (node := text(entry.get("InstanceId"))) and node.startswith("mi-")
    ]
    tagged = Tagged()
    if found:
        yield from tagged.read(ask, "ssm:managed-instance", covers=("owner", "consumer.tags"))
    for node, entry in found:
        arn = ask.arn("ssm", f"managed-instance/{node}")
        tags = tagged.of(arn)
        yield Consumer(
            **seen(ask, arn),
            kind=ConsumerKind.WORKLOAD,
            name=text(entry.get("Name")) or text(entry.get("ComputerName")) or node,
            platform="on_premises",
            created_at=moment(entry.get("RegistrationDate")),
            enabled={"Online": True, "ConnectionLost": True, "Inactive": False}.get(
                text(entry.get("PingStatus")) or ""
            ),
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)
        role = role_arn(ask, entry.get("IamRole"))
        if role is not None:
            yield Use(
                **seen(ask, f"{arn}#runs_as/{role}", arn), consumer_id=arn, identity_id=role, how=UseHow.RUNS_AS,
                name="managed_node_role",
            )  # fmt: skip


COLLECTOR = Group(
    name="aws.on_premises",
    title="Machines outside AWS: IAM Roles Anywhere and Systems Manager hybrid nodes",
    parts=(
        Part(
            name="anchors",
            kind="Roles Anywhere trust anchor and profile",
            facts=("created", "enabled", "roles", "session policies", "certificate of the authority", "owner"),
            calls={
                "rolesanywhere:ListTrustAnchors": "identity, owner, credential, trust",
                _PROFILES: "trust, policy, attachment",
                GET_RESOURCES: "owner, identity.tags",
            },
            read=_anchors,
        ),
        Part(
            name="subjects",
            kind="Roles Anywhere subject (certificate holder)",
            facts=("first seen", "last seen", "subject", "issued and expires (with --deep)"),
            calls={"rolesanywhere:ListSubjects": "credential"},
            read=_subjects,
            also={DEEP: {_SUBJECT: "credential.issued_at, credential.expires_at, credential.facts"}},
        ),
        Part(
            name="activations",
            kind="Systems Manager hybrid activation",
            facts=("created", "expires", "registrations", "role", "owner"),
            calls={"ssm:DescribeActivations": "credential, owner"},
            read=_activations,
        ),
        Part(
            name="nodes",
            kind="Systems Manager managed node outside EC2",
            facts=("registered", "last contact", "role", "owner"),
            calls={"ssm:DescribeInstanceInformation": "consumer, use, owner", GET_RESOURCES: "owner, consumer.tags"},
            read=_nodes,
        ),
    ),
)
