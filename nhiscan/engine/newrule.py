"""A new rule file to start from: whole, valid, and with the cases that show that it works."""

from __future__ import annotations

import errno
import re
import shutil
from typing import TYPE_CHECKING

from nhiscan.engine.rule import rule_files, shipped_rules_dir

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_FILE = "rule.schema.json"
_NUMBER = re.compile(r"-(\d{3})\.ya?ml$")

_TEMPLATE = """\
# yaml-language-server: $schema=./{schema}
# The columns you can use stand in docs/custom-rules.md.  Change what you like, then run
# `nhiscan rules check {folder}` and `nhiscan rules test {folder}`.
id: {id}
name: {name}
title: {title}
severity: medium
confidence: high
status: preview
since: 0.1.0
family: secret_hygiene

# One verdict per row of this table.  `needs` lists every table the answer rests on: where one could not be read, the
# answer is "not assessed" and never "pass".
subject: credential
needs: [credential]
from: credential

# Thresholds: nhiscan.yaml can change them (params: {{{id}: {{{param}: 30}}}}).
params:
  {param}: {{default: 180, min: 1, max: 3650, source: our own policy}}

# SQL.  TRUE fails, FALSE passes, NULL (a date that is not known) is not assessed.
applies_when: kind = 'access_key' AND state = 'active'
fails_when: date_diff('day', issued_at, $as_of) > ${param}
severity_when:
  high: environment = 'production'
message: "Key {{key_id}} was issued {{issued_at}}, more than {{{param}}} days ago"
unknown: {{reason: the issue date is not known, remedy: audit the account that issued the key}}

why: The longer a key lives, the more places it lies in.
fix:
  default: Issue a new key, put it where the old one is used, then delete the old one.
false_positives:
  - a key that is renewed in place and keeps its date

# A case gives rows (what it leaves out is filled in; -181d is that long before the audit) and what must come out.
tests:
  - name: one day too old
    given: {{credential: [{{key_id: deploy-key, kind: access_key, state: active, issued_at: -181d}}]}}
    expect: fail
    message: Key deploy-key was issued 2026-05-04, more than 180 days ago
    severity: medium
  - name: one day too old in production
    given: {{credential: [{{kind: access_key, state: active, issued_at: -181d, environment: production}}]}}
    expect: fail
    severity: high
  - name: exactly at the limit
    given: {{credential: [{{kind: access_key, state: active, issued_at: -180d}}]}}
    expect: pass
  - name: new
    given: {{credential: [{{kind: access_key, state: active, issued_at: -1d}}]}}
    expect: pass
  - name: no date
    given: {{credential: [{{kind: access_key, state: active}}]}}
    expect: not_assessed
  - name: a key that is switched off
    given: {{credential: [{{kind: access_key, state: inactive, issued_at: -900d}}]}}
    expect: not_applicable
"""


def next_id(directory: Path, prefix: str, area: str) -> str:
    """The id after the highest one of this prefix and area below the directory: `ACME-LLV-001` in an empty one."""
    start = f"{prefix}-{area}-"
    files = rule_files(directory) if directory.is_dir() else ()
    taken = [int(m[1]) for path in files if path.name.startswith(start) and (m := _NUMBER.search(path.name))]
    return f"{start}{max(taken, default=0) + 1:03}"


def text(rule_id: str, name: str, folder: str, schema: str) -> str:
    """The file of a new rule."""
    title = name.replace("-", " ")
    param = f"{name.replace('-', '_')}_days"
    return _TEMPLATE.format(
        id=rule_id, name=name, title=title[:1].upper() + title[1:], folder=folder, schema=schema, param=param
    )


def write(directory: Path, rule_id: str, name: str) -> tuple[Path, Path]:
    """Write the rule and the schema that editors check it by; both paths.

    Raises FileExistsError when the rule's file is there already, OSError when the directory cannot be written.
    """
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file", str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    path, schema = directory / f"{rule_id}.yaml", directory / SCHEMA_FILE
    with path.open("x", encoding="utf-8", newline="\n") as out:
        out.write(text(rule_id, name, directory.as_posix(), SCHEMA_FILE))
    # Anew each time: the schema belongs to the installed version.
    shutil.copyfile(shipped_rules_dir() / SCHEMA_FILE, schema)
    return path, schema
