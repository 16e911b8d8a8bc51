"""An audit from targets to a result."""

from __future__ import annotations

import dataclasses
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan import __version__
from nhiscan.api.evidence import Evidence, load_report
from nhiscan.api.gather import Gathered, Progress, gather
from nhiscan.api.policy import Policy, load_policy
from nhiscan.config import Context, declared_records
from nhiscan.config.context import matches
from nhiscan.model import (
    COLLECTED,
    Consumer,
    Credential,
    Declared,
    FindingRecord,
    Gap,
    Identity,
    Record,
    Scope,
)
from nhiscan.store.inventory import Inventory
from nhiscan.triage.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.api.options import Options
    from nhiscan.config import Config
    from nhiscan.engine.rule import RuleSet
    from nhiscan.triage.ingest.load import Report
    from nhiscan.triage.result import Finding, Notice

INLINE = "inline_ignore"
_NAMED: tuple[type[Record], ...] = (Scope, Identity, Credential, Consumer)


@dataclass(frozen=True, slots=True)
class _Judging:
    """All rules there are, the chosen ones, their configured thresholds by rule id, and what other tools report."""

    known: RuleSet
    rules: RuleSet
    params: dict[str, dict[str, object]]
    reports: tuple[Report, ...] = ()


def audit(
    policy: Policy,
    on_progress: Callable[[Progress], None] = lambda _: None,
    look: Callable[[Inventory, Result], None] = lambda _, __: None,
) -> Result:
    """Collect, join, judge and triage; `look` may read the locked inventory before it is thrown away.

    Raises RuleFileError, ConfigError, BaselineError, IngestError, StoreError, KeyFileError and PluginError for what the
    user can mend; a target or a rule that fails is part of the result.
    """
    options = policy.options
    known, rules, notices = _rules(options, policy)
    params = _params(known, policy.config)
    reports = tuple(map(load_report, options.ingest))
    with gather(options, on_progress) as gathered, open_inventory(gathered, policy) as inventory:
        result = _judge(inventory, policy, _Judging(known, rules, params, reports), gathered, notices)
        look(inventory, result)
        _finish(gathered, result, options)
        return result


@contextmanager
def open_run(
    options: Options, on_progress: Callable[[Progress], None] = lambda _: None
) -> Iterator[tuple[Gathered, Inventory]]:
    """What there is, without judging it; the findings of saved runs are in their table."""
    policy = load_policy(options)
    with (
        gather(policy.options, on_progress) as gathered,
        open_inventory(gathered, policy, findings=True) as inventory,
    ):
        yield gathered, inventory


@contextmanager
def open_inventory(gathered: Gathered, policy: Policy, *, findings: bool = False) -> Iterator[Inventory]:
    """The joined and analysed inventory of what was gathered, locked for reading.

    With `findings` it is meant for a reader: the findings of saved runs are in it, keyed digests are not.
    """
    from nhiscan import analysis

    with Inventory.memory() as inventory:
        inventory.ingest((*gathered.units, *(gathered.findings if findings else ())))
        inventory.add(gathered.gaps)
        _inline_of_policy(inventory, policy)
        _declare(inventory, policy)
        analysis.run(inventory, policy.options.as_of, gathered.read)
        if findings:
            inventory.hide_fingerprints()
        inventory.lock()
        yield inventory


def gaps_of(gathered: Gathered) -> list[Gap]:
    """What the collectors could not see, before any analysis."""
    with Inventory.memory() as inventory:
        inventory.ingest(gathered.units)
        return inventory.rows(Gap)


def _rules(options: Options, policy: Policy) -> tuple[RuleSet, RuleSet, tuple[Notice, ...]]:
    """All rules there are, the ones that shall run, and what is to be said about the labels that chose them."""
    from nhiscan.engine.frameworks import load_frameworks
    from nhiscan.engine.rule import load, shipped_rules_dir
    from nhiscan.engine.selection import select
    from nhiscan.triage.result import Notice

    config, shipped = policy.config, shipped_rules_dir()
    rules = load([shipped, *options.rules], cases=False)
    frameworks = load_frameworks(shipped / "frameworks")
    chosen, warnings = select(rules, options.select or config.select, (*options.ignore, *config.ignore), frameworks)
    return rules, chosen, tuple(Notice("label", warning) for warning in warnings)


