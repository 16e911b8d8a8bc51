import logging

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    ParamValidationError,
)

from nhiscan.collectors.aws import _session
from nhiscan.collectors.aws._errors import RefusedError, explain
from nhiscan.collectors.aws._session import Session, UndeclaredCallError, guard

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
    guard(boto.events, {"iam:ListSAMLProviders"}, sent.append)
    with pytest.raises(UndeclaredCallError, match="iam:CreateUser was not declared"):
        boto.client("iam").create_user(UserName="intruder")
    assert not lab.calls
    boto.client("iam").list_saml_providers()
    assert sent == ["iam:ListSAMLProviders"]
    assert set(lab.calls) == {"iam:ListSAMLProviders"}


def test_clients_made_by_the_session_are_guarded(lab):
    session = Session("", {"iam:ListSAMLProviders"})
    session.call("iam:ListSAMLProviders")
    client = session._client("iam", _session._ATTEMPTS)
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
    config = Session("", ())._client("iam", 1).meta.config
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
