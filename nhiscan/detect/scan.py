"""One file in, its credentials out: both layers, one candidate per value, parts of one credential joined."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.detect import pairs
from nhiscan.detect.generic import AssignmentMatcher
from nhiscan.detect.matcher import LiteralMatcher
from nhiscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nhiscan.detect.candidate import Candidate, Matcher
    from nhiscan.detect.formats import Format

_GENERATED = re.compile(
    r"(?:^|/)(?:[\w.-]*\.lock|[\w-]*lock\.(?:json|ya?ml)|go\.(?:sum|mod)|npm-shrinkwrap\.json|[\w.-]*\.min\.(?:js|css)"
    r"|[\w.-]+\.(?:map|svg|po|pot|mo|csv|tsv|ipynb_checkpoints|snap|sum|sha\d*|md5|asc|sig|rdb|dat|geojson|xlf|css|scss|less)"
    r"|(?:vendor|node_modules|third_party|bower_components|site-packages|dist|\.dist-info|translations|locales?|i18n)/.*|RECORD|SHASUMS\w*|constraints[\w.-]*\.txt)$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\.(?:py|pyi|pyx|js|jsx|mjs|cjs|ts|tsx|vue|svelte|go|rs|java|kt|kts|scala|groovy|gradle|c|cc|cpp|cxx|h|hh|hpp|m|mm|cs|vb|fs|swift"
    r"|rb|erb|php|phtml|pl|pm|lua|r|jl|ex|exs|erl|hs|clj|cljs|dart|sol|zig|nim|tf|tfvars|hcl|bicep|html?|json|ipynb|proto|graphql|sql|tmpl|tpl|j2|jinja2?)$",
    re.IGNORECASE,
)
_TRIAL = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|testdata|fixtures?|mocks?|examples?|samples?|demos?|docs?|e2e|benchmarks?)(?:/|$)"
    r"|(?:^|/)(?:test_[^/]*|[^/]*[_.-](?:tests?|spec|example|sample|template|dist|mock)(?:\.[^/]*)?|conftest\.py)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Scanner:
    """Both layers over a set of formats."""

    literals: Matcher
    keyed: Sequence[Format]

    @classmethod
    def of(cls, formats: Sequence[Format]) -> Scanner:
        """A scanner for the formats."""
        return cls(LiteralMatcher.of(formats), [f for f in formats if f.key is not None])

    def scan(self, data: bytes, path: str) -> list[Candidate]:
        """The credentials of a file, by position; `path` tells what sort of file it is and is not opened."""
        generated = _GENERATED.search(path) is not None
        second = AssignmentMatcher(self.keyed, path, bare=_CODE.search(path) is None, generic=not generated)
        chosen = self._chosen(data, second)
        return [_doubtful(c) for c in chosen] if _TRIAL.search(path) else chosen

    def known(self, data: bytes) -> list[Candidate]:
        """The credentials in known formats only, by position."""
        return self._chosen(data, AssignmentMatcher(self.keyed, generic=False))

    def _chosen(self, data: bytes, second: Matcher) -> list[Candidate]:
        found = [*self.literals.scan(data), *second.scan(data)]
        return without_overlaps(pairs.join(without_overlaps(found), data)) if found else []


def without_overlaps(found: Iterable[Candidate]) -> list[Candidate]:
    """One candidate for each value, by position: the heaviest wins, then the longest, then the first by format."""
    starts: list[int] = []  # of the chosen, sorted; what is chosen never overlaps, so its ends are sorted too
    chosen: dict[int, Candidate] = {}
    for item in sorted(found, key=lambda c: (-c.weight, c.start - c.end, c.start, c.format or "")):
        place = bisect_left(starts, item.end)
        if place and chosen[starts[place - 1]].end > item.start:
            continue
        starts.insert(place, item.start)
        chosen[item.start] = item
    return [chosen[start] for start in starts]


def is_trial(path: str) -> bool:
    """Whether the path speaks of tests, examples or documentation, where invented values are common."""
    return _TRIAL.search(path) is not None


def _doubtful(item: Candidate) -> Candidate:
    if item.confidence is Confidence.HIGH and item.facts.get("checksum") is None and item.format is not None:
        return replace(item, confidence=Confidence.MEDIUM)
    return replace(item, confidence=Confidence.LOW) if item.format is None else item
