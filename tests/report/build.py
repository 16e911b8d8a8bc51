"""One result with everything that a reporter can meet."""

from __future__ import annotations

from dataclasses import replace

from nhiscan.engine.verdict import NotAssessed, RuleCoverage, RuleError
from nhiscan.model import Confidence, Gap, GapReason, Severity
from nhiscan.triage.result import Finding, Location, Notice, Ownership, Result, Subject, TargetSummary
from tests.triage.build import ACCOUNT, AS_OF, ETL, KEY, KEY_ID, REPO, rule

PERSON = "dana@acme.example"


def finding(number: int = 1, rule_id: str = "NS-LEK-001", **changes: object) -> Finding:
    base = Finding(
        id=f"NSF-{number:010x}",
        rule=rule(rule_id),
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        subject=Subject("credential", KEY, "access_key", "aws", REPO, KEY_ID),
        message=f"Access key {KEY_ID} lies in .mcp.json",
        locations=(
            Location(".mcp.json", 9, scope_id=REPO),
            Location("a b/ü#.env", 3, "4f2c1a" + "0" * 34, "in history", REPO),
            Location("far.py", 1, scope_id="repo:github.com/acme-example/other"),
            Location(ETL, scope_id=ACCOUNT),
        ),
        related=(),
        facts={"agent_count": 3, "agents": ("claude-code", "cursor"), "owner_name": PERSON, "account": "123456789012"},
        owner=Ownership(PERSON, "person", "blame", "low"),
        fix="Run aws iam update-access-key for 123456789012. Then delete the key.",
        fingerprint=f"{number:032x}",
    )
    return replace(base, **changes)


def result(*findings: Finding, **changes: object) -> Result:
    lead = finding(1, "NS-TOX-007", severity=Severity.CRITICAL, related=("NSF-0000000002",))
    shown = findings or (
        lead,
        finding(2, folded_into=lead.id),
        finding(
            3, "NS-PRV-001", severity=Severity.MEDIUM, state="known", owner=Ownership("platform", "team", "tag", "high"),
            subject=Subject("identity", ETL, "user", "aws", ACCOUNT, "etl"), locations=(Location(ETL, scope_id=ACCOUNT),),
        ),
        finding(
            4, "NS-AGT-001", state="suppressed", suppression="inline a.py:3: test key", owner=None,
            severity=Severity.LOW, subject=Subject("consumer", "c", "agent", None, REPO, "cursor"), fix="",
        ),
        finding(5, "NS-LEK-001", severity=Severity.INFO, subject=Subject("scope", REPO, None, None, REPO, None),
                locations=(Location(".", scope_id=REPO),)),
    )  # fmt: skip
    base = Result(
        version="0.1.0",
        as_of=AS_OF,
        targets=(
            TargetSummary(".", (REPO,), 0, 4),
            TargetSummary("aws:prod", (), 0, 0, failed=True, error="credentials expired", remedy="run aws sso login"),
        ),
        findings=tuple(shown),
        coverage=(
            RuleCoverage("NS-LEK-001", 2, 5),
            RuleCoverage("NS-LIF-001", 0, 1, (NotAssessed(ACCOUNT, 3, "iam:GetRole was denied", "allow iam:GetRole"),)),
            RuleCoverage("NS-LIF-002", 0, 1, (NotAssessed(ACCOUNT, 0, "iam:GetRole was denied.", "allow iam:GetRole"),)),
        ),
        gaps=(
            Gap(
                id="g1", scope_id=ACCOUNT, source="aws.iam", covers=("identity.last_used_at",), reason=GapReason.DENIED,
                remedy="allow iam:GetRole", operation="GetRole", subject_id=ETL,
            ),
        ),
        rules=tuple(rule(i) for i in ("NS-AGT-001", "NS-LEK-001", "NS-PRV-001", "NS-TOX-007")),
        errors=(RuleError("NS-PRV-001", "Conversion Error"),),
        notices=(Notice("baseline-fixed", "1 known finding is fixed", "run update"), Notice("x", "no remedy")),
        counts={"identity": 2, "credential": 1},
        scopes={REPO: "acme-example/platform", ACCOUNT: "acme"},
    )  # fmt: skip
    return replace(base, **changes)
