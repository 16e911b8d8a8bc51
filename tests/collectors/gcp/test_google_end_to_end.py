"""`nhiscan audit gcp:…` as a user runs it: a process of its own, google-auth, against the twins on loopback."""

from __future__ import annotations

import json

import pytest

from nhiscan.model import RECORDS
from nhiscan.store.schema import from_row
from tests.collectors.gcp.google_lab import ASSET, everything_but
from tests.twins.google_estate import ORG, planted
from tests.twins.google_iam_grpc import IamTwin
from tests.twins.google_rest import GoogleTwin, credentials

pytest.importorskip("grpc")
OURS = ("gcp.service_accounts", "gcp.iam_policies", "gcp.federation", "gcp.projects")


def audit(program, twin, folder, target, *more):
    chosen = [part for name in OURS for part in ("--collect", name)]
    return program(
        "audit", target, "--endpoint", f"gcp={twin.url}", *more, *chosen, "--as-of", "2026-11-01", "-j", 1,
        "--save", folder / "run", "-f", "json",
        env={"GOOGLE_APPLICATION_CREDENTIALS": str(credentials(folder, twin.url)), "NHISCAN_HTTP_ATTEMPTS": "2"},
    )  # fmt: skip


def records(folder) -> dict[str, list]:
    """What the process wrote down, by table."""
    found: dict[str, list] = {table: [] for table in RECORDS}
    for path in sorted((folder / "run").rglob("*.jsonl")):
        if path.stem in RECORDS and "gcp." in str(path):
            rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
            found[path.stem] += [from_row(RECORDS[path.stem], row) for row in rows]
    return found


def told(found, table: str) -> set[str]:
    return {record.id for record in found[table]}


def test_the_process_finds_everything_by_reads_alone(program, tmp_path):
    estate = planted(60)
    with GoogleTwin(estate) as twin:
        done = audit(program, twin, tmp_path, f"gcp:org/{ORG}")
        assert "Traceback" not in done.text
        assert done.code in {0, 1}, done.text
        assert (twin.violations, twin.faulty) == ([], [])
        assert {r.method for r in twin.requests if r.route != "token"} == {"GET"}
        assert twin.count()["cloudasset:assets.list"] == 5
    found = records(tmp_path)
    assert found["gap"] == []
    assert estate.identities <= told(found, "identity")
    assert told(found, "credential") == estate.credentials
    assert {
        (a.policy_id, a.principal_id, a.target_id) for a in found["attachment"] if a.kind == "grants"
    } == estate.grants
    saved = "".join(p.read_text(encoding="utf-8", errors="replace") for p in tmp_path.rglob("*.jsonl"))
    assert "twin-token" not in saved + done.text


def test_the_process_goes_on_without_the_inventory(program, tmp_path):
    """Service accounts and keys then come from google-cloud-iam."""
    estate = planted(9)
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam:
        twin.granted = everything_but(twin, *ASSET)
        done = audit(program, twin, tmp_path, "gcp:acme-shop", "--endpoint", f"gcp-iam-grpc=http://{iam.address}")
        assert "Traceback" not in done.text
        assert set(iam.seen) == {"ListServiceAccounts", "ListServiceAccountKeys"}
        assert (twin.violations, twin.faulty) == ([], [])
    found = records(tmp_path)
    accounts = {f"gcp:sa/{row['email']}" for row in estate.accounts["acme-shop"]}
    assert accounts <= told(found, "identity")
    assert {g.reason for g in found["gap"]} == {"denied"}
    assert all("grant cloudasset.assets" in g.remedy for g in found["gap"])
