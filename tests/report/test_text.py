import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.engine.verdict import NotAssessed, RuleCoverage
from nhiscan.model import Severity
from nhiscan.report import ReportOptions, load, text
from nhiscan.report._plain import clean, sarif_text, short_keys
from nhiscan.report._text_alike import ALIKE
from nhiscan.report._text_coverage import not_assessed
from nhiscan.triage.result import Location, Notice, Ownership, Subject, TargetSummary
from tests.report.build import PERSON, finding, result
from tests.triage.build import ACCOUNT, KEY_ID, REPO, rule


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Latin(io.StringIO):
    encoding = "ascii"


class Odd(io.StringIO):
    encoding = "no-such-codec"


def shown(value=None, out=None, **options):
    out = out or io.StringIO()
    text.write(result() if value is None else value, out, ReportOptions(**options))
    return out.getvalue()


def entry_lines(output):
    words = tuple(s.upper() for s in Severity)
    lines = output.splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith(words)]
    return [[lines[n], *(x for x in lines[n + 1 : n + 2] if x.startswith("   "))] for n in starts]


def test_an_entry_takes_two_lines_and_folded_verdicts_none():
    lines = shown().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("CRITICAL"))
    assert lines[at + 1].startswith("          NSF-0000000001 · NS-TOX-007, NS-LEK-001 · .mcp.json:9, ")
    assert "+2 · owner dana@acme.example · fix: Run aws iam update-access-key for 123456789012" in lines[at + 1]
    assert lines[at + 2] == ""
    assert sum("CRITICAL" in line or line.startswith("HIGH") for line in lines) == 1


def test_worst_group_comes_first_and_failures_before_everything():
    lines = [x for x in shown().splitlines() if x]
    assert lines[0].startswith("ERROR     rule NS-PRV-001 broke")
    assert lines[1] == "FAILED    aws:prod: credentials expired → run aws sso login"
    assert lines[2] == ". (acme-example/platform): identities 0, credentials 4"
    headings = [x for x in lines if x.startswith(("Fix first", "Good to know"))]
    assert headings == ["Fix first (1)", "Good to know (1)"]


def test_summary_counts_what_is_shown_and_names_what_is_not():
    lines = shown().splitlines()
    assert "2 findings: 1 critical · 1 info (1 known, 1 suppressed)" in lines
    assert "OWASP NHI Top 10 2025: NHI2 3" in lines
    assert "not assessed: 2 rules in 1 account, because iam:GetRole was denied → allow iam:GetRole" in lines
    assert "note: 1 known finding is fixed → run update" in lines


def test_verbose_shows_every_place_reason_and_state():
    output = shown(verbosity=1)
    for word in (
        "also     NS-LEK-001 high: ", "place    a b/ü#.env:3 in 4f2c1a00 (in history)", "[known] etl",
        "suppressed NS-AGT-001 cursor: inline a.py:3: test key", "not seen: identity.last_used_at",
        "maps to  owasp-asi-2026: ASI03", "owner    platform (tag, high)",
        "place    far.py:1 of repo:github.com/acme-example/other",
    ):  # fmt: skip
        assert word in output
    assert "nobody known" in shown(result(finding(owner=None, fix="")), verbosity=1)


def test_quiet_shows_one_line_each_and_the_count():
    output = shown(verbosity=-1)
    assert "NSF-" not in output
    assert "OWASP" not in output
    assert "CRITICAL" in output
    assert output.rstrip().endswith("(1 known, 1 suppressed)")


@pytest.mark.parametrize(
    ("findings", "words"), [((), "No findings"), ((finding(state="known"),), "No new findings (1 known)")]
)
def test_nothing_new_is_said(findings, words):
    assert words in shown(result(targets=()) if findings else replace(result(), findings=()), verbosity=-1) or findings
    assert words in shown(replace(result(), findings=findings))


def test_target_that_named_no_scope_is_counted_plainly():
    assert ".: identities 1, credentials 2" in shown(result(targets=(TargetSummary(".", (), 1, 2),)))


def test_failed_target_without_reason_is_still_named():
    assert "FAILED    x: nothing was audited\n" in shown(result(targets=(TargetSummary("x", (), 0, 0, failed=True),)))


