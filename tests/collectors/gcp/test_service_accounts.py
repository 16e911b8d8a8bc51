"""Service accounts, keys, API keys and their last use: from the inventory, and without it."""

from __future__ import annotations

import math
import operator
from datetime import UTC, datetime

import pytest

from nhiscan.collectors._common.errors import UndeclaredCallError
from nhiscan.collectors.gcp import _activity, _api_keys
from nhiscan.collectors.gcp._accounts import read_account, read_key
from nhiscan.collectors.gcp._names import account_project, account_type, principal
from nhiscan.collectors.gcp.service_accounts import COLLECTOR
from nhiscan.model import CredentialState, IdentityClass, IdentityState, LastUsed
from tests.collectors.gcp.google_lab import ASSET, collect, context, everything_but, ids
from tests.twins.exchange import Fault
from tests.twins.google_estate import planted
from tests.twins.google_iam_grpc import IamTwin
from tests.twins.google_rest import GoogleTwin

grpc = pytest.importorskip("grpc")


class Asker:
    """As much of an Ask as readers of single answers need."""

    source, scope_id, ctx = "gcp.test", "gcp:org/1", context()


def accounts_of(found) -> set[str]:
    return {i for i in ids(found["identity"]) if i.startswith("gcp:sa/")}


def test_the_inventory_gives_every_account_and_key_and_what_was_never_used(monkeypatch):
    estate = planted(40)
    with GoogleTwin(estate) as twin:
        found = collect(COLLECTOR, twin, monkeypatch)
        assert (twin.violations, twin.faulty, found["gap"]) == ([], [], [])
    assert accounts_of(found) == {i for i in estate.identities if i.startswith("gcp:sa/")}
    assert ids(found["credential"]) == {c for c in estate.credentials if "hmac" not in c}
    rows = found["identity"] + found["credential"]
    assert {r.id for r in rows if r.last_used is LastUsed.NEVER} == estate.never
    assert {r.id for r in rows if r.last_used is LastUsed.KNOWN} == {i for i, used in estate.used.items() if used}
    assert sum(r.created_at is not None for r in found["identity"]) == len(accounts_of(found))
    assert {r.id for r in found["identity"] if r.state is IdentityState.DISABLED} == {
        f"gcp:sa/{a['email']}" for rows in estate.accounts.values() for a in rows if a.get("disabled")
    }


def test_a_thousand_accounts_take_no_more_calls_than_their_pages(monkeypatch):
    estate = planted(1000, 4)
    with GoogleTwin(estate) as twin:
        collect(COLLECTOR, twin, monkeypatch)
        asked = sum(twin.count().values())
        methods = {request.method for request in twin.requests}
    rows = len(estate.projects) + len(estate.identities) - 2 + sum(map(len, estate.keys.values()))
    listed = math.ceil((rows + sum(map(len, estate.api_keys.values()))) / 1000)
    fewest = listed + math.ceil((len(estate.identities) - 2) / 500) + 2 * len(estate.projects)
    assert asked <= 1.2 * fewest
    assert methods == {"GET"}


@pytest.mark.parametrize("how", ["denied", "disabled", "broken", "over gRPC"])
def test_without_the_inventory_each_project_and_account_is_asked(monkeypatch, how):
    estate = planted(12)
    endpoints = {}
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam:
        if how == "disabled":
            twin.closed.add("cloudasset")
        elif how == "broken":
            twin.fail("cloudasset:assets.list", Fault("status", status=500))
        else:
            twin.granted = everything_but(twin, *ASSET)
        if how == "over gRPC":
            endpoints["gcp-iam-grpc"] = f"http://{iam.address}"
        found = collect(COLLECTOR, twin, monkeypatch, **endpoints)
        assert (twin.violations, twin.faulty) == ([], [])
        assert ("iam:projects.serviceAccounts.list" in twin.count()) is (how != "over gRPC")
        assert iam.seen.count("ListServiceAccountKeys") == (len(accounts_of(found)) if how == "over gRPC" else 0)
    assert accounts_of(found) == {i for i in estate.identities if i.startswith("gcp:sa/")}
    assert ids(found["credential"]) == {c for c in estate.credentials if "hmac" not in c}
    used = [r.last_used for r in found["identity"] + found["credential"]]
    assert LastUsed.NEVER not in used
    assert LastUsed.KNOWN in used
    assert [g.covers for g in found["gap"]] == ([] if how == "broken" else [("identity.created_at",)])
    if how == "disabled":
        assert "gcloud services enable cloudasset.googleapis.com" in found["gap"][0].remedy


