"""The least-privilege policy of a provider, derived from what its collectors declare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.collect.protocol import Collector

LONGEST_POLICY = 6144
"""Characters of a managed policy, white space not counted (IAM User Guide, reference_iam-quotas)."""
# What the caller needs beyond the role in each account; signing in is no right of the role itself.
_SIGNING_IN = frozenset({"sts:AssumeRole"})
_OF_THE_CALLER = ("organizations:ListAccounts",)

PER_IDENTITY = frozenset(
    f"iam:{name}"
    for name in (
        "ListAccessKeys", "GetAccessKeyLastUsed", "ListSSHPublicKeys", "GetSSHPublicKey", "ListSigningCertificates",
        "ListMFADevices", "GetLoginProfile", "GetUser", "GetRole", "ListUserTags", "ListRoleTags",
        "GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails",
    )
)  # fmt: skip
"""Calls that IAM wants once for each user or role: their number grows with the account."""


def required(collectors: Iterable[Collector], provider: str, options: Sequence[str] = ()) -> dict[str, str]:
    """Permission -> what is not seen without it, over all collectors of a provider, ordered by permission.

    With `options` (`deep`, `read-config-values`) also what these need beyond the rest.
    """
    found: dict[str, list[str]] = {}
    for collector in collectors:
        if collector.name.startswith(f"{provider}."):
            for permissions in (collector.requires, *_with(collector, options)):
                for permission, covers in permissions.items():
                    words = found.setdefault(permission, [])
                    words += [word for word in covers.split(", ") if word not in words]
    return {permission: ", ".join(found[permission]) for permission in sorted(found)}


def aws_actions(collectors: Sequence[Collector], options: Sequence[str] = ()) -> dict[str, list[str]]:
    """The actions of the role that reads an account, by the name of their statement: each option has one of its own."""
    plain = [action for action in required(collectors, "aws") if action not in _SIGNING_IN]
    found = {"NhiscanReadOnly": plain}
    for option in options:
        further = required(collectors, "aws", (option,))
        known = {action for actions in found.values() for action in actions} | _SIGNING_IN
        found["Nhiscan" + option.title().replace("-", "")] = [action for action in further if action not in known]
    return {sid: actions for sid, actions in found.items() if actions}


def aws_policy(collectors: Sequence[Collector], options: Sequence[str] = ()) -> dict[str, object]:
    """The exact read-only IAM policy the AWS collectors need; see `aws_policies` for one that is too long."""
    return _policy(aws_actions(collectors, options))


def aws_policies(collectors: Sequence[Collector], options: Sequence[str] = ()) -> list[dict[str, object]]:
    """The same in as many parts as managed policies must have, each within LONGEST_POLICY."""
    return [_policy(part) for part in _parts(aws_actions(collectors, options))]


def caller_policy(role_arn: str) -> dict[str, object]:
    """What whoever audits needs in the account it calls from: to list the accounts and to assume the role in each."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "NhiscanAccounts", "Effect": "Allow", "Action": list(_OF_THE_CALLER), "Resource": "*"},
            {"Sid": "NhiscanEnter", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn},
        ],
    }


def size(policy: Mapping[str, object]) -> int:
    """The length of a policy as IAM counts it."""
    return len(json.dumps(policy, separators=(",", ":")))


def _with(collector: Collector, options: Sequence[str]) -> Iterator[Mapping[str, str]]:
    further: Mapping[str, Mapping[str, str]] = getattr(collector, "requires_with", {})
    for option in options:
        yield further.get(option, {})


def _policy(statements: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": "*"}
            for sid, actions in statements.items()
        ],
    }


def _parts(statements: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[str]]]:
    part: dict[str, list[str]] = {}
    for sid, actions in statements.items():
        for action in actions:
            longer = {**part, sid: [*part.get(sid, []), action]}
            if part and size(_policy(longer)) > LONGEST_POLICY:
                yield part
                longer = {sid: [action]}
            part = longer
    yield part
