"""An audit from targets to a result."""

from __future__ import annotations

import dataclasses
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nhiscan import __version__
from nhiscan.api.choice import Choice, choose, scorecards
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
from nhiscan.store import analysed
from nhiscan.store.analysed import WINDOW, Read, Undecided
from nhiscan.store.inventory import Inventory
from nhiscan.store.parquet import write_parquet
from nhiscan.triage.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nhiscan.api.options import Options
    from nhiscan.engine.verdict import NotAssessed
    from nhiscan.triage.ingest.load import Report
    from nhiscan.triage.result import Finding

INLINE = "inline_ignore"
_NAMED: tuple[type[Record], ...] = (Scope, Identity, Credential, Consumer)


def audit(
    policy: Policy,
    on_progress: Callable[[Progress], None] = lambda _: None,
    look: Callable[[Inventory, Result], None] = lambda _, __: None,
) -> Result:
    """Collect, join, judge and triage; `look` may read the locked inventory before it is thrown away.

    Raises RuleFileError, SelectionError, ProfileError, ConfigError, BaselineError, IngestError, StoreError,
    KeyFileError and PluginError for what the user can mend; a target or a rule that fails is part of the result.
    """
    options = policy.options
    choice = choose(policy)
    reports = tuple(map(load_report, options.ingest))
    with gather(options, on_progress) as gathered, open_inventory(gathered, policy, keep=options.save) as inventory:
        result = _judge(inventory, policy, choice, gathered, reports)
        look(inventory, result)
        _finish(gathered, result, options)
        return result


@contextmanager
def open_run(
    options: Options, on_progress: Callable[[Progress], None] = lambda _: None, tables: Path | None = None
) -> Iterator[tuple[Gathered, Inventory]]:
    """What there is, without judging it; the findings of saved runs are in their table.

    `tables` is a directory to which every table is written as Parquet.
    """
    policy = load_policy(options)
    with (
        gather(policy.options, on_progress) as gathered,
        open_inventory(gathered, policy, findings=True, tables=tables) as inventory,
    ):
        yield gathered, inventory


@contextmanager
def open_inventory(
    gathered: Gathered, policy: Policy, *, findings: bool = False, keep: Path | None = None, tables: Path | None = None
) -> Iterator[Inventory]:
    """The joined and analysed inventory of what was gathered, locked for reading.

    With `findings` it is meant for a reader: the findings of saved runs are in it, keyed digests are not.  `keep` is
    the directory of a run in which the analysed tables are kept, so that it can be compared with another; `tables`
    one for all of them, as the reader sees them.
    """
    from nhiscan import analysis

    with Inventory.memory() as inventory:
        inventory.ingest((*gathered.units, *(gathered.findings if findings else ())))
        inventory.add(gathered.gaps)
        _inline_of_policy(inventory, policy)
        _declare(inventory, policy)
        analysis.run(inventory, policy.options.as_of, gathered.read)
        if keep is not None:
            analysed.keep(inventory, keep, _units(gathered, policy.options))
        if findings:
            inventory.hide_fingerprints()
        if tables is not None:
            write_parquet(inventory, tables)
        inventory.lock()
        yield inventory


def _units(gathered: Gathered, options: Options) -> Iterator[Read]:
    """What was read, in this run and in the saved ones that it joins."""
    for path in gathered.units:
        unit = gathered.spool.manifest(path)
        if unit is not None:
            part = (options.since or options.staged) and path.is_relative_to(gathered.spool.directory)
            yield Read(unit.id, unit.collector, unit.scope_id, WINDOW if part else unit.status)


def gaps_of(gathered: Gathered) -> list[Gap]:
    """What the collectors could not see, before any analysis."""
    with Inventory.memory() as inventory:
        inventory.ingest(gathered.units)
        return inventory.rows(Gap)


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
    choice: Choice,
    gathered: Gathered,
    reports: tuple[Report, ...],
) -> Result:
    from nhiscan.engine.evaluate import evaluate
    from nhiscan.engine.scorecard import families, judged
    from nhiscan.triage.assemble import triage

    options = policy.options
    evaluation = evaluate(inventory, choice.rules, options.as_of, choice.params)
    evidence = Evidence(inventory, reports, gathered.targets)
    findings, said = triage(
        inventory,
        evaluation,
        choice.rules,
        policy.baseline,
        policy.config.suppressions,
        options.as_of,
        all_rules=choice.known,
        attach=evidence,
        frameworks=choice.frameworks,
    )
    gaps, sizes = inventory.rows(Gap), inventory.sizes()
    return Result(
        version=__version__,
        as_of=options.as_of,
        targets=gathered.targets,
        findings=findings,
        coverage=evaluation.coverage,
        gaps=tuple(gaps),
        rules=tuple(choice.rules),
        errors=evaluation.errors,
        notices=(*policy.notices, *choice.notices, *gathered.notices, *said, *evidence.laid.notices),
        counts={record.table: sizes[record.table] for record in COLLECTED},
        scopes={s.id: s.name for s in inventory.rows(Scope)},
        redact=options.redact,
        calls=_calls(gathered),
        crashes=gathered.crashes,
        ingested=evidence.laid.reports,
        unmatched=evidence.laid.unmatched,
        # Only a scorecard says how many subjects fail; millions of verdicts are not read again without one.
        families=families(choice.rules, judged(evaluation.coverage, evaluation.verdicts if choice.wanted else ())),
        scorecards=scorecards(inventory, choice, evaluation, gaps, options.as_of),
    )


def _calls(gathered: Gathered) -> dict[str, int]:
    total = Counter(gathered.calls)
    for manifest in gathered.manifests:
        total.update(manifest.calls)
    return dict(total.most_common())


def _finish(gathered: Gathered, result: Result, options: Options) -> None:
    if options.save is None:
        return
    failed = tuple((t.text, t.error or "", t.remedy or "") for t in result.targets if t.failed)
    info = dataclasses.replace(gathered.spool.info, complete=True, failed=failed)
    analysed.keep_coverage(options.save, ((c.rule_id, list(map(_undecided, c.not_assessed))) for c in result.coverage))
    gathered.spool.finish(info, map(_record, result.findings))


def _undecided(item: NotAssessed) -> Undecided:
    return Undecided(item.scope_id, item.count, item.reason, item.remedy)


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
