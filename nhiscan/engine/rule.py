"""A rule as data, and the loader that finds rule files, shipped or added."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.engine.yamlfile import Problem, RuleFileError, read, read_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.model import Confidence, Severity

__all__ = [
    "Measured", "Param", "Problem", "Rule", "RuleFileError", "RuleSet", "RuleTest", "Unknown", "load", "rule_files",
    "shipped_rules_dir",
]  # fmt: skip

Value = str | int | float | bool | None | tuple[str, ...]

# Folders beside the rules that hold other data.
NOT_RULES = ("credentials", "frameworks")


@dataclass(frozen=True, slots=True)
class Param:
    """A threshold: its default, its bounds and where the number comes from."""

    name: str
    default: str | int | float | bool
    source: str
    min: int | float | None = None
    max: int | float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a row of the rule can be NULL, and what would make it known."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What a person found when going through findings of the rule: `true` of `findings` were right; `on` says where."""

    findings: int
    true: int
    on: str

    @property
    def precision(self) -> float:
        """The share of findings that were right, 0 to 1."""
        return self.true / self.findings


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One case of a rule: rows given by table, and the verdict they must lead to."""

    name: str
    given: Mapping[str, tuple[Mapping[str, object], ...]]
    expect: str
    as_of: str | None = None
    params: Mapping[str, Value] = field(default_factory=dict)
    subject: str | None = None
    message: str | None = None
    severity: str | None = None
    confidence: str | None = None
    line: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One posture rule.

    `maps` is framework -> item id -> level (`direct` when the file gives a plain list); `fix` has a `default` and
    may have an entry per provider, platform or client; `client` is added where a client could refer to the value;
    `shipped` tells our own rules, checked when built, from added ones.  `aliases` are ids and names the rule had, or of
    rules it took in; `replaced_by` is the rule to use once this one is deprecated.
    """

    id: str
    name: str
    title: str
    severity: Severity
    confidence: Confidence
    status: str
    since: str
    family: str
    subject: str
    needs: tuple[str, ...]
    fails_when: str
    message: str
    why: str
    fix: Mapping[str, str]
    absence: tuple[str, ...] = ()
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cwe: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    from_: str | None = None
    query: str | None = None
    applies_when: str | None = None
    severity_when: Mapping[str, str] = field(default_factory=dict)
    confidence_when: Mapping[str, str] = field(default_factory=dict)
    unknown: Unknown | None = None
    false_positives: tuple[str, ...] = ()
    not_assessable_when: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    replaced_by: str | None = None
    measured: Measured | None = None
    tests: tuple[RuleTest, ...] = ()
    mutants_allowed: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, repr=False, compare=False)
    shipped: bool = False

    @property
    def area(self) -> str:
        """The three letters that group rules: `LEK` of `NS-LEK-001`."""
        return self.id.split("-")[1]

    @property
    def frameworks(self) -> Mapping[str, tuple[str, ...]]:
        """Framework -> item ids, without levels."""
        return {framework: tuple(items) for framework, items in self.maps.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """What suppressions and baselines may call it: id, name and aliases."""
        return (self.id, self.name, *self.aliases)

    @property
    def former_ids(self) -> tuple[str, ...]:
        """The aliases that were rule ids, under which older baselines know its findings."""
        return tuple(alias for alias in self.aliases if alias[:1].isupper())

    def fix_for(self, *names: str | None) -> str:
        """What to do at the first of these clients, platforms or providers that the rule has words for."""
        return next((self.fix[n] for n in names if n is not None and n in self.fix), self.fix["default"])

    def line(self, *where: str | int) -> int:
        """The line of a place in the rule's file, or of the nearest place above it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules ordered by id, each id and name once."""

    rules: tuple[Rule, ...]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def get(self, label: str) -> Rule | None:
        """The rule with this id, name or alias, None when there is none; a name in use wins over an alias."""
        wanted = label.casefold()
        named = (r for r in self.rules if wanted in (r.id.casefold(), r.name))
        formerly = (r for r in self.rules if any(wanted == alias.casefold() for alias in r.aliases))
        return next(named, None) or next(formerly, None)


def shipped_rules_dir() -> Path:
    """The rules that came with the program: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_rules"
    return installed if installed.is_dir() else package.parent / "rules"


def rule_files(directory: Path) -> Iterator[Path]:
    """Rule files below a directory, sorted; links to directories are not followed."""
    found: list[Path] = []
    for root, folders, files in os.walk(directory):
        folders[:] = sorted(f for f in folders if f not in NOT_RULES and not f.startswith("."))
        found += [Path(root) / f for f in files if f.endswith((".yaml", ".yml")) and not f.startswith(".")]
    return iter(sorted(p for p in found if p.is_file()))


def load(dirs: Sequence[Path], *, cases: bool = True) -> RuleSet:
    """Every rule below the directories; without `cases` shipped rules come without their tests, several times faster.

    Raises RuleFileError for the first file that is no rule, and when two files have one id or name: added rules never
    replace shipped ones.
    """
    from nhiscan.engine.shape import CASES, build

    rules: list[Rule] = []
    for directory in dirs:
        if not directory.is_dir():
            raise RuleFileError(str(directory), 1, "the rules directory does not exist", "name a directory of rules")
        ours = is_shipped(directory)
        named = [(path, shown(path, directory)) for path in rule_files(directory)]
        if ours:
            documents = read_all(named, "cases-") if cases else read_all(named, "rules-", CASES)
        else:
            documents = (read(*each) for each in named)
        for document in documents:
            rule, problems = build(document, shipped=ours, cases=cases or not ours)
            if rule is None:
                first = problems[0]
                raise RuleFileError(first.path, first.line, first.message, first.remedy)
            rules.append(rule)
    for problem in duplicates(rules):
        raise RuleFileError(problem.path, problem.line, problem.message, problem.remedy)
    return RuleSet(tuple(sorted(rules, key=lambda r: r.id)))


@functools.cache
def is_shipped(directory: Path) -> bool:
    """Whether a directory is the shipped one; asked for every rule, and each answer takes the system ten questions."""
    return directory.resolve() == shipped_rules_dir().resolve()


def shown(path: Path, directory: Path) -> str:
    """The path to print: as the user named the directory, or `rules/…` for a shipped rule."""
    inner = path.relative_to(directory).as_posix()
    return f"rules/{inner}" if is_shipped(directory) else f"{directory.as_posix()}/{inner}"


def duplicates(rules: Iterable[Rule]) -> Iterator[Problem]:
    """A problem for every rule whose id or name an earlier one has, and for every alias that names another rule too."""
    seen: dict[str, Rule] = {}
    rules = list(rules)
    for rule in rules:
        for key, label in (("id", rule.id), ("name", rule.name)):
            first = seen.setdefault(label, rule)
            if first is not rule:
                message = f"the {key} {label} is taken by {first.path}"
                yield Problem(rule.path, rule.line(key), message, f"give the rule another {key}")
    for rule in rules:
        for n, alias in enumerate(rule.aliases):
            first = seen.setdefault(alias, rule)
            if first is not rule or alias in (rule.id, rule.name):
                message = f"the alias {alias} is taken by {first.path}"
                yield Problem(rule.path, rule.line("aliases", n), message, "an alias names one rule: remove it")
