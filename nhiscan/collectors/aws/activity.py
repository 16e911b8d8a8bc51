"""With `--deep`: when each user and role last used each service it has permissions for.

IAM reports at least 400 days, or since a region began to keep track; what lies before is not told apart from never, so
`last_used = 'never'` means not within that time.  Attempts count, also denied ones, and appear within four hours.
A report is a job that IAM makes for one identity: two calls and some seconds each.  Roles linked to services are left
out.

Source: IAM API Reference, GenerateServiceLastAccessedDetails; IAM User Guide, "Refine permissions using last accessed
information".
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.group import DEEP
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._agents import fetch
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import seen
from nhiscan.plugin import LastUsed, Usage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_START, _RESULT = "iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"
_LISTS = (("iam:ListRoles", "Roles"), ("iam:ListUsers", "Users"))
_AT_ONCE = 100
_WAITS_S = (1, 2, 4, 8, 15, 30)
_LINKED = "/aws-service-role/"


def _last_accessed(ask: Ask) -> Iterator[Record]:
    arns: list[str] = []
    for operation, key in _LISTS:
        try:
            arns += [
                arn
                for entry in ask.items(operation, key, MaxItems=1000)
                if (arn := text(entry.get("Arn"))) and not (text(entry.get("Path")) or "").startswith(_LINKED)
            ]
        except RefusedError as e:
            yield ask.refused(e)
    late = 0
    waiting = iter(arns)
    while chunk := list(itertools.islice(waiting, _AT_ONCE)):
        started = yield from fetch(ask, _START, [(arn, {"Arn": arn, "Granularity": "SERVICE_LEVEL"}) for arn in chunk])
        jobs = {arn: job for arn, _, answer in started if (job := text(answer.get("JobId")))}
        if not jobs:
            return
        late += yield from _results(ask, jobs)
    if late:
        detail = f"reports of {late} of {len(arns)} identities were not ready in time"
        yield ask.gap("last-accessed", ("usage",), detail, "run again with --deep: IAM finishes them meanwhile")


def _results(ask: Ask, jobs: dict[str, str]) -> Generator[Record, None, int]:
    """The rows of finished jobs; returns how many were not finished in time."""
    pending = dict(jobs)
    for wait in (*_WAITS_S, None):
        answers = yield from fetch(ask, _RESULT, [(arn, _asked(job)) for arn, job in pending.items()])
        running = {}
        for arn, _, answer in answers:
            status = text(answer.get("JobStatus"))
            if status == "IN_PROGRESS":
                running[arn] = pending[arn]
            elif status == "COMPLETED":
                yield from _rows(ask, arn, pending[arn], answer)
            else:
                detail = f"IAM could not report on {arn}"
                yield ask.gap("last-accessed", ("usage",), detail, "run again with --deep", subject_id=arn)
        pending = running
        if not pending or wait is None:
            break
        time.sleep(wait)
    return len(pending)


def _asked(job: str) -> dict[str, object]:
    return {"JobId": job, "MaxItems": 1000}


def _rows(ask: Ask, arn: str, job: str, first: Json) -> Iterator[Record]:
    yield from _usages(ask, arn, first)
    page, marker = first, None
    # IAM gives at most 200 services at a time, whatever is asked for.
    while page.get("IsTruncated") is True and text(page.get("Marker")) not in {None, marker}:
        marker = text(page.get("Marker"))
        try:
            page = ask.call(_RESULT, **_asked(job), Marker=marker)
        except RefusedError as e:
            yield ask.refused(e, subject_id=arn)
            return
        yield from _usages(ask, arn, page)


def _usages(ask: Ask, arn: str, answer: Json) -> Iterator[Usage]:
    for entry in map(mapping, listing(answer.get("ServicesLastAccessed"))):
        service = text(entry.get("ServiceNamespace"))
        when = moment(entry.get("LastAuthenticated"))
        if service is not None:
            yield Usage(
                **seen(ask, f"{arn}#usage/{service}", arn), identity_id=arn, service=service,
                last_used=LastUsed.KNOWN if when else LastUsed.NEVER, last_used_at=when,
                region=text(entry.get("LastAuthenticatedRegion")),
            )  # fmt: skip


COLLECTOR = Group(
    name="aws.activity",
    title="IAM service last accessed: which services users and roles use, with --deep",
    regional=False,
    writes={_START: "has IAM make a report on one identity; changes nothing, and the report expires by itself"},
    parts=(
        Part(
            name="last-accessed",
            kind="Service last accessed",
            facts=("last use of each service", "region"),
            calls={
                "iam:ListRoles": "usage",
                "iam:ListUsers": "usage",
                _START: "usage",
                _RESULT: "usage",
            },
            read=_last_accessed,
            option=DEEP,
        ),
    ),
)
