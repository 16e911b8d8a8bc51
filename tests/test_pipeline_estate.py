"""A pipeline that federates beside one with a stored key: what rules say of the trust, the key and the jobs."""

from __future__ import annotations

import pytest

WORKFLOW = """\
name: deploy
on:
  push: {branches: [main]}
  pull_request_target:
permissions: {contents: read}
jobs:
  ship:
    runs-on: ubuntu-24.04
    if: github.event_name == 'push'
    permissions: {contents: read, id-token: write}
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with: {role-to-assume: "arn:aws:iam::123456789012:role/ci-ship", aws-region: eu-west-1}
      - run: ./ship
  legacy:
    runs-on: ubuntu-24.04
    if: github.event_name == 'push'
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: ${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
          aws-region: eu-west-1
      - run: ./ship
  label:
    runs-on: ubuntu-24.04
    permissions: {contents: write}
    steps:
      - uses: actions/checkout@v4
        with: {ref: "${{ github.event.pull_request.head.sha }}"}
      - uses: actions/labeler@v5
  check:
    runs-on: ubuntu-24.04
    permissions: {contents: write}
    steps:
      - uses: actions/checkout@v4
        with: {ref: "${{ github.event.pull_request.head.sha }}"}
      - run: make check
"""
MODULE = """\
resource "aws_iam_role" "ship" {
  name = "ci-ship"
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "SUBJECT" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "ship" {
  role   = aws_iam_role.ship.name
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::acme/*" }] })
}
"""


@pytest.fixture
def audit(tmp_path, git, nhiscan):
    def run(subject: str) -> list[dict]:
        """The findings on a repository whose role accepts the subject."""
        root = tmp_path / "shop"
        for name, text in {".github/workflows/deploy.yml": WORKFLOW, "infra/main.tf": MODULE}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("SUBJECT", subject))
        git(root, "init", "-q")
        git(root, "remote", "add", "origin", "https://github.com/acme/shop.git")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "estate")
        argv = ("audit", root, "-f", "json", "--no-config", "-q", "-j", 1, "--fail-on", "none", "--select", "CID")
        return nhiscan(*argv).json["findings"]

    return run


def told(findings: list[dict], rule: str) -> list[str]:
    return sorted({f["message"] for f in findings if f["rule"]["id"] == rule})


@pytest.mark.parametrize(
    ("subject", "anybody", "wide"),
    [
        ("repo:*", True, False),
        ("repo:acme/*", False, True),
        ("repo:acme/shop:*", False, True),
        ("repo:acme/shop:ref:refs/heads/main", False, False),
    ],
)
def test_trust_and_stored_key_are_judged_apart(audit, subject, anybody, wide):
    found = audit(subject)
    assert bool(told(found, "NS-CID-001")) is anybody
    assert bool(told(found, "NS-CID-002")) is wide
    stored = told(found, "NS-CID-003")
    assert stored
    assert all("deploy / legacy" in m and "ship (" not in m for m in stored)
    run = told(found, "NS-CID-004")
    assert len(run) == 1
    assert "deploy / check" in run[0]
    assert "checks out what they wrote and runs something there" in run[0]