def test_many_rules_are_counted():
    lead = finding(1, related=())
    reasons = [finding(n, f"NS-AGT-{n:03}", folded_into=lead.id) for n in range(2, 6)]
    assert "NS-LEK-001, NS-AGT-002, NS-AGT-003 +2 · " in shown(result(lead, *reasons))
    twins = [finding(n, folded_into=lead.id) for n in range(6, 9)]
    assert "NS-LEK-001, NS-AGT-002, NS-AGT-003 +2 · " in shown(result(lead, *twins, *reasons))


def test_missing_owner_and_fix_are_said_or_left_out():
    output = shown(result(finding(owner=None, fix="", locations=(Location("a", 1, scope_id=REPO),))))
    assert "a:1 · no known owner\n" in output


def test_long_fix_is_cut_to_a_hint():
    line = next(x for x in shown(result(finding(fix="word " * 50))).splitlines() if "fix:" in x)
    assert line.endswith("…")
    assert len(line.split("fix: ")[1]) <= 110


def test_access_key_ids_are_abbreviated():
    for verbosity in (-1, 0, 1):
        output = shown(verbosity=verbosity)
        assert KEY_ID not in output
        assert "AKIA…7Q" in output


def test_terminal_lines_fit_its_width_and_a_pipe_gets_whole_lines():
    assert max(map(len, shown(width=60).splitlines())) <= 60
    assert "…" in shown(width=60)
    assert max(map(len, shown().splitlines())) > 120


