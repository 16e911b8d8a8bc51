"""The session of a unit: what it sends, what it refuses to send, when it tries again, and what it says of failures."""

import http.client
import logging
import socket
import threading
from pathlib import Path

import pytest

from nhiscan.collectors._common.errors import RefusedError, UndeclaredCallError
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.plugin import GapReason
from tests.conftest import load_by_path

lab = load_by_path(Path(__file__).with_name("lab.py"))
Reply, serving, session, TINY, Keys = lab.Reply, lab.serving, lab.session, lab.TINY, lab.Keys

LIST = Operation("graph:things.list", "/v1.0/things", ("Thing.Read.All",), {"$top": "2"})
GET = Operation("graph:things.get", "/v1.0/things/{id}", ("Thing.Read.All",))
GOOGLE = Operation("iam:things.list", "/v1/{+parent}/things", ("iam.things.list",), {"pageSize": "2"})
QUERY = Operation("arm:graph.query", "/resources", ("Graph/read",), {"api-version": "1"}, body={"query": "Resources"})


def values(live, operation, **params):
    return [entry for page in live.pages(operation, params, {}, {}) for entry in page.get("value", [])]


def refused(live, operation, **params) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        list(live.pages(operation, params, {}, {}))
    return caught.value


def test_pages_follow_links_even_from_an_empty_page():
    def answer(got):
        number = int(got.query.get("page", 0))
        body = {"value": [{"n": number}] if number != 1 else []}
        if number < 3:
            body["@odata.nextLink"] = f"{server.url}/v1.0/things?page={number + 1}"
        return Reply(body)

    with serving(answer) as server:
        live = session(server, [LIST])
        assert values(live, LIST) == [{"n": 0}, {"n": 2}, {"n": 3}]
    assert server.seen[0].query == {"$top": "2"}
    assert server.seen[1].query == {"page": "1"}
    assert live.calls == {LIST.name: 4}
    assert {got.method for got in server.seen} == {"GET"}


def test_a_probe_asks_for_first_pages_alone():
    body = {"value": [1]}
    with serving(lambda got: Reply(body)) as server:
        body["@odata.nextLink"] = f"{server.url}/v1.0/things?page=2"
        assert len(list(session(server, [LIST], probe=True).pages(LIST, {}, {}, {}))) == 1
    assert len(server.seen) == 1


def test_google_and_resource_graph_tokens_are_sent_back():
    def answer(got):
        if got.method == "GET":
            return Reply(
                {"things": [], "nextPageToken": "b"} if "pageToken" not in got.query else {"things": [{"n": 1}]}
            )
        options = got.body.get("options", {})
        return Reply({"data": [], "$skipToken": "s"} if "$skipToken" not in options else {"data": [{"n": 1}]})

    with serving(answer) as server:
        live = session(server, [GOOGLE, QUERY])
        assert len(list(live.pages(GOOGLE, {"parent": "projects/etl"}, {}, {}))) == 2
        assert len(list(live.pages(QUERY, {}, {}, {"options": {"$top": 5}}))) == 2
    assert server.seen[0].path == "/v1/projects/etl/things"
    assert server.seen[1].query == {"pageSize": "2", "pageToken": "b"}
    assert server.seen[3].body == {"query": "Resources", "options": {"$top": 5, "$skipToken": "s"}}


@pytest.mark.parametrize(
    "link",
    [
        "http://203.0.113.9/v1.0/things", "https://127.0.0.1/v1.0/things", "//evil/things", "http://a:b@127.0.0.1/x",
        "http://127.0.0.1:1/v1.0/things", 7, "http://127.0.0.1:99999/",
    ],
)  # fmt: skip
def test_a_link_to_another_server_is_not_followed(link):
    with serving(lambda got: Reply({"value": [{"n": 1}], "@odata.nextLink": link})) as server:
        found = refused(session(server, [LIST]), LIST)
    assert found.reason is GapReason.MALFORMED
    assert len(server.seen) == 1


@pytest.mark.parametrize("key", ["@odata.nextLink", "nextPageToken"])
def test_pages_that_lead_in_a_circle_end(key):
    with serving(lambda got: Reply({"value": [1], key: f"{server.url}/v1.0/things?x=1"})) as server:
        found = refused(session(server, [LIST]), LIST)
    assert (found.reason, "circle" in found.detail) == (GapReason.MALFORMED, True)
    assert len(server.seen) <= 3


