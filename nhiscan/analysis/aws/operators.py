"""Condition operators of IAM as comparisons of two texts: what the request holds, and one value of the policy.

Meaning and formats: IAM User Guide, reference_policies_elements_condition_operators.  A comparison is None where one of
the two texts is not of the operator's type.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from nhiscan.analysis.aws.patterns import arn_matches, matches, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Test = Callable[[str, str], bool | None]
    Order = Callable[[Any, Any], bool]

# Only these take policy variables (reference_policies_variables, where you can use policy variables).
_WITH_VARIABLES = ("string", "arn", "bool")
_ORDERS: Mapping[str, Order] = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}


def test_of(name: str) -> Test | None:
    """The comparison behind a lower-case operator without prefix, suffix and negation; None when there is none."""
    return _TESTS.get(name)


def takes_variables(name: str) -> bool:
    """Whether values of the operator may hold policy variables."""
    return name.startswith(_WITH_VARIABLES)


def moment(text: str) -> datetime | None:
    """A date and time in ISO 8601 or seconds since 1970, in UTC; four digits are a year."""
    plain = text.strip()
    try:
        if plain.replace(".", "", 1).isdigit() and len(plain) != 4:
            return datetime.fromtimestamp(float(plain), UTC)
        found = datetime.fromisoformat(_whole(plain))
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _whole(text: str) -> str:
    """W3C allows a year, or a year and a month."""
    return text + {4: "-01-01", 7: "-01"}.get(len(text), "")


def number(text: str) -> Decimal | None:
    """A finite decimal number."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _compared(read: Callable[[str], object | None], order: Order) -> Test:
    def compare(actual: str, limit: str) -> bool | None:
        left, right = read(actual), read(limit)
        return None if left is None or right is None else order(left, right)

    return compare


def _equal(actual: str, value: str) -> bool:
    return actual == shown(value)


def _equal_folded(actual: str, value: str) -> bool:
    return actual.lower() == shown(value).lower()


def _like(actual: str, value: str) -> bool:
    return matches(value, actual)


def _arn(actual: str, value: str) -> bool | None:
    return arn_matches(value, actual)


def _binary(actual: str, value: str) -> bool:
    left, right = _bytes(actual), _bytes(value)
    return actual == value if left is None or right is None else left == right


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(actual: str, network: str) -> bool | None:
    try:
        return ipaddress.ip_address(actual.strip()) in ipaddress.ip_network(network.strip(), strict=False)
    except ValueError:
        return None


_TESTS: Mapping[str, Test] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_folded,
    "stringlike": _like,
    "bool": _equal_folded,
    "binaryequals": _binary,
    "ipaddress": _address,
    "arnequals": _arn,
    "arnlike": _arn,
    **{f"numeric{name}": _compared(number, order) for name, order in _ORDERS.items()},
    **{f"date{name}": _compared(moment, order) for name, order in _ORDERS.items()},
}
