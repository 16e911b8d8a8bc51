"""Profiles: ready-made choices of rules, thresholds and gate, as data in `profiles.yaml`, each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nhiscan import yamldata
from nhiscan.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.engine.rule import Rule

DEFAULT = "default"
_CLOCK = re.compile(r"\$as_of\b")


class ProfileError(Exception):
    """A profile that does not exist; `remedy` names those that do."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no profile {name[:40]!r}")
        self.remedy = f"use one of: {', '.join(profiles())}"


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile.

    `statuses` and `severities` are those of the rules it runs (the worst severity that a rule can have); without
    `clock` no rule that looks at the time runs.  `params` is parameter -> value, for every rule that has it.
    """

    name: str
    reason: str
    statuses: frozenset[str]
    severities: frozenset[Severity]
    clock: bool
    min_confidence: Confidence
    fail_on: Severity
    params: Mapping[str, int | float]

    def runs(self, rule: Rule) -> bool:
        """Whether it runs a rule."""
        return (
            rule.status in self.statuses
            and not self.severities.isdisjoint({rule.severity, *map(Severity, rule.severity_when)})
            and (self.clock or not _reads_the_clock(rule))
        )

    def thresholds(self, rules: Iterable[Rule]) -> dict[str, dict[str, object]]:
        """Rule id -> parameter -> value, within the bounds of each rule."""
        found = {rule.id: {n: v for n, v in self.params.items() if _fits(rule, n, v)} for rule in rules}
        return {rule: dict(values) for rule, values in found.items() if values}


@cache
def profiles() -> Mapping[str, Profile]:
    """The shipped profiles by name."""
    data = yamldata.shipped(__package__, "profiles.yaml")
    return {
        name: Profile(
            name=name,
            reason=str(body["reason"]),
            statuses=frozenset(body["statuses"]),
            severities=frozenset(map(Severity, body["severities"])),
            clock=bool(body["clock"]),
            min_confidence=Confidence(body["min_confidence"]),
            fail_on=Severity(body["fail_on"]),
            params={key: param["value"] for key, param in body.get("params", {}).items()},
        )
        for name, body in data.items()
    }


def profile(name: str | None) -> Profile:
    """The profile of a name, the default one for None.  Raises ProfileError."""
    found = profiles().get(name or DEFAULT)
    if found is None:
        raise ProfileError(name or DEFAULT)
    return found


def _reads_the_clock(rule: Rule) -> bool:
    texts = (rule.query, rule.fails_when, rule.applies_when, *rule.severity_when.values())
    return any(_CLOCK.search(text) for text in texts if text)


def _fits(rule: Rule, name: str, value: float) -> bool:
    param = rule.params.get(name)
    if param is None or isinstance(param.default, str):
        return False
    # A profile only ever tightens: where the rule is stricter by itself, that stands.
    low, high = param.min, param.max
    return value < param.default and (low is None or value >= low) and (high is None or value <= high)
