"""Whether calls of AgentCore runtimes and gateways are logged: CloudWatch Logs deliveries of their logs or traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors.aws._agents import texts
from nhiscan.collectors.aws._seen import seen
from nhiscan.plugin import Logging

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

SOURCES, DELIVERIES = "logs:DescribeDeliverySources", "logs:DescribeDeliveries"
_TELLING = frozenset({"APPLICATION_LOGS", "TRACES"})


def tool_calls(ask: Ask, arns: Collection[str], *, otherwise: bool | None) -> Iterator[Record]:
    """One record for each resource; `otherwise` is what it means that none of its logs is delivered."""
    if not arns:
        return
    try:
        delivered = _delivered(ask)
    except RefusedError as e:
        yield ask.refused(e)
        return
    for arn in arns:
        destination = delivered.get(arn)
        yield Logging(
            **seen(ask, f"{arn}#logging/tool_calls", arn), subject_id=arn, kind="tool_calls",
            enabled=True if destination else otherwise, destination=destination,
        )  # fmt: skip


def _delivered(ask: Ask) -> dict[str, str]:
    sources = {}
    for source in ask.shared(SOURCES, "deliverySources", limit=50):
        name = text(source.get("name"))
        if name and source.get("logType") in _TELLING and source.get("status") != "INACTIVE":
            sources[name] = texts(source.get("resourceArns"))
    found: dict[str, str] = {}
    if not sources:
        return found
    for delivery in ask.shared(DELIVERIES, "deliveries", limit=50):
        destination = text(delivery.get("deliveryDestinationArn"))
        for arn in sources.get(text(delivery.get("deliverySourceName")) or "", ()):
            if destination:
                found[arn] = min(destination, found.get(arn, destination))
    return found
