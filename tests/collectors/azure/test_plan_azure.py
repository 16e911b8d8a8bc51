"""What a target of Azure means: the tenant, the subscriptions below, the clouds, and who signs in."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from nhiscan.collect import registry
from nhiscan.collectors.azure import _session
from nhiscan.collectors.azure._clouds import cloud_of
from nhiscan.collectors.azure._plan import PROVIDER
from nhiscan.plugin import Target, TargetError, TargetKind
from tests.conftest import load_by_path

lab = load_by_path(Path(__file__).parent.parent / "rest" / "lab.py")
Reply = lab.Reply
TENANT = "5b0e7c1a-2d34-4f6b-9a87-c0ffee000001"
ONE, TWO, THREE = (f"5b0e7c1a-2d34-4f6b-9a87-a0000000000{n}" for n in (1, 2, 3))


class Token:
    def __init__(self, token: str) -> None:
        self.token = token


class Maker:
    """A credential of azure-identity, as far as it is used; `refuse` are the scopes it has no token for."""

    def __init__(self, claims: dict, refuse: tuple[str, ...] = ()) -> None:
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        self.token, self.refuse, self.asked = Token(f"e.{body}.s"), refuse, []

    def get_token(self, *scopes):
        self.asked += scopes
        if any(word in scope for word in self.refuse for scope in scopes):
            msg = "AADSTS53003: blocked for s3cret"
            raise ValueError(msg)
        return self.token


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST", "AZURE_CLOUD", *_session._DECIDES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("nhiscan.collectors._rest.session.Patience.of_environment", lambda: lab.TINY)


@pytest.fixture
def signed_in(monkeypatch):
    def use(claims=None, refuse=()):
        maker = Maker({"tid": TENANT, "appid": "app-1"} if claims is None else claims, refuse)
        monkeypatch.setattr(_session, "_made", lambda cloud: maker)
        _session._shared.cache_clear()
        return maker

    yield use
    _session._shared.cache_clear()


def manager(got, *, mg=None, subs=(ONE, TWO), tenants=(TENANT,)):
    """A Resource Manager with some subscriptions."""
    if got.path == "/subscriptions":
        rows = [
            {"subscriptionId": s, "displayName": f"Sub {s[-1]}", "state": "Enabled", "tenantId": TENANT} for s in subs
        ]
        return Reply({"value": [*rows, {"subscriptionId": THREE, "state": "Deleted"}, {"subscriptionId": None}]})
    if got.path == "/tenants":
        return Reply({"value": [{"tenantId": t, "displayName": "Acme"} for t in tenants]})
    if mg is None:
        return Reply({"error": {"code": "AuthorizationFailed"}}, 403)
    kind = "Microsoft.Management/managementGroups/subscriptions"
    return Reply({"value": [{"name": s, "type": kind} for s in mg] + [{"name": "x", "type": "y"}]})


def places(server, text, kind, **more):
    ctx = lab.context(endpoints={"azure-arm": server.url, "azure-graph": server.url}, **more)
    return list(PROVIDER.places(Target(f"azure:{text}", "azure", text), ctx, kind))


def test_all_is_the_tenant_and_its_subscriptions(signed_in):
    signed_in()
    with lab.serving(manager) as server:
        for text in ("", "all"):
            (tenant,) = places(server, text, "tenant")
            assert (tenant.id, tenant.scope_id, tenant.name) == (TENANT, f"azure:tenant/{TENANT}", "Acme")
            assert [p.id for p in places(server, text, "subscription")] == [ONE, TWO]
        (estate,) = places(server, "all", "estate")
    assert estate.params["subscriptions"] == f"{ONE},{TWO}"
    assert (estate.params["whole"], estate.params["missing"]) == ("true", "")
    assert estate.params["caller"] == "app-1 in tenant Acme"
    assert {got.method for got in server.seen} == {"GET"}


def test_planning_is_asked_once_for_all_collectors(signed_in):
    signed_in()
    with lab.serving(manager) as server:
        ctx = lab.context(endpoints={"azure-arm": server.url, "azure-graph": server.url})
        target = Target("azure:all", "azure", "all")
        for name in registry.names():
            if name.startswith("azure."):
                list(registry.load(name).units(target, ctx))
        assert [got.path for got in server.seen] == ["/subscriptions", "/tenants"]


def test_single_subscriptions_and_management_groups_leave_the_tenant_out(signed_in):
    signed_in()
    with lab.serving(lambda got: manager(got, mg=(TWO, THREE))) as server:
        assert places(server, f"sub/{ONE}", "tenant") == []
        assert [p.id for p in places(server, f"sub/{ONE.upper()}", "subscription")] == [ONE]
        assert [p.id for p in places(server, "mg/corp", "subscription")] == [TWO, THREE]
        (estate,) = places(server, "mg/corp", "estate")
    # One that the caller does not see is told, and read as far as it goes.
    assert (estate.params["missing"], estate.params["whole"], estate.params["group"]) == (THREE, "false", "corp")


def test_accounts_narrow_and_what_is_not_there_is_told(signed_in):
    signed_in()
    with lab.serving(manager) as server:
        assert [p.id for p in places(server, "all", "subscription", accounts=(f"!{ONE}", "123456789012"))] == [TWO]
        (estate,) = places(server, "all", "estate", accounts=(ONE, THREE))
        assert (estate.params["subscriptions"], estate.params["missing"]) == (ONE, THREE)
        assert len(places(server, "all", "tenant", accounts=(f"!{ONE}", f"!{TWO}"))) == 1
        with pytest.raises(TargetError, match="no subscription is left"):
            places(server, f"sub/{ONE}", "estate", accounts=(f"!{ONE}",))


@pytest.mark.parametrize("text", ["prod", "sub/prod", "sub/", "mg/", "mg/../x", "mg/a b", "all/x", "tenant/x"])
def test_what_is_no_target_is_said(signed_in, text):
    signed_in()
    with lab.serving(manager) as server, pytest.raises(TargetError) as caught:
        places(server, text, "tenant")
    assert "azure:sub/ID" in caught.value.remedy
    assert server.seen == []


def test_another_tenant_than_expected_stops(signed_in):
    signed_in()
    with lab.serving(manager) as server:
        assert places(server, "all", "tenant", expect_account=TENANT)
        with pytest.raises(TargetError, match="not x as expected"):
            places(server, "all", "tenant", expect_account="x")


def test_a_management_group_that_is_denied_ends_its_target(signed_in):
    signed_in()
    with lab.serving(manager) as server, pytest.raises(TargetError) as caught:
        places(server, "mg/corp", "estate")
    assert caught.value.remedy == "grant Microsoft.Management/managementGroups/descendants/read"


def test_no_token_for_resource_manager_leaves_the_tenant(signed_in):
    signed_in(refuse=("management.azure.com",))
    with lab.serving(manager) as server:
        assert len(places(server, "all", "tenant")) == 1
        (estate,) = places(server, "all", "estate")
    assert estate.params["subscriptions"] == ""


def test_nobody_signed_in_is_one_line_without_foreign_words(signed_in):
    signed_in(refuse=("management", "graph"))
    with lab.serving(manager) as server:
        for _ in range(2):
            with pytest.raises(TargetError, match=r"^no usable Azure credentials \(AADSTS53003\)$") as caught:
                places(server, "all", "tenant")
            assert "Conditional Access" in caught.value.remedy
    assert server.seen == []


def test_the_tenant_of_an_opaque_token_comes_from_what_is_listed(signed_in, monkeypatch):
    signed_in(claims={})
    with lab.serving(lambda got: manager(got, tenants=())) as server:
        assert places(server, "all", "tenant")[0].id == TENANT
    with lab.serving(lambda got: manager(got, tenants=(), subs=())) as server:
        with pytest.raises(TargetError, match="which tenant"):
            places(server, "all", "tenant")
        monkeypatch.setenv("AZURE_TENANT_ID", TENANT.upper())
        assert places(server, "all", "tenant")[0].id == TENANT


def test_subscriptions_that_cannot_be_listed_do_not_end_the_tenant(signed_in):
    signed_in()
    with lab.serving(lambda got: Reply({}, 500)) as server:
        assert places(server, "all", "tenant")[0].id == TENANT
        unit = next(iter(registry.load("azure.subscriptions").units(
            Target("azure:all", "azure", "all"), ctx := lab.context(endpoints={"azure-arm": server.url}))))  # fmt: skip
        records = list(registry.load("azure.subscriptions").collect(unit, ctx))
    assert {r.operation for r in records if r.table == "gap"} >= {"arm:subscriptions.list"}


def test_a_target_that_is_not_whole_says_what_of_the_tenant_is_missing(signed_in):
    signed_in()
    with lab.serving(manager) as server:
        ctx = lab.context(endpoints={"azure-arm": server.url}, accounts=(ONE, THREE))
        group = registry.load("azure.subscriptions")
        (unit,) = group.units(Target(f"azure:sub/{ONE}", "azure", f"sub/{ONE}"), ctx)
        gaps = {
            r.id.rpartition("#gap/azure.subscriptions/")[2]: r for r in group.collect(unit, ctx) if r.table == "gap"
        }
    assert gaps[f"{TENANT}/tenant"].remedy == "audit azure:all"
    assert THREE in gaps[f"{TENANT}/subscription/{THREE}"].detail


@pytest.mark.parametrize(
    ("endpoints", "environment", "authority", "arm", "graph", "private"),
    [
        ({}, {}, "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com", False),
        (
            {"azure": "azureusgovernment"}, {}, "login.microsoftonline.us", "management.usgovcloudapi.net",
            "graph.microsoft.us", False,
        ),
        (
            {}, {"AZURE_CLOUD": "AzureChinaCloud"}, "login.chinacloudapi.cn", "management.chinacloudapi.cn",
            "microsoftgraph.chinacloudapi.cn", False,
        ),
        (
            {}, {"AZURE_AUTHORITY_HOST": "login.microsoftonline.us"}, "login.microsoftonline.us",
            "management.usgovcloudapi.net", "graph.microsoft.us", False,
        ),
        (
            {"azure-authority": "https://adfs.acme.example/adfs", "azure-arm": "https://arm.acme.example/"}, {},
            "adfs.acme.example/adfs", "arm.acme.example", "graph.microsoft.com", True,
        ),
    ],
)  # fmt: skip
def test_clouds(monkeypatch, endpoints, environment, authority, arm, graph, private):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = cloud_of(endpoints)
    assert (found.authority, found.arm, found.graph) == (f"https://{authority}", f"https://{arm}", f"https://{graph}")
    assert found.private is private


def test_an_address_of_its_own_keeps_the_audience_of_its_cloud():
    found = cloud_of({"azure": "AzureUSGovernment", "azure-arm": "http://127.0.0.1:8080"})
    assert found.scope("arm") == "https://management.usgovcloudapi.net/.default"
    assert found.scope("graph") == "https://graph.microsoft.us/.default"
    assert (found.base("arm"), found.base("other")) == ("http://127.0.0.1:8080", None)


@pytest.mark.parametrize(
    "endpoints",
    [
        {"azure": "AzureMars"}, {"azure-amr": "https://x"}, {"azure-arm": "http://10.0.0.1"},
        {"azure-authority": "http://127.0.0.1:1"}, {"azure-graph": "https://user:s3cret@host"}, {"azure-arm": "nonsense"},
        {"azure-arm": "https://host:notaport"},
    ],
)  # fmt: skip
def test_endpoints_that_make_no_sense_are_said_without_their_address(endpoints):
    with pytest.raises(TargetError) as caught:
        cloud_of(endpoints)
    assert "s3cret" not in str(caught.value) + caught.value.remedy


def test_the_credential_takes_every_kind_and_never_a_browser(monkeypatch):
    import azure.identity

    made = []
    for name in ("DefaultAzureCredential", "WorkloadIdentityCredential", "ChainedTokenCredential"):
        monkeypatch.setattr(azure.identity, name, lambda *a, _n=name, **k: made.append((_n, a, k)) or _n)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ca.pem")
    assert _session._made(cloud_of({})) == "DefaultAzureCredential"
    assert made[0][2]["exclude_interactive_browser_credential"] is True
    assert made[0][2]["disable_instance_discovery"] is False
    assert made[0][2]["connection_verify"] == "/etc/ca.pem"
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.setenv(name, "x")
    private = cloud_of({"azure-authority": "https://login.acme.example"})
    assert _session._made(private) == "ChainedTokenCredential"
    workload = next(kwargs for name, _, kwargs in made if name == "WorkloadIdentityCredential")
    assert (workload["authority"], workload["disable_instance_discovery"]) == ("https://login.acme.example", True)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "x")
    assert _session._made(private) == "DefaultAzureCredential"


def test_a_refused_token_is_forgotten(signed_in, monkeypatch):
    first = signed_in()
    identity = _session.Identity(cloud_of({}))
    before = identity.headers("arm", renew=False)
    fresh = Maker({"tid": TENANT, "n": 2})
    monkeypatch.setattr(_session, "_made", lambda cloud: fresh)
    assert identity.headers("arm", renew=False) == before
    assert identity.headers("arm", renew=True) != before
    assert identity.headers("graph", renew=False) != before
    assert (len(first.asked), len(fresh.asked)) == (2, 2)


def test_an_exported_subscription_needs_to_know_its_tenant(tmp_path):
    folder = tmp_path / "azure" / f"sub-{ONE}"
    folder.mkdir(parents=True)
    with pytest.raises(TargetError, match="which tenant"):
        PROVIDER.place_of(folder, "subscription")
    (folder / "arm.subscriptions.get.json").write_text("no json")
    with pytest.raises(TargetError, match="which tenant"):
        PROVIDER.place_of(folder, "subscription")
    (folder / "arm.subscriptions.get.json").write_text(json.dumps({"tenantId": TENANT.upper()}))
    assert PROVIDER.place_of(folder, "subscription").params == {"tenant": TENANT, "subscription": ONE}
    (tmp_path / "azure" / f"tenant-{TWO}").mkdir()
    assert PROVIDER.place_of(folder, "subscription").params["tenant"] == TWO
    assert PROVIDER.place_of(folder, "tenant") is None
    assert PROVIDER.place_of(tmp_path, "tenant") is None
    assert PROVIDER.place_of(tmp_path / "azure" / f"tenant-{TWO}", "estate").params["subscriptions"] == ONE


def test_an_export_without_its_tenant_is_a_target_error_with_a_remedy(tmp_path):
    folder = tmp_path / "azure" / f"sub-{ONE}"
    folder.mkdir(parents=True)
    target = Target("snapshot", TargetKind.SNAPSHOT, str(tmp_path))
    groups = [registry.load(n) for n in registry.names() if n.startswith("azure.")]
    for group in (g for g in groups if g.place == "subscription"):
        next(folder.joinpath(op.file).write_text("{}") for op in group.operations(lab.context()))
        with pytest.raises(TargetError) as caught:
            list(group.units(target, lab.context()))
        assert "tenant-<tenant id>" in caught.value.remedy


def test_the_doctor_names_every_permission_that_is_missing(signed_in, nhiscan):
    signed_in()

    def denied(got):
        if got.path == "/v1.0/applications":
            app = {"id": ONE, "appId": TWO, "displayName": "etl", "passwordCredentials": []}
            return Reply({"value": [app], "@odata.nextLink": f"{server.url}/v1.0/applications?more=1"})
        listed = got.path in {"/subscriptions", "/tenants"}
        return manager(got) if listed else Reply({"error": {"code": "AuthorizationFailed"}}, 403)

    with lab.serving(denied) as server:
        ends = [f"--endpoint=azure-{name}={server.url}" for name in ("arm", "graph")]
        done = nhiscan("doctor", "azure:all", *ends, "-j", "1", "--no-cache")
    assert done.code == 0, done.text
    assert "can be read: 1 identities, 0 credentials on the first pages" in done.out
    assert not [got for got in server.seen if "more" in got.query]
    missing = done.out.splitlines()[-1].removeprefix("  missing permissions: ").split(", ")
    assert {"AuditLog.Read.All", "Microsoft.Authorization/roleDefinitions/read"} <= set(missing)
    assert all(" " not in name for name in missing)


def test_without_the_extra_it_says_what_to_install(monkeypatch, nhiscan):
    monkeypatch.setattr("nhiscan.collect.registry.find_spec", lambda name: None)
    done = nhiscan("audit", "azure:all")
    assert (done.code, "pip install 'nhiscan[azure]'" in done.err) == (2, True)
    assert "Traceback" not in done.text
