"""Running workloads by the role they run as: the evidence that an escalation through one of them is real.

Whether a kind of workload was looked for is known from the collectors that read the account without a gap; where it was
not, nothing can be said about workloads, and an escalation stays conditional.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.estate import account_of
from nhiscan.analysis.aws.patterns import matches
from nhiscan.model import UseHow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from nhiscan.model import Consumer, Gap, Member, Use

# Which collector reads which platform; a test holds it against the fixtures of the collectors.
COLLECTORS: Mapping[str, str] = {
    "aws_lambda": "aws.functions",
    "aws_ec2": "aws.compute",
    "aws_batch": "aws.compute",
    "aws_ecs": "aws.containers",
    "aws_apprunner": "aws.containers",
    "aws_codebuild": "aws.pipelines",
    "aws_glue": "aws.data_jobs",
    "aws_sagemaker": "aws.data_jobs",
    "aws_emr": "aws.data_jobs",
    "aws_stepfunctions": "aws.pipelines",
    "aws_cloudformation": "aws.pipelines",
    "aws_agentcore": "aws.agentcore",
}
_BLINDING = frozenset({"consumer", "use", "consumer.id", "use.identity_id"})
# The role with which a platform fetches an image and writes a log: the code in the container cannot use it.
_STARTING = {("aws_ecs", "execution_role"), ("aws_batch", "execution_role")}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload and a role that its code runs as; `enabled` is False where it is switched off."""

    id: str
    name: str
    role_id: str
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Workloads:
    """Workloads by account and platform, and which of these kinds were read as a whole."""

    by_kind: Mapping[tuple[str, str], tuple[Workload, ...]] = field(default_factory=dict)
    read: frozenset[tuple[str, str]] = frozenset()

    def of(self, account: str, platform: str, patterns: Iterable[str]) -> Iterator[Workload]:
        """Those of one kind whose ARN fits one of the patterns, ordered by it."""
        found = self.by_kind.get((account, platform), ())
        return (w for w in found if any(matches(p, w.id) for p in patterns))

    def known(self, account: str, platform: str) -> bool:
        """Whether there are no others than those that are known."""
        return (account, platform) in self.read


def workloads(
    consumers: Iterable[Consumer],
    uses: Iterable[Use],
    members: Iterable[Member],
    gaps: Iterable[Gap],
    collected: Collection[tuple[str, str]],
) -> Workloads:
    """What runs in each account; `collected` are the pairs (scope id, collector) that this run or a saved one read."""
    known = {c.id: c for c in consumers if c.platform and account_of(c.id)}
    profiles: dict[str, list[str]] = defaultdict(list)
    for member in members:
        if ":instance-profile/" in member.group_id:
            profiles[member.group_id].append(member.identity_id)
    found: dict[tuple[str, str], set[Workload]] = defaultdict(set)
    for use in uses:
        consumer = known.get(use.consumer_id)
        if consumer is None or consumer.platform is None or use.how is not UseHow.RUNS_AS or not use.identity_id:
            continue
        if (consumer.platform, use.name) in _STARTING:
            continue
        for role in profiles.get(use.identity_id, [use.identity_id]):
            kind = (account_of(consumer.id) or "", consumer.platform)
            found[kind].add(Workload(consumer.id, consumer.name, role, consumer.enabled))
    return Workloads(
        by_kind={k: tuple(sorted(v, key=lambda w: (w.id, w.role_id))) for k, v in found.items()},
        read=_read(collected, gaps),
    )


def _read(collected: Collection[tuple[str, str]], gaps: Iterable[Gap]) -> frozenset[tuple[str, str]]:
    blind = {(g.scope_id, g.source) for g in gaps if g.subject_id is None and _BLINDING.intersection(g.covers)}
    seen = set(collected) - blind
    return frozenset(
        (scope_id.removeprefix("aws:"), platform)
        for scope_id, collector in seen
        for platform, by in COLLECTORS.items()
        if by == collector
    )
