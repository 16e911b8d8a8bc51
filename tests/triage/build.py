"""A small estate and rules, built by hand, that triage and report tests share."""

from __future__ import annotations

from datetime import UTC, datetime

from nhiscan.engine.rule import Rule
from nhiscan.engine.verdict import Evaluation, RuleCoverage, Verdict
from nhiscan.model import (
    Cluster,
    Confidence,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Exposure,
    ExposurePart,
    Identity,
    IdentityKind,
    Owner,
    OwnerBasis,
    OwnerKind,
    PrincipalKind,
    Scope,
    ScopeKind,
    Severity,
    Trust,
    TrustKind,
    Visibility,
)

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
KEY_ID = "AKIA" + "QYLPMN5HHHHHHH7Q"
KEY = f"aws:access_key/{KEY_ID}"
ACCOUNT = "aws:123456789012"
REPO = "repo:github.com/acme-example/platform"
ETL = "arn:aws:iam::123456789012:user/etl"
KEYED = "ab" * 32


def rule(id_: str = "NS-LEK-001", **changes: object) -> Rule:
    values: dict[str, object] = {
        "id": id_,
        "name": f"rule-{id_.lower()}",
        "title": f"Title of {id_}",
        "severity": Severity.HIGH,
        "confidence": Confidence.HIGH,
        "status": "stable",
        "since": "0.1.0",
        "family": "secret_hygiene",
        "subject": "credential",
        "needs": ("credential",),
        "fails_when": "TRUE",
        "message": "{id}",
        "why": "Because it can be read by everybody.",
        "fix": {"default": "Rotate it. Then remove it.", "aws": "Run aws iam update-access-key; then delete it."},
        "maps": {"owasp-nhi-2025": {"NHI2": "direct"}, "owasp-asi-2026": {"ASI03": "partial"}},
        "cwe": ("CWE-522",),
    }
    return Rule(**(values | changes))  # type: ignore[arg-type]


def verdict(rule_id: str = "NS-LEK-001", subject: str = KEY, **changes: object) -> Verdict:
    values: dict[str, object] = {
        "rule_id": rule_id,
        "subject_table": "credential",
        "subject_id": subject,
        "scope_id": REPO,
        "severity": Severity.HIGH,
        "confidence": Confidence.HIGH,
        "message": f"{rule_id} fails",
        "facts": {"agent_count": 3},
    }
    return Verdict(**(values | changes))  # type: ignore[arg-type]


def evaluation(*verdicts: Verdict, coverage: tuple[RuleCoverage, ...] | None = None) -> Evaluation:
    if coverage is None:
        coverage = tuple(RuleCoverage(i, 1, 0) for i in sorted({v.rule_id for v in verdicts}))
    return Evaluation(verdicts=verdicts, coverage=coverage)


def scope(id_: str, kind: ScopeKind = ScopeKind.REPOSITORY, provider: str = "git") -> Scope:
    name = id_.rsplit("/", 1)[-1].partition(":")[2] or id_.rsplit("/", 1)[-1]
    return Scope(id=id_, scope_id=id_, source="test", provider=provider, kind=kind, name=name)


def exposure(
    uri: str, line: int | None = 9, credential: str = KEY, scope_id: str = REPO, **changes: object
) -> Exposure:
    values: dict[str, object] = {
        "id": f"{scope_id}#{uri}@{line}",
        "scope_id": scope_id,
        "source": "test",
        "credential_id": credential,
        "uri": uri,
        "line": line,
        "key_name": "AWS_SECRET_ACCESS_KEY",
        "visibility": Visibility.TRACKED,
        "at_head": True,
    }
    return Exposure(**(values | changes))  # type: ignore[arg-type]


def owner(subject: str, name: str, basis: OwnerBasis, kind: OwnerKind = OwnerKind.TEAM) -> Owner:
    id_ = f"{subject}!{name}!{basis}"
    return Owner(
        id=id_, scope_id=REPO, source="test", subject_id=subject, name=name, kind=kind, basis=basis,
        confidence=Confidence.MEDIUM,
    )  # fmt: skip


def estate() -> list[object]:
    """A leaked key of IAM user `etl` in three files, two owners, an agent, and the trust of a role."""
    return [
        scope(REPO),
        scope(ACCOUNT, ScopeKind.ACCOUNT, "aws"),
        Identity(
            id=ETL, scope_id=ACCOUNT, source="test", locator=ETL, provider="aws", kind=IdentityKind.USER, name="etl"
        ),
        Credential(
            id=KEY, scope_id=ACCOUNT, source="test", locator=ETL, provider="aws", kind=CredentialKind.ACCESS_KEY,
            key_id=KEY_ID, identity_id=ETL, fingerprint=KEYED,
        ),
        exposure(".env", 3, visibility=Visibility.LOCAL),
        exposure("notes.md", 2, part=ExposurePart.KEY_ID),
        exposure(".mcp.json", 9),
        exposure("old.py", 4, commit="4f2c1a" + "0" * 34, at_head=False),
        Cluster(id="c1", scope_id=REPO, source="test", credential_id=KEY, member_id=f"{REPO}#.env:KEY:1", basis="key_id"),
        owner(ETL, "dana@acme.example", OwnerBasis.BLAME, OwnerKind.PERSON),
        owner(ETL, "platform", OwnerBasis.TAG),
        Consumer(
            id=f"{REPO}#.:claude-code", scope_id=REPO, source="test", kind=ConsumerKind.AGENT, name="claude-code",
            framework="claude-code", uri=".claude/settings.json", line=2,
        ),
        Trust(
            id="trust-1", scope_id=ACCOUNT, source="test", principal="*", principal_kind=PrincipalKind.ANYONE,
            target_id="arn:aws:iam::123456789012:role/ci", kind=TrustKind.ASSUME,
        ),
    ]  # fmt: skip
