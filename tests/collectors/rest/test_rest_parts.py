"""The small pieces of the REST core: operations, values, waiting, exported files, groups and their gaps."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.collect import registry
from nhiscan.collectors._common import tags, values
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.group import DEEP
from nhiscan.collectors._rest import wire
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors._rest.exports import FileAnswers
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors._rest.refusal import sign_in_code
from nhiscan.collectors._rest.waiting import LONGEST_S, Patience, asked_to_wait, exhausted
from nhiscan.collectors._rest.wire import Answer
from nhiscan.model import IdentityKind
from nhiscan.plugin import GapReason, Store, Target, TargetKind
from tests.conftest import load_by_path

lab = load_by_path(Path(__file__).with_name("lab.py"))
TENANT = lab.tenant().id
LIST = Operation("graph:things.list", "/v1.0/things", ("Thing.Read.All",))
OWNERS = Operation("graph:owners.list", "/v1.0/things/{id}/owners", ("Thing.Read.All", "User.Read.All"))
EXTRA = Operation("graph:extra.list", "/beta/extra", ("Extra.Read.All",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_an_operation_says_what_it_is():
    assert (LIST.service, LIST.method, LIST.file, str(LIST)) == ("graph", "GET", "graph.things.list.json", LIST.name)
    assert LIST.needs == ("graph:Thing.Read.All",)
    assert Operation("iam:roles.list", "/v1/roles", ("iam.roles.list",), body={}).method == "POST"
    assert Operation("iam:roles.list", "/v1/roles", ("iam.roles.list",)).needs == ("gcp:iam.roles.list",)
    assert {LIST: 1}[Operation(LIST.name, "/elsewhere")] == 1
    assert OWNERS.blanks() == ("id",)


@pytest.mark.parametrize(
    ("path", "params", "filled"),
    [
        ("/a/{x}", {"x": "b c/d"}, "/a/b%20c%2Fd"),
        ("/a/{+x}/b", {"x": "/projects/p/"}, "/a/projects/p/b"),
        ("/a/{x}", {"x": "me@acme.example"}, "/a/me@acme.example"),
        ("/{x}/{x}", {"x": 7}, "/7/7"),
    ],
)
def test_a_path_is_filled(path, params, filled):
    assert Operation("iam:x", path).fill(params) == filled


@given(st.text(max_size=30), st.sampled_from(["{x}", "{+x}"]))
def test_no_value_leads_out_of_its_path(value, blank):
    try:
        found = Operation("iam:x", f"/v1/{blank}/end").fill({"x": value})
    except ValueError:
        return
    assert found.startswith("/v1/")
    assert found.endswith("/end")
    assert not {"?", "#", "\\", " ", "\n"} & set(found)
    assert not {"..", "."} & set(found.split("/"))


@given(JSON)
def test_foreign_values_never_raise(value):
    for read in (
        values.text, values.mapping, values.listing, values.objects, values.texts, values.flag, values.number,
        values.moment, values.epoch, values.guid, values.document,
    ):  # fmt: skip
        read(value)
    values.word(IdentityKind, value)


def test_values_are_read_for_what_they_are():
    assert values.moment("2024-02-01T10:00:00.123456789Z") == datetime(2024, 2, 1, 10, 0, 0, 123456, UTC)
    assert values.moment("0001-01-01T00:00:00Z") is None
    assert values.moment("9999-12-31T23:59:59-10:00") is None
    assert values.moment("2024-02-01") == datetime(2024, 2, 1, tzinfo=UTC)
    assert values.epoch(1700000000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert values.epoch(10**17) is None
    assert (values.number("12"), values.number("x"), values.number(True), values.number(2.0)) == (12, None, None, 2)
    assert (values.flag("TRUE"), values.flag("no"), values.flag(1)) == (True, None, None)
    assert values.guid(f" {TENANT.upper()} ") == TENANT
    assert values.texts(["a", 1, None, " "]) == ("a",)
    assert values.objects([{}, 1, None]) == [{}]
    assert values.word(IdentityKind, "User") is IdentityKind.USER
    assert values.word(IdentityKind, "Alien") is None
    assert values.document({"a": [1]}) == '{"a":[1]}'
    assert values.document({"a": "x" * 1_000_001}) is None
    assert values.facts(a=True, b=None, c=3) == {"a": "true", "c": "3"}
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert values.document(deep) is None


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, None, 7.0),
        ({"retry-after": "1.5s"}, None, 1.5),
        ({"retry-after": "Sun, 01 Nov 2026 00:00:30 GMT"}, None, 30.0),
        ({"retry-after": "Sun, 01 Nov 2020 00:00:30 GMT"}, None, 0.0),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "999999"}, None, LONGEST_S),
        ({"x-ms-retry-after-ms": "250", "retry-after": "9"}, None, 0.25),
        ({"x-ms-user-quota-resets-after": "00:00:05"}, None, 5.0),
        ({"x-ms-user-quota-resets-after": "1.00:00:00"}, None, LONGEST_S),
        ({"x-ms-user-quota-resets-after": "later"}, None, None),
        (
            {}, {"error": {"details": [{"@type": "other"}, {
                "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}]}}, 2.5,
        ),
        ({}, {"error": {"details": "x"}}, None),
        ({}, None, None),
    ],
)  # fmt: skip
def test_waiting_is_what_the_server_asks_for(headers, body, seconds):
    assert asked_to_wait(Answer(429, headers, body), datetime(2026, 11, 1, tzinfo=UTC)) == seconds


def test_a_quota_is_told_before_it_refuses():
    assert exhausted(Answer(200, {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"})) == 4.0
    assert (
        exhausted(Answer(200, {"x-ms-user-quota-remaining": "3", "x-ms-user-quota-resets-after": "00:00:04"})) is None
    )


def test_patience_grows_and_listens_to_the_environment(monkeypatch):
    waits = [Patience().backoff(n) for n in range(12)]
    assert 0.25 <= waits[0] <= 0.5
    assert max(waits) <= 30
    monkeypatch.setenv("NHISCAN_HTTP_ATTEMPTS", "99")
    monkeypatch.setenv("NHISCAN_HTTP_TIMEOUT", "2.5")
    assert Patience.of_environment() == Patience(12, 2.5)
    monkeypatch.setenv("NHISCAN_HTTP_ATTEMPTS", "many")
    monkeypatch.setenv("NHISCAN_HTTP_TIMEOUT", "-1")
    assert Patience.of_environment() == Patience()


def test_of_a_failed_sign_in_only_the_number_is_taken():
    assert sign_in_code("AADSTS7000215: Invalid client secret provided for s3cret") == "AADSTS7000215"
    assert (sign_in_code("AADSTSx"), sign_in_code(None)) == ("", "")


def things(ask):
    found = list(ask.items(LIST))
    for entry in found:
        yield Store(
            id=f"thing/{entry['id']}", scope_id=ask.scope_id, source=ask.source, provider="azure", kind="thing",
            name=str(entry["id"]),
        )  # fmt: skip
    for request, owners in ask.each_items(OWNERS, "value", [{"id": e["id"]} for e in found]):
        if isinstance(owners, RefusedError) and not owners.missing:
            yield ask.refused(owners, subject_id=f"thing/{request['id']}")


def extra(ask):
    yield ask.gap("extra", ("store",), f"{len(ask.shared(EXTRA))} extras", "nothing")


GROUP = Group(
    name="azure.things",
    title="Things",
    place="tenant",
    parts=(
        Part("things", "Thing", ("name",), {LIST: "store", OWNERS: "owner"}, things, also={DEEP: {EXTRA: "store"}}),
        Part("extra", "Extra", (), {EXTRA: "usage"}, extra, option=DEEP),
    ),
)


def unit_of(tmp_path, ctx, files):
    folder = tmp_path / "azure" / f"tenant-{TENANT}"
    folder.mkdir(parents=True)
    for operation, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / operation.file).write_text(text)
    return list(GROUP.units(Target("snapshot", TargetKind.SNAPSHOT, str(tmp_path)), ctx))


def test_a_group_says_what_it_needs():
    assert GROUP.requires == {"graph:Thing.Read.All": "store, owner", "graph:User.Read.All": "owner"}
    assert GROUP.requires_with == {"deep": {"graph:Extra.Read.All": "store, usage"}}
    assert (GROUP.schemes, GROUP.extra, GROUP.modules) == (("azure",), "azure", ("httpx", "azure.identity"))
    assert GROUP.covers == ("owner", "store", "usage")
    assert set(GROUP.operations(lab.context())) == {LIST, OWNERS}
    assert set(GROUP.operations(lab.context(deep=True))) == {LIST, OWNERS, EXTRA}
    assert GROUP.kinds == GROUP.parts


def test_an_export_gives_its_things_and_gaps_for_what_it_lacks(tmp_path):
    ctx = lab.context()
    owners = [{"with": {"id": "a"}, "answer": {"value": [{"id": "o"}]}}, {"with": {"id": "B"}, "answer": []}]
    (unit,) = unit_of(tmp_path, ctx, {LIST: [{"id": "a"}, {"id": "b"}, {"id": "c"}], OWNERS: owners})
    assert unit.id.startswith(f"azure.things:{TENANT}:snapshot-")
    found = list(GROUP.collect(unit, ctx))
    assert [r.id for r in found if r.table == "store"] == ["thing/a", "thing/b", "thing/c"]
    assert [r for r in found if r.table == "gap"] == []
    assert [(r.id, r.kind.value) for r in found if r.table == "scope"] == [(f"azure:tenant/{TENANT}", "organization")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", GapReason.MALFORMED), ("7", GapReason.MALFORMED), ({"other": []}, GapReason.MALFORMED),
        ({"value": {"id": "a"}}, GapReason.MALFORMED), (None, GapReason.SKIPPED),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_hides_what_follows_from_it(tmp_path, content, reason):
    files = {OWNERS: []} if content is None else {LIST: content}
    ctx = lab.context()
    (unit,) = unit_of(tmp_path, ctx, files)
    (gap,) = [r for r in GROUP.collect(unit, ctx) if r.table == "gap"]
    assert (gap.reason, gap.operation, gap.covers) == (reason, LIST.name, ("owner",))
    assert str(tmp_path) not in repr(gap)


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors._common.exports._LARGEST", 3)
    ctx = lab.context()
    (unit,) = unit_of(tmp_path, ctx, {LIST: [{"id": "a"}]})
    (gap,) = [r for r in GROUP.collect(unit, ctx) if r.table == "gap"]
    assert "too large" in gap.detail


def test_a_part_that_breaks_is_told_after_the_others(tmp_path):
    def broken(ask):
        yield from things(ask)
        msg = "no"
        raise KeyError(msg)

    group = Group("azure.things", "T", (Part("broken", "B", (), {LIST: "store"}, broken), GROUP.parts[0]), "tenant")
    ctx = lab.context()
    (unit,) = unit_of(tmp_path, ctx, {LIST: [{"id": "a"}], OWNERS: []})
    found = []

    def collect():
        for record in group.collect(unit, ctx):
            found.append(record.table)  # noqa: PERF401 - what comes before it breaks

    with pytest.raises(KeyError):
        collect()
    assert found.count("store") == 2


def test_a_group_that_waits_for_an_option_has_no_unit_without_it(tmp_path):
    group = Group("azure.things", "T", GROUP.parts[1:], "tenant")
    target = Target("snapshot", TargetKind.SNAPSHOT, str(tmp_path))
    assert list(group.units(target, lab.context())) == []
    assert list(GROUP.units(Target(".", TargetKind.PATH, str(tmp_path)), lab.context())) == []


class Refusing:
    """Answers that are refused for some things."""

    def __init__(self, refuse, *, missing=False, fatal=False):
        self.refuse, self.missing, self.fatal, self.asked = refuse, missing, fatal, []

    def call(self, operation, params, query, body):
        self.asked.append(params.get("id"))
        if self.refuse(params.get("id")):
            error = RefusedError(GapReason.DENIED, operation.name, "denied", "grant it")
            error.missing, error.fatal = self.missing, self.fatal
            raise error
        return {"id": params.get("id")}

    def pages(self, operation, params, query, body):
        yield {"value": ["x", {"y": 1}], "a": {"b": [{"z": 1}]}}
        self.call(operation, params, query, body)

    def close(self):
        pass


def ask(answers):
    return Ask(answers, lab.tenant(), "azure.things", lab.context(), {LIST.name: ("store",), OWNERS.name: ("owner",)})


def test_one_refusal_among_many_is_its_own():
    answers = Refusing(lambda one: one == 3)
    found = list(ask(answers).each(OWNERS, ({"id": n} for n in range(250))))
    assert [r["id"] for r, _ in found] == list(range(250))
    assert [r["id"] for r, a in found if isinstance(a, RefusedError)] == [3]


def test_when_the_first_few_are_all_refused_nobody_else_is_asked():
    answers = Refusing(lambda one: True)
    with pytest.raises(RefusedError):
        list(ask(answers).each(OWNERS, ({"id": n} for n in range(250))))
    assert len(answers.asked) == 5


def test_a_single_thing_that_is_refused_gives_up_and_a_missing_one_does_not():
    with pytest.raises(RefusedError):
        list(ask(Refusing(lambda one: True)).each(OWNERS, [{"id": 1}]))
    assert len(list(ask(Refusing(lambda one: True, missing=True)).each(OWNERS, [{"id": n} for n in range(9)]))) == 9
    with pytest.raises(RefusedError):
        list(ask(Refusing(lambda one: one == 40, fatal=True)).each(OWNERS, ({"id": n} for n in range(250))))


def test_a_probe_asks_about_one_thing_of_a_kind():
    answers = Refusing(lambda one: False)
    probing = Ask(answers, lab.tenant(), "azure.things", lab.context(probe=True))
    assert len(list(probing.each(OWNERS, ({"id": n} for n in range(250))))) == 1
    assert answers.asked == [0]


def test_lists_are_found_where_they_lie_and_asked_once_when_shared():
    answers = Refusing(lambda one: False)
    one = ask(answers)
    assert list(one.items(LIST)) == [{"": "x"}, {"y": 1}]
    assert list(one.items(LIST, "a.b")) == [{"z": 1}]
    assert list(one.items(LIST, "none")) == []
    answers.asked.clear()
    assert one.shared(LIST, "a.b") == one.shared(LIST, "a.b") == ({"z": 1},)
    assert len(answers.asked) == 1
    refusing = ask(Refusing(lambda one: True))
    for _ in range(2):
        with pytest.raises(RefusedError):
            refusing.shared(LIST)
    assert len(refusing.answers.asked) == 1


class Breaking:
    """Answers whose second page is refused."""

    def pages(self, operation, *_):
        yield {"value": [{"id": "a"}]}
        raise RefusedError(GapReason.THROTTLED, operation.name, "throttled", "run again")

    def close(self):
        pass


def test_a_list_that_breaks_off_keeps_its_first_pages_and_says_so():
    one = ask(Breaking())
    assert one.shared(LIST, partial=True) == ({"id": "a"},)
    assert [(name, e.reason) for name, e in one.cut.items()] == [(LIST.name, GapReason.THROTTLED)]
    with pytest.raises(RefusedError):  # whoever has another way to know wants all or nothing
        one.shared(LIST)


def test_a_refusal_of_things_is_about_the_place_and_of_evidence_about_everything():
    error = RefusedError(GapReason.DENIED, LIST.name, "denied", "grant it")
    assert (ask(None).refused(error).subject_id, ask(None).refused(error).covers) == (lab.tenant().scope_id, ("store",))
    evidence = ask(None).refused(error, covers=("store", "owner"))
    assert (evidence.subject_id, evidence.covers) == (None, ("owner",))
    single = ask(None).refused(error, subject_id="thing/a")
    assert (single.subject_id, single.covers, single.locator) == ("thing/a", ("store",), "thing/a")
    unknown = ask(None).refused(RefusedError(GapReason.FAILED, None, "no way in", "sign in"))
    assert unknown.covers == ("owner", "store")
    assert FileAnswers(Path()).close() is None


def test_packages_that_begin_with_an_underscore_are_no_collectors():
    assert not [name for name in registry.names() if name.startswith("_")]


def test_tags_keep_what_is_known_to_be_harmless():
    found = tags.read({
        "Owner": "ops@acme.example", "team": "none", "env": "PRD", "api": "abc", "db": "postgres://u:p@h/d",
        "contact": "AbCdEf0123456789AbCdEf0123456789", "project": None, "x" * 9 + "1" * 30: "y", "": "z",
    })  # fmt: skip
    assert found == {
        "Owner": "ops@acme.example", "api": tags.MASKED, "contact": tags.MASKED, "db": tags.MASKED, "env": "PRD",
        "project": "", "team": "none",
    }  # fmt: skip
    assert (tags.environment(found), tags.environment({"stage": "green"}), tags.environment({})) == (
        "production", "green", None,
    )  # fmt: skip
    people = list(tags.owners(found, subject_id="s", scope_id="c", source="x"))
    assert [(o.name, o.kind.value, o.id) for o in people] == [("ops@acme.example", "person", "s#owner/tag/Owner")]
    assert tags.read([{"Key": "team", "Value": "shop"}, {"key": "app", "value": "a"}, 7]) == {
        "app": "a",
        "team": "shop",
    }


def test_authorities_come_from_the_environment_else_from_the_system(monkeypatch, tmp_path):
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert wire.trust().verify_mode.name == "CERT_REQUIRED"
    none = ssl.get_default_verify_paths()._replace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: none)
    assert wire.trust().get_ca_certs()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert (wire.bundle(), wire.trust().check_hostname) == (str(tmp_path), True)
