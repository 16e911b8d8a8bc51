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

LIMITS = 5
"""Organisation policies whose effect is asked for."""


def audit(program, twin, folder, target, *more):
    return program(
        "audit", target, "--endpoint", f"gcp={twin.url}", *more, "--as-of", "2026-11-01", "-j", 1, "--select", "LIF",
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


def differences(found, estate) -> dict[str, tuple]:
    """What is said of the estate and is not true, and what is true and was not said."""
    things = estate.things
    uses = found["use"]
    pairs = {
        "identities": (
            estate.identities | things.agents,
            told(found, "identity") & (estate.identities | things.agents),
        ),
        "credentials": (estate.credentials | set(things.held), told(found, "credential")),
        "grants": (
            estate.grants,
            {(a.policy_id, a.principal_id, a.target_id) for a in found["attachment"] if a.kind == "grants"},
        ),
        "stores": (things.stores, {s.id: (s.kind, s.state) for s in found["store"]}),
        "consumers": (things.consumers, told(found, "consumer")),
        "runs as": (things.runs_as, {(u.consumer_id, u.identity_id) for u in uses if u.identity_id}),
        "handed": (things.handed, {(u.consumer_id, u.place) for u in uses if u.place}),
        "presents": (things.presents, {(u.consumer_id, u.credential_id) for u in uses if u.credential_id}),
        "hops": (things.hops, {(h.from_id, h.to_id, h.via) for h in found["hop"]}),
        "tools": (things.tools, told(found, "tool")),
        "logged": (things.logged, {(r.subject_id, r.kind): r.enabled for r in found["logging"]}),
        "last used": (
            things.held,
            {
                c.id: c.last_used_at and f"{c.last_used_at:%Y-%m-%dT%H:%M:%SZ}"
                for c in found["credential"]
                if c.id in things.held
            },
        ),
    }
    return {name: (true, said) for name, (true, said) in pairs.items() if true != said}


def test_the_process_finds_everything_in_few_calls_by_reads_alone(program, tmp_path):
    estate = planted(1000)
    with GoogleTwin(estate) as twin:
        done = audit(program, twin, tmp_path, f"gcp:org/{ORG}")
        assert "Traceback" not in done.text
        assert done.code in {0, 1}, done.text
        assert (twin.violations, twin.faulty) == ([], [])
        assert {r.method for r in twin.requests if r.route != "token"} == {"GET"}
        assert len(twin.requests) - twin.count()["token"] <= 1.2 * sum(twin.fewest.values())
        # Lists of the whole organisation, and of each project with its two keys of agents.
        assert len(twin.fewest) <= 16 + LIMITS + 12 * len(estate.projects)
    found = records(tmp_path)
    assert found["gap"] == []
    assert differences(found, estate) == {}
    saved = "".join(p.read_text(encoding="utf-8", errors="replace") for p in tmp_path.rglob("*.jsonl"))
    assert "twin-token" not in saved + done.text


def test_the_process_goes_on_without_the_inventory(program, tmp_path):
    """Service accounts and keys then come from google-cloud-iam, secrets and agents from their own services."""
    estate = planted(9)
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam:
        twin.granted, twin.wide, twin.unreachable = everything_but(twin, *ASSET), False, {"us-central1"}
        done = audit(program, twin, tmp_path, "gcp:acme-shop", "--endpoint", f"gcp-iam-grpc=http://{iam.address}")
        assert "Traceback" not in done.text
        assert set(iam.seen) == {"ListServiceAccounts", "ListServiceAccountKeys"}
        assert (twin.violations, twin.faulty) == ([], [])
    found = records(tmp_path)
    accounts = {f"gcp:sa/{row['email']}" for row in estate.accounts["acme-shop"]}
    assert accounts <= told(found, "identity")
    secrets = {i: s for i, s in estate.things.stores.items() if s[0] == "secret" and "/acme-shop/" in i}
    assert {s.id: (s.kind, s.state) for s in found["store"]} == secrets
    # Nobody tells of engines, so the agent that one hosts stands for itself.
    at = "//agentregistry.googleapis.com/projects/acme-shop/locations"
    agent, server = f"{at}/europe-west4/agents/refunds", f"{at}/europe-west4/mcpServers/payments"
    assert (agent, server, "mcp") in {(h.from_id, h.to_id, h.via) for h in found["hop"]}
    key = "//agentidentity.googleapis.com/projects/acme-shop/locations/europe-west4/authProviders/stripe"
    assert {(u.consumer_id, u.credential_id) for u in found["use"] if u.credential_id} == {(agent, key)}
    lost = [g for g in found["gap"] if g.reason == "failed"]
    assert {g.detail.partition(": ")[2] for g in lost} == {"us-central1 could not be reached"}
    assert all("grant cloudasset.assets" in g.remedy for g in found["gap"] if g not in lost)
