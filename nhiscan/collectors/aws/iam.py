"""AWS IAM: who can act in an account, with which keys and under which policies.

Calls: one page of GetAccountAuthorizationDetails per 1,000 users, groups, roles and policies, two calls for the
credential report, one ListAccessKeys per user with an active key, one call per OIDC and SAML provider, five for lists
of the account; one per user with an active signing certificate, and per user whose policies name CodeCommit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.aws import _snapshot
from nhiscan.collectors.aws._account import records
from nhiscan.collectors.aws._live import LiveSource
from nhiscan.collectors.aws._plan import places, session_of
from nhiscan.collectors.aws._source import Account
from nhiscan.plugin import Context, Record, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The keys of 10,000 users are as many calls, which IAM answers at some twenty a second.
_BUDGET_S = 1800.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing, what is known of it, and the calls that say so."""

    kind: str
    facts: tuple[str, ...]
    calls: tuple[str, ...]


_DETAILS, _REPORT = "iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport"
_PROVIDER = "iam:GetOpenIDConnectProvider"
KINDS = (
    Kind("IAM user", ("created", "last used", "console password", "groups", "policies", "owner"), (_DETAILS, _REPORT)),
    Kind("IAM role", ("created", "last used", "trust", "policies", "boundary", "owner"), (_DETAILS,)),
    Kind("IAM group and instance profile", ("members", "policies"), (_DETAILS,)),
    Kind("root user", ("access keys", "last used"), (_REPORT,)),
    Kind("IAM access key", ("state", "rotated", "last used"), (_REPORT, "iam:ListAccessKeys")),
    Kind("service-specific credential", ("issued", "expires", "state"), ("iam:ListServiceSpecificCredentials",)),
    Kind("SSH public key", ("issued", "state"), ("iam:ListSSHPublicKeys",)),
    Kind("signing certificate", ("issued", "expires", "state"), (_REPORT, "iam:ListSigningCertificates")),
    Kind("server certificate", ("issued", "expires"), ("iam:ListServerCertificates",)),
    Kind("OIDC provider", ("created", "owner"), ("iam:ListOpenIDConnectProviders", _PROVIDER)),
    Kind("SAML provider", ("created", "expires", "owner"), ("iam:ListSAMLProviders", "iam:ListSAMLProviderTags")),
)


class IamCollector:
    """Users and all they sign in with, roles, groups, instance profiles, identity providers, policies, owner tags."""

    name: ClassVar[str] = "aws.iam"
    title: ClassVar[str] = "AWS IAM identities, access keys and policies"
    requires: ClassVar[Mapping[str, str]] = {
        "sts:GetCallerIdentity": "scope",
        "iam:GetAccountAuthorizationDetails": "identity, policy, attachment, member, owner",
        "iam:GenerateCredentialReport": "credential.last_used, identity.last_used, identity.interactive",
        "iam:GetCredentialReport": "credential.last_used, identity.last_used, identity.interactive",
        "iam:ListAccessKeys": "credential.key_id",
        "iam:GetPolicy": "policy.document",
        "iam:GetPolicyVersion": "policy.document",
        "iam:ListOpenIDConnectProviders": "identity",
        "iam:GetOpenIDConnectProvider": "identity.created_at, identity.tags, owner",
        "iam:ListSAMLProviders": "identity",
        "iam:ListSAMLProviderTags": "identity.tags, owner",
        "iam:ListServiceSpecificCredentials": "credential",
        "iam:ListServerCertificates": "credential",
        "iam:ListSigningCertificates": "credential.expires_at",
        "iam:ListSSHPublicKeys": "credential",
    }
    writes: ClassVar[Mapping[str, str]] = {
        "iam:GenerateCredentialReport": "starts AWS's own report on ages and last use of keys; changes no identity",
        "sts:AssumeRole": "only to obtain credentials: when the profile says so, or for the role of other accounts",
    }
    schemes: ClassVar[tuple[str, ...]] = ("aws",)
    weight: ClassVar[int] = 10  # one call for each user with a key
    covers: ClassVar[tuple[str, ...]] = ("identity", "credential", "policy", "attachment", "member", "owner")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it finds, for the page of kinds."""
        return KINDS

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each account of a target that can be entered, one for each account in a snapshot directory."""
        if target.kind in self.schemes:
            for place in places(target, ctx, regional=False):
                account = place.account
                yield Unit(f"{self.name}:{account.number}", self.name, account.scope_id, target, place.params())
        elif target.kind is TargetKind.SNAPSHOT:
            for export in _snapshot.exports(target):
                account = export.account
                params = {"account": account.number, "partition": account.partition}
                # Two exports of one account are two units, and their records meet by id.
                unit_id = f"{self.name}:{account.number}:snapshot-{export.digest}"
                yield Unit(unit_id, self.name, account.scope_id, target, params)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The records of one account; see `_account.records` for their order."""
        account = Account(unit.params["account"], unit.params.get("partition", "aws"))
        if unit.target.kind is TargetKind.SNAPSHOT:
            yield from _snapshot.records(account, unit.target)
            return
        session = session_of(unit.params, self.requires, ctx, _BUDGET_S)
        yield from records(account, LiveSource(session))


COLLECTOR = IamCollector()
