"""Every group of AWS against its own fixtures served over HTTP; a new group needs nothing here."""

import json
import re
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from nhiscan.collect import registry
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws import _session
from nhiscan.collectors.aws._ask import Ask
from nhiscan.collectors.aws._group import Group
from nhiscan.collectors.aws._operations import permission
from nhiscan.plugin import Context, FingerprintKey, Target, TargetKind, Unit
from nhiscan.store.schema import to_line
from tests.collectors.aws.answers import keys_of, serving, throttle
from tests.collectors.aws.conftest import AS_OF
from tests.conftest import load_by_path

ROOT = Path(__file__).resolve().parents[3]
CASES_DIR = ROOT / "fixtures" / "collectors"
GROUPS = {n: c for n in registry.names() if n.startswith("aws.") and isinstance(c := registry.load(n), Group)}
CASES = [(n, p.name) for n in GROUPS for p in sorted(CASES_DIR.glob(f"{n}/*")) if (p / "input").is_dir()]
ASSEMBLE = load_by_path(ROOT / "fixtures" / "assemble.py")
READING = re.compile(r"(Get|List|Describe|BatchGet|Search|Lookup|Query|Generate|Select|Filter)[A-Z]\w*")
# Reads by name, but they hand out what nobody here may see.
NEVER = re.compile(
    r"secretsmanager:(GetSecretValue|BatchGetSecretValue)|ssm:GetParameter\w*|sts:Get(SessionToken|FederationToken)"
    r"|\w+:GetAuthorizationToken|kms:Generate\w+|redshift:GetClusterCredentials\w*|cognito-identity:GetCredentials\w*"
    r"|cognito-identity:GetOpenIdToken\w*|eks:GetToken|acm:ExportCertificate|lightsail:GetInstanceAccessDetails"
    r"|ec2:GetPasswordData"
)


@pytest.fixture(scope="module")
def _server():
    """One server for all, so that the SDK's clients are made once."""
    every = Context(as_of=AS_OF, key=FingerprintKey(b"k" * 32), deep=True, read_config_values=True)
    operations = {operation for group in GROUPS.values() for operation in group.operations(every)}
    with serving(ROOT, operations) as answers:
        yield answers


@pytest.fixture
def serve(_server, environment):
    """Lets the server answer from the files of a case."""

    def start(folder):
        _server.folder, _server.judge = folder, lambda _operation, _number: None
        _server.calls.clear()
        environment.setenv("AWS_ENDPOINT_URL", _server.url)
        return _server

    return start