def test_only_what_was_declared_leaves():
    with serving(lambda got: Reply({})) as server:
        live = session(server, [LIST])
        changed = Operation(LIST.name, "/v1.0/other")
        post = Operation(LIST.name, LIST.path, body={})
        for operation in (GET, changed, post):
            with pytest.raises(UndeclaredCallError):
                live.call(operation, {"id": "1"}, {}, {})
        assert server.seen == []


@pytest.mark.parametrize(
    ("status", "body", "reason", "detail"),
    [
        (403, {"error": {"code": "Authorization_RequestDenied", "message": "for key s3cret"}}, "denied", "was denied"),
        (404, {"error": {"code": "ResourceNotFound"}}, "unsupported", "not known"),
        (400, {"error": {"code": "InvalidApiVersionParameter"}}, "unsupported", "not known"),
        (400, {"error": {"code": "BadRequest"}}, "failed", "BadRequest, HTTP 400"),
        (501, b"x", "unsupported", "HTTP 501"),
        (500, b"s3cret", "failed", "HTTP 500"),
        (429, {}, "throttled", "throttled"),
        (401, {"error": {"code": "InvalidAuthenticationToken"}}, "failed", "token was refused"),
        (302, b"", "malformed", "redirect"),
        (200, b"<html>s3cret", "malformed", "no JSON"),
        (200, b"", "malformed", "no JSON"),
        (200, 7, "malformed", "no JSON object"),
        (403, {"error": {"code": "with spaces and s3cret"}}, "denied", "was denied"),
    ],
)
def test_what_goes_wrong_is_said_without_foreign_words(status, body, reason, detail):
    with serving(lambda got: Reply(body, status, {"Location": "http://203.0.113.9/"})) as server:
        found = refused(session(server, [LIST]), LIST)
    assert (found.reason.value, found.status) == (reason, status if reason != "malformed" or status == 302 else 0)
    assert detail in found.detail
    assert "s3cret" not in found.detail + found.remedy
    if status == 403:
        assert found.remedy == "grant Thing.Read.All"
    assert not found.missing


def test_what_was_listed_and_is_gone_is_missing_and_a_list_that_is_gone_is_not():
    with serving(lambda got: Reply({}, 404)) as server:
        live = session(server, [LIST, GET], home={"tenant": "t"})
        assert refused(live, GET, id="7").missing
        assert not refused(live, LIST).missing
        own = session(server, [GET], home={"ids": "6,7"})
        assert not refused(own, GET, id="7").missing
        place = Operation("iam:keys.list", "/v1/projects/{project}/keys")
        assert not refused(session(server, [place]), place, project="etl").missing


