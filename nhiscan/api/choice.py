"""What a run shall judge by: rules, thresholds and frameworks; from profile, configuration and command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.triage.result import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nhiscan.api.policy import Policy
    from nhiscan.config import Config
    from nhiscan.engine.frameworks import Frameworks, Resolved
    from nhiscan.engine.rule import Rule, RuleSet
    from nhiscan.engine.scorecard import Judged, Scorecard
    from nhiscan.engine.verdict import Evaluation, Verdict
    from nhiscan.model import Gap
    from nhiscan.store.inventory import Inventory

LABEL = "label"


@dataclass(frozen=True, slots=True)
class Choice:
    """`known` are all rules, `rules` those that run, `params` their thresholds, `wanted` what to make scorecards of."""

    known: RuleSet
    rules: RuleSet
    params: Mapping[str, Mapping[str, object]]
    frameworks: Frameworks
    wanted: tuple[Resolved, ...]
    notices: tuple[Notice, ...]


def choose(policy: Policy) -> Choice:
    """The rules, thresholds and frameworks of a run.

    The profile says which rules run by themselves; `select` and `ignore` narrow that.  Thresholds of the configuration
    go before those of the profile.  Raises RuleFileError, SelectionError, ProfileError and ConfigError.
    """
    from nhiscan.config.profile import profile
    from nhiscan.engine.frameworks import load_frameworks
    from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir
    from nhiscan.engine.selection import select

    options, config, shipped = policy.options, policy.config, shipped_rules_dir()
    known = load([shipped, *options.rules], cases=False)
    frameworks = load_frameworks(shipped / "frameworks")
    wanted = options.select or config.select
    selected, warnings = select(known, wanted, (*options.ignore, *config.ignore), frameworks)
    chosen = profile(options.profile or config.profile)
    rules = RuleSet(tuple(rule for rule in selected if chosen.runs(rule)))
    notices = [Notice(LABEL, warning) for warning in warnings]
    left = [rule for rule in selected if not chosen.runs(rule)]
    if wanted and left:
        notices.append(_left_out(chosen.name, left))
    cards, said = _wanted(options.frameworks, frameworks)
    params = chosen.thresholds(rules)
    for rule_id, values in params_of(known, config).items():
        params.setdefault(rule_id, {}).update(values)
    return Choice(known, rules, params, frameworks, cards, (*notices, *said))


def _left_out(name: str, left: Sequence[Rule]) -> Notice:
    ids = ", ".join(rule.id for rule in left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    return Notice("profile", f"the profile {name} leaves out {ids}, which --select names", "add --profile default")


def _wanted(labels: Sequence[str], frameworks: Frameworks) -> tuple[tuple[Resolved, ...], list[Notice]]:
    from nhiscan.engine.selection import framework_of

    found = [(label, framework_of(label, frameworks)) for label in labels]
    said = [
        Notice(LABEL, f"{label} is read as {meant.item or meant.framework}: {meant.warning}")
        for label, meant in found
        if meant.warning
    ]
    unique = dict.fromkeys((meant.framework, meant.item) for _, meant in found)
    by_key = {(meant.framework, meant.item): meant for _, meant in found}
    return tuple(by_key[key] for key in unique), said


def params_of(rules: RuleSet, config: Config) -> dict[str, dict[str, object]]:
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


def scorecards(
    inventory: Inventory, choice: Choice, evaluation: Evaluation, gaps: Sequence[Gap], as_of: datetime
) -> tuple[Scorecard, ...]:
    """A scorecard for each framework asked for; one about agents counts only what has to do with them."""
    from nhiscan.engine.frameworks import AGENTS
    from nhiscan.engine.scorecard import judged, scorecard

    if not choice.wanted:
        return ()
    whole = judged(evaluation.coverage, evaluation.verdicts)
    cards = []
    for meant in choice.wanted:
        framework = choice.frameworks.by_id[meant.framework]
        agents = framework.covers == AGENTS
        rules = [rule for rule in choice.rules if framework.levels(rule)]
        run = _of_agents(inventory, choice, rules, gaps, as_of, evaluation) if agents else whole
        cards.append(scorecard(framework, tuple(choice.known), run, agents=agents, only=meant.item))
    return tuple(cards)


def _of_agents(
    inventory: Inventory,
    choice: Choice,
    rules: Sequence[Rule],
    gaps: Sequence[Gap],
    as_of: datetime,
    evaluation: Evaluation,
) -> Judged:
    """The same rules over the subjects alone that have to do with agents; a rule that broke stays not assessed."""
    from nhiscan.engine.agentic import source
    from nhiscan.engine.evaluate import judge
    from nhiscan.engine.scorecard import judged

    broken = {error.rule_id for error in evaluation.errors}
    coverage = [c for c in evaluation.coverage if c.rule_id in broken]
    verdicts: list[Verdict] = []
    for rule in rules:
        if rule.id not in broken:
            failed, covered = judge(inventory, rule, as_of, choice.params.get(rule.id, {}), gaps, source(rule))
            verdicts += failed
            coverage.append(covered)
    return judged(coverage, verdicts)