def test_what_a_finding_says_is_wrapped_and_never_cut():
    words = " ".join(f"word{n}" for n in range(40))
    output = shown(result(finding(message=words)), width=60)
    assert " ".join(output.split()).count(words) == 1
    assert max(map(len, output.splitlines())) <= 60


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" not in shown()
    assert "\x1b[" in shown(out=Terminal())
    assert "\x1b[" in shown(color=True)
    # A terminal without colour may still have bold; no colour code may occur.
    assert "\x1b[31m" not in shown(out=Terminal(), color=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in shown(out=Terminal())


@pytest.mark.parametrize("stream", [Latin, Odd])
def test_terminal_that_knows_only_ascii_gets_ascii(stream):
    output = shown(out=stream())
    assert output.isascii()
    assert "AKIA...7Q" in output
    assert shown(out=stream(), width=50).isascii()


def test_reasons_beyond_five_are_counted():
    coverage = tuple(RuleCoverage(f"R{n}", 0, 0, (NotAssessed(REPO, 1, f"reason {n}", ""),)) for n in range(7))
    output = shown(result(coverage=coverage))
    assert output.count("\nnot assessed: ") == 6
    assert "not assessed: 2 more reasons; -v shows them" in output
    assert "more reasons" not in shown(result(coverage=coverage), verbosity=1)


def test_not_assessed_sentences_count_rules_and_kinds_of_scope():
    coverage = [
        RuleCoverage("A", 0, 0, tuple(NotAssessed(s, 1, "x.", "y.") for s in (ACCOUNT, "aws:1", REPO, "dir:d", "z"))),
        RuleCoverage("B", 0, 0, (NotAssessed("dir:d", 1, "w", ""), NotAssessed("dir:e", 1, "w", ""))),
    ]
    assert list(not_assessed(coverage)) == [
        "A in 2 accounts and 1 directory and 1 repository and 1 scope, because x → y",
        "B in 2 directories, because w",
    ]


HOSTILE = "n\x1b]0;owned\x07\x1b[31m\x9b2J[bold red]x[/]\r\n\t\u202eevil\u200b\u2028link\x08\x7f"


@pytest.mark.parametrize("name", ["text", "json", "sarif"])
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_hostile_names_are_inert_in_every_format(name, verbosity):
    bad = finding(
        message=HOSTILE, fix=HOSTILE, locations=(Location(HOSTILE, 1, note=HOSTILE, scope_id=REPO), Location(HOSTILE, 2)),
        subject=Subject("credential", HOSTILE, HOSTILE, HOSTILE, REPO, HOSTILE), facts={HOSTILE: HOSTILE},
        owner=Ownership(HOSTILE, "team", "tag", "high"), rule=rule(title=HOSTILE, why=HOSTILE, fix={"default": HOSTILE}),
    )  # fmt: skip
    whole = result(
        bad, finding(2, folded_into=bad.id, message=HOSTILE), replace(bad, id="NSF-1", state="suppressed", suppression=HOSTILE),
        targets=(TargetSummary(HOSTILE, (REPO,), 0, 0), TargetSummary(HOSTILE, (), 0, 0, failed=True, error=HOSTILE)),
        notices=(Notice(HOSTILE, HOSTILE, HOSTILE),), scopes={REPO: HOSTILE},
        coverage=(RuleCoverage("R", 0, 0, (NotAssessed(HOSTILE, 1, HOSTILE, HOSTILE),)),),
    )  # fmt: skip
    out = io.StringIO()
    load(name).write(whole, out, ReportOptions(verbosity=verbosity))
    output = out.getvalue()
    for char in "\x1b\x9b\x07\x08\x7f\r\t\u202e\u200b\u2028":
        assert char not in output
    if name == "text":
        assert "[bold red]x[/]" in output
        assert "owned" not in output
    else:
        json.loads(output)


@given(st.text())
def test_clean_text_is_one_harmless_line(value):
    out = clean(value)
    assert clean(out) == out
    assert all(c.isprintable() or c == " " or ord(c) > 127 for c in out)
    assert not set(out) & set("\n\r\t\x1b\x7f\x9b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u2028")


def test_sarif_text_has_no_link_and_no_placeholder():
    assert sarif_text("see [x](http://e) {0} {name}") == "see [x] (http://e) {{0}} {name}"


@pytest.mark.parametrize("prefix", ["AK" + "IA", "AS" + "IA"])
def test_key_ids_are_shortened_wherever_they_stand(prefix):
    key = prefix + "QYLPMN5HHHHHHH7Q"
    assert short_keys(f"aws:access_key/{key}.") == f"aws:access_key/{prefix}…7Q."
    assert short_keys(f"x{key}") == f"x{key}"


def test_people_stay_in_text_unless_redacted():
    assert PERSON in shown()
    assert PERSON not in shown(redact=frozenset({"people"}))


def test_many_entries_of_one_rule_are_counted_and_verbose_shows_them_all():
    findings = [finding(id=f"NSF-{n:010}", fingerprint=f"{n:032}", severity=Severity.HIGH) for n in range(ALIKE + 3)]
    short = shown(result(findings=findings))
    assert f"and 3 more of {findings[0].rule.id}: {short_keys(findings[0].subject.name)}; -v shows them" in short
    assert "NSF-0000000012" not in short
    assert "NSF-0000000012" in shown(result(findings=findings), verbosity=1)


def test_what_can_wait_is_written_out_three_times_in_a_file_and_then_named():
    def minor(n, uri):
        subject = replace(finding().subject, name=f"KEY_{n}")
        place = replace(finding().locations[0], uri=uri)
        return finding(
            id=f"NSF-{n:010}", fingerprint=f"{n:032}", severity=Severity.LOW, subject=subject, locations=(place,)
        )

    findings = [minor(n, "ci.yml") for n in range(5)] + [minor(5, "other.yml")]
    short = shown(result(findings=findings))
    assert "and 2 more of NS-LEK-001: KEY_3, KEY_4; -v shows them" in short
    assert [f"NSF-{n:010}" in short for n in range(6)] == [True, True, True, False, False, True]


def test_what_was_refused_is_said_even_where_no_rule_needs_it():
    from nhiscan.model import Gap, GapReason
    from nhiscan.report._text_coverage import not_seen

    def gap(n, operation, remedy):
        return Gap(
            id=n,
            scope_id="s",
            source="t",
            covers=("identity",),
            reason=GapReason.DENIED,
            remedy=remedy,
            operation=operation,
        )

    gaps = [
        gap("1", "iam:ListSAMLProviders", "allow A"),
        gap("2", "iam:ListSAMLProviders", "allow A"),
        gap("3", "x:Y", "B"),
    ]
    assert list(not_seen(gaps, ["rules …, because … → B"], everything=False)) == [
        "identity (iam:ListSAMLProviders denied) → allow A"
    ]
    assert len(list(not_seen(gaps, [], everything=True))) == 3


def test_nothing_audited_is_never_called_nothing_found():
    failed = TargetSummary("aws", (), 0, 0, failed=True, error="expired", remedy="log in")
    output = shown(replace(result(findings=()), targets=(failed,), findings=()))
    assert "Nothing was audited" in output
    assert "No findings" not in output
