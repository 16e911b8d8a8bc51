"""The page of one rule: the same headings for every rule, in the terminal, in docs/rules and in SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.engine.rule import Param, Rule, RuleTest

SHOWN_CASES = ("fail", "pass", "not_assessed")
_VERDICTS = {"fail": "Fails", "pass": "Passes", "not_assessed": "Is not assessed"}
_NAMES = {
    "aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "github": "GitHub", "gitlab": "GitLab",
    "kubernetes": "Kubernetes", "npm": "npm", "pypi": "PyPI", "vault": "Vault", "client": "in an agent's file",
    "bitbucket": "Bitbucket", "pulumi": "Pulumi", "docker_compose": "Docker Compose", "supabase": "Supabase",
}  # fmt: skip


def rule_page(rule: Rule) -> str:
    """One rule in Markdown.  The examples are left out where the rule was loaded without its cases."""
    parts = [f"# {rule.id} {rule.name}", f"**{rule.title}.**", _head(rule)]
    for heading, body in _sections(rule):
        parts += [f"## {heading}", body]
    return "\n\n".join(parts) + "\n"


def page_address(rule: Rule) -> str | None:
    """Where a reader finds more: the page of a shipped rule at the project's documentation, else its first reference.

    The address of the documentation is the `Documentation` entry of the installed package.
    """
    home = _home() if rule.shipped else None
    if home is not None:
        return f"{home}/rules/{rule.id}.md"
    return next((r for r in rule.references if r.startswith("https://")), None)


def _home() -> str | None:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        entries = metadata("nhiscan").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    found = (entry.partition(", ") for entry in entries)
    return next((url.rstrip("/") for name, _, url in found if name.casefold() == "documentation"), None)


def _head(rule: Rule) -> str:
    return (
        f"severity {rule.severity} · confidence {rule.confidence} · {rule.status} since {rule.since} · "
        f"about: {rule.subject} · family: {rule.family.replace('_', ' ')}"
    )


def _sections(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "What it finds", _finds(rule)
    yield "Why it matters", rule.why
    yield "How to fix it", _fix(rule.fix)
    yield "False positives", bullets(rule.false_positives) or "None are known."
    yield "What it cannot see", bullets(_not_assessed(rule))
    yield "Parameters", bullets(map(_param, rule.params.values())) or "It has none."
    yield "Frameworks", bullets(_frameworks(rule)) or "It maps to none."
    yield "Precision", _precision(rule)
    yield "Status", _status(rule)
    if rule.tests:
        yield "Examples", "\n\n".join(map(_example, _chosen(rule)))
    yield "References", bullets(rule.references) or "None."


def _finds(rule: Rule) -> str:
    lines = [f"-- applies when\n{rule.applies_when}"] if rule.applies_when else []
    lines.append(f"-- fails when\n{rule.fails_when}")
    lines += [f"-- is {value} when\n{sql}" for value, sql in rule.severity_when.items()]
    lines += [f"-- is of {value} confidence when\n{sql}" for value, sql in rule.confidence_when.items()]
    rows = f"the rows of `{rule.from_}`" if rule.from_ else "the rows of its own query"
    conditions = "\n".join(lines)
    return f"A finding says: {rule.message}\n\nOver {rows}:\n\n```sql\n{conditions}\n```"


def _fix(fix: Mapping[str, str]) -> str:
    special = bullets(f"{_NAMES.get(name, name)}: {text}" for name, text in fix.items() if name != "default")
    return f"{fix['default']}\n\n{special}" if special else fix["default"]


def _not_assessed(rule: Rule) -> Iterator[str]:
    yield from rule.not_assessable_when
    if rule.unknown is not None:
        yield f"{rule.unknown.reason}: {rule.unknown.remedy}"
    yield f"a gap hides one of: {', '.join(rule.needs)}"


def _param(param: Param) -> str:
    bounds = [f"at least {param.min}"] * (param.min is not None) + [f"at most {param.max}"] * (param.max is not None)
    return f"`{param.name}` = {param.default}{''.join(f', {b}' for b in bounds)} (source: {param.source})"


def _frameworks(rule: Rule) -> Iterator[str]:
    for framework, items in rule.maps.items():
        cited = ", ".join(i if level == "direct" else f"{i} ({level.replace('_', ' ')})" for i, level in items.items())
        yield f"{framework}: {cited}"
    if rule.cwe:
        yield f"cwe: {', '.join(rule.cwe)}"


def _precision(rule: Rule) -> str:
    measured = rule.measured
    if measured is None:
        return "Not measured yet."
    share = f"{100 * measured.precision:.0f} %"
    return (
        f"{measured.true} of {measured.findings} findings were right ({share}), gone through by hand on {measured.on}."
    )


def _status(rule: Rule) -> str:
    meaning = {
        "preview": "its verdicts may still change in a minor version",
        "stable": "its verdicts stay the same within a major version",
        "deprecated": "it still runs, and goes with the next major version",
    }[rule.status]
    parts = [f"{rule.status.capitalize()} since {rule.since}: {meaning}."]
    if rule.replaced_by is not None:
        parts.append(f"Use {rule.replaced_by} instead.")
    if rule.aliases:
        parts.append(f"Suppressions, baselines and --select also know it as {', '.join(rule.aliases)}.")
    return " ".join(parts)


def _chosen(rule: Rule) -> Iterator[RuleTest]:
    """The shortest case of each verdict, which is the plainest."""
    for verdict in SHOWN_CASES:
        cases = [case for case in rule.tests if case.expect == verdict]
        if cases:
            yield min(cases, key=lambda case: (len(repr(case.given)), case.line))


def _example(case: RuleTest) -> str:
    import yaml

    given = {table: [dict(row) for row in rows] for table, rows in case.given.items()}
    loader = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    rows = yaml.dump(given, Dumper=loader, default_flow_style=None, width=100, allow_unicode=True, sort_keys=False)
    said = f"\n\nIt says: {case.message}" if case.message else ""
    return f"{_VERDICTS[case.expect]}: {case.name}.\n\n```yaml\n{rows.rstrip()}\n```{said}"


def bullets(items: Iterable[str]) -> str:
    """The items as a list, empty without any."""
    return "\n".join(f"- {item}" for item in items)