def test_google_cloud_iam_reads_the_same_rows_as_the_inventory(monkeypatch):
    """The vendor's own client as a second reader of one estate."""
    from google.cloud.iam_admin_v1 import IAMClient
    from google.cloud.iam_admin_v1.services.iam.transports.grpc import IAMGrpcTransport

    estate = planted(30)
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam, grpc.insecure_channel(iam.address) as channel:
        found = collect(COLLECTOR, twin, monkeypatch)
        client = IAMClient(transport=IAMGrpcTransport(channel=channel))
        accounts, keys = {}, {}
        for project in estate.projects:
            for row in client.list_service_accounts(name=f"projects/{project}"):
                accounts[f"gcp:sa/{row.email}"] = (row.unique_id, row.disabled, row.email)
                for key in client.list_service_account_keys(name=row.name).keys:
                    begin = key.valid_after_time.replace(microsecond=0)
                    keys[key.name.rpartition("/")[2]] = (f"gcp:sa/{row.email}", datetime.fromisoformat(str(begin)))
    rows = [i for i in found["identity"] if i.native_id]
    assert {i.id: (i.native_id, i.state is IdentityState.DISABLED, i.name) for i in rows} == accounts
    read = [c for c in found["credential"] if c.kind == "private_key" and c.issued_at]
    assert {c.key_id: (c.identity_id, c.issued_at) for c in read} == keys


@pytest.mark.parametrize(
    ("method", "status", "words"),
    [
        ("ListServiceAccounts", "PERMISSION_DENIED", "grant iam.serviceAccounts.list"),
        ("ListServiceAccountKeys", "PERMISSION_DENIED", "grant iam.serviceAccountKeys.list"),
        ("ListServiceAccounts", "UNAUTHENTICATED", "sign in again"),
        ("ListServiceAccounts", "NOT_FOUND", "check that the project"),
        ("ListServiceAccountKeys", "INVALID_ARGUMENT", "run again"),
    ],
)
def test_what_grpc_refuses_is_a_gap_with_its_remedy(monkeypatch, method, status, words):
    estate = planted(6)
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam:
        twin.granted = everything_but(twin, *ASSET)
        iam.refused[method] = grpc.StatusCode[status]
        found = collect(COLLECTOR, twin, monkeypatch, **{"gcp-iam-grpc": f"http://{iam.address}"})
    told = [g for g in found["gap"] if g.covers != ("identity.created_at",)]
    assert told
    assert all(words in g.remedy for g in told)
    assert "planted" not in str(told)


def test_keys_that_are_gone_since_are_no_gap(monkeypatch):
    estate = planted(6)
    with GoogleTwin(estate) as twin, IamTwin(estate) as iam:
        twin.granted = everything_but(twin, *ASSET)
        iam.refused["ListServiceAccountKeys"] = grpc.StatusCode.NOT_FOUND
        found = collect(COLLECTOR, twin, monkeypatch, **{"gcp-iam-grpc": f"http://{iam.address}"})
    assert [g.covers for g in found["gap"]] == [("identity.created_at",)]


def test_nothing_but_reading_leaves_over_grpc():
    from nhiscan.collectors.gcp._iam_grpc import Grpc

    with IamTwin(planted(1)) as iam:
        calls: dict[str, int] = {}
        client = Grpc.to(f"http://{iam.address}", None, calls).client
        name = "projects/acme-shop/serviceAccounts/x@acme-shop.iam.gserviceaccount.com"
        for act in (client.create_service_account_key, client.delete_service_account, client.disable_service_account):
            with pytest.raises(UndeclaredCallError):
                act(request={"name": name})
        assert (iam.seen, calls) == ([], {})


def test_one_project_that_is_refused_hides_no_other(monkeypatch):
    estate = planted(9)
    with GoogleTwin(estate) as twin:
        twin.granted = everything_but(twin, *ASSET)
        twin.fail("iam:projects.serviceAccounts.list", Fault("status", times=1, status=403, code="PERMISSION_DENIED"))
        found = collect(COLLECTOR, twin, monkeypatch)
    told = [g for g in found["gap"] if "identity" in g.covers]
    assert [g.subject_id for g in told] == ["gcp:project/acme-data-1"]
    lost = {f"gcp:sa/{a['email']}" for a in estate.accounts["acme-data-1"]}
    listed = {i.id for i in found["identity"] if i.native_id}
    assert listed == {i for i in estate.identities if i.startswith("gcp:sa/")} - lost


