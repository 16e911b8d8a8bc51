"""A loopback AWS that answers from exported files, in the bytes that botocore's own service models prescribe.

`serving(folder)` serves `<folder>/<account>/<region or global>/<client>.<Operation>.json`, the form snapshots have.  Who
asks is told by the access key id (`TEST` and the account number), where by the region it signs for.  Any operation of
any client in `operations` is understood; one without a file is denied, as a real account would.
"""

import base64
import json
import random
import re
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

_CREDENTIAL = re.compile(r"Credential=TEST(\d{12})/\d{8}/([^/]+)/([^/]+)/")
_DENIED = (403, "AccessDeniedException", "not authorized to perform this")
_HOME = "us-east-1"


def keys_of(account):
    """Environment variables that make the SDK ask as this account."""
    return {"AWS_ACCESS_KEY_ID": f"TEST{account}", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": _HOME}


class Answers:
    """The WSGI application.  `calls` counts by operation; `judge(operation, number)` may give a (status, code, message),
    "hang" (accept and never answer) or None (answer)."""

    def __init__(self, folder, operations):
        self.folder, self.url = Path(folder), ""
        self.calls, self._lock = Counter(), threading.Lock()
        self.judge = lambda _operation, _number: None
        self.done = threading.Event()
        self.roles = {}  # ARN -> the external id it asks for, "" for none
        self.lifetime_s = 3600
        self.silent_region = ""  # a region in which nobody ever answers
        self._routes = [route for client, names in _by_client(operations).items() for route in _routes(client, names)]

    def __call__(self, env, start):
        body = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0))
        account, region, signing = _CREDENTIAL.search(env.get("HTTP_AUTHORIZATION", "")).groups()
        request = Request(env, body, signing)
        route = next((r for r in self._routes if r.fits(request)), None)
        if route is None:
            start("501 Unknown", [("Content-Type", "text/plain")])
            return [b"unknown"]
        with self._lock:
            self.calls[route.name] += 1
            number = self.calls.total()
        verdict = "hang" if region == self.silent_region else self.judge(route.name, number)
        if verdict == "hang":
            self.done.wait(30)
            verdict = _DENIED
        status, headers, out = (
            self._answer(route, request, account, region) if verdict is None else route.error(*verdict)
        )
        start(f"{status} Answer", [*headers.items(), ("Content-Length", str(len(out)))])
        return [out]

    def _answer(self, route, request, account, region):
        if route.name == "sts:GetCallerIdentity":
            return route.shape({"Account": account, "Arn": f"arn:aws:iam::{account}:user/auditor", "UserId": "A"})
        if route.name == "sts:AssumeRole":
            return self._assumed(route, route.parameters(request), account)
        folder = self.folder / account
        name = f"{route.client}.{route.operation.name}.json"
        path = next((p for p in (folder / region / name, folder / "global" / name) if p.is_file()), None)
        if path is None:
            return route.error(*_DENIED)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return 200, {"Content-Type": "text/plain"}, b"\x00<garbage"
        if isinstance(found, list):
            given = route.parameters(request)
            fitting = (e for e in found if all(str(given.get(k)) == str(v) for k, v in e.get("with", {}).items()))
            entry = next(fitting, None)
            if entry is None:
                return route.error(404, "ResourceNotFoundException", "no such thing")
            found = entry.get("answer") or {}
        return route.shape(found)

    def _assumed(self, route, given, account):
        arn = given["RoleArn"]
        if arn not in self.roles or (self.roles[arn] and self.roles[arn] != given["ExternalId"]):
            return route.error(403, "AccessDenied", f"User: {account} is not authorized to perform: sts:AssumeRole")
        number, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
        until = datetime.now(UTC) + timedelta(seconds=self.lifetime_s)
        keys = {
            "AccessKeyId": f"TEST{number}",
            "SecretAccessKey": "none",
            "SessionToken": "t",
            "Expiration": until.isoformat(),
        }
        who = {"Arn": f"arn:aws:sts::{number}:assumed-role/{name}/{given['RoleSessionName']}", "AssumedRoleId": "A:n"}
        return route.shape({"Credentials": keys, "AssumedRoleUser": who})


