"""The price of one more: a rule is a file, a collector and a report format an entry point, and a bad plugin breaks nothing."""

from __future__ import annotations

import json

import pytest

import nhiscan.report as formats
from nhiscan.collect import registry
from nhiscan.engine.rule import shipped_rules_dir
from tests.conftest import AS_OF

RULE = """\
id: AC-AGT-001
name: acme-agent-without-review
title: Agent works without the review that acme asks for
severity: high
confidence: high
status: preview
since: 0.1.0
family: agent
subject: consumer
needs: [consumer]
maps: {owasp-nhi-2025: [NHI5]}
from: consumer
applies_when: kind = 'agent'
fails_when: approval = 'auto'
message: "{name} asks nobody"
unknown: {reason: no file says what happens before a tool runs, remedy: write the setting down}
why: At acme a person looks at every step that an agent takes.
fix: {default: Ask before tools run.}
false_positives: [an agent in a sandbox that is thrown away]
not_assessable_when: [the agent's settings cannot be read]
references: [https://acme.example/agents]
tests:
  - {name: auto, given: {consumer: [{kind: agent, name: bot, approval: auto}]}, expect: fail, message: bot asks nobody}
  - {name: ask, given: {consumer: [{kind: agent, approval: ask}]}, expect: pass}
  - {name: denied, given: {consumer: [{kind: agent, approval: deny}]}, expect: pass}
  - {name: unknown, given: {consumer: [{kind: agent}]}, expect: not_assessed}
  - {name: a server, given: {consumer: [{kind: tool_server, approval: auto}]}, expect: not_applicable}
"""
COLLECTOR = """\
from nhiscan.plugin import Identity, IdentityKind, Scope, ScopeKind, TargetKind, Unit

class Bots:
    name = "aws.bots"
    title = "Bots that acme registers"
    requires = {"acme:ListBots": "identity, identity.last_used"}

    def units(self, target, ctx):
        if target.kind is TargetKind.PATH:
            yield Unit("aws.bots:acme", self.name, "acme:bots", target)

    def collect(self, unit, ctx):
        where = {"scope_id": "acme:bots", "source": self.name}
        yield Scope(id="acme:bots", provider="acme", kind=ScopeKind.ORGANIZATION, name="bots", **where)
        yield Identity(id="acme:bot/one", provider="acme", kind=IdentityKind.BOT, name="one", **where)

COLLECTOR = Bots()
"""
REPORTER = """\
SUFFIXES = (".names",)

def write(result, out, options):
    for finding in result.findings:
        out.write(f"{finding.rule.id} {finding.subject.name}\\n")
"""
BAD = """\
import os
import sys
from datetime import date
from nhiscan.plugin import Identity, IdentityKind, Record, Scope, ScopeKind, TargetError, Unit

WHERE = {"scope_id": "acme:bad", "source": "acme.bad"}

class Own(Record):
    table = "../own"

def identity(**wrong):
    known = {"id": "acme:bot", "provider": "acme", "kind": IdentityKind.BOT, "name": "bot"}
    return Identity(**WHERE | known | wrong)

class Bad:
    name = "acme.bad"
    title = "A collector that does what it should not"
    requires = {}

    def units(self, target, ctx):
        UNITS
        yield Unit("acme.bad:1", self.name, "acme:bad", target)

    def collect(self, unit, ctx):
        yield Scope(id="acme:bad", provider="acme", kind=ScopeKind.ORGANIZATION, name="bad", **WHERE)
        RECORDS

COLLECTOR = Bad()
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with an entry point on the path, as pip would; gone with the test."""

    def run(group: str, name: str, source: str, attribute: str = "") -> None:
        site, module = tmp_path / "site", f"acme_{name.replace('.', '_')}_{tmp_path.name.replace('-', '_')}"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}{attribute}\n")
        monkeypatch.syspath_prepend(site)
        forget()

    forget()
    yield run
    monkeypatch.undo()
    forget()