def test_a_project_alone_needs_no_organisation(monkeypatch):
    estate = planted(9)
    with GoogleTwin(estate) as twin:
        found = collect(COLLECTOR, twin, monkeypatch, project="acme-shop")
        assert (twin.violations, found["gap"]) == ([], [])
    assert accounts_of(found) == {f"gcp:sa/{a['email']}" for a in estate.accounts["acme-shop"]}


def test_a_refused_report_of_use_hides_only_use(monkeypatch):
    estate = planted(9)
    with GoogleTwin(estate) as twin:
        twin.granted = everything_but(twin, "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query")
        found = collect(COLLECTOR, twin, monkeypatch)
    assert {g.covers for g in found["gap"]} == {("credential.last_used",)}
    assert ids(found["credential"]) == {c for c in estate.credentials if "hmac" not in c}


@pytest.mark.parametrize(
    ("email", "owner", "type_"),
    [
        ("etl@acme.iam.gserviceaccount.com", "acme", "user_managed"),
        ("service-123456@acme.iam.gserviceaccount.com", "acme", "user_managed"),  # its own project lists it
        ("service-123456@compute-system.iam.gserviceaccount.com", None, "service_agent"),
        ("p1234567-x1@gcp-sa-cloud-sql.iam.gserviceaccount.com", None, "service_agent"),
        ("anything@gcp-sa-new.iam.gserviceaccount.com", None, "service_agent"),
        ("123456@cloudservices.gserviceaccount.com", None, "service_agent"),
        ("cloud-logs@system.gserviceaccount.com", None, "service_agent"),
        ("123456-compute@developer.gserviceaccount.com", "acme", "default"),
        ("acme@appspot.gserviceaccount.com", None, "default"),
        ("123456@cloudbuild.gserviceaccount.com", None, "default"),
        ("ci@other.iam.gserviceaccount.com", None, "user_managed"),
        ("kim@acme.example", None, None),
    ],
)
def test_who_made_an_account(email, owner, type_):
    assert account_type(email, owner) == type_


def test_the_project_of_an_address():
    assert account_project("a@acme.iam.gserviceaccount.com") == "acme"
    assert account_project("a@shop.acme.example.iam.gserviceaccount.com") == "acme.example:shop"
    assert account_project("acme@appspot.gserviceaccount.com") == "acme"
    assert account_project("1-compute@developer.gserviceaccount.com") is None


_POOL = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"


@pytest.mark.parametrize(
    ("member", "known"),
    [
        ("allUsers", ("gcp:allUsers", "group", None, None)),
        ("user:Kim@Acme.example", ("gcp:user/kim@acme.example", "user", "human", None)),
        ("user:a@p.iam.gserviceaccount.com", ("gcp:sa/a@p.iam.gserviceaccount.com", "service_account", None, None)),
        ("domain:acme.example", ("gcp:domain/acme.example", "group", None, None)),
        ("projectEditor:acme", ("gcp:projectEditor/acme", "group", None, None)),
        ("serviceAccount:p.svc.id.goog[ns/a]", ("gcp:sa/p.svc.id.goog[ns/a]", "workload_identity", "workload", None)),
        (f"principal://{_POOL}/subject/s", (f"gcp:principal/{_POOL}/subject/s", "workload_identity", "workload", None)),
        (f"principalSet://{_POOL}/*", (f"gcp:principal/{_POOL}/*", "group", None, None)),
        (
            "principal://iam.googleapis.com/locations/global/workforcePools/w/subject/kim",
            ("gcp:principal/iam.googleapis.com/locations/global/workforcePools/w/subject/kim", "user", "human", None),
        ),
        ("principal://goog/subject/kim@acme.example", ("gcp:user/kim@acme.example", "user", "human", None)),
        ("principalSet://goog/group/Ops@acme.example", ("gcp:group/ops@acme.example", "group", None, None)),
        ("principalSet://goog/public:all", ("gcp:allUsers", "group", None, None)),
        ("principalSet://goog/cloudIdentityCustomerId/C01", ("gcp:principal/goog/cloudIdentityCustomerId/C01",
                                                            "group", None, None)),
        (
            "principal://iam.googleapis.com/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",
            ("gcp:sa/a@p.iam.gserviceaccount.com", "service_account", None, None),
        ),
        (
            "deleted:user:kim@acme.example?uid=123",
            ("gcp:deleted/user:kim@acme.example?uid=123", "user", "human", "deleted"),
        ),
        ("deleted:??", ("gcp:deleted/??", "group", None, "deleted")),
        ("somethingNew:x", ("gcp:somethingNew/x", "group", None, None)),
        ("principal://host", None), ("nobody", None), ("", None), ("user:", None), ("a b:c", None),
    ],
)  # fmt: skip
def test_members_have_one_id_however_they_are_written(member, known):
    found = principal(member)
    assert (found and (found.id, found.kind, found.class_, found.state)) == known


