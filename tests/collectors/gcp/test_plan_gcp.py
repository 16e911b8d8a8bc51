"""What a target of Google Cloud means: organisations, folders, projects, the addresses of services, who signs in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nhiscan.collect import registry
from nhiscan.collectors.gcp import _session
from nhiscan.collectors.gcp._plan import PROVIDER
from nhiscan.collectors.gcp._session import Identity, checked
from nhiscan.plugin import Target, TargetError
from tests.conftest import load_by_path

lab = load_by_path(Path(__file__).parent.parent / "rest" / "lab.py")
Reply = lab.Reply
PROJECTS = {
    "acme-shop": ("11", "folders/2"), "acme-lab": ("12", "organizations/1"), "acme-deep": ("13", "folders/3"),
    "other-org": ("14", "organizations/9"), "lone-wolf": ("15", None), "acme-hidden": ("16", "folders/8"),
}  # fmt: skip
FOLDERS = {"folders/2": "organizations/1", "folders/3": "folders/2", "folders/7": "organizations/9"}


def row(project):
    number, parent = PROJECTS[project]
    return {"name": f"projects/{number}", "projectId": project, "parent": parent, "state": "ACTIVE"}


def manager(got, *, folders=True):
    """A Resource Manager with a small tree."""
    path = got.path.removeprefix("/cloudresourcemanager/v3/")
    if path == "projects:search":
        gone = {
            "name": "projects/19",
            "projectId": "acme-gone",
            "parent": "organizations/1",
            "state": "DELETE_REQUESTED",
        }
        return Reply({"projects": [*map(row, PROJECTS), gone, {"projectId": 7}]})
    if path == "folders:search":
        found = [{"name": n, "parent": p, "displayName": n} for n, p in FOLDERS.items()]
        return Reply({"folders": [*found, {"name": None}]}) if folders else Reply({"error": {"status": "X"}}, 403)
    if path == "organizations:search":
        return Reply({"organizations": [{"name": "organizations/1", "displayName": "acme.example"}]})
    project = path.removeprefix("projects/")
    return Reply(row(project)) if project in PROJECTS else Reply({"error": {"status": "PERMISSION_DENIED"}}, 403)


@pytest.fixture(autouse=True)
def signed_in(monkeypatch):
    for name in ("GOOGLE_CLOUD_UNIVERSE_DOMAIN", *(n for n in _session._DECIDES if n != "HOME")):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("nhiscan.collectors._rest.session.Patience.of_environment", lambda: lab.TINY)
    plain = Identity.headers
    monkeypatch.setattr(Identity, "headers", lambda self, service, *, renew: {"Authorization": "Bearer t"})
    return plain


def places(server, text, kind, **more):
    ctx = lab.context(endpoints={"gcp": server.url}, **more)
    return list(PROVIDER.places(Target(f"gcp:{text}", "gcp", text), ctx, kind))


def names(found):
    return [place.id for place in found]


def test_an_organisation_is_read_as_a_whole_and_by_project():
    with lab.serving(manager) as server:
        assert names(places(server, "org/1", "project")) == ["acme-deep", "acme-lab", "acme-shop"]
        assert names(places(server, "org/1", "organization")) == ["org-1"]
        assert names(places(server, "org/1", "folder")) == ["folder-2", "folder-3"]
        (estate,) = places(server, "org/1", "estate")
    assert estate.params == {"organization": "1", "parent": "organizations/1", "unplaced": "acme-hidden"}
    assert (estate.scope_id, estate.name) == ("gcp:org/1", "acme.example")


def test_a_folder_is_what_lies_below_it():
    with lab.serving(manager) as server:
        assert names(places(server, "folder/2", "project")) == ["acme-deep", "acme-shop"]
        assert names(places(server, "folder/2", "folder")) == ["folder-2", "folder-3"]
        assert places(server, "folder/2", "organization") == []
        (estate,) = places(server, "folder/2", "estate")
    assert estate.params["parent"] == "folders/2"


def test_all_is_each_organisation_and_the_projects_outside_of_them():
    with lab.serving(manager) as server:
        assert names(places(server, "all", "project")) == sorted(PROJECTS)
        assert names(places(server, "", "organization")) == ["org-1"]
        assert names(places(server, "all", "estate")) == ["org-1", "acme-hidden", "lone-wolf", "other-org"]


def test_a_project_costs_one_call_for_all_collectors():
    with lab.serving(manager) as server:
        (place,) = places(server, "acme-shop", "project")
        assert place.params == {"project": "acme-shop", "parent": "projects/acme-shop", "number": "11"}
        ctx = lab.context(endpoints={"gcp": server.url})
        before = len(server.seen)
        for name in registry.names():
            if name.startswith("gcp."):
                list(registry.load(name).units(Target("gcp:acme-lab", "gcp", "acme-lab"), ctx))
        assert len(server.seen) == before + 1


def test_a_project_that_cannot_be_described_is_still_read():
    with lab.serving(manager) as server:
        (place,) = places(server, "acme-unseen", "estate")
        assert place.params == {"project": "acme-unseen", "parent": "projects/acme-unseen"}
    gone = Reply({"error": {"status": "NOT_FOUND"}}, 404)
    with lab.serving(lambda got: gone) as server, pytest.raises(TargetError, match="there is no project acme-unseen"):
        places(server, "acme-unseen", "estate")


def test_accounts_narrow_and_then_nothing_is_asked_of_the_whole():
    with lab.serving(manager) as server:
        assert names(places(server, "org/1", "project", accounts=("!acme-lab",))) == ["acme-deep", "acme-shop"]
        found = places(server, "org/1", "estate", accounts=("acme-lab", "acme-nowhere", "123456789012"))
        assert names(found) == ["acme-lab"]
        assert found[0].params["missing"] == "acme-nowhere"
        guid = "11111111-2222-4333-8444-555555555555"
        assert names(places(server, "org/1", "estate", accounts=(guid, "!other-org"))) == ["org-1"]
        with pytest.raises(TargetError, match="no project is left"):
            places(server, "acme-lab", "estate", accounts=("!acme-lab",))


def test_folders_that_are_denied_leave_what_hangs_in_them_unplaced():
    with lab.serving(lambda got: manager(got, folders=False)) as server:
        assert names(places(server, "org/1", "project")) == ["acme-lab"]
        (estate,) = places(server, "org/1", "estate")
        assert estate.params["unplaced"] == "acme-deep,acme-hidden,acme-shop"
        group = registry.load("gcp.projects")
        ctx = lab.context(endpoints={"gcp": server.url})
        (unit,) = group.units(Target("gcp:org/1", "gcp", "org/1"), ctx)
        gaps = [r for r in group.collect(unit, ctx) if r.table == "gap"]
    assert any("3 projects lie in folders" in (gap.detail or "") for gap in gaps)
    assert any("grant resourcemanager.folders.get" in gap.remedy for gap in gaps)


def test_a_project_that_was_named_and_is_not_seen_is_a_gap():
    with lab.serving(manager) as server:
        group = registry.load("gcp.projects")
        ctx = lab.context(endpoints={"gcp": server.url}, accounts=("acme-lab", "acme-nowhere"))
        (unit,) = group.units(Target("gcp:org/1", "gcp", "org/1"), ctx)
        gaps = [r for r in group.collect(unit, ctx) if r.table == "gap"]
    assert ["acme-nowhere" in gap.detail for gap in gaps] == [True]


def test_another_place_than_expected_stops():
    with lab.serving(manager) as server:
        assert places(server, "org/1", "project", expect_account="1")
        with pytest.raises(TargetError, match="not among"):
            places(server, "org/1", "project", expect_account="2")


@pytest.mark.parametrize("text", ["Shop", "org/x", "org/", "folder/", "a", "x/y", "projects/../x", "acme_shop"])
def test_what_is_no_target_is_said(text):
    with lab.serving(manager) as server, pytest.raises(TargetError) as caught:
        places(server, text, "project")
    assert "gcp:org/NUMBER" in caught.value.remedy
    assert server.seen == []


def test_a_token_that_is_refused_ends_the_target():
    with lab.serving(lambda got: Reply({}, 401)) as server:
        for text in ("org/1", "acme-shop"):
            with pytest.raises(TargetError, match="token was refused"):
                places(server, text, "project")


def test_addresses_of_services(monkeypatch):
    assert Identity({}).base("iam") == "https://iam.googleapis.com"
    assert Identity({"gcp": "https://proxy.acme.example/g/"}).base("iam") == "https://proxy.acme.example/g/iam"
    both = Identity({"gcp": "https://proxy.acme.example", "gcp-iam": "http://127.0.0.1:8080"})
    assert (both.base("iam"), both.base("storage")) == ("http://127.0.0.1:8080", "https://proxy.acme.example/storage")
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", "https://iam.private.example/")
    assert Identity({}).base("iam") == "https://iam.private.example"
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "apis-s3ns.fr")
    assert Identity({}).base("storage") == "https://storage.apis-s3ns.fr"
    for address in ("http://10.0.0.1", "ftp://host", "https://u:p@host", ""):
        with pytest.raises(TargetError) as caught:
            checked({"gcp-iam": address})
        assert "u:p" not in str(caught.value)


@pytest.fixture
def account(tmp_path, monkeypatch):
    """A service account's file whose token endpoint is on loopback."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    def make(url):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = tmp_path / "account.json"
        path.write_text(json.dumps({
            "type": "service_account", "project_id": "acme-lab", "private_key_id": "1", "private_key": pem.decode(),
            "client_email": "audit@acme-lab.iam.gserviceaccount.com", "token_uri": f"{url}/token",
        }))  # fmt: skip
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "acme-lab")
        _session._shared.cache_clear()

    yield make
    _session._shared.cache_clear()


