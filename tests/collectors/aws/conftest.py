"""What the tests of the AWS collector share: an empty account behind HTTP, and ways to read it."""

import json
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.aws.iam import COLLECTOR
from nhiscan.plugin import Context, FingerprintKey, Target, TargetKind
from tests.collectors.aws.lab import empty_account, serving, share_models

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def _server():
    with pytest.MonkeyPatch.context() as patch, serving() as lab:
        share_models(patch)
        yield lab


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No credentials, profile or endpoint of the machine that runs the tests."""
    import os

    for name in [n for n in os.environ if n.startswith("AWS_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def lab(_server, environment):
    """An empty account; `lab.iam` is a client that fills it."""
    environment.setenv("AWS_ENDPOINT_URL", _server.url)
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    empty_account(_server)
    yield _server
    _server.clear()


@pytest.fixture
def ctx():
    return Context(as_of=AS_OF, key=FingerprintKey(b"k" * 32))


@pytest.fixture
def audit(ctx):
    """units() and collect() of the live account, the calls counted in `ctx.calls`."""

    def run(target=None):
        target = target or Target("aws", "aws", "")
        return [record for unit in COLLECTOR.units(target, ctx) for record in COLLECTOR.collect(unit, ctx)]

    return run


@pytest.fixture
def snapshot(tmp_path, ctx):
    """Writes the given files and reads them as a snapshot; mappings and lists become JSON."""

    def run(**files):
        folder = tmp_path / "export"
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        folder.mkdir(exist_ok=True)
        target = Target(f"snapshot:{folder}", TargetKind.SNAPSHOT, str(folder))
        return [record for unit in COLLECTOR.units(target, ctx) for record in COLLECTOR.collect(unit, ctx)]

    return run


@pytest.fixture
def pick():
    """The records of a table, by id."""

    def run(records, table):
        return {r.id: r for r in records if r.table == table}

    return run
