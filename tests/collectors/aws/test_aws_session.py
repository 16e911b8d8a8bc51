import logging
import socket

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    ParamValidationError,
)

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws import _clients, _session
from nhiscan.collectors.aws._errors import by_organisation, explain
from nhiscan.collectors.aws._session import Session, UndeclaredCallError, guard
from tests.collectors.aws.answers import keys_of, serving

OPERATION = "iam:GetPolicy"


def _refusal(code, status=400, message="m"):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return explain(ClientError(answer, "GetPolicy"), OPERATION)


def test_undeclared_call_is_refused_before_the_sdk_is_asked(lab):
    session = Session("", {OPERATION})
    with pytest.raises(UndeclaredCallError, match="iam:CreateUser"):
        session.call("iam:CreateUser", UserName="x")
    assert not lab.calls


def test_hook_refuses_undeclared_calls_of_any_client_before_anything_is_sent(lab):
    import boto3

    sent = []
    boto = boto3.Session(region_name="us-east-1")
    guard(boto.events, {"iam:ListSAMLProviders"}.__contains__, sent.append)
    with pytest.raises(UndeclaredCallError, match="iam:CreateUser was not declared"):
        boto.client("iam").create_user(UserName="intruder")
    assert not lab.calls
    boto.client("iam").list_saml_providers()
    assert sent == ["iam:ListSAMLProviders"]
    assert set(lab.calls) == {"iam:ListSAMLProviders"}


def test_clients_made_by_the_session_are_guarded(lab):
    session = Session("", {"iam:ListSAMLProviders"})
    session.call("iam:ListSAMLProviders")
    client = session._client("iam", _session._patient())
    with pytest.raises(UndeclaredCallError):
        client.delete_user(UserName="etl")
    assert session.calls == {"iam:ListSAMLProviders": 1} == dict(lab.calls)


def test_retries_are_counted_as_calls(lab, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _s: None)
    monkeypatch.setattr(_session, "_ATTEMPTS", 2)
    lab.refuse["iam:ListSAMLProviders"] = (500, "ServiceFailure")
    session = Session("", {"iam:ListSAMLProviders"})
    with pytest.raises(RefusedError, match="ServiceFailure, HTTP 500"):
        session.call("iam:ListSAMLProviders")
    assert session.calls == {"iam:ListSAMLProviders": 2}


def test_user_agent_names_the_tool_and_timeouts_are_bounded(lab):
    config = Session("", ())._client("iam", _session._patient()).meta.config
    assert "nhiscan/" in config.user_agent
    assert config.connect_timeout <= 10
    assert config.read_timeout <= 60


def test_after_a_fatal_error_nothing_more_is_sent(lab):
    lab.refuse["*"] = (403, "InvalidClientTokenId")
    session = Session("", {OPERATION, "iam:ListSAMLProviders"})
    with pytest.raises(RefusedError):
        session.call("iam:ListSAMLProviders")
    with pytest.raises(RefusedError) as again:
        session.call(OPERATION, PolicyArn="arn:aws:iam::aws:policy/x")
    assert again.value.fatal
    assert again.value.operation == OPERATION
    assert sum(lab.calls.values()) == 1


def test_sdk_loggers_neither_speak_nor_propagate():
    _session.quiet()
    for name in ("botocore", "urllib3"):
        logger = logging.getLogger(name)
        assert logger.level >= logging.WARNING
        assert not logger.propagate
        assert logger.handlers


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("AccessDenied", 403, "denied"),
        ("AccessDeniedException", 400, "denied"),
        ("SomethingNew", 403, "denied"),
        ("Throttling", 400, "throttled"),
        ("TooManyRequestsException", 403, "throttled"),
        ("ExpiredToken", 403, "failed"),
        ("InvalidAction", 400, "unsupported"),
        ("404", 404, "unsupported"),
        ("ServiceFailure", 500, "failed"),
        ("", 500, "failed"),
    ],
)
def test_error_codes_map_to_reasons_with_a_remedy(code, status, reason):
    refused = _refusal(code, status)
    assert refused.reason == reason
    assert refused.remedy
    assert refused.operation == OPERATION


def test_denial_keeps_only_the_kind_of_policy_that_denied():
    message = "User: arn is not authorized with an explicit deny in a service control policy: secret-token"
    assert _refusal("AccessDenied", 403, message).detail == (
        "iam:GetPolicy was denied (explicit deny in a service control policy)"
    )


