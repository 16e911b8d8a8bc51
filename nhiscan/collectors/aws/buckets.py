"""S3 buckets of an account: who may use them by policy, and whether anybody can.

Once for the account: its list of buckets and its own block on public access, which settles the question for all of them
when it is complete.  Else a bucket is asked for its block, and, where that is open, for its list of grantees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._openness import anybody
from nhiscan.collectors.aws._seen import Asking
from nhiscan.collectors.aws._things import OF_POLICY, Thing, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_LIST, _POLICY, _STATUS = "s3:ListBuckets", "s3:GetBucketPolicy", "s3:GetBucketPolicyStatus"
_BLOCK, _ACCOUNT_BLOCK, _ACL = "s3:GetPublicAccessBlock", "s3control:GetPublicAccessBlock", "s3:GetBucketAcl"
_PUBLIC = "resource.public"
_BLOCKS = ("RestrictPublicBuckets", "IgnorePublicAcls")  # what takes effect on policies, and on grants
_EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)


def _buckets(ask: Ask) -> Iterator[Record]:
    run = _Buckets(ask)
    yield from run.read()
    yield from run.asking.gaps


class _Buckets:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.asking = Asking(ask)

    def read(self) -> Iterator[Record]:
        entries = self._ask.items(_LIST, "Buckets", MaxBuckets=1000)
        found = {f"arn:{self._ask.account.partition}:s3:::{name}": e for e in entries if (name := text(e.get("Name")))}
        if not found:
            return
        names = {arn: str(text(e.get("Name"))) for arn, e in found.items()}
        policies = self._each(_POLICY, names)
        public = self._public(names, policies)
        for arn, entry in found.items():
            policy = mapping(policies.get(arn)).get("Policy")
            yield from resource(self._ask, Thing(
                arn=arn, kind="bucket", name=names[arn], policy=policy, public=public.get(arn),
                created_at=moment(entry.get("CreationDate")),
            ))  # fmt: skip

    def _each(self, operation: str, names: dict[str, str]) -> dict[str, dict[str, object] | None]:
        """The answers by ARN: None for what a bucket does not have; a bucket that was refused is left out."""
        owner = self._ask.account.number
        found: dict[str, dict[str, object] | None] = {}
        requests = {arn: {"Bucket": name, "ExpectedBucketOwner": owner} for arn, name in names.items()}
        try:
            for arn, (_, answer) in zip(requests, self._ask.each(operation, requests.values()), strict=True):
                if not isinstance(answer, RefusedError):
                    found[arn] = dict(answer)
                elif answer.missing:
                    found[arn] = None
                else:
                    self.asking.gaps.append(self._ask.refused(answer, subject_id=arn))
        except RefusedError as e:
            self.asking.gaps.append(self._ask.refused(e))
        return found

    def _public(self, names: dict[str, str], policies: dict[str, dict[str, object] | None]) -> dict[str, bool | None]:
        """Whether anybody may use each bucket, asking no more than is needed to know."""
        account = self._account_block()
        if account is not None and all(_blocks(account, name) for name in _BLOCKS):
            return dict.fromkeys(names, False)
        blocks = self._each(_BLOCK, names)
        by_policy, by_grant = (
            {arn: _blocked(name, account, (blocks[arn] or {}) if arn in blocks else None) for arn in names}
            for name in _BLOCKS
        )
        asked = {a: n for a, n in names.items() if policies.get(a) and by_policy[a] is not True}
        statuses = self._each(_STATUS, asked)
        grants = self._each(_ACL, {a: n for a, n in names.items() if by_grant[a] is not True})
        found: dict[str, bool | None] = {}
        for arn in names:
            opened = {
                _unless(by_policy[arn], self._policy_open(arn, policies, statuses)),
                _unless(by_grant[arn], _grants_open(grants[arn]) if arn in grants else None),
            }
            # Open by one of the two is open; closed needs both.
            found[arn] = True if True in opened else None if None in opened else False
        return found

    @staticmethod
    def _policy_open(
        arn: str, policies: dict[str, dict[str, object] | None], statuses: dict[str, dict[str, object] | None]
    ) -> bool | None:
        if arn not in policies:
            return None
        policy = policies[arn]
        if policy is None:
            return False
        known = mapping(mapping(statuses.get(arn)).get("PolicyStatus")).get("IsPublic")
        return known if isinstance(known, bool) else anybody(policy.get("Policy"))

    def _account_block(self) -> Json | None:
        """The account's own block, empty when it has none, None when it could not be read."""
        try:
            return self._ask.call(_ACCOUNT_BLOCK, AccountId=self._ask.account.number)
        except RefusedError as e:
            if e.missing:
                return {}
            self.asking.gaps.append(self._ask.refused(e))
            return None


def _blocks(answer: object, name: str) -> bool:
    return mapping(mapping(answer).get("PublicAccessBlockConfiguration")).get(name) is True


def _blocked(name: str, *answers: Json | None) -> bool | None:
    """Whether the account or the bucket blocks; None when neither is seen to and one of them is not known."""
    if any(_blocks(answer, name) for answer in answers):
        return True
    return None if None in answers else False


def _unless(blocked: bool | None, is_open: bool | None) -> bool | None:  # noqa: FBT001 - two facts, no switches
    """Open unless it is blocked, in three values."""
    if blocked or is_open is False:
        return False
    return is_open if blocked is False else None


def _grants_open(answer: object) -> bool:
    rows = map(mapping, listing(mapping(answer).get("Grants")))
    return any(mapping(row.get("Grantee")).get("URI") in _EVERYBODY for row in rows)


COLLECTOR = Group(
    name="aws.buckets",
    title="AWS S3 buckets: who may use them by policy, and whether anybody can",
    regional=False,
    parts=(
        Part(
            name="buckets",
            kind="S3 bucket",
            facts=("policy", "open to anybody", "created"),
            calls={
                _LIST: "resource", _POLICY: OF_POLICY, _STATUS: _PUBLIC, _BLOCK: _PUBLIC,
                _ACCOUNT_BLOCK: _PUBLIC, _ACL: _PUBLIC,
            },
            read=_buckets,
        ),
    ),
)  # fmt: skip
