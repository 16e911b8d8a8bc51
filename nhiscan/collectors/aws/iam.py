"""AWS IAM: who can act in an account, with which keys and under which policies.

Calls: one page of GetAccountAuthorizationDetails per 1,000 users, groups, roles and policies, two calls for the
credential report, one ListAccessKeys per user that has a key, one call per OIDC provider and two for the lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.aws import _snapshot
from nhiscan.collectors.aws._account import records
from nhiscan.collectors.aws._errors import RefusedError
from nhiscan.collectors.aws._live import LiveSource
from nhiscan.collectors.aws._session import Session
from nhiscan.collectors.aws._source import Account, account_of_arn
from nhiscan.collectors.aws._values import text
from nhiscan.plugin import Context, Record, Target, TargetError, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class IamCollector:
    """Users, access keys, roles, groups, instance profiles, identity providers, policies, trust and owner tags."""

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
    }
    writes: ClassVar[Mapping[str, str]] = {
        "iam:GenerateCredentialReport": "starts AWS's own report on ages and last use of keys; changes no identity",
        "sts:AssumeRole": "only when the chosen profile says so, to obtain its credentials",
    }
    schemes: ClassVar[tuple[str, ...]] = ("aws",)
    covers: ClassVar[tuple[str, ...]] = ("identity", "credential", "policy", "attachment", "member", "owner")

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for the account behind a profile, one for each account in a snapshot directory."""
        if target.kind in self.schemes:
            yield self._account_unit(target, ctx)
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
        session = Session(unit.params.get("profile", ""), self.requires, ctx.calls)
        yield from records(account, LiveSource(session))

    def _account_unit(self, target: Target, ctx: Context) -> Unit:
        session = Session(target.value, self.requires, ctx.calls)
        try:
            answer = session.probe("sts:GetCallerIdentity")
        except RefusedError as e:
            raise e.as_target_error() from None
        caller = text(answer.get("Arn"))
        account = account_of_arn(caller)
        if caller is None or account is None:
            message = "the answer to sts:GetCallerIdentity names no account"
            raise TargetError(message, "check that AWS_ENDPOINT_URL and HTTPS_PROXY lead to AWS")
        if ctx.expect_account not in {None, account.number}:
            message = f"this is account {account.number}, not {ctx.expect_account} as expected"
            raise TargetError(message, "choose another profile (aws:PROFILE) or another --expect-account")
        params = {
            "caller": caller, "account": account.number, "partition": account.partition, "profile": target.value,
        }  # fmt: skip
        return Unit(f"{self.name}:{account.number}", self.name, account.scope_id, target, params)


COLLECTOR = IamCollector()
