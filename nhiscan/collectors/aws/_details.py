"""Pages of GetAccountAuthorizationDetails as records: identities, policies, attachments, members, owners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.plugin import AttachmentKind, IdentityClass, IdentityKind, IdentityState, LastUsed, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._records import Maker
    from nhiscan.collectors.aws._report import Row
    from nhiscan.plugin import Record

# Paths that only AWS can create roles under (IAM User Guide, "Service-linked roles"; IAM Identity Center guide).
_PROVIDER_PATHS = ("/aws-service-role/", "/aws-reserved/")


@dataclass(slots=True)
class Details:
    """Reads pages one by one and remembers what only shows after the last: groups, policies without a document."""

    make: Maker
    rows: Mapping[str, Row]  # of the credential report, by user ARN
    users: dict[str, str] = field(default_factory=dict)  # name -> ARN
    skipped: int = 0  # entries without a name or ARN
    _groups: dict[str, str] = field(default_factory=dict)
    _memberships: list[tuple[str, str]] = field(default_factory=list)
    _policies: set[str] = field(default_factory=set)
    _wanted: dict[str, None] = field(default_factory=dict)
    _profiles: set[str] = field(default_factory=set)

    def page(self, page: Json) -> Iterator[Record]:
        """The records of one page."""
        for entry, arn, name in self._entries(page, "GroupDetailList", "GroupName"):
            yield from self._group(entry, arn, name)
        for entry, arn, name in self._entries(page, "UserDetailList", "UserName"):
            yield from self._user(entry, arn, name)
        for entry, arn, name in self._entries(page, "RoleDetailList", "RoleName"):
            yield from self._role(entry, arn, name)
        for entry, arn, name in self._entries(page, "Policies", "PolicyName"):
            yield from self._managed(entry, arn, name)

    def rest(self) -> Iterator[Record]:
        """What can only be told after the last page: who is in which group."""
        for user, group in self._memberships:
            yield self.make.member(user, self._groups.get(group) or self.make.account.arn(f"group/{group}"))

    def missing(self) -> list[str]:
        """ARNs of attached policies and boundaries whose document was on no page, in order of appearance."""
        return [arn for arn in self._wanted if arn not in self._policies]

    def _entries(self, page: Json, key: str, name_key: str) -> Iterator[tuple[Json, str, str]]:
        for item in listing(page.get(key)):
            entry = mapping(item)
            arn = text(entry.get("Arn"))
            if arn is None or not arn.startswith("arn:"):
                self.skipped += 1
                continue
            yield entry, arn, text(entry.get(name_key)) or arn.rsplit("/", 1)[-1]

    def _user(self, entry: Json, arn: str, name: str) -> Iterator[Record]:
        self.users[name] = arn
        row = self.rows.get(arn)
        last_used, last_used_at = row.last_use if row else (None, None)
        tags = _tags.read(entry.get("Tags"))
        yield self.make.identity(
            IdentityKind.USER,
            arn,
            name,
            state=IdentityState.ENABLED,
            created_at=moment(entry.get("CreateDate")) or (row.created if row else None),
            last_used=last_used,
            last_used_at=last_used_at,
            interactive=row.password if row else None,
            tags=tags,
        )
        yield from self.make.owners(arn, tags)
        yield from self._policies_of(entry, arn, "UserPolicyList")
        self._memberships += [(arn, group) for item in listing(entry.get("GroupList")) if (group := text(item))]

    def _role(self, entry: Json, arn: str, name: str) -> Iterator[Record]:
        last_used, last_used_at = _role_use(entry)
        tags = _tags.read(entry.get("Tags"))
        yield self.make.identity(
            IdentityKind.ROLE,
            arn,
            name,
            class_=IdentityClass.PROVIDER_MANAGED if _is_provider_managed(entry, arn) else None,
            state=IdentityState.ENABLED,
            created_at=moment(entry.get("CreateDate")),
            last_used=last_used,
            last_used_at=last_used_at,
            interactive=False,  # a role has no password of its own
            tags=tags,
        )
        yield from self.make.owners(arn, tags)
        if "AssumeRolePolicyDocument" in entry:
            raw = entry.get("AssumeRolePolicyDocument")
            yield from self.make.policy(f"{arn}#trust", PolicyKind.TRUST, f"trust of {name}", raw, arn)
            yield self.make.attachment(arn, f"{arn}#trust", AttachmentKind.TRUST)
        yield from self._policies_of(entry, arn, "RolePolicyList")
        for item in listing(entry.get("InstanceProfileList")):
            yield from self._instance_profile(mapping(item), arn)

    def _group(self, entry: Json, arn: str, name: str) -> Iterator[Record]:
        self._groups[name] = arn
        yield self.make.identity(IdentityKind.GROUP, arn, name, created_at=moment(entry.get("CreateDate")))
        yield from self._policies_of(entry, arn, "GroupPolicyList")

    def _policies_of(self, entry: Json, arn: str, inline_key: str) -> Iterator[Record]:
        for item in listing(entry.get(inline_key)):
            inline = mapping(item)
            name = text(inline.get("PolicyName"))
            if name is None:
                self.skipped += 1
                continue
            policy = f"{arn}#inline/{name}"
            yield from self.make.policy(policy, PolicyKind.INLINE, name, inline.get("PolicyDocument"), arn)
            yield self.make.attachment(arn, policy, AttachmentKind.GRANTS)
        for item in listing(entry.get("AttachedManagedPolicies")):
            yield from self._attached(arn, text(mapping(item).get("PolicyArn")), AttachmentKind.GRANTS)
        boundary = entry.get("PermissionsBoundary")
        if boundary:
            limit = boundary if isinstance(boundary, str) else mapping(boundary).get("PermissionsBoundaryArn")
            yield from self._attached(arn, text(limit), AttachmentKind.BOUNDARY)

    def _attached(self, arn: str, policy: str | None, kind: AttachmentKind) -> Iterator[Record]:
        if policy is None:
            self.skipped += 1
            return
        self._wanted.setdefault(policy)
        yield self.make.attachment(arn, policy, kind)

    def _managed(self, entry: Json, arn: str, name: str) -> Iterator[Record]:
        raw = _default_version(entry).get("Document")
        if raw is None:
            self._wanted.setdefault(arn)
            return
        self._policies.add(arn)
        yield from self.make.managed(arn, name, raw)

    def _instance_profile(self, entry: Json, role: str) -> Iterator[Record]:
        arn = text(entry.get("Arn"))
        if arn is None:
            self.skipped += 1
            return
        if arn not in self._profiles:
            self._profiles.add(arn)
            name = text(entry.get("InstanceProfileName")) or arn.rsplit("/", 1)[-1]
            created = moment(entry.get("CreateDate"))
            yield self.make.identity(IdentityKind.INSTANCE_PROFILE, arn, name, created_at=created)
        yield self.make.member(role, arn)


def _default_version(entry: Json) -> Json:
    versions = [mapping(v) for v in listing(entry.get("PolicyVersionList"))]
    default = entry.get("DefaultVersionId")
    for version in versions:
        if version.get("IsDefaultVersion") is True or (default and version.get("VersionId") == default):
            return version
    return versions[0] if len(versions) == 1 else {}


def _is_provider_managed(entry: Json, arn: str) -> bool:
    path = text(entry.get("Path")) or "/" + arn.partition(":role/")[2]
    return path.startswith(_PROVIDER_PATHS)


def _role_use(entry: Json) -> tuple[LastUsed | None, datetime | None]:
    # IAM tracks the last 400 days: an empty answer says no use in that time; no answer (old exports) says nothing.
    if "RoleLastUsed" not in entry:
        return None, None
    when = moment(mapping(entry.get("RoleLastUsed")).get("LastUsedDate"))
    return (LastUsed.KNOWN, when) if when else (LastUsed.NEVER, None)
