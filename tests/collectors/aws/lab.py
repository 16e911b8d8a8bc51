"""A loopback AWS (moto behind HTTP) that records what it is asked and can refuse any of it."""

import io
import re
import threading
from collections import Counter
from contextlib import contextmanager
from functools import cache

_ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
# What moto lacks; the lists are filled through `lab.service_credentials` (XML members) and `lab.saml_tags`.
_LIST = "<{0}Response><{0}Result><IsTruncated>false</IsTruncated><{1}>{2}</{1}></{0}Result></{0}Response>"
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/")
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")


class Lab:
    """`calls` counts requests by operation, `refuse` maps operations (or `*`) to a status and error code.

    `judge` may refuse by more than the operation: it is given the operation, the body and the number of the request.
    """

    def __init__(self, app):
        self._app = app
        self._counting = threading.Lock()
        self.url = ""
        self.clear()

    def clear(self):
        self.calls = Counter()
        self.refuse = {}
        self.judge = lambda _operation, _body, _number: None
        self.message = "refused for the test"
        self.rewrite = {}
        self.no_documents = False
        self.service_credentials = self.saml_tags = ""

    def __call__(self, env, start):
        body = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0))
        env["wsgi.input"] = io.BytesIO(body)
        action = _ACTION.search(body)
        if action is None:
            return self._app(env, start)
        operation = self._operation(action.group(1).decode(), env)
        with self._counting:
            self.calls[operation] += 1
            number = self.calls.total()
        refusal = self.judge(operation, body, number) or self.refuse.get(operation) or self.refuse.get("*")
        if refusal:
            start(f"{refusal[0]} Refused", [("Content-Type", "text/xml")])
            return [_ERROR.format(refusal[1], self.message).encode()]
        lacking = {
            "iam:ListServiceSpecificCredentials": ("ServiceSpecificCredentials", self.service_credentials),
            "iam:ListSAMLProviderTags": ("Tags", self.saml_tags),
        }.get(operation)
        if lacking:
            start("200 OK", [("Content-Type", "text/xml")])
            return [_LIST.format(operation.removeprefix("iam:"), *lacking).encode()]
        if operation in self.rewrite:
            return self._changed(env, start, self.rewrite[operation])
        if self.no_documents and operation == "iam:GetAccountAuthorizationDetails":
            return self._without_documents(env, start)
        return self._app(env, start)

    def _without_documents(self, env, start):
        return self._changed(
            env, start, lambda out: re.sub(rb"<PolicyVersionList>.*?</PolicyVersionList>", b"", out, flags=re.DOTALL)
        )

    def _changed(self, env, start, change):
        env["HTTP_ACCEPT_ENCODING"] = "identity"
        out = b"".join(self._app(env, lambda _status, _headers: None))
        start("200 OK", [("Content-Type", "text/xml")])
        return [change(out)]

    @staticmethod
    def _operation(action, env):
        signed = _SERVICE.search(env.get("HTTP_AUTHORIZATION", ""))
        return f"{signed.group(1) if signed else 'iam'}:{action}"


@contextmanager
def serving():
    """A lab that listens on a free port of loopback until the block ends."""
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
    try:
        yield lab
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def share_models(patch):
    """One loader of service models for all sessions: parsing them anew is most of what a small test costs."""
    import botocore.session

    patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))


def empty_account(lab):
    """Forget everything in every account; `lab.iam` is a client that fills it, `lab.backend` moto's own account.

    moto keeps one estate for the whole process, so what another module of tests made would be found here too.
    """
    import boto3
    from moto.backends import get_backend
    from moto.moto_api._internal import moto_api_backend

    moto_api_backend.reset()
    lab.clear()
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    lab.iam = session.client("iam", endpoint_url=lab.url)
    lab.backend = get_backend("iam")["123456789012"]["aws"]
