"""The real process against twins of the authority, Graph and Resource Manager: `nhiscan audit azure:…`."""

from __future__ import annotations

import json

import pytest

from nhiscan.model import RECORDS
from nhiscan.store.schema import from_row
from tests.collectors.azure.arm_lab import NAMES
from tests.collectors.azure.test_arm_twin import differences
from tests.collectors.azure.test_entra_end_to_end import Lab
from tests.twins.arm import ArmTwin
from tests.twins.arm_estate import SUBSCRIPTIONS, arm_estate
from tests.twins.graph_estate import estate


@pytest.fixture
def servers(tmp_path):
    class Whole(Lab):
        def __init__(self) -> None:
            super().__init__(tmp_path, estate(3))
            self.arm = ArmTwin(arm_estate(24), self.authority.tls)

        def records(self) -> dict[str, list]:
            found: dict[str, list] = {table: [] for table in RECORDS}
            for path in sorted(self.save.rglob("*.jsonl")):
                if path.stem in RECORDS and any(f"azure.{name}" in str(path) for name in NAMES):
                    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
                    found[path.stem] += [from_row(RECORDS[path.stem], row) for row in rows]
            return found

    with Whole() as made:
        yield made


def audit(program, servers, target: str):
    options = [*servers.options(), "--as-of", "2026-11-01", "--save", servers.save, "-j", 1, "-f", "json"]
    options += ["--select", "LIF"]  # the tests are about what is collected
    done = program("audit", target, *options, env=servers.environment())
    assert "Traceback" not in done.text
    assert done.code in {0, 1}, done.text
    return servers.records()


def test_the_process_finds_every_row_of_all_subscriptions_by_reads_alone(program, servers):
    found = audit(program, servers, "azure:all")
    assert differences(found, servers.arm.estate) == {}
    assert (servers.arm.violations, servers.arm.faulty, found["gap"]) == ([], [], [])
    posts = {r.path for r in servers.arm.requests if r.method != "GET"}
    assert posts == {"/providers/Microsoft.ResourceGraph/resources"}
    assert not any(word in r.path.lower() for r in servers.arm.requests for word in ("listkeys", "listsecrets"))


def test_one_subscription_is_read_alone(program, servers):
    found = audit(program, servers, f"azure:sub/{SUBSCRIPTIONS[0]}")
    assert servers.arm.violations == []
    assert {r.scope_id for r in found["resource"]} == {f"azure:sub/{SUBSCRIPTIONS[0]}"}
    asked = [r.body["subscriptions"] for r in servers.arm.requests if r.method == "POST"]
    assert asked == [[SUBSCRIPTIONS[0]]] * len({*NAMES} - {"logging"})
