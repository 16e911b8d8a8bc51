"""How long to wait before asking again: what the provider says, else longer each time and never all at once."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors._rest.wire import Answer

LONGEST_S = 300.0
"""No wait is longer, whatever a server says."""
_FIRST_S = 0.5
_BACKOFF_S = 30.0
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_SPAN = re.compile(r"(?:(\d{1,2})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s?")
_QUOTA_LEFT, _QUOTA_RESETS = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how many seconds an answer may keep us waiting.

    `NHISCAN_HTTP_ATTEMPTS` (1 to 12) and `NHISCAN_HTTP_TIMEOUT` (seconds) change both.
    """

    attempts: int = 6
    timeout_s: float = 60.0
    first_s: float = _FIRST_S

    @classmethod
    def of_environment(cls) -> Patience:
        """The usual patience, or what the environment says; what is no number there is ignored."""
        usual = cls()
        attempts, timeout = (os.environ.get(f"NHISCAN_HTTP_{name}", "") for name in ("ATTEMPTS", "TIMEOUT"))
        return cls(
            min(max(int(attempts), 1), 12) if re.fullmatch(r"\d{1,4}", attempts) else usual.attempts,
            max(float(timeout), 0.1) if re.fullmatch(r"\d{1,4}(\.\d{1,3})?", timeout) else usual.timeout_s,
        )

    def backoff(self, attempt: int) -> float:
        """Seconds before a further attempt, the first being 0: a random part of a span that doubles."""
        longest: float = min(_BACKOFF_S, self.first_s * 2.0**attempt)
        return random.uniform(0.5, 1.0) * longest  # noqa: S311 - spreads load


def asked_to_wait(answer: Answer, now: datetime | None = None) -> float | None:
    """Seconds that a server asks for: Retry-After (RFC 9110, 10.2.3), Microsoft's headers, Google's RetryInfo."""
    headers = answer.headers
    if (found := _milliseconds(headers)) is not None:
        return found
    if (after := headers.get("retry-after")) and (found := _after(after, now)) is not None:
        return found
    if (span := headers.get(_QUOTA_RESETS)) and (found := _span(span)) is not None:
        return found
    error = mapping(mapping(answer.body).get("error"))
    for detail in objects(error.get("details")):
        delay = detail.get("retryDelay")
        if detail.get("@type") == _RETRY_INFO and isinstance(delay, str) and (match := _SECONDS.fullmatch(delay)):
            return min(float(match[1]), LONGEST_S)
    return None


def exhausted(answer: Answer) -> float | None:
    """Seconds until a quota that this answer used up is full again (Resource Graph says so in advance), else None."""
    if answer.headers.get(_QUOTA_LEFT) != "0":
        return None
    return _span(answer.headers.get(_QUOTA_RESETS, ""))


def _milliseconds(headers: Mapping[str, str]) -> float | None:
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if re.fullmatch(r"\d{1,9}", value := headers.get(name, "")):
            return min(int(value) / 1000, LONGEST_S)
    return None


def _after(text: str, now: datetime | None) -> float | None:
    if match := _SECONDS.fullmatch(text.strip()):
        return min(float(match[1]), LONGEST_S)
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return min(max((then - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_S)


def _span(text: str) -> float | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return min(((days * 24 + hours) * 60 + minutes) * 60 + seconds, LONGEST_S)
