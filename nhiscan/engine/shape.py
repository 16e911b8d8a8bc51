"""From a rule file's mapping to a Rule: keys, types and closed vocabularies, every problem with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nhiscan.engine.fields import Fields
from nhiscan.engine.rule import Measured, Param, Rule, RuleTest, Unknown
from nhiscan.model import RECORDS, Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nhiscan.engine.fields import Where
    from nhiscan.engine.yamlfile import Document, Problem

STATUSES = ("preview", "stable", "deprecated")
FAMILIES = (
    "identity_lifecycle",
    "secret_hygiene",
    "authorisation",
    "execution_monitoring",
    "agent",
    "combination",
    "coverage",
)
LEVELS = ("direct", "partial", "blast_radius", "telemetry")
EXPECTATIONS = ("fail", "pass", "not_assessed", "not_applicable")
CASES = "tests"
MANDATORY = (
    "id", "name", "title", "severity", "confidence", "status", "since", "family", "subject", "needs", "fails_when",
    "message", "why", "fix", "tests",
)  # fmt: skip
OPTIONAL = (
    "absence", "maps", "cwe", "params", "from", "query", "applies_when", "severity_when", "confidence_when", "unknown",
    "false_positives", "not_assessable_when", "references", "mutants_allowed",
    "aliases", "replaced_by", "measured",
)  # fmt: skip
TEST_KEYS = ("name", "given", "expect", "as_of", "params", "subject", "message", "severity", "confidence")
ID = re.compile(r"[A-Z]{2,8}-[A-Z]{3}-[0-9]{3}")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def build(document: Document, *, shipped: bool = False, cases: bool = True) -> tuple[Rule | None, list[Problem]]:
    """The rule, or None with every problem of its shape; without `cases` its tests may be missing."""
    r, data = Fields(document), document.data
    r.keys((), data, MANDATORY + OPTIONAL)
    for key in MANDATORY:
        if key not in data and (cases or key != CASES):
            r.wrong((), f"the key `{key}` is missing", f"add `{key}:`")
    if ("from" in data) == ("query" in data):
        r.wrong(("query",), "a rule has either `from` or `query`", "name one view or write one SELECT")
    if r.problems:
        return None, r.problems
    values = {key: _read(r, key, value) for key, value in data.items()}
    values["from_"] = values.pop("from", None)
    values.setdefault(CASES, ())
    _label(r, data)
    if r.problems:
        return None, r.problems
    return Rule(**values, path=document.path, lines=document.lines, shipped=shipped), []


def _label(r: Fields, data: Mapping[str, Any]) -> None:
    for key, form, example in (("id", ID, "NS-LEK-001"), ("name", NAME, "leaked-secret"), ("since", VERSION, "1.2.0")):
        if not form.fullmatch(str(data[key])):
            what = "version" if key == "since" else f"rule {key}"
            r.wrong((key,), f"`{data[key]}` is no {what}", f"write it like {example}")
    labels: list[tuple[Where, Any]] = [(("aliases", n), alias) for n, alias in enumerate(data.get("aliases", ()))]
    if "replaced_by" in data:
        labels.append((("replaced_by",), data["replaced_by"]))
    for where, label in labels:
        if not (ID.fullmatch(str(label)) or NAME.fullmatch(str(label))):
            r.wrong(where, f"`{label}` is no rule id or name", "write it like NS-LEK-001 or leaked-secret")


def _read(r: Fields, key: str, value: object) -> Any:  # noqa: ANN401 - one of the Rule fields
    return _READERS.get(key, Fields.text)(r, (key,), value)


def _needs(r: Fields, where: Where, value: object) -> tuple[str, ...]:
    names = r.tables(where, value)
    if not names and isinstance(value, list):
        r.wrong(where, f"`{where[-1]}` is empty", "list the tables the rule reads")
    return names


def _maps(r: Fields, where: Where, value: object) -> dict[str, dict[str, str]]:
    maps: dict[str, dict[str, str]] = {}
    for framework, items in r.mapping(where, value).items():
        at = (*where, framework)
        if isinstance(items, list):
            maps[framework] = dict.fromkeys(r.texts(at, items), "direct")
        else:
            maps[framework] = {k: r.choice((*at, k), v, LEVELS) for k, v in r.mapping(at, items).items()}
    return maps


def _params(r: Fields, where: Where, value: object) -> dict[str, Param]:
    params: dict[str, Param] = {}
    for name, body in r.mapping(where, value).items():
        at = (*where, name)
        given = r.mapping(at, body)
        r.keys(at, given, ("default", "min", "max", "source"))
        default = given.get("default")
        if isinstance(default, list | dict) or default is None:
            r.wrong((*at, "default"), f"parameter `{name}` has no default", "give it a number or a text")
            continue
        if not given.get("source"):
            r.wrong(at, f"parameter `{name}` names no source", "say where the number comes from: `source: …`")
            continue
        low, high = (_bound(r, (*at, key), given.get(key)) for key in ("min", "max"))
        params[name] = Param(name, default, r.text((*at, "source"), given["source"]), low, high)
        outside = "" if isinstance(default, str) else out_of_bounds(params[name], default)
        if outside:
            r.wrong((*at, "default"), f"the default of `{name}` {outside}", "correct the default or the bound")
    return params


def _bound(r: Fields, where: Where, value: object) -> int | float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    r.wrong(where, f"`{where[-1]}` is not a number", "write a number")
    return None


def out_of_bounds(param: Param, value: float) -> str:
    """What is wrong with a value of a parameter, empty when nothing is."""
    if param.min is not None and value < param.min:
        return f"is below {param.min}"
    if param.max is not None and value > param.max:
        return f"is above {param.max}"
    return ""


def _when(allowed: tuple[str, ...]) -> Callable[[Fields, Where, object], dict[str, str]]:
    def reader(r: Fields, where: Where, value: object) -> dict[str, str]:
        found = r.mapping(where, value)
        for key in found:
            r.choice((*where, key), key, allowed)
        return {key: _sql(r, (*where, key), item) for key, item in found.items()}

    return reader


def _sql(r: Fields, where: Where, value: object) -> str:
    # `fails_when: true` is YAML's boolean and SQL's literal alike.
    return str(value).upper() if isinstance(value, bool) else r.text(where, value)


def _fix(r: Fields, where: Where, value: object) -> dict[str, str]:
    if isinstance(value, str):
        return {"default": r.text(where, value)}
    found = {key: r.text((*where, key), item) for key, item in r.mapping(where, value).items()}
    if "default" not in found:
        r.wrong(where, "`fix` has no `default`", "add `default:` for every other provider")
    return found


def _unknown(r: Fields, where: Where, value: object) -> Unknown:
    found = r.mapping(where, value)
    r.keys(where, found, ("reason", "remedy"))
    reason, remedy = (r.text((*where, key), found.get(key)) for key in ("reason", "remedy"))
    return Unknown(reason, remedy)


def _measured(r: Fields, where: Where, value: object) -> Measured:
    found = r.mapping(where, value)
    r.keys(where, found, ("findings", "true", "on"))
    on, numbers = r.text((*where, "on"), found.get("on")), []
    for key in ("findings", "true"):
        number = found.get(key)
        if not isinstance(number, int) or isinstance(number, bool) or number < (key == "findings"):
            r.wrong((*where, key), f"`{key}` is not a number of findings", "count what was gone through by hand")
            number = 1
        numbers.append(number)
    if numbers[1] > numbers[0]:
        r.wrong((*where, "true"), "more findings are true than there are", "correct the numbers")
    return Measured(numbers[0], numbers[1], on)


def _allowed(r: Fields, where: Where, value: object) -> dict[str, str]:
    if not isinstance(value, list):
        r.wrong(where, "`mutants_allowed` is not a list", "write `- {mutation: …, reason: …}`")
        return {}
    found: dict[str, str] = {}
    for n, item in enumerate(value):
        body = r.mapping((*where, n), item)
        r.keys((*where, n), body, ("mutation", "reason"))
        mutation, reason = (r.text((*where, n, key), body.get(key)) for key in ("mutation", "reason"))
        found[mutation] = reason
    return found


def _tests(r: Fields, where: Where, value: object) -> tuple[RuleTest, ...]:
    if not isinstance(value, list):
        r.wrong(where, "`tests` is not a list", "write `- {name: …, given: …, expect: …}`")
        return ()
    return tuple(_test(r, (*where, n), item) for n, item in enumerate(value))


def _test(r: Fields, where: Where, value: object) -> RuleTest:
    body = r.mapping(where, value)
    r.keys(where, body, TEST_KEYS)
    optional: dict[str, Any] = {
        key: r.text((*where, key), body[key]) for key in ("as_of", "subject", "message", "severity") if key in body
    }
    if "confidence" in body:
        optional["confidence"] = r.choice((*where, "confidence"), body["confidence"], tuple(Confidence))
    return RuleTest(
        name=r.text((*where, "name"), body.get("name")),
        given=_given(r, (*where, "given"), body.get("given")),
        expect=r.choice((*where, "expect"), body.get("expect"), EXPECTATIONS),
        params=r.mapping((*where, "params"), body.get("params", {})),
        line=r.document.line(*where),
        **optional,
    )


def _given(r: Fields, where: Where, value: object) -> dict[str, tuple[dict[str, object], ...]]:
    from nhiscan.model import columns

    given: dict[str, tuple[dict[str, object], ...]] = {}
    for table, rows in r.mapping(where, value).items():
        at = (*where, table)
        if table not in RECORDS:
            r.wrong(at, f"`{table}` is no table", f"use one of: {', '.join(RECORDS)}")
        elif not isinstance(rows, list):
            r.wrong(at, f"the rows of `{table}` are not a list", "write `- {column: value}`")
        else:
            given[table] = tuple(r.mapping((*at, n), row) for n, row in enumerate(rows))
            for n, row in enumerate(given[table]):
                r.keys((*at, n), row, columns(RECORDS[table]))
    return given


_READERS: Mapping[str, Callable[[Fields, Where, object], Any]] = {
    "severity": lambda r, w, v: Severity(r.choice(w, v, tuple(Severity))),
    "confidence": lambda r, w, v: Confidence(r.choice(w, v, tuple(Confidence))),
    "status": lambda r, w, v: r.choice(w, v, STATUSES),
    "family": lambda r, w, v: r.choice(w, v, FAMILIES),
    "subject": lambda r, w, v: r.choice(w, v, tuple(RECORDS)),
    "needs": _needs,
    "absence": Fields.tables,
    "maps": _maps,
    "cwe": Fields.texts,
    "params": _params,
    "fails_when": _sql,
    "applies_when": _sql,
    "severity_when": _when(tuple(Severity)),
    "confidence_when": _when(tuple(Confidence)),
    "fix": _fix,
    "unknown": _unknown,
    "false_positives": Fields.texts,
    "not_assessable_when": Fields.texts,
    "references": Fields.texts,
    "tests": _tests,
    "mutants_allowed": _allowed,
    "aliases": Fields.texts,
    "measured": _measured,
}
