"""AWS IoT: certificates of devices, the authorities that sign them, and the roles that devices may become.

A role alias hands a role to every device whose IoT policy allows it: an identity that acts as the role.  Calls: lists
of 250; one for each authority and each role alias; with `--deep` one for each certificate, which tells when it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.group import DEEP, wanted
from nhiscan.collectors._common.values import facts, mapping, moment, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, acts_as, role_arn, seen
from nhiscan.plugin import (
    Certainty,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_DESCRIBE, _DESCRIBE_CA, _ALIAS = "iot:DescribeCertificate", "iot:DescribeCACertificate", "iot:DescribeRoleAlias"
_PAGE = 250
_STATES = {
    "ACTIVE": CredentialState.ACTIVE, "INACTIVE": CredentialState.INACTIVE, "REVOKED": CredentialState.INACTIVE,
    "REGISTER_INACTIVE": CredentialState.INACTIVE, "PENDING_TRANSFER": CredentialState.INACTIVE,
    "PENDING_ACTIVATION": CredentialState.INACTIVE,
}  # fmt: skip
_GONE = ("ResourceNotFoundException",)


def _certificates(ask: Ask) -> Iterator[Record]:
    found = _listed(ask, "iot:ListCertificates")
    asking = Asking(ask)
    described: dict[str, Json] = {}
    if wanted(ask.ctx, DEEP):
        requests = {arn: {"certificateId": entry["certificateId"]} for arn, entry in found.items()}
        for arn, answer in asking.each(_DESCRIBE, requests, absent=_GONE):
            described[arn] = mapping(answer.get("certificateDescription"))
    for arn, entry in found.items():
        yield _credential(ask, arn, entry, described.get(arn, {}), role="device")
    yield from asking.gaps


def _listed(ask: Ask, operation: str) -> dict[str, Json]:
    return {
        arn: entry
        for entry in ask.items(operation, "certificates", pageSize=_PAGE)
        if (arn := text(entry.get("certificateArn"))) and text(entry.get("certificateId"))
    }


def _credential(ask: Ask, arn: str, entry: Json, described: Json, *, role: str) -> Credential:
    validity = mapping(described.get("validity"))
    form = _keyform.certificate(described.get("certificatePem"))
    return Credential(
        **seen(ask, arn),
        provider="aws",
        kind=CredentialKind.CERTIFICATE,
        name=(text(entry.get("certificateId")) or "")[:16] or None,
        state=_STATES.get(text(entry.get("status")) or ""),
        issued_at=moment(validity.get("notBefore")) or moment(entry.get("creationDate")),
        expires_at=moment(validity.get("notAfter")) or form.not_after,
        account_id=ask.account.number,
        facts={**form.facts(), **facts(origin="private", role=role, status=entry.get("status"), renewal="manual")},
    )


def _authorities(ask: Ask) -> Iterator[Record]:
    found = _listed(ask, "iot:ListCACertificates")
    asking = Asking(ask)
    requests = {arn: {"certificateId": entry["certificateId"]} for arn, entry in found.items()}
    described = dict(asking.each(_DESCRIBE_CA, requests, absent=_GONE))
    for arn, entry in found.items():
        answer = described.get(arn, {})
        yield _credential(ask, arn, entry, mapping(answer.get("certificateDescription")), role="authority")
    yield from asking.gaps


def _aliases(ask: Ask) -> Iterator[Record]:
    names = [
        name for entry in ask.items("iot:ListRoleAliases", "roleAliases", pageSize=_PAGE) if (name := text(entry[""]))
    ]
    asking = Asking(ask)
    requests = {ask.arn("iot", f"rolealias/{name}"): {"roleAlias": name} for name in names}
    described = dict(asking.each(_ALIAS, requests, absent=_GONE))
    for arn, request in requests.items():
        answer = mapping(described.get(arn, {}).get("roleAliasDescription"))
        yield Identity(
            **seen(ask, arn),
            provider="aws",
            kind=IdentityKind.WORKLOAD_IDENTITY,
            name=request["roleAlias"],
            class_=IdentityClass.WORKLOAD,
            state=IdentityState.ENABLED,
            created_at=moment(answer.get("creationDate")),
            interactive=False,
        )
        role = role_arn(ask, answer.get("roleArn"))
        if role is not None:
            # Which device may use it is up to IoT policies.
            yield acts_as(ask, arn, role, certainty=Certainty.CONDITIONAL)
    yield from asking.gaps


COLLECTOR = Group(
    name="aws.devices",
    title="AWS IoT certificates, certificate authorities and role aliases",
    parts=(
        Part(
            name="certificates",
            kind="IoT device certificate",
            facts=("created", "status", "expires (with --deep)", "algorithm and size (with --deep)"),
            calls={"iot:ListCertificates": "credential"},
            read=_certificates,
            also={DEEP: {_DESCRIBE: "credential.expires_at, credential.issued_at, credential.facts"}},
        ),
        Part(
            name="authorities",
            kind="IoT certificate authority",
            facts=("created", "status", "expires", "algorithm and size"),
            calls={
                "iot:ListCACertificates": "credential",
                _DESCRIBE_CA: "credential.expires_at, credential.issued_at, credential.facts",
            },
            read=_authorities,
        ),
        Part(
            name="role aliases",
            kind="IoT role alias",
            facts=("created", "role"),
            calls={"iot:ListRoleAliases": "identity, trust", _ALIAS: "trust, identity.created_at"},
            read=_aliases,
        ),
    ),
)
