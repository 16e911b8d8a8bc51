"""IAM Access Analyzer: whether it watches a region and, with `--deep`, what it found.

`logging` of kind `access_analysis` says whether an analyzer of outside or unused access is active.  Findings become
signals, one for each subject and kind: `external_access` of a resource, `unused_identity` of a role,
`unused_credential` of an access key or of a user with a console password, `unused_permission` of an identity.  Findings
on internal access name nothing that is wrong by itself and are left out, as are those already archived or resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.group import DEEP
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._agents import fetch
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import seen
from nhiscan.plugin import Logging, Signal

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_ACTIVE = {"status": {"eq": ["ACTIVE"]}}
_ANALYZERS, _FINDINGS, _FINDING = (
    "accessanalyzer:ListAnalyzers",
    "accessanalyzer:ListFindingsV2",
    "accessanalyzer:GetFindingV2",
)
_KINDS = {
    "ExternalAccess": "external_access",
    "UnusedIAMRole": "unused_identity",
    "UnusedIAMUserAccessKey": "unused_credential",
    "UnusedIAMUserPassword": "unused_credential",
    "UnusedPermission": "unused_permission",
}
_KEY = "UnusedIAMUserAccessKey"


@dataclass(slots=True)
class _Found:
    """The findings of one kind about one subject."""

    kind: str
    analyzer: str
    count: int = 0
    seen_at: datetime | None = None


def _analyzers(ask: Ask) -> Iterator[Json]:
    for entry in ask.shared(_ANALYZERS, "analyzers", maxResults=100):
        watches = text(entry.get("type")) or ""
        if entry.get("status") == "ACTIVE" and "INTERNAL" not in watches and text(entry.get("arn")):
            yield entry


def _watched(ask: Ask) -> Iterator[Record]:
    arns = sorted(str(entry["arn"]) for entry in _analyzers(ask))
    yield Logging(
        **seen(ask, f"{ask.scope_id}#logging/access_analysis/{ask.region}", ask.scope_id), subject_id=ask.scope_id,
        kind="access_analysis", enabled=bool(arns), destination=arns[0] if arns else None,
    )  # fmt: skip


def _signals(ask: Ask) -> Iterator[Record]:
    found: dict[str, _Found] = {}
    for analyzer in sorted(str(entry["arn"]) for entry in _analyzers(ask)):
        try:
            listed = list(ask.items(_FINDINGS, "findings", analyzerArn=analyzer, maxResults=100, filter=_ACTIVE))
        except RefusedError as e:
            if not e.missing:
                yield ask.refused(e)
            continue
        keys = yield from _keys(ask, analyzer, listed)
        for entry in listed:
            _count(found, analyzer, entry, keys)
    for signal_id, facts in sorted(found.items()):
        name, number = facts.analyzer.rsplit("/", 1)[-1], facts.count
        yield Signal(
            **seen(ask, signal_id, facts.analyzer), subject_id=signal_id.split("#signal/", 1)[0], kind=facts.kind,
            provider="aws", active=True, seen_at=facts.seen_at,
            detail=f"{number} finding{'s' if number > 1 else ''} of Access Analyzer {name}",
        )  # fmt: skip


def _keys(ask: Ask, analyzer: str, listed: list[Json]) -> Generator[Record, None, dict[str, str]]:
    """The access key that each finding on an unused key is about: the list names its user, who stands in for it."""
    wanted = [
        (text(entry.get("resource")) or analyzer, {"analyzerArn": analyzer, "id": number})
        for entry in listed
        if entry.get("findingType") == _KEY and entry.get("status") == "ACTIVE" and (number := text(entry.get("id")))
    ]
    found = {}
    for _, request, answer in (yield from fetch(ask, _FINDING, wanted)):
        for detail in map(mapping, listing(answer.get("findingDetails"))):
            key = text(mapping(detail.get("unusedIamUserAccessKeyDetails")).get("accessKeyId"))
            if key is not None:
                found[str(request["id"])] = f"aws:access_key/{key}"
    return found


def _count(found: dict[str, _Found], analyzer: str, entry: Json, keys: dict[str, str]) -> None:
    kind, number = _KINDS.get(text(entry.get("findingType")) or ""), text(entry.get("id"))
    subject = keys.get(number or "") or text(entry.get("resource"))
    if kind is None or subject is None or entry.get("status") != "ACTIVE":
        return
    facts = found.setdefault(f"{subject}#signal/{kind}", _Found(kind, analyzer))
    when = moment(entry.get("updatedAt"))
    facts.count += 1
    facts.seen_at = max(facts.seen_at or when, when) if when and facts.seen_at else when or facts.seen_at


COLLECTOR = Group(
    name="aws.analyzer",
    title="IAM Access Analyzer: analyzers and their findings",
    parts=(
        Part(
            name="analyzers",
            kind="Access Analyzer analyzer",
            facts=("active",),
            calls={_ANALYZERS: "logging"},
            read=_watched,
        ),
        Part(
            name="findings",
            kind="Access Analyzer finding",
            facts=("subject", "kind", "last seen"),
            calls={_ANALYZERS: "logging, signal", _FINDINGS: "signal", _FINDING: "signal"},
            read=_signals,
            option=DEEP,
        ),
    ),
)
