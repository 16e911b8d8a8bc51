"""The baseline: findings a team knows already, named by fingerprint, without lines, dates or checkout paths."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan import yamldata
from nhiscan.triage.fingerprint import public_identity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from nhiscan.engine.verdict import RuleCoverage
    from nhiscan.triage.result import Finding, TargetSummary

SCHEMA = "nhiscan-baseline/1"
MAX_BYTES = 64_000_000
_REMEDY = "run `nhiscan baseline create` to write it anew"


class BaselineError(Exception):
    """A baseline that cannot be used; `path` and `line` say where, `remedy` what to do."""

    def __init__(self, path: str, line: int, message: str, remedy: str = _REMEDY) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.remedy = remedy


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One known finding: its fingerprint, rule id, the public id of its subject and scope (directories left out)."""

    rule: str
    subject: str
    fingerprint: str
    title: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known findings, sorted, each once."""

    entries: tuple[Entry, ...] = ()

    def fingerprints(self) -> frozenset[str]:
        """What a finding is compared with: it is known when its fingerprint or one of its aliases is among these."""
        return frozenset(e.fingerprint for e in self.entries)


def entry_of(finding: Finding) -> Entry:
    """A finding as a baseline keeps it."""
    scope = public_identity(finding.subject.scope_id)
    return Entry(
        rule=finding.rule.id,
        subject=public_identity(finding.subject.id),
        fingerprint=finding.fingerprint,
        title=finding.rule.title,
        scope="" if scope.startswith("#") else scope,
    )


def create(findings: Iterable[Finding]) -> Baseline:
    """A baseline of every finding, folded ones too; suppressed ones stay out, so that they return when one expires."""
    return Baseline(tuple(sorted({entry_of(f) for f in findings if f.state != "suppressed"})))


def update(baseline: Baseline, findings: Sequence[Finding], unseen: Collection[Entry] = ()) -> Baseline:
    """The baseline without what is fixed: entries still found, under their present fingerprints, and `unseen` ones.

    Nothing new is added, so updating never hides a new finding; `create` accepts everything.
    """
    known = baseline.fingerprints()
    still = {entry_of(f) for f in findings if f.state != "suppressed" and known & {f.fingerprint, *f.aliases}}
    kept = set(unseen) & set(missing(baseline, findings))
    return Baseline(tuple(sorted(still | kept)))


def missing(baseline: Baseline, findings: Iterable[Finding]) -> list[Entry]:
    """The entries that no finding matches: fixed, or not seen this time."""
    seen: set[str] = set()
    for finding in findings:
        seen.update((finding.fingerprint, *finding.aliases))
    return [e for e in baseline.entries if e.fingerprint not in seen]


def unseen(baseline: Baseline, coverage: Iterable[RuleCoverage], targets: Iterable[TargetSummary]) -> list[Entry]:
    """The entries that this run could not have found, so that nobody may call them fixed."""
    return blind(baseline.entries, coverage, [s for t in targets if not t.failed for s in t.scopes])


def blind(entries: Iterable[Entry], coverage: Iterable[RuleCoverage], scopes: Iterable[str]) -> list[Entry]:
    """Those of `entries` in a scope that was not audited, or of a rule that did not run or was not wholly assessed."""
    audited = {public_identity(s) for s in scopes}
    decided = {c.rule_id for c in coverage if not c.not_assessed}
    return [e for e in entries if (e.scope and e.scope not in audited) or e.rule not in decided]


def dump(baseline: Baseline, version: str) -> str:
    """The file as text: JSON, sorted, equal for equal findings."""
    findings = [
        {"rule": e.rule, "subject": e.subject, "title": e.title, "scope": e.scope, "fingerprint": e.fingerprint}
        for e in sorted(baseline.entries)
    ]
    document = {"schema": SCHEMA, "tool": "nhiscan", "created_with": version, "findings": findings}
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def load(path: Path) -> Baseline:
    """The baseline of a file.  Raises BaselineError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        remedy = "run `nhiscan baseline create` first, or name another file"
        raise BaselineError(path.name, 1, "there is no such baseline", remedy) from None
    except OSError as e:
        message = f"cannot be read: {e.strerror or e}"
        raise BaselineError(path.name, 1, message, "make the file readable") from None
    return parse(data, path.name)


def parse(data: bytes, name: str) -> Baseline:
    """The baseline in `data`, called `name` in errors.  Raises BaselineError."""
    if len(data) > MAX_BYTES:
        raise BaselineError(name, 1, f"is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise BaselineError(name, data.count(b"\n", 0, e.start) + 1, "is not UTF-8") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as e:
        raise BaselineError(name, e.lineno, f"is not JSON: {e.msg}") from None
    except RecursionError:
        raise BaselineError(name, 1, "is nested too deeply") from None
    return Baseline(tuple(sorted(set(_entries(document, text, name)))))


def _entries(document: object, text: str, name: str) -> Iterable[Entry]:
    if not isinstance(document, dict):
        raise BaselineError(name, 1, "is not a JSON object")
    schema = document.get("schema")
    if schema != SCHEMA:
        remedy = "use the nhiscan that wrote it, or run `nhiscan baseline create`"
        raise BaselineError(name, _line(text, '"schema"'), f"has schema {schema!r}, not {SCHEMA!r}", remedy)
    findings = document.get("findings")
    if not isinstance(findings, list):
        raise BaselineError(name, _line(text, '"findings"'), "has no list `findings`")
    for number, item in enumerate(findings):
        try:
            yield _entry(item)
        except ValueError as e:
            raise BaselineError(name, _item_line(text, number), f"findings[{number}]: {e}") from None


def _entry(item: object) -> Entry:
    if not isinstance(item, dict):
        msg = "is not an object"
        raise ValueError(msg)  # noqa: TRY004 - what the file holds is wrong, not what the caller passed
    for key in ("rule", "fingerprint"):
        if not isinstance(item.get(key), str) or not item[key]:
            msg = f"`{key}` is missing or not text"
            raise ValueError(msg)
    return Entry(**{k: str(item.get(k) or "") for k in ("rule", "subject", "fingerprint", "title", "scope")})


def _line(text: str, needle: str) -> int:
    return text.count("\n", 0, max(text.find(needle), 0)) + 1


def _item_line(text: str, number: int) -> int:
    """The line of `findings[number]`: JSON is YAML, and YAML nodes know their lines."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yamldata.loader())
        pairs = root.value if isinstance(root, yaml.MappingNode) else []
        items = next(value.value for key, value in pairs if key.value == "findings")
        return int(items[number].start_mark.line) + 1
    except (yaml.YAMLError, StopIteration, RecursionError):
        return 1