@pytest.mark.parametrize(
    ("status", "error", "reason", "missing"),
    [
        (
            403,
            {"status": "PERMISSION_DENIED", "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]},
            GapReason.UNSUPPORTED, True,
        ),
        (403, {"status": "PERMISSION_DENIED", "message": "API has not been used"}, GapReason.DENIED, False),
        (403, {"errors": [{"reason": "accessNotConfigured"}]}, GapReason.UNSUPPORTED, True),
        (
            403,
            {"details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}]},
            GapReason.FAILED, False,
        ),
        (403, {"errors": [{"reason": "rateLimitExceeded"}]}, GapReason.THROTTLED, False),
        (409, {"code": "MissingSubscriptionRegistration"}, GapReason.UNSUPPORTED, True),
        (
            403, {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant"}, GapReason.UNSUPPORTED, False,
        ),
    ],
)  # fmt: skip
def test_codes_that_mean_something_else_than_their_status(status, error, reason, missing):
    with serving(lambda got: Reply({"error": error}, status)) as server:
        found = refused(session(server, [LIST]), LIST)
    assert (found.reason, found.missing) == (reason, missing)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_what_passes_is_tried_again_and_counted(status):
    left = [status, status]
    with serving(lambda got: Reply({}, left.pop(), {"Retry-After": "0"}) if left else Reply({"value": [1]})) as server:
        live = session(server, [LIST])
        assert len(list(live.pages(LIST, {}, {}, {}))) == 1
    assert live.calls == {LIST.name: 3}


def test_a_cut_answer_is_tried_again_and_then_told():
    left = [1, 1]
    with serving(lambda got: Reply({"value": []}, cut=bool(left and left.pop()))) as server:
        assert values(session(server, [LIST]), LIST) == []
    with serving(lambda got: Reply({"value": []}, cut=True)) as server:
        found = refused(session(server, [LIST]), LIST)
    assert (found.reason, found.fatal) == (GapReason.FAILED, False)
    assert "127.0.0.1" in found.detail


def test_an_answer_that_trickles_ends():
    with serving(lambda got: Reply({"value": []}, wait=1.0)) as server:
        found = refused(session(server, [LIST], patience=Patience(1, 0.1, 0.001)), LIST)
    assert "ReadTimeout" in found.detail


def test_nobody_there_is_told_once_for_the_service():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    live = Session(Keys(url), [LIST, GET], patience=TINY)
    found = refused(live, LIST)
    assert (found.unreachable, found.fatal) == (True, True)
    assert live.calls == {LIST.name: 3}
    assert refused(live, GET, id="1").operation == GET.name
    assert live.calls == {LIST.name: 3}


def test_an_expired_token_is_renewed_once_whoever_asks():
    def answer(got):
        return Reply({"value": [1]}) if got.token == "Bearer t2" else Reply({}, 401)

    with serving(answer) as server:
        live = session(server, [LIST])
        threads = [threading.Thread(target=lambda: list(live.pages(LIST, {}, {}, {}))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert live._access.number == 2
    assert sum(got.token == "Bearer t2" for got in server.seen) == 6


def test_a_token_that_is_refused_twice_ends_the_unit():
    with serving(lambda got: Reply({}, 401)) as server:
        live = session(server, [LIST, GET])
        assert refused(live, LIST).everywhere
        seen = len(server.seen)
        assert refused(live, GET, id="1").everywhere
        assert len(server.seen) == seen == 2


def test_signing_in_that_fails_ends_the_unit():
    class Nobody(Keys):
        def headers(self, service, *, renew):
            raise RefusedError(GapReason.FAILED, None, "no usable credentials", "sign in")

    with serving(lambda got: Reply({})) as server:
        live = Session(Nobody(server.url), [LIST], patience=TINY)
        assert refused(live, LIST).everywhere
        assert refused(live, LIST).operation == LIST.name
        assert server.seen == []


def test_after_its_time_a_unit_asks_no_more():
    with serving(lambda got: Reply({"value": []}, 503, {"Retry-After": "60"})) as server:
        live = session(server, [LIST], budget_s=5.0)
        assert refused(live, LIST).status == 503
        late = session(server, [LIST], budget_s=-1.0)
        found = refused(late, LIST)
    assert (found.reason, found.everywhere) == (GapReason.SKIPPED, True)
    assert len(server.seen) == 1


def test_a_quota_that_is_used_up_is_waited_for():
    headers = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:00.2"}
    with serving(lambda got: Reply({"data": []}, 200, headers)) as server:
        live = session(server, [QUERY])
        live.call(QUERY, {}, {}, {})
        assert live._not_before["arm"] > 0
        tight = session(server, [QUERY], budget_s=0.15)
        tight.call(QUERY, {}, {}, {})
        assert refused(tight, QUERY).reason is GapReason.SKIPPED


def test_an_answer_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("nhiscan.collectors._rest.wire.LARGEST", 50)
    with serving(lambda got: Reply({"value": ["x" * 100]})) as server:
        assert refused(session(server, [LIST]), LIST).reason is GapReason.MALFORMED


def test_a_bad_bundle_and_a_bad_proxy_are_told(monkeypatch, tmp_path):
    with serving(lambda got: Reply({})) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        assert "bad CA bundle" in refused(session(server, [LIST]), LIST).detail
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv("HTTP_PROXY", "nonsense://user:s3cret@here")
        found = refused(session(server, [LIST]), LIST)
    assert "bad proxy" in found.detail
    assert "s3cret" not in found.detail


def test_nothing_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with serving(lambda got: Reply({"value": []})) as server:
        values(session(server, [LIST]), LIST)
    assert [r for r in caplog.records if r.name.startswith(("http", "azure", "google", "urllib3"))] == []


def test_parameters_cannot_leave_their_place():
    with serving(lambda got: Reply({})) as server:
        live = session(server, [GET, GOOGLE])
        live.call(GET, {"id": "a/../b?x=1#y"}, {}, {})
        for operation, params in ((GET, {"id": ".."}), (GET, {}), (GOOGLE, {"parent": "a/../b"}), (GET, {"id": ""})):
            assert refused(live, operation, **params).reason is GapReason.FAILED
    assert [got.path for got in server.seen] == ["/v1.0/things/a/../b?x=1#y"]
    assert http.client.OK == 200