def forget() -> None:
    for cached in (registry.names, registry.schemes, registry._plugins, formats._others):
        cached.cache_clear()


@pytest.fixture
def repo(tmp_path):
    """A checkout with one agent that asks nobody."""
    place = tmp_path / "shop"
    (place / ".claude").mkdir(parents=True)
    (place / ".claude" / "settings.json").write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    return place


@pytest.fixture
def rules(tmp_path):
    place = tmp_path / "rules"
    place.mkdir()
    (place / "AC-AGT-001.yaml").write_text(RULE)
    return place


@pytest.fixture
def only_mine(tmp_path, monkeypatch):
    """No shipped rules beside the ones a test brings, which is quicker."""
    shipped = shipped_rules_dir()
    place = tmp_path / "shipped"
    place.mkdir()
    (place / "frameworks").symlink_to(shipped / "frameworks")
    monkeypatch.setattr("nhiscan.engine.rule.shipped_rules_dir", lambda: place)


def audit(nhiscan, *argv):
    return nhiscan("audit", *argv, "--as-of", AS_OF, "--fail-on", "none", "-q", "-j", "1", "--no-cache")


def test_a_rule_is_one_file(nhiscan, repo, rules):
    assert "AC-AGT-001" in nhiscan("rules", "list", "--rules", rules).out
    assert "a person looks at every step" in " ".join(
        nhiscan("rules", "show", "AC-AGT-001", "--rules", rules).out.split()
    )
    done = audit(nhiscan, repo, "--rules", rules, "--select", "acme-agent-without-review", "-f", "json")
    (mine,) = done.json["findings"]
    assert (mine["rule"]["id"], mine["message"]) == ("AC-AGT-001", "claude-code asks nobody")


@pytest.mark.usefixtures("only_mine")
def test_a_rule_file_brings_its_own_check_and_cases(nhiscan, rules):
    assert nhiscan("rules", "check", rules).out == "all rules keep the contract\n"
    assert nhiscan("rules", "test", rules).out == "5 passed, 0 failed\n"
    (rules / "AC-AGT-001.yaml").write_text(
        RULE.replace("fails_when: approval = 'auto'", "fails_when: aproval = 'auto'")
    )
    done = nhiscan("rules", "check", rules)
    assert done.code == 2
    assert "AC-AGT-001.yaml:14: " in done.out
    assert "aproval" in done.out


def test_a_rule_file_cannot_take_a_shipped_id(nhiscan, repo, rules):
    (rules / "thief.yaml").write_text(RULE.replace("AC-AGT-001", "NS-AGT-001"))
    done = audit(nhiscan, repo, "--rules", rules)
    assert done.code == 2
    assert "NS-AGT-001" in done.err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_collector_is_one_entry_point(nhiscan, install, repo, jobs):
    install("nhiscan.collectors", "aws.bots", COLLECTOR, ":COLLECTOR")
    done = nhiscan("inventory", repo, "-f", "json", "-j", jobs)
    assert "acme:bot/one" in {row["id"] for row in done.json["identity"]}
    assert "1 identities" in nhiscan("doctor", repo, "-j", "1").out


def test_permissions_and_pages_of_a_collector_follow(nhiscan, install):
    install("nhiscan.collectors", "aws.bots", COLLECTOR, ":COLLECTOR")
    (statement,) = nhiscan("permissions", "aws").json["Statement"]
    assert "acme:ListBots" in statement["Action"]
    assert (
        "acme:ListBots: without it identity, identity.last_used is not seen"
        in nhiscan("permissions", "aws", "--explain").out
    )
    from nhiscan.cli.docs import collectors_page

    assert "| `acme:ListBots` | identity, identity.last_used |" in collectors_page()


