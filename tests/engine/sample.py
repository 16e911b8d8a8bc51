"""A rule as a team would write one, and ways to change it."""

from dataclasses import replace

from nhiscan.engine.rule import Rule
from nhiscan.engine.shape import build
from nhiscan.engine.yamlfile import parse

TEXT = """\
id: TEST-LLV-001
name: stale-key
title: An access key is stale
severity: medium
confidence: high
status: stable
since: "0.1.0"
family: secret_hygiene
subject: credential
needs: [credential]
maps:
  owasp-nhi-2025: [NHI7]
cwe: [CWE-522]
params:
  rotation_days: {default: 90, min: 1, max: 400, source: a rotation guide}
from: credential
applies_when: kind = 'access_key'
fails_when: state = 'active' AND date_diff('day', issued_at, $as_of) > $rotation_days
severity_when: {high: "environment = 'production'"}
confidence_when: {low: "confidence = 'low'"}
message: "{name} was issued {issued_at}, more than {rotation_days} days ago"
unknown: {reason: the issue date is not known, remedy: list the keys of the account}
why: The longer a key lives the more places it lies in.
fix: {default: Replace the key., aws: Create a second key and delete the first.}
false_positives: [a key that is rotated in place]
not_assessable_when: [the issuer does not tell when]
references: ["https://example.com/rotation"]
tests:
  - name: a key of 91 days
    given: {credential: [{kind: access_key, state: active, issued_at: -91d, name: etl}]}
    expect: fail
    message: etl was issued 2026-08-02, more than 90 days ago
    severity: medium
    confidence: high
  - name: a production key of 91 days
    given: {credential: [{kind: access_key, state: active, issued_at: -91d, environment: production}]}
    expect: fail
    severity: high
  - name: an uncertain key of 91 days
    given: {credential: [{kind: access_key, state: active, issued_at: -91d, confidence: low}]}
    expect: fail
    confidence: low
  - name: a key of 90 days
    given: {credential: [{kind: access_key, state: active, issued_at: -90d}]}
    expect: pass
  - name: an old key that is switched off
    given: {credential: [{kind: access_key, state: inactive, issued_at: -900d}]}
    expect: pass
  - name: a key without a date
    given: {credential: [{kind: access_key, state: active}]}
    expect: not_assessed
  - name: a password
    given: {credential: [{kind: password, state: active, issued_at: -900d}]}
    expect: not_applicable
"""


def rule(text: str = TEXT, **changes) -> Rule:
    """The sample rule, changed."""
    made, problems = build(parse(text, "rules/llv/TEST-LLV-001.yaml"))
    assert made is not None, problems
    return replace(made, **changes)


def broken(old: str, new: str) -> str:
    """The sample's text with one thing changed."""
    assert TEXT.count(old) >= 1, old
    return TEXT.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The line, from 1, on which a part of a text first stands."""
    return text[: text.index(part)].count("\n") + 1
