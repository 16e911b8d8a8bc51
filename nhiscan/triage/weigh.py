"""Circumstances that make a finding worse or milder: data in `modifiers.yaml`, applied here and nowhere else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from nhiscan import yamldata
from nhiscan.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.rule import Rule
    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.result import Finding

_ORDER = tuple(Severity)
UP, DOWN = "up", "down"


@dataclass(frozen=True, slots=True)
class Modifier:
    """One circumstance: a `step` (`up` or `down`) or a severity `to` set; `subjects` is SQL that gives ids."""

    name: str
    why: str
    subjects: str
    not_for: tuple[str, ...]
    step: str | None = None
    to: Severity | None = None

    def bears_on(self, rule: Rule) -> bool:
        """Whether findings of a rule may be weighed by it."""
        if rule.area in self.not_for or rule.family in self.not_for:
            return False
        return self.to is not None or not rule.severity_when


@dataclass(frozen=True, slots=True)
class Scale:
    """All modifiers, and how far they may move a finding."""

    ceiling: Severity
    floor: Severity
    modifiers: tuple[Modifier, ...]


@cache
def scale() -> Scale:
    """The shipped modifiers."""
    data = yamldata.shipped(__package__, "modifiers.yaml")
    modifiers = tuple(
        Modifier(
            name=item["name"],
            why=item["why"],
            subjects=item["subjects"],
            not_for=tuple(item["not_for"]),
            step=item.get("step"),
            to=Severity(item["to"]) if "to" in item else None,
        )
        for item in data["modifiers"]
    )
    return Scale(Severity(data["ceiling"]), Severity(data["floor"]), modifiers)


def weighed(inventory: Inventory, findings: Sequence[Finding]) -> list[Finding]:
    """The findings with their severity in the circumstances of their subjects.  Raises StoreError."""
    known, held = scale(), _held(inventory, scale(), findings)
    out = []
    for finding in findings:
        bearing = [m for m in held.get(finding.subject.id, ()) if m.bears_on(finding.rule)]
        severity, named = _moved(finding.severity, bearing, known)
        out.append(replace(finding, severity=severity, base=finding.severity, modifiers=named) if named else finding)
    return out


def _held(inventory: Inventory, known: Scale, findings: Iterable[Finding]) -> Mapping[str, list[Modifier]]:
    """The modifiers that hold for each subject."""
    held: dict[str, list[Modifier]] = defaultdict(list)
    wanted = list(findings)
    for modifier in known.modifiers:
        ids = sorted({f.subject.id for f in wanted if modifier.bears_on(f.rule)})
        if not ids:
            continue
        query = f"SELECT id FROM (\n{modifier.subjects}\n) WHERE id IN (SELECT unnest($ids)) ORDER BY id"  # noqa: S608
        for row in inventory.sql(query, {"ids": ids}):
            held[str(row["id"])].append(modifier)
    return held


def _moved(severity: Severity, bearing: Sequence[Modifier], known: Scale) -> tuple[Severity, tuple[str, ...]]:
    """The severity in these circumstances, and the names of those that changed it."""
    fixed = [m for m in bearing if m.to is not None and _ORDER.index(m.to) > _ORDER.index(severity)]
    if fixed:
        worst = max(fixed, key=lambda m: _ORDER.index(m.to or severity))
        return worst.to or severity, (worst.name,)
    up, down = ([m.name for m in bearing if m.step == step] for step in (UP, DOWN))
    if bool(up) == bool(down):
        return severity, ()
    place = _ORDER.index(severity)
    if up and place > _ORDER.index(known.ceiling):
        return _ORDER[place - 1], tuple(up)
    if down and place < _ORDER.index(known.floor):
        return _ORDER[place + 1], tuple(down)
    return severity, ()
