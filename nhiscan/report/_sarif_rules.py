"""The fixed half of a SARIF run: rules with help, and the OWASP lists they belong to as taxonomies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.pages import page_address, rule_page
from nhiscan.model import Confidence, Severity
from nhiscan.report._plain import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.frameworks import Framework
    from nhiscan.engine.rule import Rule
    from nhiscan.triage.result import Finding

Object = dict[str, object]

# Within GitHub's bands: critical over 9.0, high from 7.0, medium from 4.0, low from 0.1
# (docs.github.com: SARIF support for code scanning, `security-severity`).
SCORES: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.0",
}
LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_PRECISION: Mapping[Confidence, str] = {
    Confidence.HIGH: "high",
    Confidence.MEDIUM: "medium",
    Confidence.LOW: "low",
}
# Hard limits of GitHub code scanning: 25,000 rules per run, 20 tags per rule.
MAX_RULES = 25_000
MAX_TAGS = 20
_ORDER = list(Severity)


def rules(result_rules: Sequence[Rule], entries: Iterable[Finding], taxonomies: Sequence[Framework]) -> list[Object]:
    """One reportingDescriptor per rule.

    GitHub reads a score only here, so a rule has the worst severity that it has in this run.
    """
    worst = {rule.id: rule.severity for rule in result_rules}
    for entry in entries:
        held = worst.get(entry.rule.id, entry.severity)
        worst[entry.rule.id] = min(held, entry.severity, key=_ORDER.index)
    return [_rule(rule, worst[rule.id], taxonomies) for rule in result_rules[:MAX_RULES]]


def _rule(rule: Rule, severity: Severity, taxonomies: Sequence[Framework]) -> Object:
    described: Object = {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": clean(rule.title)},
        "fullDescription": {"text": clean(rule.why)[:1000]},
        "help": {"text": _help(rule), "markdown": rule_page(rule)},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {
            "tags": tags(rule),
            "precision": _PRECISION[rule.confidence],
            "problem.severity": {"note": "recommendation"}.get(LEVELS[severity], LEVELS[severity]),
            "security-severity": SCORES[severity],
        },
    }
    address = page_address(rule)
    if address is not None:
        described["helpUri"] = address
    relations = list(_relations(rule, taxonomies))
    if relations:
        described["relationships"] = relations
    return described


def tags(rule: Rule) -> list[str]:
    """At most 20 tags, the most telling first: OWASP items, weaknesses, then other frameworks."""
    owasp = [item for name, items in sorted(rule.maps.items()) if _is_owasp(name) for item in items]
    weaknesses = [f"external/cwe/{cwe.lower()}" for cwe in rule.cwe]
    others = [
        f"{name}/{item.replace(' ', '-')}"
        for name, items in sorted(rule.maps.items())
        if not _is_owasp(name)
        for item in sorted(items)
    ]
    return list(dict.fromkeys(["security", rule.family, *owasp, *weaknesses, *others]))[:MAX_TAGS]


def _is_owasp(framework: str) -> bool:
    return framework.startswith("owasp-")


def _help(rule: Rule) -> str:
    """The help of viewers without Markdown."""
    return f"{rule.title}.\n\n{rule.why.strip()}\n\nFix: {rule.fix['default'].strip()}"


def _relations(rule: Rule, taxonomies: Sequence[Framework]) -> Iterable[Object]:
    for index, framework in enumerate(taxonomies):
        positions = {item: n for n, item in enumerate(framework.items)}
        for item, level in sorted(rule.maps.get(framework.id, {}).items()):
            if item in positions:
                component = {"name": framework.id, "index": index}
                yield {
                    "target": {"id": item, "index": positions[item], "toolComponent": component},
                    # `subset`: the rule is one way in which the entry shows; anything weaker only bears on it.
                    "kinds": ["subset" if level == "direct" else "relevant"],
                }


def cited(result_rules: Iterable[Rule]) -> list[Framework]:
    """The OWASP lists that the rules cite, with titles; none where the framework files cannot be read."""
    from nhiscan.engine.frameworks import load_frameworks
    from nhiscan.engine.rule import RuleFileError, shipped_rules_dir

    names = {name for rule in result_rules for name in rule.maps if _is_owasp(name)}
    try:
        known = load_frameworks(shipped_rules_dir() / "frameworks")
    except (RuleFileError, OSError):
        return []
    return [f for f in known if f.id in names]


def taxonomies(frameworks: Iterable[Framework]) -> list[Object]:
    """One toolComponent per list, with every item of it."""
    return [
        {
            "name": f.id,
            "fullName": f.title,
            "version": f.edition,
            "organization": "OWASP",
            "shortDescription": {"text": f.title},
            "informationUri": f.url,
            "isComprehensive": True,
            "taxa": [
                {"id": item, "name": item, "shortDescription": {"text": title}} for item, title in f.items.items()
            ],
        }
        for f in frameworks
    ]
