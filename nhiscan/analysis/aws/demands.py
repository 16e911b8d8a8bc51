"""What a condition demands of whoever wants to become a role.

Every web identity token has a subject and an audience; any other claim may be missing, so an operator that holds for a
missing key (`…IfExists`, `ForAllValues:`) demands nothing of it unless a `Null` demands that it is there (IAM User
Guide, reference_policies_elements_condition_operators).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.analysis.aws.documents import Statement

_IN_EVERY_TOKEN = (":sub", ":aud")
_POSITIVE = frozenset({"stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike"})


@dataclass(frozen=True, slots=True)
class Demands:
    """The positive demands of a condition: lower-case key to patterns; exact values win over patterns of one key."""

    by_key: Mapping[str, tuple[str, ...]]

    def of(self, key: str) -> tuple[str, ...]:
        """The values one of which a key must have, none when nothing is demanded of it."""
        return self.by_key.get(key.lower(), ())

    def subjects(self, issuer: str) -> tuple[str, ...]:
        """The subjects of an issuer that are accepted."""
        return self.of(f"{issuer}:sub")

    def claims(self, issuer: str) -> tuple[str, ...]:
        """Further claims that are demanded, `name=value`, ordered."""
        prefix = f"{issuer.lower()}:"
        found = [
            f"{key.removeprefix(prefix)}={value}"
            for key, values in self.by_key.items()
            if key.startswith(prefix) and key not in {f"{prefix}sub", f"{prefix}aud"}
            for value in values
            if "*" not in values
        ]
        return tuple(sorted(found))


def demands(statement: Statement) -> Demands:
    """The positive demands of a statement's conditions."""
    exact: dict[str, set[str]] = {}
    loose: dict[str, set[str]] = {}
    there = {k.lower() for o, k, v in statement.conditions if o.lower() == "null" and v == ("false",)}
    for operator, key, values in statement.conditions:
        quantifier, _, name = operator.lower().rpartition(":")
        optional = name.endswith("ifexists") or quantifier == "forallvalues"
        if optional and key.lower() not in there and not key.lower().endswith(_IN_EVERY_TOKEN):
            continue
        name = name.removesuffix("ifexists")
        if name in _POSITIVE:
            shelf = exact if name.startswith("stringequals") else loose
            shelf.setdefault(key.lower(), set()).update(values)
    return Demands({k: tuple(sorted(v)) for k, v in {**loose, **exact}.items()})
