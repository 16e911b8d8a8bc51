"""What users hold besides access keys, and certificates of the account: each list of its own, each refusal told apart.

Service-specific credentials (API keys of Bedrock and CloudWatch Logs, passwords of CodeCommit and Keyspaces), SSH
public keys for CodeCommit, X.509 signing certificates, server certificates.  A refused list hides nothing else, so its
gap is about an ARN pattern of what it would have told (`…:ssh-public-key/*`), not about all credentials.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import moment, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._source import NAME, Account
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Credential,
    CredentialKind,
    CredentialState,
    Lifetime,
    Member,
    Policy,
    Signal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.plugin import Record

_STATES = {
    "Active": CredentialState.ACTIVE, "Inactive": CredentialState.INACTIVE, "Expired": CredentialState.EXPIRED,
}  # fmt: skip
# These are passwords for a user name; other services take an API key (IAM User Guide, "API keys for AWS services").
_PASSWORDS = {"codecommit.amazonaws.com", "cassandra.amazonaws.com"}
_FORMATS = {"bedrock.amazonaws.com": "aws-bedrock-api-key"}
_CODECOMMIT = "codecommit"
QUARANTINE = "AWSCompromisedKeyQuarantine"


@dataclass(slots=True)
class Observer:
    """Sees the records of policies pass by: who may use CodeCommit, and whom AWS has put under quarantine."""

    quarantined: dict[str, str] = field(default_factory=dict)  # user -> name of the policy
    _speaking: set[str] = field(default_factory=set)  # policies that name CodeCommit
    _bearers: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _members: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def see(self, record: Record) -> None:
        """Remember what matters of a record."""
        if isinstance(record, Policy) and record.document and _CODECOMMIT in record.document.lower():
            self._speaking.add(record.id)
        elif isinstance(record, Attachment) and record.kind is AttachmentKind.GRANTS:
            self._bearers[record.policy_id].append(record.principal_id)
            name = record.policy_id.rsplit("/", 1)[-1]
            if name.startswith(QUARANTINE) and ":user/" in record.principal_id:
                self.quarantined[record.principal_id] = name
        elif isinstance(record, Member):
            self._members[record.group_id].append(record.identity_id)

    def codecommit_users(self) -> set[str]:
        """ARNs of users with a policy, their own or a group's, that names CodeCommit."""
        bearers = {bearer for policy in self._speaking for bearer in self._bearers[policy]}
        members = {user for group in bearers for user in self._members.get(group, ())}
        return {arn for arn in bearers | members if ":user/" in arn}

    def signals(self, account: Account, record: Record) -> Iterator[Signal]:
        """That AWS found a key of this user in public: on the user, and on each key (it does not say which)."""
        user = record.identity_id if isinstance(record, Credential) else record.id
        policy = self.quarantined.get(user or "")
        if policy is not None:
            yield Signal(
                id=f"{record.id}#signal/quarantined", scope_id=account.scope_id, source=NAME, locator=user,
                subject_id=record.id, kind="quarantined", provider="aws", active=True, detail=policy,
            )  # fmt: skip


def service_credential(account: Account, users: Mapping[str, str], entry: Json) -> Credential | None:
    """One entry of ListServiceSpecificCredentials; `users` are ARNs by name."""
    key_id, user = text(entry.get("ServiceSpecificCredentialId")), text(entry.get("UserName"))
    if key_id is None or user is None:
        return None
    owner = users.get(user) or account.arn(f"user/{user}")
    service = text(entry.get("ServiceName")) or ""
    issued = moment(entry.get("CreateDate"))
    alias = text(entry.get("ServiceCredentialAlias")) or text(entry.get("ServiceUserName"))
    return Credential(
        id=f"{owner}#service_credential/{key_id}",
        scope_id=account.scope_id,
        source=NAME,
        locator=owner,
        provider="aws",
        kind=CredentialKind.PASSWORD if service in _PASSWORDS else CredentialKind.API_KEY,
        name=alias or key_id,
        format=_FORMATS.get(service),
        identity_id=owner,
        state=_STATES.get(text(entry.get("Status")) or ""),
        lifetime=Lifetime.STATIC,
        issued_at=issued,
        # A reset gives a new password under the old id and date, so when it last changed is not known.
        rotated_at=None if service in _PASSWORDS else issued,
        expires_at=moment(entry.get("ExpirationDate")),
        key_id=key_id,
        account_id=account.number,
        facts={"service": service} if service else {},
    )


def ssh_key(account: Account, user: str, entry: Json) -> Credential | None:
    """One entry of ListSSHPublicKeys."""
    return _uploaded(account, user, CredentialKind.SSH_KEY, text(entry.get("SSHPublicKeyId")), entry)


def signing_certificate(account: Account, user: str, entry: Json) -> Credential | None:
    """One entry of ListSigningCertificates; the certificate itself says when it ends."""
    key_id = text(entry.get("CertificateId"))
    found = _uploaded(account, user, CredentialKind.SIGNING_CERTIFICATE, key_id, entry)
    form = _keyform.certificate(entry.get("CertificateBody"))
    return replace(found, expires_at=form.not_after, facts=form.facts()) if found else None


def _uploaded(account: Account, user: str, kind: CredentialKind, key_id: str | None, entry: Json) -> Credential | None:
    if key_id is None:
        return None
    uploaded = moment(entry.get("UploadDate"))
    return Credential(
        id=f"{user}#{kind.value}/{key_id}",
        scope_id=account.scope_id,
        source=NAME,
        locator=user,
        provider="aws",
        kind=kind,
        name=key_id,
        identity_id=user,
        state=_STATES.get(text(entry.get("Status")) or ""),
        lifetime=Lifetime.STATIC,
        issued_at=uploaded,
        rotated_at=uploaded,
        key_id=key_id,
        account_id=account.number,
    )


def server_certificate(account: Account, entry: Json) -> Credential | None:
    """One entry of ListServerCertificates: TLS certificates kept in IAM, which nobody renews for you."""
    arn = text(entry.get("Arn"))
    if arn is None:
        return None
    return Credential(
        id=arn,
        scope_id=account.scope_id,
        source=NAME,
        locator=arn,
        provider="aws",
        kind=CredentialKind.CERTIFICATE,
        name=text(entry.get("ServerCertificateName")) or arn.rsplit("/", 1)[-1],
        state=CredentialState.ACTIVE,
        issued_at=moment(entry.get("UploadDate")),
        expires_at=moment(entry.get("Expiration")),
        account_id=account.number,
        facts={"origin": "imported", "renewal": "manual"},
    )
