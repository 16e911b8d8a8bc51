"""Which paths a collector of checkouts is loaded for: never fewer than those it reads."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nhiscan.collect import registry
from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.collectors.repo._agents.client import all_clients
from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._containers.names import kind_of
from nhiscan.collectors.repo._credential_files import formats
from nhiscan.collectors.repo._kubernetes.kustomize import NAMES
from nhiscan.sensitive import FingerprintKey

CASES = Path(__file__).resolve().parents[3] / "fixtures" / "collectors"
NAMES_OF = [n for n in registry.names() if n.startswith("repo.") and isinstance(registry.load(n), CheckoutCollector)]
CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


def read_paths(name):
    """The files of the cases of a collector that some record of it names."""
    for case in sorted(CASES.glob(f"{name}/*/expected.jsonl")):
        files = {
            "/".join(re.sub(r"^dot_", ".", part) for part in path.relative_to(case.parent / "input").parts)
            for path in (case.parent / "input").rglob("*")
            if path.is_file()
        }
        for line in case.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for place in (row.get("locator") or "", row.get("uri") or ""):
                yield from {place, re.sub(r":\d+$", "", place)} & files


@pytest.mark.parametrize("name", NAMES_OF)
def test_a_collector_concerns_itself_with_every_file_it_has_read(name):
    paths = set(read_paths(name))
    assert paths
    collector = registry.load(name)
    assert [path for path in sorted(paths) if not collector.concerns(path)] == []


@pytest.mark.parametrize("name", NAMES_OF)
def test_a_checkout_without_a_file_of_its_kind_leaves_the_scope_alone(name, tmp_path):
    (tmp_path / "notes.rst").write_text("nothing\n")
    collector = registry.load(name)
    assert not collector.concerns("notes.rst")
    (unit,) = collector.units(Target(".", TargetKind.PATH, str(tmp_path)), CTX)
    assert [record.table for record in collector.collect(unit, CTX)] == ["scope"]
    # What `records` gives such a checkout is nothing, so leaving it out changes nothing.
    collector_class = type(collector)
    assert collector_class.concerns is not CheckoutCollector.concerns


@pytest.mark.parametrize("name", NAMES_OF)
def test_asking_in_spite_of_that_gives_nothing_more(name, tmp_path, monkeypatch):
    (tmp_path / "notes.rst").write_text("nothing\n")
    collector = registry.load(name)
    monkeypatch.setattr(type(collector), "concerns", CheckoutCollector.concerns)
    (unit,) = collector.units(Target(".", TargetKind.PATH, str(tmp_path)), CTX)
    assert [record.table for record in collector.collect(unit, CTX)] == ["scope"]


def test_every_file_of_every_client_of_agents_is_looked_at():
    concerns = registry.load("repo.agents").concerns
    for client in all_clients():
        for pattern in (*client.files, *client.agents, *client.blocks):
            assert concerns(pattern.replace("*", "name")), pattern
            assert concerns(f"sub/{pattern.replace('*', 'name')}"), pattern


def test_every_name_of_every_kind_of_file_is_looked_at():
    credentials = registry.load("repo.credential_files").concerns
    for form in formats.FORMATS:
        assert form.names
        assert all(credentials(f"home/.{name}") and credentials(name) for name in form.names)
    for path in (".env", "prod.env", "client_secret.json", "dot_netrc", "creds"):
        assert credentials(path) is bool(formats.candidates(path)) is True
    assert not credentials("main.py")
    assert all(registry.load("repo.kubernetes").concerns(f"overlays/{name}") for name in NAMES)
    pipelines = registry.load("repo.pipelines").concerns
    assert all(map(pipelines, ("Jenkinsfile", "ci/build.jenkins", ".GITLAB-CI.YML", "x/Jenkinsfile.release")))
    assert kind_of("Dockerfile.prod") is not None
    assert registry.load("repo.containers").concerns("Dockerfile.prod")
