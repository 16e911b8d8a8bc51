"""Identities and policies of AWS as Terraform declares them.

Arguments and attributes: Terraform Registry, provider hashicorp/aws 6 (November 2026), resources `aws_iam_*`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.managed import provided
from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._terraform.lookup import oidc_arn
from nhiscan.collectors.repo._terraform.values import Value, known_text
from nhiscan.plugin import (
    AttachmentKind,
    Credential,
    CredentialKind,
    CredentialState,
    IdentityKind,
    Lifetime,
    Member,
    Policy,
    PolicyKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

ROLES, USERS, GROUPS = ("aws_iam_role",), ("aws_iam_user",), ("aws_iam_group",)
_BEARERS = {"role": ROLES, "user": USERS, "group": GROUPS}
_POLICIES = ("aws_iam_policy",)


def _role(desk: Desk, thing: Thing) -> Iterator[Record]:
    role = desk.id(thing)
    yield desk.identity(
        thing, IdentityKind.ROLE, "aws", interactive=False, max_session=thing.number("max_session_duration")
    )
    yield from desk.policy(
        thing, f"{role}#trust", PolicyKind.TRUST, f"trust of {desk.name(thing)}", thing.at("assume_role_policy")
    )
    yield desk.attached(thing, role, f"{role}#trust", AttachmentKind.TRUST)
    for inline in thing.blocks("inline_policy"):
        name = known_text(inline.get("name"))
        if name:
            yield from _inline(desk, thing, role, f"{role}#inline/{desk.book.scrub(name)}", name, inline.get("policy"))
    yield from _given(desk, thing, role, thing.at("managed_policy_arns"))
    yield from _boundary(desk, thing, role)


def _user(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.USER, "aws")
    yield from _boundary(desk, thing, desk.id(thing))


def _group(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.GROUP, "aws")


def _boundary(desk: Desk, thing: Thing, principal: str) -> Iterator[Record]:
    limit = desk.target(thing, thing.at("permissions_boundary"), _POLICIES)
    if limit:
        yield from provider_policy(desk, thing, limit)
        yield desk.attached(thing, principal, limit, AttachmentKind.BOUNDARY)


def _inline(desk: Desk, thing: Thing, principal: str, policy_id: str, name: str, document: Value) -> Iterator[Record]:
    yield from desk.policy(thing, policy_id, PolicyKind.INLINE, desk.book.scrub(name), document)
    if document not in (None, ""):
        yield desk.attached(thing, principal, policy_id, AttachmentKind.GRANTS)


def _given(desk: Desk, thing: Thing, principal: str, policies: Value) -> Iterator[Record]:
    for value in policies if isinstance(policies, (list, tuple)) else [policies]:
        if policy := desk.target(thing, value, _POLICIES):
            yield from provider_policy(desk, thing, policy)
            yield desk.attached(thing, principal, policy, AttachmentKind.GRANTS)


def provider_policy(desk: Desk, thing: Thing, arn: str) -> Iterator[Record]:
    """The document of a policy of AWS itself, where it is known without asking."""
    document = provided(arn)
    if document is not None:
        yield Policy(
            **desk.seen(arn, thing), provider="aws", kind=PolicyKind.PROVIDER, name=arn.rpartition("/")[2],
            document=json.dumps(document),
        )  # fmt: skip


def _managed(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield from desk.policy(thing, desk.id(thing), PolicyKind.MANAGED, desk.name(thing), thing.at("policy"))


def _own_policy(desk: Desk, thing: Thing) -> Iterator[Record]:
    """`aws_iam_role_policy` and its like: a policy written into one principal."""
    for argument, kinds in _BEARERS.items():
        if (principal := desk.target(thing, thing.at(argument), kinds)) is not None:
            name = thing.text("name")
            mark = f"/{desk.book.scrub(name)}" if thing.instance and name else ""
            policy_id = f"{principal}#inline/{clean(thing.address)}{mark}"
            yield from _inline(desk, thing, principal, policy_id, desk.name(thing), thing.at("policy"))


def _attachment(desk: Desk, thing: Thing) -> Iterator[Record]:
    """Attachments of one principal, also the exclusive ones that list all of them."""
    for argument, kinds in _BEARERS.items():
        for name in (argument, f"{argument}_name"):
            if (principal := desk.target(thing, thing.at(name), kinds)) is not None:
                yield from _given(desk, thing, principal, thing.at("policy_arn"))
                yield from _given(desk, thing, principal, thing.at("policy_arns"))


def _policy_attachment(desk: Desk, thing: Thing) -> Iterator[Record]:
    for argument, kinds in _BEARERS.items():
        listed = thing.at(f"{argument}s")
        for value in listed if isinstance(listed, (list, tuple)) else []:
            if (principal := desk.target(thing, value, kinds)) is not None:
                yield from _given(desk, thing, principal, thing.at("policy_arn"))


def _profile(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.INSTANCE_PROFILE, "aws")
    profile = desk.id(thing)
    if (role := desk.target(thing, thing.at("role"), ROLES)) is not None:
        yield _member(desk, thing, role, profile)


def _member(desk: Desk, thing: Thing, identity: str, group: str) -> Member:
    return Member(**desk.seen(f"{identity}#member/{group}", thing), identity_id=identity, group_id=group)


def _membership(desk: Desk, thing: Thing) -> Iterator[Record]:
    """`aws_iam_user_group_membership` (one user, groups) and `aws_iam_group_membership` (one group, users)."""
    users = thing.at("users") if thing.at("users") is not None else [thing.at("user")]
    groups = thing.at("groups") if thing.at("groups") is not None else [thing.at("group")]
    for user in users if isinstance(users, (list, tuple)) else []:
        for group in groups if isinstance(groups, (list, tuple)) else []:
            user_id, group_id = desk.target(thing, user, USERS), desk.target(thing, group, GROUPS)
            if user_id and group_id:
                yield _member(desk, thing, user_id, group_id)


def _access_key(desk: Desk, thing: Thing) -> Iterator[Record]:
    key_id = thing.text("id") if thing.form == "state" else None
    inactive = thing.text("status") == "Inactive"
    yield Credential(
        **desk.seen(desk.id(thing), thing), provider="aws", kind=CredentialKind.ACCESS_KEY,
        name=None if key_id else desk.book.scrub(thing.label), format="aws-access-key",
        identity_id=desk.target(thing, thing.at("user"), USERS), lifetime=Lifetime.STATIC,
        state=CredentialState.INACTIVE if inactive else CredentialState.DECLARED,
        key_id=key_id if key_id and key_id.startswith("AKIA") and not thing.instance else None,
    )  # fmt: skip


def _login(desk: Desk, thing: Thing) -> Iterator[Record]:
    if (user := desk.target(thing, thing.at("user"), USERS)) is not None:
        yield Credential(
            **desk.seen(desk.id(thing), thing), provider="aws", kind=CredentialKind.PASSWORD, name=desk.name(thing),
            identity_id=user, lifetime=Lifetime.STATIC, state=CredentialState.DECLARED,
        )  # fmt: skip


def _oidc(desk: Desk, thing: Thing) -> Iterator[Record]:
    url = thing.text("url")
    identity = desk.identity(thing, IdentityKind.OIDC_PROVIDER, "aws")
    name = oidc_arn(url).partition(":oidc-provider/")[2] if url else identity.name
    yield dataclasses.replace(identity, name=desk.book.scrub(name))


def _saml(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.SAML_PROVIDER, "aws")


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    "aws_iam_role": _role,
    "aws_iam_user": _user,
    "aws_iam_group": _group,
    "aws_iam_policy": _managed,
    "aws_iam_role_policy": _own_policy,
    "aws_iam_user_policy": _own_policy,
    "aws_iam_group_policy": _own_policy,
    "aws_iam_role_policy_attachment": _attachment,
    "aws_iam_user_policy_attachment": _attachment,
    "aws_iam_group_policy_attachment": _attachment,
    "aws_iam_role_policy_attachments_exclusive": _attachment,
    "aws_iam_user_policy_attachments_exclusive": _attachment,
    "aws_iam_group_policy_attachments_exclusive": _attachment,
    "aws_iam_policy_attachment": _policy_attachment,
    "aws_iam_instance_profile": _profile,
    "aws_iam_user_group_membership": _membership,
    "aws_iam_group_membership": _membership,
    "aws_iam_access_key": _access_key,
    "aws_iam_user_login_profile": _login,
    "aws_iam_openid_connect_provider": _oidc,
    "aws_iam_saml_provider": _saml,
}
