"""From a rule file's mapping to a Rule: keys, types and closed vocabularies, every problem with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nhiscan.engine.rule import Param, Rule, RuleTest, Unknown
from nhiscan.engine.yamlfile import Problem
from nhiscan.model import RECORDS, Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nhiscan.engine.yamlfile import Document

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
)  # fmt: skip
TEST_KEYS = ("name", "given", "expect", "as_of", "params", "subject", "message", "severity", "confidence")
ID = re.compile(r"[A-Z]{2,8}-[A-Z]{3}-[0-9]{3}")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

Where = tuple[str | int, ...]


class _Reader:
    """Reads values out of a document and remembers what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def wrong(self, where: Where, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.document.path, self.document.line(*where), message, remedy))

    def keys(self, where: Where, data: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        for key in data:
            if key not in allowed:
                self.wrong((*where, key), f"the key `{key}` is unknown here", f"use one of: {', '.join(allowed)}")

    def text(self, where: Where, value: object) -> str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(where, f"`{where[-1]}` is not a text", "write a text, in quotes if it looks like a number")
        return ""

    def texts(self, where: Where, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.wrong(where, f"`{where[-1]}` is not a list", "write a list of texts")
            return ()
        return tuple(self.text((*where, n), item) for n, item in enumerate(value))

    def choice(self, where: Where, value: object, allowed: tuple[str, ...]) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong(where, f"`{value}` is no value of `{where[-1]}`", f"use one of: {', '.join(allowed)}")
        return allowed[0]

    def mapping(self, where: Where, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(where, f"`{where[-1]}` is not a mapping", "write `key: value` lines below it")
        return {}

    def tables(self, where: Where, value: object) -> tuple[str, ...]:
        names = self.texts(where, value)
        for n, name in enumerate(names):
            if name and name not in RECORDS:
                self.wrong((*where, n), f"`{name}` is no table", f"use one of: {', '.join(RECORDS)}")
        return names


def build(document: Document, *, shipped: bool = False, cases: bool = True) -> tuple[Rule | None, list[Problem]]:
    """The rule, or None with every problem of its shape; without `cases` its tests may be missing."""
    r, data = _Reader(document), document.data
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


def _label(r: _Reader, data: Mapping[str, Any]) -> None:
    for key, form, example in (("id", ID, "NS-LEK-001"), ("name", NAME, "leaked-secret")):
        if not form.fullmatch(str(data[key])):
            r.wrong((key,), f"`{data[key]}` is no rule {key}", f"write it like {example}")


def _read(r: _Reader, key: str, value: object) -> Any:  # noqa: ANN401 - one of the Rule fields
    return _READERS.get(key, _Reader.text)(r, (key,), value)


def _needs(r: _Reader, where: Where, value: object) -> tuple[str, ...]:
    names = r.tables(where, value)
    if not names and isinstance(value, list):
        r.wrong(where, f"`{where[-1]}` is empty", "list the tables the rule reads")
    return names


def _maps(r: _Reader, where: Where, value: object) -> dict[str, dict[str, str]]:
    maps: dict[str, dict[str, str]] = {}
    for framework, items in r.mapping(where, value).items():
        at = (*where, framework)
        if isinstance(items, list):
            maps[framework] = dict.fromkeys(r.texts(at, items), "direct")
        else:
            maps[framework] = {k: r.choice((*at, k), v, LEVELS) for k, v in r.mapping(at, items).items()}
    return maps


def _params(r: _Reader, where: Where, value: object) -> dict[str, Param]:
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


def _bound(r: _Reader, where: Where, value: object) -> int | float | None:
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


def _when(allowed: tuple[str, ...]) -> Callable[[_Reader, Where, object], dict[str, str]]:
    def reader(r: _Reader, where: Where, value: object) -> dict[str, str]:
        found = r.mapping(where, value)
        for key in found:
            r.choice((*where, key), key, allowed)
        return {key: _sql(r, (*where, key), item) for key, item in found.items()}

    return reader


def _sql(r: _Reader, where: Where, value: object) -> str:
    # `fails_when: true` is YAML's boolean and SQL's literal alike.
    return str(value).upper() if isinstance(value, bool) else r.text(where, value)


def _fix(r: _Reader, where: Where, value: object) -> dict[str, str]:
    if isinstance(value, str):
        return {"default": r.text(where, value)}
    found = {key: r.text((*where, key), item) for key, item in r.mapping(where, value).items()}
    if "default" not in found:
        r.wrong(where, "`fix` has no `default`", "add `default:` for every other provider")
    return found


def _unknown(r: _Reader, where: Where, value: object) -> Unknown:
    found = r.mapping(where, value)
    r.keys(where, found, ("reason", "remedy"))
    reason, remedy = (r.text((*where, key), found.get(key)) for key in ("reason", "remedy"))
    return Unknown(reason, remedy)


def _allowed(r: _Reader, where: Where, value: object) -> dict[str, str]:
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


def _tests(r: _Reader, where: Where, value: object) -> tuple[RuleTest, ...]:
    if not isinstance(value, list):
        r.wrong(where, "`tests` is not a list", "write `- {name: …, given: …, expect: …}`")
        return ()
    return tuple(_test(r, (*where, n), item) for n, item in enumerate(value))


def _test(r: _Reader, where: Where, value: object) -> RuleTest:
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


def _given(r: _Reader, where: Where, value: object) -> dict[str, tuple[dict[str, object], ...]]:
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


_READERS: Mapping[str, Callable[[_Reader, Where, object], Any]] = {
    "severity": lambda r, w, v: Severity(r.choice(w, v, tuple(Severity))),
    "confidence": lambda r, w, v: Confidence(r.choice(w, v, tuple(Confidence))),
    "status": lambda r, w, v: r.choice(w, v, STATUSES),
    "family": lambda r, w, v: r.choice(w, v, FAMILIES),
    "subject": lambda r, w, v: r.choice(w, v, tuple(RECORDS)),
    "needs": _needs,
    "absence": _Reader.tables,
    "maps": _maps,
    "cwe": _Reader.texts,
    "params": _params,
    "fails_when": _sql,
    "applies_when": _sql,
    "severity_when": _when(tuple(Severity)),
    "confidence_when": _when(tuple(Confidence)),
    "fix": _fix,
    "unknown": _unknown,
    "false_positives": _Reader.texts,
    "not_assessable_when": _Reader.texts,
    "references": _Reader.texts,
    "tests": _tests,
    "mutants_allowed": _allowed,
}
