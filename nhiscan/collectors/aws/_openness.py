"""Whether a resource policy lets anybody in, told only where it is certain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping
from nhiscan.collectors.aws._documents import document

if TYPE_CHECKING:
    from collections.abc import Collection

    from nhiscan.collectors._common.values import Json


def anybody(raw: object, *, met: Collection[str] = ()) -> bool | None:
    """True when a statement without a condition allows everybody, False when none names everybody, None in between.

    Conditions on the keys in `met` (lower case) always hold and count as none.  A Deny may take the access back, so
    with one an open statement is no certainty either.
    """
    body = document(raw)
    if body is None:
        return None if raw else False
    found = mapping(json.loads(body)).get("Statement")
    statements = [mapping(s) for s in (listing(found) or [found])]
    everybody = [s for s in statements if s.get("Effect") == "Allow" and _names_everybody(s)]
    if not everybody:
        return False
    denied = any(s.get("Effect") == "Deny" for s in statements)
    return None if denied or all(_demanding(s, met) for s in everybody) else True


def _names_everybody(statement: Json) -> bool:
    # Allow with NotPrincipal names everybody but a few.
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = mapping(principal).get("AWS", principal)
    return named == "*" or "*" in listing(named)


def _demanding(statement: Json, met: Collection[str]) -> bool:
    operators = mapping(statement.get("Condition")).values()
    return any(key.lower() not in met for operator in operators for key in mapping(operator))
