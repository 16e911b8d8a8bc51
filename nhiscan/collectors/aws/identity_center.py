"""AWS IAM Identity Center: permission sets, who is assigned them in which account, and applications.

One call where there is no instance.  Else six for each permission set, and one for each account it is provisioned in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, moment, text
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    GapReason,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_INSTANCES = {"sso-admin:ListInstances": "identity, policy, attachment, trust, owner"}
_SETS = {
    "sso-admin:ListPermissionSets": "identity, policy, attachment, trust, owner",
    "sso-admin:DescribePermissionSet": "identity.name, identity.created_at",
    "sso-admin:ListTagsForResource": "identity.tags, owner",
    "sso-admin:GetInlinePolicyForPermissionSet": "policy, attachment",
    "sso-admin:ListManagedPoliciesInPermissionSet": "policy, attachment",
    "sso-admin:ListCustomerManagedPolicyReferencesInPermissionSet": "policy, attachment",
    "sso-admin:GetPermissionsBoundaryForPermissionSet": "policy, attachment",
    "sso-admin:ListAccountsForProvisionedPermissionSet": "trust",
    "sso-admin:ListAccountAssignments": "trust",
}


def _permission_sets(ask: Ask) -> Iterator[Record]:
    for instance in _instances(ask):
        sets: list[Json] = [{"InstanceArn": instance, "PermissionSetArn": arn} for arn in _set_arns(ask, instance)]
        yield from _described(ask, sets)
        yield from _inline(ask, sets)
        yield from _managed(ask, sets)
        yield from _customer_managed(ask, sets)
        yield from _boundaries(ask, sets)
        yield from _assignments(ask, sets)


def _applications(ask: Ask) -> Iterator[Record]:
    for instance in _instances(ask):
        for entry in ask.items("sso-admin:ListApplications", "Applications", InstanceArn=instance):
            arn = text(entry.get("ApplicationArn"))
            if arn is None:
                continue
            state = {"ENABLED": IdentityState.ENABLED, "DISABLED": IdentityState.DISABLED}.get(str(entry.get("Status")))
            yield Identity(
                id=arn, scope_id=ask.scope_id, source=ask.source, locator=arn, provider="aws", kind=IdentityKind.APP,
                name=text(entry.get("Name")) or arn.rsplit("/", 1)[-1], state=state,
                created_at=moment(entry.get("CreatedDate")),
            )  # fmt: skip


def _issuers(ask: Ask) -> Iterator[Record]:
    """Outside issuers whose tokens applications exchange for access of a user."""
    for instance in _instances(ask):
        for entry in ask.items("sso-admin:ListTrustedTokenIssuers", "TrustedTokenIssuers", InstanceArn=instance):
            arn = text(entry.get("TrustedTokenIssuerArn"))
            if arn is not None:
                yield Identity(
                    id=arn, scope_id=ask.scope_id, source=ask.source, locator=arn, provider="aws",
                    kind=IdentityKind.OIDC_PROVIDER, name=text(entry.get("Name")) or arn.rsplit("/", 1)[-1],
                )  # fmt: skip


def _instances(ask: Ask) -> Iterator[str]:
    """The instances this account may ask about: members see the organisation's too, but only its owner is answered."""
    for entry in ask.shared("sso-admin:ListInstances", "Instances"):
        arn, owner = text(entry.get("InstanceArn")), text(entry.get("OwnerAccountId"))
        if arn is None:
            continue
        if owner in {None, ask.account.number}:
            yield arn
            continue
        try:
            ask.shared("sso-admin:ListPermissionSets", "PermissionSets", InstanceArn=arn)
        except RefusedError as e:
            # Nothing of this account is hidden: the instance is read where its owner is audited.
            if e.fatal or e.reason not in {GapReason.DENIED, GapReason.SKIPPED}:
                raise
        else:
            yield arn


def _set_arns(ask: Ask, instance: str) -> Iterator[str]:
    for entry in ask.shared("sso-admin:ListPermissionSets", "PermissionSets", InstanceArn=instance):
        arn = text(entry.get(""))
        if arn is not None:
            yield arn


