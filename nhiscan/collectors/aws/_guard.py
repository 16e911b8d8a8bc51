"""What stands between the SDK and AWS: nothing undeclared leaves, everything is counted, nothing is logged."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Protocol

from nhiscan.collectors._common.errors import undeclared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LOGGERS = ("boto3", "botocore", "urllib3", "s3transfer")


class Emitter(Protocol):
    """What botocore tells events through; it is copied into every client made from a session."""

    def register(self, event_name: str, handler: Callable[..., object]) -> None:
        """Call a handler at an event."""
        ...


def guard(events: Emitter, allowed: Callable[[str], bool], sent: Callable[[str], None]) -> None:
    """Refuse every operation that is not allowed before it is signed, and report each request that goes out.

    The emitter is copied into every client made from the session, those that sign in included.
    """

    def refuse(event_name: str, **_: object) -> None:
        operation = _operation(event_name)
        if not allowed(operation):
            raise undeclared(operation)

    def count(event_name: str, **_: object) -> None:
        sent(_operation(event_name))

    events.register("before-call", refuse)
    events.register("before-send", count)
    events.register("before-parse", credible)


def credible(*, operation_model: Any, response_dict: Mapping[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore's
    """Raise ResponseParserError for an answer that is no JSON where it must be: to the SDK it would be an empty one."""
    from botocore.parsers import ResponseParserError

    shape, body = operation_model.output_shape, response_dict["body"]
    plain = operation_model.service_model.resolved_protocol in {"json", "rest-json"}
    if not plain or not body or response_dict["status_code"] != 200 or operation_model.has_streaming_output:
        return
    if shape is not None and "payload" in shape.serialization:
        return
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        msg = "the answer is no JSON object"
        raise ResponseParserError(msg)


def quiet() -> None:
    """Keep the SDK's own logs off at every verbosity: at DEBUG they print requests with their signatures."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _operation(event_name: str) -> str:
    _, service, name = event_name.split(".", 2)
    return f"{service}:{name}"