def test_a_service_account_signs_in_and_renews(account, signed_in):
    tokens = iter(range(9))

    def endpoint(got):
        return Reply({"access_token": f"token-{next(tokens)}", "expires_in": 3600, "token_type": "Bearer"})

    with lab.serving(endpoint) as server:
        account(server.url)
        identity = Identity({})
        first = signed_in(identity, "iam", renew=False)
        assert first == {"Authorization": "Bearer token-0", "x-goog-user-project": "acme-lab"}
        assert signed_in(identity, "storage", renew=False) == first
        assert signed_in(identity, "iam", renew=True)["Authorization"] == "Bearer token-1"
        assert identity.caller() == "audit@acme-lab.iam.gserviceaccount.com"
        assert identity.google() is identity._maker
        assert Identity({}).caller() == ""


def test_nobody_signed_in_is_one_line(monkeypatch, signed_in, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"type": "service_account", "private_key": "s3cret"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(broken))
    monkeypatch.setattr(Identity, "headers", signed_in)
    _session._shared.cache_clear()
    with lab.serving(manager) as server:
        with pytest.raises(TargetError, match=r"^no usable Google Cloud credentials \(\w+\)$") as caught:
            places(server, "org/1", "project")
        assert server.seen == []
    assert "gcloud auth application-default login" in caught.value.remedy
    with pytest.raises(Exception, match="no usable"):
        Identity({}).google()


def test_exported_folders(tmp_path):
    def place(name, kind):
        folder = tmp_path / "gcp" / name
        folder.mkdir(parents=True, exist_ok=True)
        return PROVIDER.place_of(folder, kind)

    assert place("org-1", "organization").params == {"organization": "1", "parent": "organizations/1"}
    assert place("folder-2", "folder").scope_id == "gcp:folder/2"
    assert place("project-acme-lab", "project").params == {"project": "acme-lab", "parent": "projects/acme-lab"}
    described = tmp_path / "gcp" / "project-acme-lab" / "cloudresourcemanager.projects.get.json"
    described.write_text('{"name": "projects/12"}')
    assert place("project-acme-lab", "estate").params["number"] == "12"
    described.write_text("[]")
    assert "number" not in place("project-acme-lab", "estate").params
    assert place("org-1", "project") is None
    assert place("org-x", "organization") is None
    assert PROVIDER.place_of(tmp_path / "org-1", "organization") is None
