"""With `--deep`: what uses an access key, from CloudTrail's event history of the region where the key was last used.

Only keys that are active, and that the credential report saw last in this region within 90 days, are looked up: one
call for each, two a second (CloudTrail's own limit), at most 200 in a region.  Of each event are kept the family of
its client (`terraform`, `boto3`, …), where it came from in words, the service and the time.  Addresses of networks,
names of sessions and parameters are not kept.

A consumer is a client and a network, seen for one key; `Use.place` is the service it called last, and the day.  The
newest 50 events are read, so a client that is not among them is not seen.

Source: CloudTrail User Guide, "Viewing event history" and "CloudTrail record contents".
"""

from __future__ import annotations

import base64
import binascii
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.group import DEEP
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._agents import fetch_items
from nhiscan.collectors.aws._clients_seen import Client, client_of
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._report import ReportError, Row, is_report, parse
from nhiscan.collectors.aws._seen import seen
from nhiscan.plugin import Consumer, ConsumerKind, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_REPORT, _KEYS, _EVENTS = "iam:GetCredentialReport", "iam:ListAccessKeys", "cloudtrail:LookupEvents"
_HISTORY = timedelta(days=90)
_MOST_KEYS = 200
_PAUSE_S = 0.5
_REPORT_WAITS_S = (5, 10, 20)
_NOT_YET = frozenset({"ReportNotPresent", "ReportExpired", "ReportInProgress", "CredentialReportNotPresentException",
                      "CredentialReportExpiredException", "CredentialReportNotReadyException"})  # fmt: skip


def _key_use(ask: Ask) -> Iterator[Record]:
    try:
        rows = [row for row in parse(_report(ask)) if _last_use_here(ask, row)]
    except ReportError as e:
        yield ask.gap("key-use", ("use",), f"the credential report cannot be read: {e}", "run again")
        return
    rows.sort(key=lambda row: (_last_use_here(ask, row) or ask.ctx.as_of, row.arn), reverse=True)
    keys: list[str] = []
    listed = yield from fetch_items(
        ask, _KEYS, "AccessKeyMetadata", [(row.arn, {"UserName": row.name}) for row in rows]
    )
    for _, _, found in listed:
        keys += [key for e in found if e.get("Status") == "Active" and (key := text(e.get("AccessKeyId")))]
    for number, key in enumerate(keys[:_MOST_KEYS]):
        if number:
            time.sleep(_PAUSE_S)
        try:
            yield from _users_of(ask, key)
        except RefusedError as e:
            yield ask.refused(e)
            return
    if len(keys) > _MOST_KEYS:
        detail = f"{len(keys) - _MOST_KEYS} of {len(keys)} access keys were not looked up in CloudTrail"
        yield ask.gap("key-use", ("use",), detail, f"look the others up by hand: {_EVENTS} by AccessKeyId")


def _report(ask: Ask) -> str:
    """The credential report, which the collector of IAM has made meanwhile.  Raises RefusedError and ReportError."""
    for wait in (*_REPORT_WAITS_S, None):
        try:
            content = ask.call(_REPORT).get("Content")
        except RefusedError as e:
            if e.code not in _NOT_YET or wait is None:
                raise
            time.sleep(wait)
            continue
        break
    if isinstance(content, bytes):
        return content.decode("utf-8", "replace")
    if isinstance(content, str) and not is_report(content[:64]):
        try:
            return base64.b64decode(content, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
    return content if isinstance(content, str) else ""


def _last_use_here(ask: Ask, row: Row) -> datetime | None:
    uses = [s.last_used_at for s in row.keys if s.active and s.region == ask.region and s.last_used_at]
    newest = max(uses, default=None)
    return newest if newest is not None and newest >= ask.ctx.as_of - _HISTORY else None


def _users_of(ask: Ask, key: str) -> Iterator[Record]:
    wanted = [{"AttributeKey": "AccessKeyId", "AttributeValue": key}]
    answer = ask.call(_EVENTS, LookupAttributes=wanted, MaxResults=50)
    newest: dict[Client, tuple[datetime, str]] = {}
    for event in listing(answer.get("Events")):
        found = _of_event(mapping(event))
        if found is not None and (found[0] not in newest or newest[found[0]] < found[1:]):
            newest[found[0]] = found[1:]
    for client, (when, service) in sorted(newest.items(), key=lambda item: item[0].name):
        consumer = f"{ask.scope_id}#seen/{key}/{client.name}"
        yield Consumer(
            **seen(ask, consumer, ask.scope_id), name=client.name, platform=client.platform,
            kind=ConsumerKind.WORKLOAD if client.machine else ConsumerKind.APPLICATION,
        )  # fmt: skip
        yield Use(
            **seen(ask, f"{consumer}#observed", ask.scope_id), consumer_id=consumer,
            credential_id=f"aws:access_key/{key}", how=UseHow.OBSERVED, place=f"{service} on {when:%Y-%m-%d}",
        )  # fmt: skip


def _of_event(event: Json) -> tuple[Client, datetime, str] | None:
    client = client_of(event.get("CloudTrailEvent"))
    when, service = moment(event.get("EventTime")), text(event.get("EventSource"))
    if client is None or when is None:
        return None
    return client, when, (service or "unknown").removesuffix(".amazonaws.com")


COLLECTOR = Group(
    name="aws.key_use",
    title="What uses the access keys of users, from CloudTrail's event history, with --deep",
    parts=(
        Part(
            name="key-use",
            kind="Access key user",
            facts=("client", "network", "service called last", "day"),
            calls={_REPORT: "use, consumer", _KEYS: "use, consumer", _EVENTS: "use, consumer"},
            read=_key_use,
            option=DEEP,
        ),
    ),
)
