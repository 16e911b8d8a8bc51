"""Policy documents of AWS, each read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.documents import Document, MalformedDocumentError, parse
from nhiscan.model import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.model import Policy, PolicyKind

SOURCE = "analysis"
PROVIDER = "aws"


@dataclass(frozen=True, slots=True)
class Library:
    """Parsed documents by policy id; `broken` are those that could not be read, with a gap for each malformed one.

    `kinds` has every AWS policy; `foreign` are policies of another language, which say nothing about AWS permissions.
    """

    documents: Mapping[str, Document]
    broken: frozenset[str]
    gaps: tuple[Gap, ...]
    kinds: Mapping[str, PolicyKind] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()

    def bears(self, policy_id: str) -> bool:
        """Whether an attachment of this policy bears on AWS permissions: known ones do, and IAM's own unread ones."""
        return policy_id in self.kinds or (policy_id not in self.foreign and (":iam:" in policy_id or "#" in policy_id))


def library(policies: Iterable[Policy]) -> Library:
    """Read every AWS document once; what cannot be read is a gap, never a permission."""
    documents: dict[str, Document] = {}
    broken: set[str] = set()
    gaps: list[Gap] = []
    kinds: dict[str, PolicyKind] = {}
    foreign: set[str] = set()
    for policy in sorted(policies, key=lambda p: p.id):
        if policy.provider != PROVIDER:
            foreign.add(policy.id)
            continue
        kinds[policy.id] = policy.kind
        if policy.document is None:
            broken.add(policy.id)
            continue
        try:
            documents[policy.id] = Document(policy.id, policy.name, parse(policy.document))
        except MalformedDocumentError as e:
            broken.add(policy.id)
            gaps.append(_gap(policy, str(e)))
    return Library(documents, frozenset(broken), tuple(gaps), kinds, frozenset(foreign))


def _gap(policy: Policy, why: str) -> Gap:
    return Gap(
        id=f"{policy.id}#gap:malformed",
        scope_id=policy.scope_id,
        source=SOURCE,
        locator=policy.locator,
        covers=("policy",),
        reason=GapReason.MALFORMED,
        remedy="export the policy document again as JSON",
        detail=f"the document of policy {policy.name} cannot be read: {why}",
        subject_id=policy.id,
    )