def test_a_report_format_is_one_entry_point(nhiscan, install, repo, tmp_path):
    install("nhiscan.reporters", "names", REPORTER)
    done = audit(nhiscan, repo, "-f", "names", "-o", tmp_path / "by-suffix.names")
    assert "claude-code" in done.out
    assert (tmp_path / "by-suffix.names").read_text() == done.out


def test_a_report_format_can_be_named_before_its_file(nhiscan, install, repo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    install("nhiscan.reporters", "names", REPORTER)
    done = audit(nhiscan, repo, "-f", "names", "-o", f"names={tmp_path / 'x.txt'}")
    assert (tmp_path / "x.txt").read_text() == done.out


UNITS = {
    "raises": 'raise ValueError("canary-value")',
    "exits": "sys.exit(0)",
    "says every target is unreadable": 'raise TargetError("the bot service is down", "try later")',
    "yields no unit": "yield 7",
    "yields a unit that cannot travel": 'yield Unit("acme.bad:0", self.name, "acme:bad", target, {"f": lambda: 1})',
    "takes the place of another's unit": ('yield Unit("repo.agents:dir:shop", self.name, "acme:bad", target)'),
    "names no collector": 'yield Unit("acme.bad:0", "acme.none", "acme:bad", target)',
    "writes to standard output": 'print("canary-value"); os.write(2, b"")',
}
RECORDS = {
    "raises": 'raise ValueError("canary-value")',
    "exits": "sys.exit(0)",
    "yields no record": 'yield {"id": "canary-value"}',
    "yields a table of its own": 'yield Own(id="x", **WHERE)',
    "a word that is none": 'yield identity(kind="robot")',
    "a date without time": "yield identity(created_at=date(2026, 1, 1))",
    "text for a time": 'yield identity(created_at="yesterday")',
    "a number for text": "yield identity(name=7)",
    "an object": "yield identity(name=object())",
    "nothing for what must be known": "yield identity(name=None)",
    "tags that are no mapping": 'yield identity(tags=["a"])',
    "writes to standard output": 'print("canary-value")',
}
BREAKS = [("UNITS", what, code) for what, code in UNITS.items()]
BREAKS += [("RECORDS", what, code) for what, code in RECORDS.items()]


def install_bad(install, where: str, code: str) -> None:
    source = BAD.replace(f"        {where}\n", f"        {code}\n")
    install(
        "nhiscan.collectors",
        "acme.bad",
        source.replace("        UNITS\n", "").replace("        RECORDS\n", ""),
        ":COLLECTOR",
    )


def assert_unharmed(done, what: str) -> None:
    # 5 where it broke: findings of the others are printed, and nobody takes the run for a complete one.
    harmless = what.startswith(("writes", "says"))
    assert done.code == (1 if harmless else 5), done.err
    assert "canary-value" not in done.text
    assert [f for f in done.json["findings"] if f["subject"]["name"] == "claude-code"]
    if not what.startswith("writes"):
        assert "acme.bad" in json.dumps(done.json["coverage"]), "what went wrong is said, and by whom"
        assert "bug of nhiscan" not in done.text


def gated(nhiscan, repo, rules, jobs):
    gate = ("--as-of", AS_OF, "--fail-on", "high", "-q", "-f", "json")
    return nhiscan("audit", repo, "--rules", rules, "-j", jobs, *gate)


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize(("where", "what", "code"), BREAKS, ids=[f"{w.lower()}: {x}" for w, x, _ in BREAKS])
def test_a_bad_collector_breaks_nothing_and_is_named(nhiscan, install, repo, rules, where, what, code):
    install_bad(install, where, code)
    assert_unharmed(gated(nhiscan, repo, rules, 1), what)


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize(("where", "what"), [("UNITS", "yields a unit that cannot travel"), ("RECORDS", "exits")])
def test_a_bad_collector_breaks_no_worker(nhiscan, install, repo, rules, where, what):
    install_bad(install, where, (UNITS if where == "UNITS" else RECORDS)[what])
    assert_unharmed(gated(nhiscan, repo, rules, 2), what)
