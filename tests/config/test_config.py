"""Every mistake in nhiscan.yaml is told with file, line and remedy; what it may say depends on where it lies."""

from __future__ import annotations

from datetime import date

import pytest

from nhiscan.config import ConfigError, Context, declared_records, load, parse
from nhiscan.model import Declared, Owner, OwnerBasis

FULL = b"""\
version: 1
fail_on: medium
min_confidence: medium
select: [LEK, owasp-nhi-2025]
ignore: NS-LIF-003
params:
  NS-LLV-001: {rotation_days: 60}
  NS-MCP-004: {trusted_orgs: ["@acme"]}
baseline: .nhiscan/baseline.json
suppressions:
  - rule: NS-LEK-001
    path: tests/**
    owner: platform
    reason: test keys
    expires: 2027-01-31
context:
  version: 1
  owners:
    - {match: "arn:aws:iam::*:user/etl", owner: data-team}
    - {match: "*deploy*", owner: jo@acme.example, kind: person}
  environments:
    - {match: "aws:210987654321", environment: production}
  trusted_accounts: ["012345678901", 99]
  break_glass: ["*:role/break-glass"]
"""


def test_a_full_configuration_is_read():
    config = parse(FULL, "nhiscan.yaml", trusted=False)
    assert (config.fail_on, config.min_confidence, config.baseline) == ("medium", "medium", ".nhiscan/baseline.json")
    assert config.select == ("LEK", "owasp-nhi-2025")
    assert config.ignore == ("NS-LIF-003",)
    assert config.params == {"NS-LLV-001": {"rotation_days": 60}, "NS-MCP-004": {"trusted_orgs": ("@acme",)}}
    (suppression,) = config.suppressions
    assert suppression.expires == date(2027, 1, 31)
    assert suppression.origin == "nhiscan.yaml:11"


def test_an_account_number_yaml_shortened_is_made_whole():
    context = parse(FULL, "nhiscan.yaml", trusted=False).context
    assert ("trusted_account", "000000000099") in context.lists


def test_declared_facts_become_records():
    context = parse(FULL, "nhiscan.yaml", trusted=False).context
    subjects = [("arn:aws:iam::210987654321:user/etl", "etl"), ("x", "deployer"), ("y", "other")]
    records = list(declared_records(context, subjects))
    owners = {(r.subject_id, r.name, r.kind, r.basis) for r in records if isinstance(r, Owner)}
    assert owners == {
        ("arn:aws:iam::210987654321:user/etl", "data-team", "team", OwnerBasis.DECLARED),
        ("x", "jo@acme.example", "person", OwnerBasis.DECLARED),
    }
    kinds = {(r.kind, r.value) for r in records if isinstance(r, Declared)}
    assert kinds == {
        ("trusted_account", "012345678901"), ("trusted_account", "000000000099"), ("break_glass", "*:role/break-glass"),
    }  # fmt: skip


def test_who_left_becomes_a_record_for_each_person():
    raw = b"context:\n  departures:\n    - {person: Jo Lee, left: 2026-05-31}\n"
    (record,) = declared_records(parse(raw, "nhiscan.yaml", trusted=False).context, [])
    assert isinstance(record, Declared)
    assert (record.kind, record.value, record.note) == ("departure", "Jo Lee", "2026-05-31")


@pytest.mark.parametrize("raw", [b"", b"\n  \n", b"version: 1\n"])
def test_an_empty_configuration_is_fine(raw):
    assert parse(raw, "nhiscan.yaml", trusted=False).context == Context()


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"version: 1\nfail_onn: high\n", 2, "unknown key `fail_onn`"),
        (b"version: 2\n", 1, "version 1"),
        (b"fail_on: huge\n", 1, "`huge` is not a fail_on"),
        (b"select: {a: b}\n", 1, "must be a list"),
        (b"select: [[a]]\n", 1, "must be one value"),
        (b"baseline: [a]\n", 1, "must be one value"),
        (b"suppressions: 3\n", 1, "must be a list"),
        (b"suppressions:\n  - reason: x\n", 2, "needs `rule`"),
        (b"suppressions:\n  - rule: X\n    expire: 2027-01-01\n", 3, "unknown key `expire`"),
        (b"suppressions:\n  - rule: X\n    expires: soon\n", 3, "is no date"),
        (b"suppressions:\n  - just text\n", 2, "must be a mapping"),
        (b"params:\n  NS-X-001: 3\n", 2, "must be a mapping"),
        (b"params:\n  NS-X-001: {a: {b: 1}}\n", 2, "value or a list"),
        (b"context:\n  version: 9\n", 2, "context version 1"),
        (b"context:\n  owner: x\n", 2, "unknown key `owner`"),
        (b"context:\n  owners:\n    - {match: x}\n", 3, "needs `match` and `owner`"),
        (b"context:\n  owners:\n    - {match: x, owner: y, kind: robot}\n", 3, "is not a kind"),
        (b"context:\n  departures:\n    - {person: x}\n", 3, "needs `person` and `left`"),
        (b"context:\n  departures:\n    - {person: x, left: spring}\n", 3, "`spring` is no date"),
        (b"context:\n  departures:\n    - {name: x, left: 2026-05-31}\n", 3, "unknown key `name`"),
        (b"context:\n  trusted_accounts: [acme]\n", 2, "no account number"),
        (b"a: [\n", 1, "not YAML"),
        (b"- a\n", 1, "not a mapping"),
        (b"a: &x [1]\nb: *x\n", 1, "aliases"),
        (b"version: 1\n\xff: 1\n", 2, "not UTF-8"),
        (b"version: 1\ntargets: [aws]\n", 2, "not allowed in a configuration found"),
        (b"output: [x.json]\n", 1, "not allowed"),
        (b"rules: [evil]\n", 1, "not allowed"),
        (b"x" * 1_000_001, 1, "larger than 1 MB"),
    ],
)
def test_every_mistake_has_a_line_and_a_remedy(raw, line, words):
    with pytest.raises(ConfigError) as caught:
        parse(raw, "nhiscan.yaml", trusted=False)
    assert words in str(caught.value)
    assert str(caught.value).startswith("nhiscan.yaml:")
    assert caught.value.remedy
    assert int(str(caught.value).split(":")[1]) in {line, line + 1}


def test_a_file_given_by_hand_may_name_targets(tmp_path):
    path = tmp_path / "audit.yaml"
    path.write_text("targets: [aws, .]\nrules: [more]\noutput: [r.json]\nsave: run\nredact: people\n")
    config = load(path, trusted=True)
    assert (config.targets, config.rules, config.save) == (("aws", "."), ("more",), "run")
    assert config.redact == ("people",)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.yaml", trusted=True)