class Request:
    """What was asked."""

    def __init__(self, env, body, signing):
        self.method, self.body, self.signing = env["REQUEST_METHOD"], body, signing
        self.path = (env.get("RAW_URI") or env.get("REQUEST_URI") or env["PATH_INFO"]).partition("?")[0]
        self.query = {k: v[0] for k, v in parse_qs(env.get("QUERY_STRING", ""), keep_blank_values=True).items()}
        self.target = env.get("HTTP_X_AMZ_TARGET", "")
        self.headers = {k[5:].replace("_", "-").lower(): v for k, v in env.items() if k.startswith("HTTP_")}
        form = "x-www-form-urlencoded" in env.get("CONTENT_TYPE", "")
        self.form = {k: v[0] for k, v in parse_qs(body.decode("latin1")).items()} if form else {}

    @property
    def json(self):
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Route:
    """One operation of one client: which requests are it, and how its answers look."""

    def __init__(self, client, model, name):
        self.client, self.model = client, model
        self.operation = model.operation_model(name)
        self.name = f"{client}:{name}"
        self.protocol = model.resolved_protocol
        uri, _, fixed = self.operation.http.get("requestUri", "/").partition("?")
        self.labels = [label.rstrip("+") for label in re.findall(r"\{([^}]+)\}", uri)]
        parts = re.split(r"\{([^}]+)\}", uri)
        pattern = "".join(
            ("(.+)" if part.endswith("+") else "([^/]+)") if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
        self.uri = re.compile(f"{pattern.rstrip('/')}/?")
        self.fixed = {k: v[0] for k, v in parse_qs(fixed, keep_blank_values=True).items()}

    def fits(self, request):
        if request.signing != self.model.signing_name:
            return False
        if self.protocol in {"query", "ec2"}:
            asked = (request.form.get("Action"), request.form.get("Version"))
            return asked == (self.operation.name, self.model.api_version)
        if self.protocol == "json":
            return request.target == f"{self.model.metadata['targetPrefix']}.{self.operation.name}"
        same = request.method == self.operation.http["method"] and self.uri.fullmatch(request.path)
        return bool(same) and all(request.query.get(k) == v for k, v in self.fixed.items())

    def parameters(self, request):
        """What was asked for, under the names that boto3 takes; only text and numbers, as files say no more."""
        shape = self.operation.input_shape
        members = shape.members if shape else {}
        if self.protocol in {"query", "ec2"}:
            return {k: request.form.get(self._form_name(k, m)) for k, m in members.items()}
        sent = request.json
        if self.protocol == "json":
            return {k: sent.get(m.serialization.get("name", k)) for k, m in members.items()}
        groups = dict(zip(self.labels, map(unquote, self.uri.fullmatch(request.path).groups()), strict=True))
        found = {}
        for key, member in members.items():
            name = member.serialization.get("name", key)
            where = member.serialization.get("location")
            places = {"uri": groups, "querystring": request.query, "header": request.headers}
            value = (
                places[where].get(name.lower() if where == "header" else name) if where in places else sent.get(name)
            )
            found[key] = value
        return found

    def _form_name(self, key, member):
        if self.protocol == "query":
            return member.serialization.get("name", key)
        name = member.serialization.get("queryName") or member.serialization.get("name", key)
        return name[0].upper() + name[1:]

    def shape(self, answer):
        """Status, headers and body of an answer as boto3 decodes it."""
        shape = self.operation.output_shape
        answer = {k: v for k, v in answer.items() if k != "ResponseMetadata"}
        if self.protocol in {"query", "ec2"}:
            inner = _xml_members(answer, shape, self.protocol) if shape else ""
            wrapper = shape.serialization.get("resultWrapper") if shape else None
            inner = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
            name = f"{self.operation.name}Response"
            return 200, {"Content-Type": "text/xml"}, f"<{name}>{inner}</{name}>".encode()
        if self.protocol == "json":
            kind = f"application/x-amz-json-{self.model.metadata.get('jsonVersion', '1.0')}"
            return 200, {"Content-Type": kind}, json.dumps(_json(answer, shape)).encode()
        return self._rest(answer, shape)

    def _rest(self, answer, shape):
        xml = self.protocol == "rest-xml"
        headers = {"Content-Type": "text/xml" if xml else "application/json"}
        members = shape.members if shape else {}
        for key in [k for k in answer if k in members and members[k].serialization.get("location") == "header"]:
            headers[members[key].serialization["name"]] = str(answer.pop(key))
        payload = shape.serialization.get("payload") if shape else None
        if payload:
            inner, inner_shape = answer.get(payload), members[payload]
            if inner_shape.type_name in {"blob", "string"}:
                return 200, headers, inner if isinstance(inner, bytes) else str(inner or "").encode()
            answer, shape = inner or {}, inner_shape
        if xml:
            name = (shape.serialization.get("name") or shape.name) if shape else "Answer"
            inner = _xml_members(answer, shape, "rest-xml") if shape else ""
            return 200, headers, f"<{name}>{inner}</{name}>".encode()
        return 200, headers, json.dumps(_json(answer, shape)).encode()

    def error(self, status, code, message):
        """The same for a refusal."""
        if self.protocol == "ec2":
            inner = (
                f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
            )
            return status, {"Content-Type": "text/xml"}, inner.encode()
        if self.protocol in {"query", "rest-xml"}:
            inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            bare = self.client == "s3"
            return (
                status,
                {"Content-Type": "text/xml"},
                (inner if bare else f"<ErrorResponse>{inner}</ErrorResponse>").encode(),
            )
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        return status, headers, json.dumps({"__type": code, "message": message}).encode()


# What botocore's parsers take for each type.  AWS keeps its own types, so what files say against them is not sent.
_TYPES = {
    "structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "blob": (str, bytes),
    "integer": int, "long": int, "float": (int, float), "double": (int, float), "timestamp": (str, int, float),
}  # fmt: skip


def _sound(value, shape):
    """Whether a value is of its type; what has none of its own (documents) is."""
    if not isinstance(value, _TYPES.get(shape.type_name, object)):
        return False
    if getattr(shape, "is_tagged_union", False) and len(value.keys() & shape.members.keys()) != 1:
        return False
    if isinstance(value, bool) and shape.type_name in {"integer", "long", "float", "double", "timestamp"}:
        return False
    return shape.type_name != "timestamp" or _moment(value) is not None


def _json(value, shape):  # noqa: PLR0911 - one for each type
    """A value under the names and in the forms of the wire."""
    kind = shape.type_name if shape else None
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        members = {k: (shape.members[k], v) for k, v in value.items() if k in shape.members}
        sent = {k: (m, v) for k, (m, v) in members.items() if _sound(v, m)}
        return {m.serialization.get("name", k): _json(v, m) for k, (m, v) in sent.items()}
    if kind == "list":
        return [_json(v, shape.member) for v in value if _sound(v, shape.member)]
    if kind == "map":
        return {k: _json(v, shape.value) for k, v in value.items() if _sound(v, shape.value)}
    if kind == "timestamp":
        return _time(value, shape.serialization.get("timestampFormat") or "unixTimestamp")
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return value


def _moment(value):
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _time(value, form):
    when = _moment(value)
    if form == "unixTimestamp":
        return when.timestamp()
    if form == "rfc822":
        return when.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return when.isoformat().replace("+00:00", "Z")


def _xml_members(value, shape, protocol):
    out = []
    for key, content in value.items():
        member = shape.members.get(key)
        if member is None or not _sound(content, member) or member.serialization.get("xmlAttribute"):
            continue
        name = member.serialization.get("name", key)
        if member.type_name == "list" and member.serialization.get("flattened"):
            name = member.member.serialization.get("name") or name
            out += [_element(name, v, member.member, protocol) for v in content if _sound(v, member.member)]
        else:
            out.append(_element(name, content, member, protocol))
    return "".join(out)


def _element(name, value, shape, protocol):
    attributes = ""
    if shape.type_name == "structure":
        marked = {k: m for k, m in shape.members.items() if m.serialization.get("xmlAttribute") and k in value}
        attributes = "".join(f' {m.serialization["name"]}="{escape(str(value[k]))}"' for k, m in marked.items())
        space = shape.serialization.get("xmlNamespace") or {}
        if attributes and isinstance(space, dict) and space.get("prefix"):
            attributes += f' xmlns:{space["prefix"]}="{space["uri"]}"'
    return f"<{name}{attributes}>{_xml(value, shape, protocol)}</{name}>"


def _xml(value, shape, protocol):  # noqa: PLR0911 - one for each type
    kind = shape.type_name
    if kind == "structure":
        return _xml_members(value, shape, protocol)
    if kind == "list":
        name = shape.member.serialization.get("name") or ("item" if protocol == "ec2" else "member")
        return "".join(_element(name, v, shape.member, protocol) for v in value if _sound(v, shape.member))
    if kind == "map":
        key, inner = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        entries = (f"<{key}>{escape(k)}</{key}>{_element(inner, v, shape.value, protocol)}" for k, v in value.items())
        return "".join(f"<entry>{entry}</entry>" for entry in entries)
    if kind == "boolean":
        return str(value).lower()
    if kind == "timestamp":
        return escape(str(_time(value, "iso8601")))
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return escape(str(value))


def _by_client(operations):
    found = {"sts": {"GetCallerIdentity", "AssumeRole"}}
    for operation in operations:
        client, _, name = operation.partition(":")
        found.setdefault(client, set()).add(name)
    return found


def _routes(client, names):
    import botocore.session

    model = botocore.session.get_session().get_service_model(client)
    # Longer addresses first: `/agents/{id}/aliases` before `/agents/{id+}`.
    return sorted((Route(client, model, name) for name in names), key=lambda r: -len(r.uri.pattern))


def throttle(seed, share):
    """A judge that throttles this share of all calls."""
    chance = random.Random(seed)
    lock = threading.Lock()

    def judge(_operation, _number):
        with lock:
            return (429, "ThrottlingException", "Rate exceeded") if chance.random() < share else None

    return judge


@contextmanager
def serving(folder, operations):
    """The answers on a free port of loopback until the block ends."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_args, **_kwargs):
            pass

    answers = Answers(folder, operations)
    server = make_server("127.0.0.1", 0, answers, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    answers.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        answers.done.set()
        server.shutdown()
        thread.join()
        server.server_close()
