"""`nhiscan audit azure:all` as a user runs it: a process of its own, azure-identity, TLS, against twins on loopback."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Self

import pytest

from nhiscan.model import RECORDS
from nhiscan.store.schema import from_row
from tests.collectors.azure.entra_lab import differences
from tests.twins.authority import SECRET, Authority, certificates
from tests.twins.exchange import Answer, Fault, Request, Route
from tests.twins.graph import GraphTwin
from tests.twins.graph_estate import estate
from tests.twins.graph_rows import TENANT, Estate, guid
from tests.twins.paging import ARM
from tests.twins.server import Twin

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = guid(0xAA, 1)


class NoSubscriptions(Twin):
    """A Resource Manager whose caller sees the tenant and no subscription."""

    def routes(self) -> Iterator[Route]:
        known = {"api-version", "$skiptoken"}
        yield Route("tenants", "/tenants", self._tenants, known)
        yield Route("subscriptions", "/subscriptions", lambda request: self.page(request, [], ARM), known)

    def _tenants(self, request: Request) -> Answer:
        row = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Acme", "countryCode": "DE"}
        return self.page(request, [row], ARM)


class Lab:
    """The three servers, and the environment and options of a process that is told of them."""

    def __init__(self, folder, made: Estate) -> None:
        tls, self.bundle = certificates(folder)
        self.authority = Authority(tls, TENANT, CLIENT)
        self.graph, self.arm = GraphTwin(made, tls), NoSubscriptions(tls)
        self.save = folder / "run"

    def __enter__(self) -> Self:
        for twin in (self.authority, self.graph, self.arm):
            twin.__enter__()
        return self

    def __exit__(self, *about: object) -> None:
        for twin in (self.authority, self.graph, self.arm):
            twin.__exit__(*about)

    def environment(self, secret: str = SECRET) -> dict[str, str]:
        return {
            "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": secret,
            "SSL_CERT_FILE": str(self.bundle), "REQUESTS_CA_BUNDLE": str(self.bundle), "NHISCAN_HTTP_ATTEMPTS": "2",
        }  # fmt: skip

    def options(self) -> list[str]:
        addresses = {"azure-authority": self.authority.url, "azure-graph": self.graph.url, "azure-arm": self.arm.url}
        return [part for name, url in addresses.items() for part in ("--endpoint", f"{name}={url}")]

    def records(self) -> dict[str, list]:
        """What the process wrote down, by table."""
        found: dict[str, list] = {table: [] for table in RECORDS}
        for path in sorted(self.save.rglob("*.jsonl")):
            if path.stem in RECORDS and "azure.entra" in str(path):
                rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
                found[path.stem] += [from_row(RECORDS[path.stem], row) for row in rows]
        return found


@pytest.fixture
def lab(tmp_path):
    def open_lab(size: int) -> Lab:
        return Lab(tmp_path, estate(size))

    return open_lab


def audit(program, lab: Lab, *more: str, secret: str = SECRET):
    arguments = [
        "audit",
        "azure:all",
        *lab.options(),
        "--as-of",
        "2026-11-01",
        "--save",
        lab.save,
        "-j",
        1,
        "--select",
        "LIF",
    ]
    return program(*arguments, "-f", "json", *more, env=lab.environment(secret))


def test_the_process_finds_everything_in_few_calls_by_reads_alone(program, lab):
    with lab(300) as servers:
        done = audit(program, servers)
        assert "Traceback" not in done.text
        assert done.code in {0, 1}, done.text
        assert differences(servers.records(), servers.graph.estate) == {}
        assert (servers.graph.violations, servers.graph.faulty, servers.authority.violations) == ([], [], [])
        assert {request.method for request in servers.graph.requests} == {"GET"}
        assert {request.token for request in servers.graph.requests} <= set(servers.authority.issued)
        lists = sum(count for name, count in servers.graph.count().items() if name.endswith(".list"))
        rows = {kind: len(entries) for kind, entries in servers.graph.estate.rows.items()}
        principals = sum(rows[k] for k in ("servicePrincipal", "agentIdentity", "agentIdentityBlueprintPrincipal"))
        fewest = 2 * math.ceil(rows["application"] / 999) + 3 * math.ceil(principals / 999) + 12
        assert lists <= 1.2 * fewest
        saved = "".join(p.read_text(encoding="utf-8", errors="replace") for p in servers.save.rglob("*") if p.is_file())
        assert SECRET not in done.text + saved
        assert not any(token in done.text + saved for token in servers.authority.issued)


def test_a_refused_report_is_a_gap_and_the_rest_stays_whole(program, lab):
    with lab(12) as servers:
        servers.graph.granted = {"Application.Read.All", "Directory.Read.All", "RoleManagement.Read.Directory"}
        done = audit(program, servers)
        assert "Traceback" not in done.text
        found = servers.records()
        assert {gap.operation for gap in found["gap"]} >= {
            "graph:servicePrincipalSignInActivities.list", "graph:appCredentialSignInActivities.list",
        }  # fmt: skip
        assert any("AuditLog.Read.All" in gap.remedy for gap in found["gap"])
        assert set(differences(found, servers.graph.estate)) == {"used"}


def test_a_wrong_secret_is_said_in_one_line(program, lab):
    with lab(3) as servers:
        done = audit(program, servers, secret="wrong-by-intention")
        assert "Traceback" not in done.text
        assert "AADSTS7000215" in done.text
        assert "wrong-by-intention" not in done.text
        assert servers.graph.requests == []


def test_a_token_that_expires_in_the_middle_is_renewed(program, lab):
    with lab(12) as servers:
        servers.graph.fail("servicePrincipals.list", Fault("expired", times=1, after=1))
        done = audit(program, servers)
        assert "Traceback" not in done.text
        assert differences(servers.records(), servers.graph.estate) == {}
        assert len(servers.authority.issued) >= 2
