"""What a policy without a readable document hides: not only the policy, but what its bearers can do and become."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.plugin import Attachment, AttachmentKind, Gap, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.aws._records import Maker
    from nhiscan.plugin import Record

_UNREAD = "policy.document"
# A boundary only takes rights away, so what passes without it passes with it.
_HIDDEN = {
    # Whoever may use a bearer gains what the bearer has, so nobody's power in the account is known for certain.
    AttachmentKind.GRANTS: ("effective", "reach", "grant.identity_id"),
    AttachmentKind.TRUST: ("trust", "reach"),
}


def with_consequences(records: Iterable[Record], make: Maker) -> Iterator[Record]:
    """The same records, and at the end a gap of the account for each cause that hid rights or trusts."""
    gaps: dict[str, Gap] = {}
    unread: set[str] = set()
    borne: dict[str, set[AttachmentKind]] = defaultdict(set)
    for record in records:
        match record:
            case Gap(subject_id=str() as subject, covers=covers) if _UNREAD in covers:
                gaps[subject] = record
            case Policy(document=None):
                unread.add(record.id)
            case Attachment():
                borne[record.policy_id].add(record.kind)
            case _:
                pass
        yield record
    told: dict[str, Gap] = {}
    for policy, gap in sorted(gaps.items()):
        for kind in sorted(borne[policy] & _HIDDEN.keys()) if policy in unread else ():
            name = f"{kind.value}/{gap.operation or gap.reason.value}"
            what = "policies" if kind is AttachmentKind.GRANTS else "trust policies"
            detail = f"{what} could not be read: {gap.detail}"
            told[name] = make.gap(name, _HIDDEN[kind], gap.reason, detail, gap.remedy, operation=gap.operation)
    yield from told.values()
