"""The groups of credentials, stores and resources against answers given in Python: refusals, paging, options, oddities.

What they make of a whole estate is in fixtures/collectors/aws.<group>.
"""

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from nhiscan.analysis.state import states
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, number
from nhiscan.collectors.aws import _exports, _seen
from nhiscan.collectors.aws._ask import Ask
from nhiscan.collectors.aws._seen import pages, policy_on, role_arn
from nhiscan.collectors.aws._source import Account, place_of
from nhiscan.plugin import Context, Credential, FingerprintKey, Gap, GapReason, Scope, ScopeKind, Target, TargetKind
from tests.conftest import load_by_path

ROOT = Path(__file__).resolve().parents[3]
ASSEMBLE = load_by_path(ROOT / "fixtures" / "assemble.py")
GROUPS = [
    "secrets", "encryption", "certificates", "on_premises", "devices", "edge", "api_keys", "connections", "amplify",
    "sign_in", "transfers", "databases", "brokers", "sharing",
]  # fmt: skip
COLLECTORS = {name: import_module(f"nhiscan.collectors.aws.{name}").COLLECTOR for name in GROUPS}
FORBIDDEN = {
    "GetSecretValue",
    "BatchGetSecretValue",
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "GetApiKey",
}
ACCOUNT = Account("123456789012")


def context(**more):
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32), **more)


@pytest.fixture
def estate(tmp_path):
    """The fixture of a group as a snapshot target, tokens expanded."""

    def build(name):
        source = ROOT / "fixtures" / "collectors" / f"aws.{name}" / "estate" / "input"
        for path in source.rglob("*.json"):
            target = tmp_path / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(ASSEMBLE.expand(path.read_text(encoding="utf-8"), str(path)), encoding="utf-8")
        return Target(f"snapshot:{tmp_path}", TargetKind.SNAPSHOT, str(tmp_path))

    return build


def collected(collector, target, ctx):
    return [record for unit in collector.units(target, ctx) for record in collector.collect(unit, ctx)]


def of(records, table):
    return {r.id: r for r in records if r.table == table}


