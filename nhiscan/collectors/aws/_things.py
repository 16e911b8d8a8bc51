"""Resources with a policy of their own as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import text
from nhiscan.collectors.aws._seen import owners, policy_on, seen
from nhiscan.plugin import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

TAGS_COVER = ("resource.tags", "resource.environment", "owner.name")
# In columns, not tables: what may be done by policies of identities is known without the policies of resources.
OF_POLICY = "policy.kind, attachment.kind, resource.public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What differs from one kind to another; `policy` is as the answer holds it, `key` what it is encrypted with."""

    arn: str
    kind: str
    name: str
    policy: object = None
    public: bool | None = None
    local_auth: bool | None = None
    created_at: datetime | None = None
    key: object = None
    tags: Mapping[str, str] = field(default_factory=dict)


def resource(ask: Ask, thing: Thing) -> Iterator[Record]:
    """The resource, the policy that stands on it, and the owners that its tags name."""
    t = thing
    yield Resource(
        **seen(ask, t.arn), provider="aws", kind=t.kind, name=t.name, public=t.public, local_auth=t.local_auth,
        encrypted_with=text(t.key), created_at=t.created_at, environment=_tags.environment(t.tags), tags=t.tags,
    )  # fmt: skip
    yield from owners(ask, t.arn, t.tags)
    yield from policy_on(ask, t.arn, t.policy)
