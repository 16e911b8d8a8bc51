"""One process over Azure with Entra and Google Cloud at once, against the twins of both: whole, or one of them shut."""

from __future__ import annotations

import json

import pytest

from nhiscan.model import RECORDS
from nhiscan.store.schema import from_row
from tests.collectors.azure import entra_lab
from tests.collectors.azure.arm_lab import NAMES
from tests.collectors.azure.test_arm_twin import differences as arm_differences
from tests.collectors.azure.test_entra_end_to_end import Lab
from tests.collectors.gcp.test_google_end_to_end import differences as google_differences
from tests.twins.arm import ArmTwin
from tests.twins.arm_estate import SUBSCRIPTIONS, arm_estate
from tests.twins.authority import SECRET
from tests.twins.exchange import Fault
from tests.twins.google_estate import ORG, planted
from tests.twins.google_rest import GoogleTwin, credentials
from tests.twins.graph_estate import estate
from tests.twins.graph_rows import TENANT

TARGETS = ("azure:all", f"gcp:org/{ORG}")
BRIEF = ("--select", "LIF")
QUERIES = "/providers/Microsoft.ResourceGraph/resources"


class Clouds(Lab):
    """The authority, Graph, Resource Manager and Google, and what one process writes down of them."""

    def __init__(self, folder) -> None:
        super().__init__(folder, estate(12))
        self.arm = ArmTwin(arm_estate(24), self.authority.tls)
        self.google = GoogleTwin(planted(12))
        self.folder = folder

    def __enter__(self):
        self.google.__enter__()
        return super().__enter__()

    def __exit__(self, *about: object) -> None:
        super().__exit__(*about)
        self.google.__exit__(*about)

    @property
    def azure(self):
        return self.graph, self.arm

    def audit(self, program, *more: object):
        key = {"GOOGLE_APPLICATION_CREDENTIALS": str(credentials(self.folder, self.google.url))}
        options = [*self.options(), "--endpoint", f"gcp={self.google.url}", "--as-of", "2026-11-01"]
        done = program(
            "audit", *TARGETS, *options, "--save", self.save, "-j", 2, "-f", "json", *more, env=self.environment() | key
        )
        assert "Traceback" not in done.text
        assert [t.violations for t in (*self.azure, self.google, self.authority)] == [[], [], [], []]
        assert [t.faulty for t in (*self.azure, self.google)] == [[], [], []]
        return done

    def read(self, *collectors: str) -> dict[str, list]:
        """The records of some collectors by table."""
        found: dict[str, list] = {table: [] for table in RECORDS}
        for path in sorted(self.save.rglob("*.jsonl")):
            if path.stem in RECORDS and any(name in str(path) for name in collectors):
                rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
                found[path.stem] += [from_row(RECORDS[path.stem], row) for row in rows]
        return found

    def written(self) -> str:
        return "".join(p.read_text(encoding="utf-8", errors="replace") for p in self.save.rglob("*") if p.is_file())

    def azure_is_whole(self) -> None:
        entra, arm = self.read("azure.entra"), self.read(*(f"azure.{name}" for name in NAMES))
        assert entra_lab.differences(entra, self.graph.estate) == {}
        assert arm_differences(arm, self.arm.estate) == {}
        assert (entra["gap"], arm["gap"]) == ([], [])

    def google_is_whole(self) -> None:
        found = self.read("gcp.")
        assert google_differences(found, self.google.estate) == {}
        assert found["gap"] == []


@pytest.fixture
def clouds(tmp_path):
    with Clouds(tmp_path) as made:
        yield made


def test_one_process_finds_both_clouds_whole_by_reads_alone(program, clouds):
    done = clouds.audit(program)
    assert done.code in {0, 1}, done.text
    clouds.azure_is_whole()
    clouds.google_is_whole()
    sent = [r for twin in (*clouds.azure, clouds.google) for r in twin.requests if r.route != "token"]
    assert {r.method for r in sent if r.path != QUERIES} == {"GET"}
    targets = {target["text"]: target["scopes"] for target in done.json["targets"]}
    assert targets == dict(zip(TARGETS, ([f"azure:tenant/{TENANT}"], [f"gcp:org/{ORG}"]), strict=True))
    subscriptions = {f"azure:sub/{name}" for name in SUBSCRIPTIONS}
    projects = {f"gcp:project/{name}" for name in clouds.google.estate.projects}
    assert subscriptions | projects <= set(done.json["summary"]["scopes"])
    issued = {*clouds.authority.issued, SECRET, "twin-token"}
    assert not any(word in done.text + clouds.written() for word in issued)


def shut(*twins) -> None:
    """Whatever is asked there is refused; signing in is not."""
    for twin in twins:
        for _, route in twin._routes:
            if route.name != "token":
                twin.fail(route.name, Fault("status", status=403, code="PERMISSION_DENIED"))


def test_a_google_that_refuses_everything_is_told_and_azure_stays_whole(program, clouds):
    shut(clouds.google)
    done = clouds.audit(program, *BRIEF)
    clouds.azure_is_whole()
    assert done.code == 4  # a named target gave nothing
    (lost,) = (target for target in done.json["targets"] if target["failed"])
    assert (lost["text"], lost["remedy"]) == (TARGETS[1], "grant resourcemanager.projects.get")
    assert lost["remedy"] in done.err


def test_an_azure_that_refuses_everything_is_a_gap_for_each_permission_and_google_stays_whole(program, clouds):
    shut(*clouds.azure)
    done = clouds.audit(program, *BRIEF)
    clouds.google_is_whole()
    found = clouds.read("azure.")
    assert {r.scope_id for r in found["scope"]} == {f"azure:tenant/{TENANT}"}
    assert {table for table, rows in found.items() if rows} == {"scope", "gap"}
    assert {gap.reason.value for gap in found["gap"]} == {"denied"}
    granted = {gap.remedy.removeprefix("grant ") for gap in found["gap"]}
    assert granted >= {"AgentIdentity.Read.All", "Microsoft.Resources/subscriptions/read", "Application.Read.All"}
    told = {gap["remedy"] for rule in done.json["coverage"]["rules"] for gap in rule["gaps"]}
    assert any("grant Application.Read.All" in remedy for remedy in told)
    assert done.code == 4  # a named target gave nothing
