"""A loopback AWS (moto behind HTTP) that counts what it is asked and can refuse any operation."""

import io
import json
import re
import threading
from collections import Counter
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.aws.iam import COLLECTOR
from nhiscan.plugin import Context, FingerprintKey, Target, TargetKind

ACCOUNT = "123456789012"
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")


class Lab:
    """`calls` counts requests by operation, `refuse` maps operations (or `*`) to a status and error code."""

    def __init__(self, app):
        self._app = app
        self.url = ""
        self.clear()

    def clear(self):
        self.calls = Counter()
        self.refuse = {}
        self.message = "refused for the test"
        self.no_documents = False
        self.bodies = []

    def __call__(self, env, start):
        body = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0))
        env["wsgi.input"] = io.BytesIO(body)
        action = _ACTION.search(body)
        if action is None:
            return self._app(env, start)
        operation = self._operation(action.group(1).decode())
        self.calls[operation] += 1
        refusal = self.refuse.get(operation) or self.refuse.get("*")
        if refusal:
            start(f"{refusal[0]} Refused", [("Content-Type", "text/xml")])
            return [_ERROR.format(refusal[1], self.message).encode()]
        if self.no_documents and operation == "iam:GetAccountAuthorizationDetails":
            return self._without_documents(env, start)
        return self._app(env, start)

    def _without_documents(self, env, start):
        env["HTTP_ACCEPT_ENCODING"] = "identity"
        out = b"".join(self._app(env, lambda status, headers: None))
        start("200 OK", [("Content-Type", "text/xml")])
        return [re.sub(rb"<PolicyVersionList>.*?</PolicyVersionList>", b"", out, flags=re.DOTALL)]

    @staticmethod
    def _operation(action):
        return f"{'sts' if action == 'GetCallerIdentity' else 'iam'}:{action}"


@pytest.fixture(scope="session")
def _loader():
    """One loader of service models for all sessions: parsing them anew is most of what a small test costs."""
    from functools import cache

    import botocore.session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def _server(_loader):
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_args, **_kwargs):
            pass

    lab = Lab(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, lab, threaded=True, request_handler=Quiet)
    lab.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield lab
    server.shutdown()
    thread.join()
    server.server_close()


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
    import boto3
    from moto.backends import get_backend

    for backend in get_backend("iam").values():
        for region in backend.values():
            region.reset()
    environment.setenv("AWS_ENDPOINT_URL", _server.url)
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    _server.iam = session.client("iam", endpoint_url=_server.url)
    _server.clear()
    yield _server
    _server.clear()


@pytest.fixture
def ctx():
    return Context(as_of=AS_OF, key=FingerprintKey(b"k" * 32))


@pytest.fixture
def audit(ctx):
    """units() and collect() of the live account, the calls counted in `ctx.calls`."""

    def run(target=None):
        target = target or Target("aws", TargetKind.AWS, "")
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
