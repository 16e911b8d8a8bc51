"""A rule's own cases, run against a small inventory that is filled and emptied between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from nhiscan.engine.evaluate import RULE_ERRORS, judge
from nhiscan.engine.halves import shared
from nhiscan.engine.query import source_of
from nhiscan.model import RECORDS, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.rule import Rule, RuleTest
    from nhiscan.engine.verdict import Verdict
    from nhiscan.store.inventory import Inventory
    from nhiscan.store.schema import Column

# A case that takes longer is broken.
QUERY_MS = 20_000

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_AGO = re.compile(r"([+-]\d+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not come out as it says; `path` and `line` are where it stands."""

    rule_id: str
    test: str
    message: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule_id} \u201c{self.test}\u201d: {self.message}"


def run(rules: Sequence[Rule]) -> list[Failure]:
    """The cases of the rules that fail, in the order of the rules; two processes share the work."""
    order = {rule.id: n for n, rule in enumerate(rules)}
    return sorted(shared(_share, rules), key=lambda failure: order[failure.rule_id])


def _share(rules: Iterable[Rule]) -> list[Failure]:
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        _bound(inventory)
        return [failure for rule in rules for failure in run_rule(inventory, rule)]


def _bound(inventory: Inventory) -> None:
    """No files, and little time: cases hold a handful of rows, and an added rule may be anybody's."""
    known = {str(row["name"]) for row in inventory.sql("SELECT name FROM duckdb_settings()")}
    for name, value in (("enable_external_access", "false"), ("max_execution_time", str(QUERY_MS))):
        if name in known:
            inventory.sql(f"SET GLOBAL {name}={value}")


def run_rule(inventory: Inventory, rule: Rule) -> list[Failure]:
    """The cases of one rule that fail; the inventory must be empty and is empty again afterwards."""
    failures = []
    for test in rule.tests:
        moment = as_of(test)
        try:
            fill(inventory, test, moment)
            said = complaint(inventory, rule, test, moment)
        except RULE_ERRORS as e:
            said = f"the case cannot run: {e}"
        finally:
            empty(inventory, test)
        if said:
            failures.append(Failure(rule.id, test.name, said, rule.path, test.line))
    return failures


def complaint(inventory: Inventory, rule: Rule, test: RuleTest, moment: datetime, source: str | None = None) -> str:
    """What is not as the case says, empty when all is.  Raises one of RULE_ERRORS when the rule breaks."""
    rows = source or source_of(rule)
    if test.subject is not None:
        subject = test.subject.replace("'", "''")
        rows = f"(SELECT * FROM {rows} AS nhi_t WHERE id = '{subject}')"  # noqa: S608 - quoted
    verdicts, coverage = judge(inventory, rule, moment, test.params, inventory.rows(Gap), rows)
    if test.expect == "fail":
        return _wrong_fail(test, verdicts)
    if verdicts:
        return f"failed: {verdicts[0].message}"
    undecided = sum(n.count for n in coverage.not_assessed)
    counts = f"passed {coverage.passed}, not assessed {undecided}"
    right = {
        "pass": coverage.passed > 0 and undecided == 0,
        "not_assessed": coverage.passed == 0 and bool(coverage.not_assessed),
        "not_applicable": coverage.passed == 0 and not coverage.not_assessed,
    }
    return "" if right[test.expect] else counts


def _wrong_fail(test: RuleTest, verdicts: Sequence[Verdict]) -> str:
    if len(verdicts) != 1:
        return f"{len(verdicts)} subjects failed; name the one in `subject`" if verdicts else "did not fail"
    verdict = verdicts[0]
    expected = (
        ("message", test.message, verdict.message),
        ("severity", test.severity, verdict.severity),
        ("confidence", test.confidence, verdict.confidence),
    )
    wrong = [f"the {what} is {got!s}, not {wanted!s}" for what, wanted, got in expected if wanted not in {None, got}]
    return "; ".join(wrong)


def as_of(test: RuleTest) -> datetime:
    """The moment of a case."""
    return _moment(test.as_of, AS_OF) if test.as_of else AS_OF


def fill(inventory: Inventory, test: RuleTest, moment: datetime) -> None:
    """Put the given rows in, with what they leave out filled in."""
    from nhiscan.store.schema import columns

    for table, rows in test.given.items():
        shape = columns(RECORDS[table])
        names = ", ".join(f'"{c.name}"' for c in shape)
        marks = ", ".join(f"${c.name}" for c in shape)
        for n, row in enumerate(rows, start=1):
            values = {c.name: _value(c, table, n, row, moment) for c in shape}
            inventory.sql(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)  # noqa: S608 - our names


def empty(inventory: Inventory, test: RuleTest) -> None:
    """Take the rows of a case out again."""
    for table in test.given:
        inventory.sql(f'DELETE FROM "{table}"')  # noqa: S608 - a name of RECORDS


def _value(column: Column, table: str, number: int, row: Mapping[str, object], moment: datetime) -> object:
    if column.name not in row:
        return _default(column, table, number, row)
    value = row[column.name]
    if value is None:
        if column.nullable:
            return None
        msg = f"{table}.{column.name} cannot be NULL"
        raise ValueError(msg)
    if column.vocabulary and value not in column.vocabulary:
        msg = f"{value} is no value of {table}.{column.name}"
        raise ValueError(msg)
    return _typed(column, value, moment)


def _typed(column: Column, value: object, moment: datetime) -> object:
    match column.sql:
        case "TIMESTAMP":
            return _moment(str(value), moment).astimezone(UTC).replace(tzinfo=None)
        case "VARCHAR[]":
            return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else [str(value)]
        case "VARCHAR":
            return _text(value)
        case "BOOLEAN" if not isinstance(value, bool):
            msg = f"{column.name} is not true or false"
            raise ValueError(msg)
        case _:
            return value


def _text(value: object) -> str:
    import json

    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _default(column: Column, table: str, number: int, row: Mapping[str, object]) -> object:
    if column.name == "id":
        return f"{table}-{number}"
    if column.name == "scope_id":
        return str(row.get("id", f"{table}-{number}")) if table == "scope" else "scope-1"
    known: dict[str, Any] = {"source": "test", "provider": "aws", "covers": [table], "remedy": "allow it"}
    if column.name in known:
        return known[column.name]
    if not _mandatory(column):
        return _plain(column.default)
    if column.vocabulary:
        return column.vocabulary[0]
    fallback: dict[str, object] = {"BIGINT": 1, "BOOLEAN": False, "VARCHAR[]": [], "DOUBLE": 0.0, "TIMESTAMP": None}
    return fallback.get(column.sql, f"{column.name}-{number}")


def _mandatory(column: Column) -> bool:
    from nhiscan.store.schema import NO_VALUE

    return column.default is NO_VALUE


def _plain(value: object) -> object:
    import json

    match value:
        case tuple():
            return list(value)
        case dict():
            return json.dumps(value)
        case _:
            return value


def _moment(text: str, base: datetime) -> datetime:
    """An ISO time, or a distance such as `-400d` from `base`.  Raises ValueError."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return base + timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
