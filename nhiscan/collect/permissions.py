"""The least-privilege policy of a provider, derived from what its collectors declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.collect.protocol import Collector


def required(collectors: Iterable[Collector], provider: str) -> dict[str, str]:
    """Permission -> what is not seen without it, over all collectors of a provider, ordered by permission."""
    found: dict[str, str] = {}
    for collector in collectors:
        if collector.name.startswith(f"{provider}."):
            found.update(collector.requires)
    return dict(sorted(found.items()))


def aws_policy(collectors: Iterable[Collector]) -> dict[str, object]:
    """The exact read-only IAM policy the AWS collectors need, ready for `aws iam create-policy`."""
    actions = list(required(collectors, "aws"))
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "NhiscanReadOnly", "Effect": "Allow", "Action": actions, "Resource": "*"}],
    }