class Given:
    """Answers from a mapping of operations to an answer, a list of pages, or what to raise."""

    def __init__(self, **answers):
        self.answers, self.asked = {k.replace("__", ":", 1): v for k, v in answers.items()}, []

    def call(self, operation, /, **params):
        self.asked.append((operation, params))
        found = self.answers[operation]
        if isinstance(found, list):
            found = found[min(sum(o == operation for o, _ in self.asked), len(found)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    def pages(self, operation, /, **params):
        yield self.call(operation, **params)


def ask_of(answers, ctx=None):
    return Ask(answers, place_of(ACCOUNT, "eu-central-1"), "aws.test", ctx or context())


@pytest.mark.parametrize("name", GROUPS)
def test_nothing_that_gives_a_value_away_is_declared(name):
    operations = COLLECTORS[name].operations(context(deep=True, read_config_values=True))
    assert not {operation.partition(":")[2] for operation in operations} & FORBIDDEN
    verbs = ("Get", "List", "Describe")
    assert [o for o in operations if not o.partition(":")[2].startswith(verbs)] == []


@pytest.mark.parametrize(
    ("name", "operation"), [(n, o) for n in GROUPS for o in sorted(COLLECTORS[n].operations(context(deep=True)))]
)
def test_one_denied_call_hides_only_what_it_tells(estate, monkeypatch, name, operation):
    """Each operation denied in turn: a gap names it, nothing raises, and every other part gives what it gave."""
    collector, ctx, target = COLLECTORS[name], context(deep=True), estate(name)
    whole = of_everything(collected(collector, target, ctx))
    refusing = _exports.FileAnswers

    def refuse(self, asked, /, **params):
        if asked == operation:
            raise RefusedError(GapReason.DENIED, operation, f"{operation} was denied", f"allow {operation}")
        return original(self, asked, **params)

    original = refusing.pages
    monkeypatch.setattr(refusing, "pages", refuse)
    records = collected(collector, target, ctx)
    gaps = [r for r in records if r.table == "gap" and r.operation == operation]
    assert [g.remedy for g in gaps] == [f"allow {operation}"] * len(gaps)
    assert gaps
    lost = whole - of_everything(records)
    parts = [p for p in collector.parts if operation not in {*p.calls, *(o for c in p.also.values() for o in c)}]
    untouched = {key for part in parts for key in of_everything(part.read(_ask(collector, target, ctx)))}
    assert not lost & untouched


def of_everything(records):
    return {(r.table, r.id) for r in records if r.table != "gap"}


def _ask(collector, target, ctx):
    (unit,) = collector.units(target, ctx)
    answers = _exports.answers_of(unit)
    region = unit.params["region"] if collector.regional else ""
    return Ask(answers, place_of(ACCOUNT, region), collector.name, ctx)


@pytest.mark.parametrize("name", GROUPS)
def test_answers_of_another_shape_give_no_record_and_no_traceback(estate, monkeypatch, name):
    collector, ctx, target = COLLECTORS[name], context(deep=True), estate(name)
    for strange in ({}, {"items": "x"}, {"Keys": [None, 7, {"KeyId": 5}]}):
        monkeypatch.setattr(_exports.FileAnswers, "pages", lambda _s, _o, /, _a=strange, **_p: iter([_a]))
        assert {r.table for r in collected(collector, target, ctx)} == {"scope"}


def test_deep_describes_devices_and_subjects(estate):
    devices = of(collected(COLLECTORS["devices"], estate("devices"), context(deep=True)), "credential")
    first = devices["arn:aws:iot:eu-central-1:123456789012:cert/" + "a" * 64]
    assert (first.expires_at.year, first.facts["key_bits"]) == (2049, "2048")
    subjects = of(collected(COLLECTORS["on_premises"], estate("on_premises"), context(deep=True)), "credential")
    shown = subjects["arn:aws:rolesanywhere:eu-central-1:123456789012:subject/5ab1ec70-0000-4000-8000-000000000001"]
    assert (shown.facts["key_algorithm"], shown.expires_at.year) == ("Ed25519", 2027)


def test_the_secret_of_a_client_is_nowhere(estate):
    target = estate("sign_in")
    records = collected(COLLECTORS["sign_in"], target, context())
    raw = next(Path(target.value).rglob("*DescribeUserPoolClient.json")).read_text()
    secret = json.loads(raw)[0]["answer"]["UserPoolClient"]["ClientSecret"]
    assert secret not in repr(records)
    assert any(r.table == "credential" and r.kind == "client_secret" for r in records)


def test_keys_of_an_api_are_told_apart_by_a_digest_and_joined_by_fingerprint(estate):
    first, second = (
        {c.id: c.fingerprint for c in of(collected(COLLECTORS["api_keys"], estate("api_keys"), ctx), "credential").values()
         if c.format == "aws-appsync-key"}
        for ctx in (context(), Context(as_of=context().as_of, key=FingerprintKey(b"z" * 32)))
    )  # fmt: skip
    assert set(first) == set(second)
    assert len(first) == 2
    assert not set(first.values()) & set(second.values())


def test_a_description_that_looks_like_a_key_is_no_name():
    entry = {"id": "x", "description": "A1b2C3d4E5f6G7h8I9j0K1"}
    answers = Given(
        appsync__ListGraphqlApis={"graphqlApis": [{"arn": "arn:a", "apiId": "g", "authenticationType": "API_KEY"}]},
        appsync__ListApiKeys={"apiKeys": [entry]},
    )
    part = next(p for p in COLLECTORS["api_keys"].parts if p.name == "appsync keys")
    (key,) = of(part.read(ask_of(answers)), "credential").values()
    assert key.name is None


def test_an_account_without_access_grants_has_none():
    error = RefusedError(GapReason.FAILED, "s3control:ListAccessGrants", "no instance", "")
    error.code = "AccessGrantsInstanceNotExistsError"
    part = next(p for p in COLLECTORS["sharing"].parts if p.name == "access grants")
    assert list(part.read(ask_of(Given(s3control__ListAccessGrants=error)))) == []


def test_pages_follow_the_token_and_stop_at_one_that_repeats():
    answers = Given(
        events__ListConnections=[{"n": 1, "NextToken": "a"}, {"n": 2, "NextToken": "b"}, {"n": 3, "NextToken": "b"}, {}]
    )
    found = [page["n"] for page in pages(ask_of(answers), "events:ListConnections", "NextToken", Limit=100)]
    assert found == [1, 2, 3]
    assert [p.get("NextToken") for _, p in answers.asked] == [None, "a", "b"]


def test_tags_that_cannot_be_read_leave_owners_unknown_and_say_so(estate, monkeypatch):
    def refuse(self, asked, /, **params):
        if asked.startswith("resourcegroupstaggingapi"):
            raise RefusedError(GapReason.DENIED, asked, "denied", "allow tag:GetResources")
        return original(self, asked, **params)

    original = _exports.FileAnswers.pages
    monkeypatch.setattr(_exports.FileAnswers, "pages", refuse)
    records = collected(COLLECTORS["encryption"], estate("encryption"), context())
    (gap,) = of(records, "gap").values()
    assert "owner" in gap.covers
    assert {s.environment for s in of(records, "store").values()} == {None}


@pytest.mark.parametrize(
    ("value", "found"),
    [("role/x", "arn:aws:iam::123456789012:role/role/x"), ("x", "arn:aws:iam::123456789012:role/x"), ("a b", None),
     (None, None), ("arn:aws:iam::999999999999:role/p", "arn:aws:iam::999999999999:role/p")],
)  # fmt: skip
def test_roles_by_name_and_by_arn(value, found):
    assert role_arn(ask_of(Given()), value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [(True, None), ("7", 7), ("x", None), (7.0, 7), (float("nan"), None), (1e30, None), (None, None)],
)
def test_numbers(value, found):
    assert number(value) == found


def test_facts_are_text_and_leave_out_what_is_not_known():
    assert facts(a=True, b=None, c=0, d="x", e="") == {"a": "true", "c": "0", "d": "x"}


@pytest.mark.parametrize(
    ("source", "subject", "state"),
    [
        ("aws.iam", None, None),
        ("aws.iam", "arn:aws:iam::123456789012:user/etl", None),
        ("aws.iam", "arn:aws:iam::123456789012:server-certificate/*", "deleted"),
        ("aws.certificates", None, "deleted"),
    ],
)
def test_only_a_gap_that_may_hide_access_keys_leaves_a_found_key_in_doubt(source, subject, state):
    scope_id = ACCOUNT.scope_id
    common = {"scope_id": scope_id, "source": source}
    scope = Scope(id=scope_id, **common | {"source": "aws.iam"}, provider="aws", kind=ScopeKind.ACCOUNT, name="1")
    gap = Gap(id="g", **common, covers=("credential",), reason=GapReason.DENIED, remedy="r", subject_id=subject)
    key = Credential(
        id="k", scope_id="repo:x", source="repo", provider="aws", key_id="AKIA" + "A" * 16, account_id=ACCOUNT.number
    )
    assert [c.state for c in states([key], [scope], [gap], context().as_of)] == [state]


@pytest.mark.parametrize("raw", [None, "", {}])
def test_no_policy_is_no_record(raw):
    assert list(policy_on(ask_of(Given()), "arn:x", raw)) == []


def test_a_page_limit_ends_a_server_that_never_ends(monkeypatch):
    monkeypatch.setattr(_seen, "_MOST_PAGES", 3)
    answers = Given(x__Y=[{"NextToken": str(n)} for n in range(9)])
    assert len(list(pages(ask_of(answers), "x:Y", "NextToken"))) == 3
