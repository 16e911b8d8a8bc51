"""Suppressions: findings a team decided to live with, why, who said so, and until when.

They come from `nhiscan.yaml` and from `# nhiscan: ignore RULE -- reason` beside the finding.  A suppression hides a
finding only when it covers every file the finding lies in, so that an ignore in a test never hides production.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nhiscan.engine.rule import Rule
    from nhiscan.model import Declared

_EVERYTHING = frozenset({"", "*", "**", "**/*"})


@dataclass(frozen=True, slots=True)
class Suppression:
    """One decision.  `rules` are ids, names or globs of them; `origin` is the file (and line) it is written in.

    `subject` is a glob over the subject's id and name, `path` one over repository-relative paths.  An inline one has
    `line` and `scope_id` and holds for its own line and the next.  It is in force through the day it `expires`.
    """

    rules: tuple[str, ...]
    origin: str
    subject: str | None = None
    path: str | None = None
    owner: str | None = None
    reason: str | None = None
    expires: date | None = None
    line: int | None = None
    scope_id: str | None = None

    @property
    def inline(self) -> bool:
        """True for a comment beside the finding."""
        return self.line is not None

    def expired(self, as_of: datetime) -> bool:
        """True from the day after `expires`."""
        return self.expires is not None and as_of.date() > self.expires

    def names(self, rule: Rule) -> bool:
        """True when the rule is meant, by id, name, alias or glob; a comment that names no rule means all."""
        return any(fnmatchcase(label, r) for r in self.rules or ("*",) for label in rule.labels)

    def covers_subject(self, subject_id: str, name: str | None) -> bool:
        """True when the subject's id or name matches, or the suppression does not narrow by subject."""
        return self.subject is None or any(fnmatchcase(s, self.subject) for s in (subject_id, name) if s)

    def covers_place(self, scope_id: str | None, uri: str, line: int | None) -> bool:
        """True when the place is meant, or the suppression does not narrow by place."""
        if self.line is not None:
            return scope_id == self.scope_id and uri == self.path and line in (self.line, self.line + 1)
        return self.path is None or _matches(self.path, uri)

    def weaknesses(self) -> tuple[str, ...]:
        """What a reviewer would object to, as predicates: `gives no reason`, `names no owner`."""
        found = []
        if not (self.reason or "").strip():
            found.append("gives no reason")
        if not self.inline and not (self.owner or "").strip():
            found.append("names no owner")
        if not self.inline and self.expires is None:
            found.append("never expires")
        if self._broad():
            found.append("is over-broad")
        return tuple(found)

    def _broad(self) -> bool:
        if self.inline:
            return not self.rules or "*" in self.rules
        narrowed = (self.subject or "") not in _EVERYTHING or (self.path or "") not in _EVERYTHING
        return not narrowed or "*" in self.rules

    def __str__(self) -> str:
        kind = "inline" if self.inline else "config"
        until = f", until {self.expires.isoformat()}" if self.expires else ""
        owner = f" ({self.owner}{until})" if self.owner else (f" ({until[2:]})" if until else "")
        return f"{kind} {self.origin}: {self.reason or 'no reason given'}{owner}"


def is_inline(suppression: str) -> bool:
    """Whether a finding's `suppression` text came from a comment in the source."""
    return suppression.startswith("inline ")


def from_inventory(rows: Iterable[Declared]) -> tuple[tuple[Suppression, ...], tuple[str, ...]]:
    """The comments that collectors met (`inline_ignore`), and a sentence for each that cannot be understood."""
    found: list[Suppression] = []
    broken: list[str] = []
    for row in rows:
        if row.kind != "inline_ignore":
            continue
        try:
            found.append(_inline(row))
        except (ValueError, TypeError, AttributeError, RecursionError):
            broken.append(f"the ignore comment at {row.value} cannot be understood and hides nothing")
    return tuple(found), tuple(broken)


def _inline(row: Declared) -> Suppression:
    uri, _, line = row.value.rpartition(":")
    note = json.loads(row.note or "{}")
    rules = note.get("rules") or ()
    expires = note.get("expires")
    return Suppression(
        rules=tuple(str(r) for r in ([rules] if isinstance(rules, str) else rules)),
        origin=row.value,
        path=uri,
        line=int(line),
        scope_id=row.scope_id,
        reason=note.get("reason") or None,
        owner=note.get("owner") or None,
        expires=date.fromisoformat(expires) if expires else None,
    )


@lru_cache(maxsize=1024)
def _steps(pattern: str) -> tuple[str, ...]:
    """A path glob as git reads one: `*` stays within a directory, `**` does not, a bare name matches at any depth."""
    steps = [step for step in pattern.split("/") if step]
    if pattern.endswith("/"):
        steps.append("**")
    return tuple(steps if "/" in pattern else ["**", *steps])


def _matches(pattern: str, uri: str) -> bool:
    """Whether a path matches; in time linear in both, because the pattern may come from the repository audited."""
    parts = uri.split("/")
    reached = {0}
    for step in _steps(pattern):
        if step == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and fnmatchcase(parts[n], step)}
    return len(parts) in reached