def test_agents_have_an_identity_of_their_own():
    found = principal("principal://agents.global.org-1.system.id.goog/resources/aiplatform/projects/1/x")
    assert found.class_ is IdentityClass.AGENT


@pytest.mark.parametrize("data", [{}, {"email": None, "name": 7}, {"email": "nobody"}])
def test_an_account_without_an_address_is_none(data):
    assert list(read_account(Asker, data, "gcp:project/p", "p")) == []


def test_nulls_and_new_words_of_a_key_are_unknown_and_not_invented():
    data = {"keyType": "NEW", "disabled": "perhaps", "validBeforeTime": None, "extendedStatus": [None, {"key": "NEW"}]}
    (key,) = read_key(Asker, data, ("a@p.iam.gserviceaccount.com", "k"), "gcp:project/p", None)
    assert (key.lifetime, key.state, key.expires_at, key.issued_at, key.facts) == (None, None, None, None, {})
    data = {"disabled": "no", "displayName": "pass=hunter2hunter2hunter2x9", "email": "a@p.iam.gserviceaccount.com"}
    (account,) = read_account(Asker, data, "gcp:project/p", "p")
    assert account.state is None
    assert "hunter2" not in str(account)


@pytest.mark.parametrize(
    ("limits", "scopes", "bound", "client"),
    [
        ({}, ("*",), False, "none"),
        ({"apiTargets": [{"service": None}, 3]}, ("*",), False, "none"),
        ({"serverKeyRestrictions": {"allowedIps": ["0.0.0.0/0", "198.51.100.1"]}}, ("*",), False, "server"),
        ({"serverKeyRestrictions": {"allowedIps": ["198.51.100.1"]}}, ("*",), True, "server"),
        ({"iosKeyRestrictions": {"allowedBundleIds": ["a.b"]}}, ("*",), False, "ios"),
        ({"browserKeyRestrictions": {"allowedReferrers": ["https://acme.example/*"]}}, ("*",), False, "browser"),
        ({"browserKeyRestrictions": {"allowedReferrers": ["*"]}}, ("*",), False, "none"),
        ({"apiTargets": [{"service": "a.b", "methods": ["M", "N"]}, {"service": "c.d"}]},
         ("a.b/M", "a.b/N", "c.d"), False, "none"),
    ],
)  # fmt: skip
def test_what_restricts_an_api_key(limits, scopes, bound, client):
    data = {"uid": "u", "restrictions": limits}
    (key,) = _api_keys.read_api_key(Asker, data, "gcp:project/p", "p")
    assert (key.scopes, key.bound, key.facts["client_restriction"]) == (scopes, bound, client)
    assert key.state is CredentialState.ACTIVE


def test_an_api_key_without_any_id_is_none():
    assert list(_api_keys.read_api_key(Asker, {"displayName": "x"}, "gcp:project/p", "p")) == []


_SA = "//iam.googleapis.com/projects/p/serviceAccounts/a@p.iam.gserviceaccount.com"
_OWN = "gcp:sa/a@p.iam.gserviceaccount.com"
_BORN = datetime(2025, 1, 1, tzinfo=UTC)


def activity(name=_SA, start="2024-01-01T07:00:00Z", **told):
    return {"fullResourceName": name, "observationPeriod": {"startTime": start}, "activity": told}


