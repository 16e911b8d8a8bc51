"""From a rule to the SQL that judges it: one row per subject and what it was judged to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.engine.rule import Rule

NOT_APPLICABLE, PASS, UNKNOWN, FAIL = range(4)

PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")

# Columns added to a rule's own; a view cannot have them, since `check` refuses names that begin with this prefix.
PREFIX = "_nhi_"


@dataclass(frozen=True, slots=True)
class Query:
    """`source` gives the rule's rows, `judged` the same rows with code, severity and confidence, and parameters."""

    source: str
    judged: str
    parameters: Mapping[str, object]

    def parameters_of(self, sql: str) -> dict[str, object]:
        """The parameters that a piece of SQL built from this query mentions."""
        return {name: self.parameters[name] for name in PARAMETER.findall(sql) if name in self.parameters}


def pieces(rule: Rule) -> Mapping[tuple[str, ...], str]:
    """Every SQL condition of a rule by its place in the file; the query itself is not among them."""
    found: dict[tuple[str, ...], str] = {("fails_when",): rule.fails_when}
    if rule.applies_when is not None:
        found["applies_when",] = rule.applies_when
    for key, conditions in (("severity_when", rule.severity_when), ("confidence_when", rule.confidence_when)):
        found |= {(key, value): sql for value, sql in conditions.items()}
    return found


def source_of(rule: Rule) -> str:
    """The rows of a rule as something that can stand after FROM."""
    return f"(\n{rule.query}\n)" if rule.query is not None else f'"{rule.from_}"'


def asked(rule: Rule) -> str:
    """All the SQL of a rule as one text, to see which views it names."""
    return "\n".join((rule.query or rule.from_ or "", *pieces(rule).values()))


def compiled(rule: Rule, as_of: datetime, params: Mapping[str, object], source: str | None = None) -> Query:
    """The query of a rule.  `params` overrides defaults; `source` replaces its view by a table with the same columns.

    DuckDB's TIMESTAMP has no zone: `as_of` is bound as UTC without one, like every time in the inventory.
    """
    source = source or source_of(rule)
    applies = f"CAST((\n{rule.applies_when or 'TRUE'}\n) AS BOOLEAN)"
    fails = f"CAST((\n{rule.fails_when}\n) AS BOOLEAN)"
    # The pieces are the rule's own SQL, which the guard parsed; values only enter as parameters.
    marks = f"""\
SELECT nhi_s.*, {applies} AS {PREFIX}applies, {fails} AS {PREFIX}fails,
  {_ladder(rule.severity_when, rule.severity)} AS {PREFIX}severity,
  {_ladder(rule.confidence_when, rule.confidence)} AS {PREFIX}confidence
FROM {source} AS nhi_s"""  # noqa: S608 - see above
    code = (
        f"CASE WHEN NOT {PREFIX}applies THEN {NOT_APPLICABLE} WHEN NOT {PREFIX}fails THEN {PASS} "
        f"WHEN {PREFIX}applies AND {PREFIX}fails THEN {FAIL} ELSE {UNKNOWN} END"
    )
    judged = f"SELECT nhi_m.*, {code} AS {PREFIX}code FROM (\n{marks}\n) AS nhi_m"  # noqa: S608 - see above
    values: dict[str, object] = {name: p.default for name, p in rule.params.items()}
    values |= {name: value for name, value in params.items() if name in values}
    values["as_of"] = as_of.replace(tzinfo=None) if as_of.tzinfo is None else _utc(as_of)
    return Query(source, judged, values)


def _utc(moment: datetime) -> datetime:
    from datetime import UTC

    return moment.astimezone(UTC).replace(tzinfo=None)


def _ladder(conditions: Mapping[str, str], default: str) -> str:
    if not conditions:
        return f"'{default}'"
    steps = " ".join(f"WHEN (\n{sql}\n) THEN '{value}'" for value, sql in conditions.items())
    return f"CASE {steps} ELSE '{default}' END"
