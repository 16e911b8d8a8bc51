"""The catalogue of one-step escalations of privilege in AWS: `escalations.yaml`, read and checked.

Each entry is a set of actions that together hand a principal more than it has, and the kind of target it needs to be
real.  The file says what its fields mean and where the facts come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from nhiscan import yamldata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Need(Enum):
    """What an escalation needs to exist before it works; `targets.py` looks for it."""

    POLICY_VERSION = "a customer-managed policy that bears on the principal"
    POLICY_HISTORY = "an older, wider version of a customer-managed policy that bears on the principal"
    USER_POLICY = "a user whose policies can be changed"
    ROLE_POLICY = "a role whose policies can be changed"
    GROUP_POLICY = "a group with a member"
    GROUP_SEAT = "a more powerful group"
    ACCESS_KEY = "a more powerful user"
    NEW_PASSWORD = "a more powerful user without a console password"  # noqa: S105 - words, not a password
    OLD_PASSWORD = "a more powerful user with a console password"  # noqa: S105 - words, not a password
    ROLE_TRUST = "a more powerful role whose trust can be changed"
    ANY_USER = "a user that can be given rights and a key"
    FRESH_USER = "a user without a console password that can be given rights and one"
    ANY_ROLE = "a role that can be given rights and another trust"
    BORNE_POLICY = "a customer-managed policy that bears on a role whose trust can be changed"
    OWN_BOUNDARY = "a boundary that alone keeps a principal from being administrator"
    OWN_DENY = "a policy whose Deny alone keeps the principal from being administrator"
    GROUP_DENY = "a group whose Deny alone keeps the principal from being administrator"
    NOTHING = "nothing: what is needed is made on the way"
    PASSED_ROLE = "a more powerful role that trusts the service"
    PROFILED_ROLE = "a more powerful role that an instance profile hands to EC2"
    LIVE_ROLE = "a running workload with a more powerful role"
    SAML_ROLE = "a more powerful role that trusts a SAML provider"
    OIDC_ROLE = "a more powerful role that trusts an OIDC provider"
    PERMISSION_SET = "Identity Center, which hands out roles of the account"


@dataclass(frozen=True, slots=True)
class Escalation:
    """One entry.  `targeted` are the actions asked about the target itself; the others need any resource of theirs.

    `service` is the service principal that must be trusted by the target role; `workload` (patterns of its ARN) and
    `platform` tell a running workload that the actions work on; `doubt` says why it is conditional at most; `known` are
    names in public catalogues, and `variants` maps those of wider action sets that add nothing to what they add.
    """

    id: str
    need: Need
    actions: tuple[str, ...]
    targeted: tuple[str, ...] = ()
    service: str | None = None
    source: str = ""
    workload: tuple[str, ...] = ()
    platform: str | None = None
    doubt: str | None = None
    known: tuple[str, ...] = ()
    variants: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict, hash=False)

    def sets(self) -> Iterator[frozenset[str]]:
        """The action sets under which public catalogues list it."""
        yield frozenset(self.actions)
        for extra in self.variants:
            yield frozenset((*self.actions, *extra))

    def names(self) -> Iterator[str]:
        """What public catalogues call it, `catalogue:name`."""
        yield from self.known
        for names in self.variants.values():
            yield from names


class CatalogueError(ValueError):
    """The shipped catalogue is broken: an escalation search without it would call everybody harmless."""


@cache
def _read() -> tuple[tuple[Escalation, ...], tuple[Escalation, ...]]:
    """The entries that are searched for, and those that are only listed.  Raises CatalogueError."""
    live: list[Escalation] = []
    listed: list[Escalation] = []
    for group in yamldata.shipped(__package__, "escalations.yaml"):
        shared = {k: v for k, v in group.items() if k != "entries"}
        for raw in group["entries"]:
            (listed if "elsewhere" in raw else live).append(_entry({**shared, **raw}))
    if len({e.id for e in live}) != len(live):
        twice = sorted({e.id for e in live if sum(o.id == e.id for o in live) > 1})
        msg = f"entries of escalations.yaml with the same actions: {twice}"
        raise CatalogueError(msg)
    return tuple(live), tuple(listed)


def _entry(raw: Mapping[str, object]) -> Escalation:
    targeted, others = (tuple(str(raw.get(key, "")).split()) for key in ("target", "and"))
    actions = (*targeted, *others)
    try:
        need = Need[str(raw["need"]).upper()]
    except KeyError:
        msg = f"an entry of escalations.yaml has no need that is known: {'+'.join(actions)}"
        raise CatalogueError(msg) from None
    service, variants = raw.get("service"), raw.get("variants")
    return Escalation(
        id="+".join(actions),
        need=need,
        actions=actions,
        targeted=targeted,
        service=f"{service}.amazonaws.com" if service else None,
        source=str(raw["source"]),
        workload=tuple(str(raw.get("workload", "")).split()),
        platform=_optional(raw.get("platform")),
        doubt=_optional(raw.get("doubt")),
        known=tuple(str(raw.get("known", "")).split()),
        variants={tuple(k.split()): tuple(v.split()) for k, v in variants.items()}
        if isinstance(variants, dict)
        else {},
    )


def _optional(value: object) -> str | None:
    return str(value) if value else None


CATALOGUE, LISTED = _read()

# The resource types an action is asked about when they are not of its own service, or not all of it.
RESOURCES: dict[str, tuple[str, ...]] = {
    "ssm:SendCommand": ("arn:*:ec2:*:*:instance/*", "arn:*:ssm:*:*:document/*"),
    "ssm:StartSession": ("arn:*:ec2:*:*:instance/*",),
    "ssm:CreateAssociation": ("arn:*:ec2:*:*:instance/*", "arn:*:ssm:*:*:document/*"),
    "ec2-instance-connect:SendSSHPublicKey": ("arn:*:ec2:*:*:instance/*",),
    "ec2-instance-connect:SendSerialConsoleSSHPublicKey": ("arn:*:ec2:*:*:instance/*",),
    "ecs:ExecuteCommand": ("arn:*:ecs:*:*:cluster/*", "arn:*:ecs:*:*:task/*"),
    "batch:SubmitJob": ("arn:*:batch:*:*:job-definition/*", "arn:*:batch:*:*:job-queue/*"),
    "lambda:InvokeFunction": ("arn:*:lambda:*:*:function:*",),
    "lambda:CreateFunction": ("arn:*:lambda:*:*:function:*",),
    "lambda:UpdateFunctionCode": ("arn:*:lambda:*:*:function:*",),
    "iam:CreateRole": ("arn:*:iam::*:role/*",),
    "iam:AttachRolePolicy": ("arn:*:iam::*:role/*",),
    "iam:PutRolePolicy": ("arn:*:iam::*:role/*",),
    "iam:CreateUser": ("arn:*:iam::*:user/*",),
    "iam:AttachUserPolicy": ("arn:*:iam::*:user/*",),
    "iam:PutUserPolicy": ("arn:*:iam::*:user/*",),
    "iam:CreateAccessKey": ("arn:*:iam::*:user/*",),
    "iam:CreateLoginProfile": ("arn:*:iam::*:user/*",),
    "iam:CreateGroup": ("arn:*:iam::*:group/*",),
    "iam:AttachGroupPolicy": ("arn:*:iam::*:group/*",),
    "iam:PutGroupPolicy": ("arn:*:iam::*:group/*",),
    "iam:AddUserToGroup": ("arn:*:iam::*:group/*",),
    "iam:CreatePolicyVersion": ("arn:*:iam::*:policy/*",),
    "iam:CreateInstanceProfile": ("arn:*:iam::*:instance-profile/*",),
    "iam:AddRoleToInstanceProfile": ("arn:*:iam::*:instance-profile/*",),
    "iam:UpdateSAMLProvider": ("arn:*:iam::*:saml-provider/*",),
    "iam:UpdateOpenIDConnectProviderThumbprint": ("arn:*:iam::*:oidc-provider/*",),
    "iam:AddClientIDToOpenIDConnectProvider": ("arn:*:iam::*:oidc-provider/*",),
}
"""An action not listed is asked about `arn:*:<its service>:*`."""


def resources_of(action: str, account: str, partition: str = "aws") -> tuple[str, ...]:
    """Patterns of what an action works on in a partition; those of IAM lie in the principal's own account."""
    service = action.partition(":")[0]
    patterns = RESOURCES.get(action, (f"arn:*:{service}:*",))
    # A star stands for colons too: an open partition would overlap with every other service.
    own = (p.replace("arn:*:", f"arn:{partition}:") for p in patterns)
    return tuple(p.replace(":iam::*:", f":iam::{account}:") for p in own)