@pytest.mark.parametrize(
    ("entry", "changes", "used"),
    [
        (activity(lastAuthenticatedTime="2026-10-01T07:00:00Z"), {}, LastUsed.KNOWN),
        (activity(), {}, LastUsed.NEVER),
        (activity(start="2025-01-02T07:00:00Z"), {}, None),  # it may have been used before anybody looked
        (activity(start=None), {}, None),
        (activity(), {"accounts": {_OWN: None}}, None),
        (activity(), {"bound": {_OWN}}, None),  # API keys leave no trace
        (activity(), {"bound_known": False}, None),
        (activity(lastAuthenticatedTime=None), {}, None),
        (activity(lastAuthenticatedTime="soon"), {}, None),
        (activity(), {"accounts": {}}, None),
        (activity(_SA.replace("a@", "z@")), {}, None),
        (activity(_SA.replace("a@p.iam.gserviceaccount.com", "17")), {"emails": {"17": _OWN[7:]}}, LastUsed.NEVER),
        (activity(_SA.replace("a@p.iam.gserviceaccount.com", "18")), {}, None),
        (activity(None), {}, None),
    ],
)
def test_never_is_said_only_where_the_whole_life_was_observed(entry, changes, used):
    known = _activity.Known(accounts={_OWN: _BORN})
    for name, value in changes.items():
        setattr(known, name, value)
    rows = list(_activity._account(Asker, known, entry))
    assert [row.last_used for row in rows] == ([used] if used else [])


def test_a_key_is_never_used_apart_from_its_account():
    known = _activity.Known(keys={f"{_OWN}#key/k": _BORN}, bound={_OWN})
    rows = list(_activity._key(Asker, known, activity(f"{_SA}/keys/k")))
    assert list(map(operator.attrgetter("last_used"), rows)) == [LastUsed.NEVER]
    assert list(_activity._key(Asker, known, activity(f"{_SA}/keys/other"))) == []
    assert list(_activity._key(Asker, known, activity(_SA))) == []


def test_an_error_over_grpc_says_what_would_help_and_repeats_no_words():
    from google.api_core import exceptions

    from nhiscan.collectors.gcp._iam_client import ACCOUNTS
    from nhiscan.collectors.gcp._iam_grpc import refused

    words = "secret words of a server"
    off = exceptions.PermissionDenied(words)
    off._error_info = type("Info", (), {"reason": "SERVICE_DISABLED"})()
    found = {
        kind: refused(error, ACCOUNTS)
        for kind, error in {
            "denied": exceptions.PermissionDenied(words),
            "off": off,
            "throttled": exceptions.RetryError(words, exceptions.ResourceExhausted(words)),
            "unreachable": exceptions.ServiceUnavailable(words),
            "token": exceptions.Unauthenticated(words),
            "gone": exceptions.NotFound(words),
            "other": exceptions.InternalServerError(words),
        }.items()
    }
    assert words not in "".join(f"{e.detail}{e.remedy}" for e in found.values())
    assert {kind for kind, e in found.items() if e.fatal} == {"unreachable", "token"}
    assert [kind for kind, e in found.items() if e.everywhere] == ["token"]
    assert [kind for kind, e in found.items() if e.missing] == ["gone"]
    assert (found["denied"].remedy, found["off"].code) == ("grant iam.serviceAccounts.list", "SERVICE_DISABLED")
    assert found["throttled"].reason == "throttled"


def test_without_an_address_of_ones_own_google_cloud_iam_is_asked(monkeypatch):
    from types import SimpleNamespace

    from nhiscan.collectors.gcp import _iam_client
    from nhiscan.collectors.gcp._iam_grpc import HOST, Grpc

    made = []
    monkeypatch.setattr(Grpc, "of", classmethod(lambda _, ask, address: made.append(address) or "grpc"))
    monkeypatch.delenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", raising=False)
    ask = SimpleNamespace(answers=None, ctx=context())
    assert (_iam_client.accounts_of(ask), made, HOST) == ("grpc", [None], "iam.googleapis.com:443")
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", "https://iam.acme.example/")
    assert isinstance(_iam_client.accounts_of(ask), _iam_client.Rest)
    monkeypatch.delenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM")
    monkeypatch.setitem(__import__("sys").modules, "nhiscan.collectors.gcp._iam_grpc", None)
    assert isinstance(_iam_client.accounts_of(ask), _iam_client.Rest)