def test_only_missing_things_are_missing():
    assert _refusal("NoSuchEntity", 404).missing
    assert not _refusal("AccessDenied", 403).missing


@pytest.mark.parametrize(
    ("error", "detail", "fatal"),
    [
        (EndpointConnectionError(endpoint_url="https://u:hunter2@host:8/x"), "cannot reach AWS at host:8", True),
        (EndpointConnectionError(endpoint_url="https://[hunter2"), "cannot reach AWS (End", True),
        (CredentialRetrievalError(provider="p", error_msg="hunter2"), "no usable AWS credentials", True),
        (InvalidRegionError(region_name="hunter2"), "region is not valid", True),
        (ParamValidationError(report="hunter2"), "failed in the AWS SDK", False),
        (ValueError("hunter2"), "address is not valid", True),
        (OSError("hunter2"), "failed in the AWS SDK", False),
    ],
)
def test_sdk_errors_are_told_without_their_text(error, detail, fatal):
    refused = explain(error, OPERATION)
    assert detail in refused.detail
    assert refused.fatal is fatal
    assert "hunter2" not in refused.detail + refused.remedy


REGIONAL = ("kms:ListKeys", "secretsmanager:ListSecrets", "cloudwatch:ListDashboards")


@pytest.fixture
def answers(tmp_path, environment):
    """A server that answers kms:ListKeys in eu-west-1."""
    folder = tmp_path / "files" / "123456789012" / "eu-west-1"
    folder.mkdir(parents=True)
    (folder / "kms.ListKeys.json").write_text('{"Keys": [{"KeyId": "k"}]}')
    for name, value in keys_of("123456789012").items():
        environment.setenv(name, value)
    environment.setattr("time.sleep", lambda _s: None)
    with serving(tmp_path / "files", REGIONAL) as server:
        server.file = folder / "kms.ListKeys.json"
        environment.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def test_clients_are_made_once_in_a_process_and_serve_every_unit(answers, monkeypatch):
    made = []
    plain = _clients.Clients._new

    def new(self, *where):
        made.append(where)
        return plain(self, *where)

    monkeypatch.setattr(_clients.Clients, "_new", new)
    for _ in range(3):
        assert Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")["Keys"] == [{"KeyId": "k"}]
    assert len(made) == 1
    one, two = Session("", {"kms:ListKeys"}, None, "eu-west-1"), Session("", set(), None, "eu-west-1")
    one.call("kms:ListKeys")
    with pytest.raises(UndeclaredCallError):
        two.call("kms:ListKeys")
    assert (one.calls, two.calls) == ({"kms:ListKeys": 1}, {})


def test_a_client_sends_nothing_when_no_session_calls(answers):
    client = _clients.clients("").client("kms", "eu-west-1", _session._patient())
    with pytest.raises(UndeclaredCallError):
        client.list_keys()
    assert not answers.calls


def test_only_the_last_used_clients_are_kept(answers, monkeypatch):
    monkeypatch.setattr(_clients, "_KEPT_CLIENTS", 2)
    kept = _clients.Clients("")
    for region in ("eu-west-1", "us-east-1", "eu-north-1"):
        kept.client("kms", region, _session._patient())
    assert [region for _, region, _ in kept._made] == ["us-east-1", "eu-north-1"]


def test_the_first_answer_of_a_service_is_awaited_for_seconds_and_throttling_for_long(answers):
    answers.judge = lambda _o, n: (429, "ThrottlingException", "slow down") if n <= 5 else None
    session = Session("", {"kms:ListKeys"}, None, "eu-west-1")
    assert session.call("kms:ListKeys")["Keys"]
    assert session.calls == {"kms:ListKeys": 6}, "three hasty tries, then patient ones"


def test_one_service_that_hangs_does_not_poison_another(answers, monkeypatch):
    monkeypatch.setattr(_session, "_FIRST_READ_S", 0.2)
    answers.judge = lambda o, _n: "hang" if o == "secretsmanager:ListSecrets" else None
    session = Session("", REGIONAL, None, "eu-west-1")
    for _ in range(2):
        with pytest.raises(RefusedError, match="cannot reach AWS") as refused:
            session.call("secretsmanager:ListSecrets")
        assert refused.value.unreachable
    assert session.calls["secretsmanager:ListSecrets"] == 3, "three tries in all"
    assert session.call("kms:ListKeys")["Keys"]