def _params(rules: RuleSet, config: Config) -> dict[str, dict[str, object]]:
    """The configured thresholds by rule id.  Raises ConfigError for what does not fit."""
    from nhiscan.engine.shape import out_of_bounds

    found: dict[str, dict[str, object]] = {}
    for label, values in config.params.items():
        rule = rules.get(label)
        if rule is None:
            raise config.error(label, f"there is no rule {label}", "see `nhiscan rules list`")
        for name, value in values.items():
            param = rule.params.get(name)
            if param is None:
                known = ", ".join(rule.params) or "none"
                raise config.error(label, f"{rule.id} has no parameter {name}", f"it has: {known}")
            if isinstance(param.default, int | float) and not isinstance(value, int | float):
                raise config.error(label, f"{name} of {rule.id} must be a number", f"write {name}: {param.default}")
            wrong = out_of_bounds(param, value) if isinstance(value, int | float) else ""
            if wrong:
                raise config.error(label, f"{name} of {rule.id} {wrong}", f"the default is {param.default}")
            found.setdefault(rule.id, {})[name] = value
    return found


def _declare(inventory: Inventory, policy: Policy) -> None:
    context = policy.config.context
    if context == Context():
        return
    named = [(r.id, getattr(r, "name", None)) for kind in _NAMED for r in inventory.rows(kind)]
    inventory.add(declared_records(context, named))
    for kind in _NAMED if context.environments else ():
        inventory.replace(kind, [_with_environment(record, policy) for record in inventory.rows(kind)])


def _inline_of_policy(inventory: Inventory, policy: Policy) -> None:
    """With a policy ref, inline ignores that the ref does not have are forgotten."""
    rows = inventory.rows(Declared)
    kept = [row for row in rows if row.kind != INLINE or policy.inline_allowed(*_place(row.value))]
    if len(kept) < len(rows):
        inventory.replace(Declared, kept)


def _place(value: str) -> tuple[str, int]:
    uri, _, line = value.rpartition(":")
    return uri, int(line)


def _with_environment(record: Record, policy: Policy) -> Record:
    if getattr(record, "environment", None) is None:
        for rule in policy.config.context.environments:
            if matches(rule.match, record.id, getattr(record, "name", None)):
                return dataclasses.replace(record, environment=rule.value)  # type: ignore[call-arg]  # all _NAMED have it
    return record


def _judge(
    inventory: Inventory,
    policy: Policy,
    judging: _Judging,
    gathered: Gathered,
    notices: tuple[Notice, ...],
) -> Result:
    from nhiscan.engine.evaluate import evaluate
    from nhiscan.triage.assemble import triage

    options = policy.options
    evaluation = evaluate(inventory, judging.rules, options.as_of, judging.params)
    evidence = Evidence(inventory, judging.reports, gathered.targets)
    findings, said = triage(
        inventory,
        evaluation,
        judging.rules,
        policy.baseline,
        policy.config.suppressions,
        options.as_of,
        all_rules=judging.known,
        attach=evidence,
    )
    return Result(
        version=__version__,
        as_of=options.as_of,
        targets=gathered.targets,
        findings=findings,
        coverage=evaluation.coverage,
        gaps=tuple(inventory.rows(Gap)),
        rules=tuple(judging.rules),
        errors=evaluation.errors,
        notices=(*policy.notices, *notices, *gathered.notices, *said, *evidence.laid.notices),
        counts=_counts(inventory),
        scopes={s.id: s.name for s in inventory.rows(Scope)},
        redact=options.redact,
        calls=_calls(gathered),
        crashes=gathered.crashes,
        ingested=evidence.laid.reports,
        unmatched=evidence.laid.unmatched,
    )


def _calls(gathered: Gathered) -> dict[str, int]:
    total = Counter(gathered.calls)
    for manifest in gathered.manifests:
        total.update(manifest.calls)
    return dict(total.most_common())


def _counts(inventory: Inventory) -> dict[str, int]:
    query = " UNION ALL ".join(f"SELECT '{r.table}' AS t, count(*) AS n FROM \"{r.table}\"" for r in COLLECTED)  # noqa: S608
    return {str(row["t"]): int(str(row["n"])) for row in inventory.sql(query)}


def _finish(gathered: Gathered, result: Result, options: Options) -> None:
    if options.save is None:
        return
    failed = tuple((t.text, t.error or "", t.remedy or "") for t in result.targets if t.failed)
    info = dataclasses.replace(gathered.spool.info, complete=True, failed=failed)
    gathered.spool.finish(info, map(_record, result.findings))


def _record(finding: Finding) -> FindingRecord:
    return FindingRecord(
        id=finding.id,
        scope_id=finding.subject.scope_id,
        source="audit",
        rule_id=finding.rule.id,
        severity=finding.severity,
        confidence=finding.confidence,
        subject_table=finding.subject.table,
        subject_id=finding.subject.id,
        message=finding.message,
        state=finding.state,
        folded_into=finding.folded_into,
    )