def _described(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    tags: dict[str, dict[str, str]] = {}
    requests = [{"InstanceArn": s["InstanceArn"], "ResourceArn": s["PermissionSetArn"]} for s in sets]
    try:
        for request, listed in ask.each_items("sso-admin:ListTagsForResource", "Tags", requests):
            if not isinstance(listed, RefusedError):
                tags[str(request["ResourceArn"])] = _tags.read(listed)
    except RefusedError as e:
        yield ask.refused(e)
    for arn, answer in _each(ask.each("sso-admin:DescribePermissionSet", sets), sets):
        refused = answer if isinstance(answer, RefusedError) else None
        if refused is not None and refused.missing:
            continue
        found = mapping(mapping(answer).get("PermissionSet"))
        known = tags.get(arn, {})
        yield Identity(
            id=arn, scope_id=ask.scope_id, source=ask.source, locator=arn, provider="aws",
            kind=IdentityKind.PERMISSION_SET, name=text(found.get("Name")) or arn.rsplit("/", 1)[-1],
            class_=IdentityClass.HUMAN, interactive=True, state=None if refused else IdentityState.ENABLED,
            created_at=moment(found.get("CreatedDate")), environment=_tags.environment(known), tags=known,
        )  # fmt: skip
        if refused is not None:
            yield ask.refused(refused, subject_id=arn)
        yield from _tags.owners(known, subject_id=arn, scope_id=ask.scope_id, source=ask.source)


def _each(
    answers: Iterator[tuple[Json, Json | RefusedError]], sets: list[Json]
) -> Iterator[tuple[str, Json | RefusedError]]:
    """The same, and when all were refused alike each with that refusal: that a set is there is known already."""
    done = 0
    try:
        for request, answer in answers:
            done += 1
            yield str(request["PermissionSetArn"]), answer
    except RefusedError as e:
        yield from ((str(s["PermissionSetArn"]), e) for s in sets[done:])


def _inline(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    for request, answer in ask.each("sso-admin:GetInlinePolicyForPermissionSet", sets):
        arn = str(request["PermissionSetArn"])
        if isinstance(answer, RefusedError):
            yield from _refusal(ask, answer, arn)
            continue
        content = answer.get("InlinePolicy")
        if content:
            yield _policy(ask, f"{arn}#inline", PolicyKind.INLINE, "inline policy", content)
            yield _attached(ask, f"{arn}#inline", arn)


def _managed(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    operation = "sso-admin:ListManagedPoliciesInPermissionSet"
    for request, found in ask.each_items(operation, "AttachedManagedPolicies", sets):
        arn = str(request["PermissionSetArn"])
        if isinstance(found, RefusedError):
            yield from _refusal(ask, found, arn)
            continue
        for entry in found:
            policy = text(entry.get("Arn"))
            if policy is not None:
                # Its document is read with the roles of the accounts that the set is provisioned in.
                name = text(entry.get("Name")) or policy.rsplit("/", 1)[-1]
                yield _policy(ask, policy, PolicyKind.PROVIDER, name)
                yield _attached(ask, policy, arn)


def _customer_managed(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    """References by path and name, which every account resolves to a policy of its own."""
    operation = "sso-admin:ListCustomerManagedPolicyReferencesInPermissionSet"
    for request, found in ask.each_items(operation, "CustomerManagedPolicyReferences", sets):
        arn = str(request["PermissionSetArn"])
        if isinstance(found, RefusedError):
            yield from _refusal(ask, found, arn)
            continue
        for entry in found:
            yield from _reference(ask, arn, entry, AttachmentKind.GRANTS)


def _boundaries(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    for request, answer in ask.each("sso-admin:GetPermissionsBoundaryForPermissionSet", sets):
        arn = str(request["PermissionSetArn"])
        if isinstance(answer, RefusedError):
            yield from _refusal(ask, answer, arn)
            continue
        boundary = mapping(answer.get("PermissionsBoundary"))
        managed = text(boundary.get("ManagedPolicyArn"))
        if managed is not None:
            yield _policy(ask, managed, PolicyKind.PROVIDER, managed.rsplit("/", 1)[-1])
            yield _attached(ask, managed, arn, AttachmentKind.BOUNDARY)
        else:
            reference = mapping(boundary.get("CustomerManagedPolicyReference"))
            yield from _reference(ask, arn, reference, AttachmentKind.BOUNDARY)


def _assignments(ask: Ask, sets: list[Json]) -> Iterator[Record]:
    requests: list[Json] = []
    operation = "sso-admin:ListAccountsForProvisionedPermissionSet"
    for request, accounts in ask.each_items(operation, "AccountIds", sets):
        if isinstance(accounts, RefusedError):
            yield from _refusal(ask, accounts, str(request["PermissionSetArn"]))
            continue
        requests += [{**request, "AccountId": number} for a in accounts if (number := text(a.get("")))]
    for request, found in ask.each_items("sso-admin:ListAccountAssignments", "AccountAssignments", requests):
        arn = str(request["PermissionSetArn"])
        if isinstance(found, RefusedError):
            yield from _refusal(ask, found, arn)
            continue
        for entry in found:
            principal, kind = text(entry.get("PrincipalId")), text(entry.get("PrincipalType")) or "USER"
            if principal is not None:
                account = str(request["AccountId"])
                yield Trust(
                    id=f"{arn}#assignment/{account}/{kind}/{principal}", scope_id=ask.scope_id, source=ask.source,
                    locator=arn, principal=f"{kind.lower()}/{principal}", principal_kind=PrincipalKind.IDENTITY,
                    target_id=arn, kind=TrustKind.ASSUME, account_id=account, external=False,
                )  # fmt: skip


def _refusal(ask: Ask, error: RefusedError, arn: str) -> Iterator[Record]:
    if not error.missing:
        yield ask.refused(error, subject_id=arn)


def _reference(ask: Ask, arn: str, entry: Json, how: AttachmentKind) -> Iterator[Record]:
    name = text(entry.get("Name"))
    if name is not None:
        policy = f"{arn}#customer{text(entry.get('Path')) or '/'}{name}"
        yield _policy(ask, policy, PolicyKind.MANAGED, name)
        yield _attached(ask, policy, arn, how)


def _policy(ask: Ask, policy: str, kind: PolicyKind, name: str, content: object = None) -> Policy:
    return Policy(
        id=policy, scope_id=ask.scope_id, source=ask.source, locator=policy.partition("#")[0], provider="aws",
        kind=kind, name=name, document=document(content),
    )  # fmt: skip


def _attached(ask: Ask, policy: str, arn: str, how: AttachmentKind = AttachmentKind.GRANTS) -> Attachment:
    return Attachment(
        id=f"{arn}#{how.value}/{policy}", scope_id=ask.scope_id, source=ask.source, locator=arn, policy_id=policy,
        principal_id=arn, kind=how,
    )  # fmt: skip


COLLECTOR = Group(
    name="aws.identity_center",
    title="AWS IAM Identity Center: permission sets, assignments, applications and token issuers",
    sign_in=True,
    parts=(
        Part(
            name="permission-sets",
            kind="Identity Center permission set and assignment",
            facts=("created", "policies", "boundary", "assigned to whom in which account", "owner"),
            calls={**_INSTANCES, **_SETS},
            read=_permission_sets,
        ),
        Part(
            name="applications",
            kind="Identity Center application",
            facts=("created", "state"),
            calls={**_INSTANCES, "sso-admin:ListPermissionSets": "identity", "sso-admin:ListApplications": "identity"},
            read=_applications,
        ),
        Part(
            name="issuers",
            kind="Identity Center trusted token issuer",
            facts=("name",),
            calls={
                **_INSTANCES,
                "sso-admin:ListPermissionSets": "identity",
                "sso-admin:ListTrustedTokenIssuers": "identity",
            },
            read=_issuers,
        ),
    ),
)