@pytest.fixture
def ctx():
    return Context(as_of=AS_OF, key=FingerprintKey(b"k" * 32), deep=True, read_config_values=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nobody waits between tries, nor for the rate that the SDK thinks fit after being throttled."""
    monkeypatch.setattr("time.sleep", lambda _s: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *_a, **_k: True)


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    """Services that put the account before the host name are found all the same."""
    resolve = socket.getaddrinfo

    def near(host, *more, **named):
        return resolve("127.0.0.1" if str(host).endswith(".127.0.0.1") else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", near)


@pytest.fixture
def place(tmp_path):
    """The input of a case as files."""

    def make(name, case):
        source, target = CASES_DIR / name / case / "input", tmp_path / name / case
        for path in (p for p in sorted(source.rglob("*")) if p.is_file()):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(ASSEMBLE.expand(path.read_text(encoding="utf-8"), str(path)), encoding="utf-8")
        return target

    return make


def exported(group, folder, ctx):
    """What the group gives for each account and region of the files."""
    target = Target(f"snapshot:{folder}", TargetKind.SNAPSHOT, str(folder))
    return [(unit, list(group.collect(unit, ctx))) for unit in group.units(target, ctx)]


def online(group, unit, ctx, environment):
    """What the group gives for the same account and region over HTTP."""
    for name, value in keys_of(unit.params["account"]).items():
        environment.setenv(name, value)
    params = {**unit.params, "region": unit.params["region"] or "us-east-1", "profile": ""}
    return list(group.collect(Unit(unit.id, unit.collector, unit.scope_id, Target("aws", "aws", ""), params), ctx))


def evidence(records):
    """Records as lines, without gaps, as a multiset."""
    return Counter(to_line(r) for r in records if r.table != "gap")


def gaps(records):
    """What gaps say is hidden; why differs between files and the network."""
    return {(r.subject_id, r.covers) for r in records if r.table == "gap"}


@pytest.mark.parametrize("name", GROUPS)
def test_no_group_declares_a_call_that_changes_or_reveals(name):
    group = GROUPS[name]
    for calls in group._all_calls():
        for operation in calls:
            assert READING.fullmatch(operation.partition(":")[2]) or permission(operation) in group.writes, operation
            assert not NEVER.fullmatch(operation), operation


@pytest.mark.parametrize("name", GROUPS)
def test_declared_operations_exist(name):
    import botocore.session

    session = botocore.session.get_session()
    for calls in GROUPS[name]._all_calls():
        for operation in calls:
            client, _, method = operation.partition(":")
            assert method in session.get_service_model(client).operation_names, operation


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_network_gives_what_the_files_give(place, serve, ctx, environment, name, case):
    group, folder = GROUPS[name], place(name, case)
    operations = group.operations(ctx)
    answers = serve(folder)
    for unit, expected in exported(group, folder, ctx):
        found = online(group, unit, ctx, environment)
        assert evidence(found) == evidence(expected)
        assert gaps(found) == gaps(expected)
    assert set(answers.calls) <= set(operations)
    assert set(ctx.calls) == set(answers.calls)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_each_call_denied_in_turn_is_named_and_costs_nothing_else(place, serve, ctx, environment, name, case):
    group, folder = GROUPS[name], place(name, case)
    answers = serve(folder)
    for unit, _ in exported(group, folder, ctx):
        answers.judge = lambda _operation, _number: None
        answers.calls.clear()
        online(group, unit, ctx, environment)
        known = {}
        for operation in sorted(answers.calls):
            answers.judge = lambda o, _n, denied=operation: (403, "AccessDeniedException", "") if o == denied else None
            found = online(group, unit, ctx, environment)
            named = [g for g in found if g.table == "gap" and operation == g.operation]
            assert named or operation in SPARED, operation
            assert all(f"allow {permission(operation)}" in g.remedy for g in named if g.reason == "denied") or named
            others = without(group, operation)
            if len(others) == len(group.parts):
                continue
            same = tuple(map(id, others))
            if same not in known:  # from the files, which give what the network gives
                known[same] = evidence(replace(group, parts=others).collect(unit, ctx))
            assert not known[same] - evidence(found), operation


# A member account sees the organisation's instance of Identity Center; being refused there hides nothing of its own.
SPARED = {"sso-admin:ListPermissionSets"}


def without(group, operation):
    """The parts that do not make this call."""
    return tuple(p for p in group.parts if operation not in {*p.calls, *(o for also in p.also.values() for o in also)})


@pytest.mark.parametrize(("name", "case"), CASES)
def test_throttling_at_random_changes_nothing(place, serve, ctx, environment, name, case):
    group, folder = GROUPS[name], place(name, case)
    answers = serve(folder)
    for unit, expected in exported(group, folder, ctx):
        answers.judge = throttle(f"{name} {case}", 0.2)
        assert evidence(online(group, unit, ctx, environment)) == evidence(expected)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_token_that_expires_midway_leaves_what_came_before_and_named_gaps(place, serve, ctx, environment, name, case):
    group, folder = GROUPS[name], place(name, case)
    answers = serve(folder)
    for unit, expected in exported(group, folder, ctx):
        answers.calls.clear()
        online(group, unit, ctx, environment)
        half = answers.calls.total() // 2
        answers.calls.clear()
        answers.judge = lambda _o, n, last=half: (403, "ExpiredTokenException", "expired") if n > last else None
        found = online(group, unit, ctx, environment)
        answers.judge = lambda _operation, _number: None
        assert any("renew the credentials" in g.remedy for g in found if g.table == "gap")
        # What a consumer runs as may be less exact when what it refers to cannot be looked up.
        known = {(r.table, r.id) for r in expected}
        assert {(r.table, r.id) for r in found if r.table not in {"gap", "use"}} <= known


def test_a_region_that_never_answers_costs_seconds_and_leaves_gaps(place, serve, ctx, environment, monkeypatch):
    monkeypatch.setattr(_session, "_FIRST_READ_S", 0.2)
    name, case = next((n, c) for n, c in CASES if GROUPS[n].regional)
    group, folder = GROUPS[name], place(name, case)
    answers = serve(folder)
    answers.judge = lambda _operation, _number: "hang"
    unit, _ = exported(group, folder, ctx)[0]
    found = online(group, unit, ctx, environment)
    assert {r.table for r in found} == {"scope", "gap"}
    assert all("cannot reach AWS" in g.detail for g in found if g.table == "gap")


def test_a_unit_whose_time_is_used_up_asks_no_more(place, serve, ctx, environment, monkeypatch):
    name, case = CASES[0]
    group, folder = GROUPS[name], place(name, case)
    monkeypatch.setattr("nhiscan.collectors.aws._group.REGION_S", -1.0)
    monkeypatch.setattr("nhiscan.collectors.aws._group.GLOBAL_S", -1.0)
    answers = serve(folder)
    unit, _ = exported(group, folder, ctx)[0]
    found = online(group, unit, ctx, environment)
    assert not answers.calls
    assert {g.reason.value for g in found if g.table == "gap"} == {"skipped"}


def test_a_shared_answer_is_asked_for_once(ctx):
    class Once:
        asked = 0

        def pages(self, _operation, **_params):
            self.asked += 1
            yield {"Things": [{"Name": "a"}, "b"]}

    from nhiscan.collectors.aws._source import Account, place_of

    once = Once()
    ask = Ask(once, place_of(Account("123456789012"), "us-east-1"), "aws.x", ctx)
    assert ask.shared("x:List", "Things") == ask.shared("x:List", "Things") == ({"Name": "a"}, {"": "b"})
    assert once.asked == 1


def test_a_shared_refusal_is_the_same_for_all(ctx):
    from nhiscan.collectors.aws._source import Account, place_of
    from nhiscan.plugin import GapReason

    class Never:
        asked = 0

        def pages(self, operation, **_params):
            self.asked += 1
            raise RefusedError(GapReason.DENIED, operation, "no", "allow")

    never = Never()
    ask = Ask(never, place_of(Account("123456789012"), "us-east-1"), "aws.x", ctx)
    for _ in range(2):
        with pytest.raises(RefusedError):
            ask.shared("x:List", "Things")
    assert never.asked == 1


def test_a_policy_that_nobody_could_read_is_never_a_pass(nhiscan, place):
    where = f"snapshot:{place('aws.secrets', 'denied')}"
    done = nhiscan(
        "audit",
        where,
        "--as-of",
        "2026-11-01",
        "--fail-on",
        "none",
        "-f",
        "json",
        "--no-config",
        "--select",
        "NS-LEK-009",
    )
    told = {r["rule"]: r for r in json.loads(done.out)["coverage"]["rules"]}["NS-LEK-009"]
    assert (told["failed"], told["passed"], told["not_assessed"]) == (0, 0, 1)
    assert "secretsmanager:GetResourcePolicy" in told["gaps"][0]["reason"]