def test_an_answer_that_is_no_json_is_not_taken_for_an_empty_one(answers):
    answers.file.write_text("<html>")
    with pytest.raises(RefusedError, match="is not AWS's") as refused:
        Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("body", [b"[1]", b'{"Keys": ["text"]}', b'{"Keys": '])
def test_an_answer_of_another_shape_is_malformed(answers, monkeypatch, body):
    monkeypatch.setattr(answers, "_answer", lambda *_: (200, {"Content-Type": "application/json"}, body))
    with pytest.raises(RefusedError) as refused:
        Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")
    assert refused.value.reason == "malformed"
    assert not refused.value.fatal


def test_what_the_installed_sdk_does_not_know_is_told_as_such(answers):
    session = Session("", {"kms:ListNothing", "nosuchservice:List"}, None, "eu-west-1")
    for operation in ("kms:ListNothing", "nosuchservice:List"):
        with pytest.raises(RefusedError, match="SDK does not know") as refused:
            session.call(operation)
        assert "pip install -U boto3" in refused.value.remedy


def _unresolvable(monkeypatch, gone):
    """The names of some services lead nowhere, those of all others to loopback, where nobody listens."""

    def resolve(host, *more, **_named):
        if gone(host):
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def aws(environment):
    """No other endpoint than AWS's own, which nothing here can reach."""
    for name, value in keys_of("123456789012").items():
        environment.setenv(name, value)
    environment.setattr("time.sleep", lambda _s: None)
    return environment


def test_a_service_whose_name_leads_nowhere_is_not_offered_there(aws):
    _unresolvable(aws, lambda host: host.startswith("kms."))
    with pytest.raises(RefusedError, match="kms is not offered in eu-west-1") as refused:
        Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")
    assert refused.value.missing, "nothing of it can be missed"


def test_without_names_at_all_nothing_is_known_of_a_service(aws):
    _unresolvable(aws, lambda _host: True)
    with pytest.raises(RefusedError, match="cannot reach AWS") as refused:
        Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")
    assert refused.value.unreachable
    assert not refused.value.missing


@pytest.mark.parametrize(("proxy", "absent"), [("http://127.0.0.1:9", True), ("", False)])
def test_the_sdk_knows_where_services_are_but_a_name_knows_better(aws, proxy, absent):
    """Without a proxy the name is looked up, as the SDK may be old; a proxy looks names up itself."""
    aws.setenv("HTTPS_PROXY", proxy)
    aws.setattr(_clients.Clients, "offered", lambda *_: False)
    _unresolvable(aws, lambda _host: False)
    session = Session("", {"kms:ListKeys"}, None, "eu-west-1")
    with pytest.raises(RefusedError) as refused:
        session.call("kms:ListKeys")
    assert refused.value.missing is absent
    assert ("kms:ListKeys" in session.calls) is not absent


def test_where_the_sdk_knows_services():
    made = _clients.Clients("")
    assert made.offered("kms", "eu-west-1") is True
    assert made.offered("organizations", "eu-west-1") is None
    assert made.offered("kms", "mars-1") is None
    assert "cn-north-1" in made.regions("ec2", "aws-cn")


def test_a_bearer_token_in_the_environment_is_not_used(answers, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_KMS", "found somewhere")
    assert Session("", {"kms:ListKeys"}, None, "eu-west-1").call("kms:ListKeys")["Keys"]


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("ResourceNotFoundException", True), ("NoSuchBucketPolicy", True), ("NotFoundException", True),
        ("DBInstanceNotFoundFault", True), ("QueueDoesNotExist", True), ("ValidationException", False),
        ("OptInRequired", True), ("SubscriptionRequiredException", True),
    ],
)  # fmt: skip
def test_what_is_not_there_is_missing(code, missing):
    assert _refusal(code, 400).missing is missing


def test_a_denial_by_the_organisation_is_told_from_others():
    assert by_organisation(_refusal("AccessDenied", 403, "with an explicit deny in a service control policy: arn"))
    assert not by_organisation(_refusal("AccessDenied", 403, "no identity-based policy allows"))


def test_the_remedy_names_the_permission_and_not_the_operation():
    answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    assert explain(ClientError(answer, "X"), "sso-admin:ListInstances").remedy == "allow sso:ListInstances"
