"""What must hold of every answer of `nhiscan can`, whatever the policies; the cases AWS documents are in `cases`."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.aws.question import Question, QuestionError, Verdict, World, answer
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Gap,
    GapReason,
    Policy,
    PolicyKind,
    Resource,
    Scope,
    ScopeKind,
    Store,
)
from tests.analysis.aws.sample import NOW, Account, allow, deny, doc, joined, trusting

HOME, AWAY = "111122223333", "444455556666"
BUCKET = "arn:aws:s3:::data"
OBJECT = f"{BUCKET}/a.txt"
RANK = {Verdict.DENY: 0, Verdict.UNKNOWN: 1, Verdict.ALLOW: 2}
LAW = settings(max_examples=50, deadline=None)

ACTIONS = ["*", "s3:*", "s3:GetObject", "s3:Put*"]
RESOURCES = ["*", f"{BUCKET}/*", f"{BUCKET}/b*", f"{BUCKET}/${{aws:PrincipalTag/team}}/*", "arn:aws:sqs:*"]
FULL = [allow("*")]
KEYS = {
    "aws:SourceIp": ["10.0.0.7", "203.0.113.9"],
    "aws:MultiFactorAuthPresent": ["true", "false"],
    "s3:prefix": ["a", "b"],
    "aws:TagKeys": ["x", "y"],
}
CONDITIONS = [
    {},
    {},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringLike": {"s3:prefix": ["a*", "c"]}},
    {"StringNotEquals": {"s3:prefix": "a"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["x"]}},
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["x"]}},
    {"Null": {"s3:prefix": "true"}},
    {"StringEquals": {"aws:username": "u"}},
]
PRINCIPALS = [
    "*",
    {"AWS": "*"},
    {"AWS": HOME},
    {"AWS": f"arn:aws:iam::{HOME}:root"},
    {"AWS": f"arn:aws:iam::{HOME}:user/u"},
    {"AWS": f"arn:aws:iam::{HOME}:role/r"},
    {"AWS": f"arn:aws:sts::{HOME}:assumed-role/r/s"},
    {"AWS": AWAY},
    {"Service": "lambda.amazonaws.com"},
]
ASKERS = [
    f"arn:aws:iam::{HOME}:user/u",
    f"arn:aws:sts::{HOME}:assumed-role/r/s",
    f"arn:aws:iam::{HOME}:root",
    "lambda.amazonaws.com",
    "*",
]


@st.composite
def statements(draw, effects=("Allow", "Allow", "Deny"), principal=False):
    s = {"Effect": draw(st.sampled_from(effects))}
    s[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(st.sampled_from(ACTIONS))
    s[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(st.sampled_from(RESOURCES))
    # A Deny without a condition ends most stories at once.
    condition = draw(st.sampled_from(CONDITIONS if s["Effect"] == "Allow" else CONDITIONS[2:]))
    if principal:
        s["Principal"] = draw(st.sampled_from(PRINCIPALS))
    return {**s, "Condition": condition} if condition else s


@dataclasses.dataclass(frozen=True)
class Layout:
    """Every kind of policy a request can meet, and the request."""

    identity: list
    resource: list
    boundary: list | None
    scps: list
    rcps: list
    session: list | None
    asker: str
    owner: str
    context: dict


@st.composite
def sets(draw, principal=False):
    """Statements of one policy, mostly such that something is allowed."""
    found = draw(st.lists(statements(principal=principal), max_size=2))
    if draw(st.integers(0, 2)) or not (found or principal):
        wide = allow(draw(st.sampled_from(["*", "s3:*"])), Condition=draw(st.sampled_from(CONDITIONS)))
        found.append({**wide, "Principal": draw(st.sampled_from(PRINCIPALS))} if principal else wide)
    return found


@st.composite
def layouts(draw):
    maybe = st.none() | st.none() | sets()
    context = {
        key: tuple(draw(st.lists(st.sampled_from(values), max_size=2, unique=True)))
        for key, values in KEYS.items()
        if draw(st.booleans())
    }
    return Layout(
        identity=draw(sets()),
        resource=draw(sets(principal=True)),
        boundary=draw(maybe),
        scps=draw(st.just(FULL) | sets()),
        rcps=[{**s, "Principal": "*"} for s in draw(st.lists(statements(effects=("Deny",)), max_size=1))],
        session=draw(maybe),
        asker=draw(st.sampled_from([*ASKERS[:2], *ASKERS])),
        owner=draw(st.sampled_from([HOME, AWAY])),
        context=context,
    )


def control(number, kind, statements_, scope_id="aws:ou-a"):
    policy = f"arn:aws:organizations::{kind}/{scope_id}/{number}"
    yield Policy(
        id=policy,
        scope_id="aws:o-a",
        source="t",
        provider="aws",
        kind=kind,
        name=f"p{number}",
        document=doc(*statements_),
    )
    yield Attachment(
        id=f"{scope_id}#{policy}", scope_id="aws:o-a", source="t", policy_id=policy, principal_id=scope_id,
        kind=AttachmentKind.CONTROL,
    )  # fmt: skip


def tree(*accounts, management=None):
    """An organisation with one unit that holds the accounts, and everything allowed above them."""
    rows = [("aws:o-a", ScopeKind.ORGANIZATION, None), ("aws:r-a", ScopeKind.ORGANIZATIONAL_UNIT, "aws:o-a")]
    rows.append(("aws:ou-a", ScopeKind.ORGANIZATIONAL_UNIT, "aws:r-a"))
    rows += [(f"aws:{a}", ScopeKind.ACCOUNT, "aws:ou-a") for a in accounts]
    for scope_id, kind, parent in rows:
        yield Scope(
            id=scope_id, scope_id=scope_id, source="t", provider="aws", kind=kind, name=scope_id, parent_id=parent,
            management=scope_id == f"aws:{management}" if kind is ScopeKind.ACCOUNT else None,
        )  # fmt: skip
    for scope_id in ("aws:r-a", *(f"aws:{a}" for a in accounts)):
        yield from control("full", PolicyKind.SERVICE_CONTROL, [allow("*")], scope_id)


def on(resource, *statements_, kind=PolicyKind.RESOURCE, owner=HOME, how=AttachmentKind.RESOURCE):
    policy = f"{resource}#policy"
    text = doc(*statements_)
    yield Policy(
        id=policy, scope_id=f"aws:{owner}", source="t", provider="aws", kind=kind, name="policy", document=text
    )
    yield Attachment(id=f"{policy}>", scope_id="s", source="t", policy_id=policy, principal_id=resource, kind=how)


def records(layout):
    account = Account()
    account.scopes = list(tree(HOME))
    boundary = None if layout.boundary is None else layout.boundary
    account.user("u", *layout.identity, boundary=boundary, tags={"team": "blue"})
    account.role("r", *layout.identity, boundary=boundary, tags={"team": "blue"})
    found = [*account.scopes, *account.identities, *account.policies.values(), *account.attachments]
    found += control("own", PolicyKind.SERVICE_CONTROL, layout.scps)
    found += control("walls", PolicyKind.RESOURCE_CONTROL, layout.rcps)
    found.append(
        Resource(id=BUCKET, scope_id=f"aws:{layout.owner}", source="t", provider="aws", kind="bucket", name="data")
    )
    if layout.resource:
        found += on(BUCKET, *layout.resource, owner=layout.owner)
    return found


def asked(layout, *, closed=True):
    question = Question(
        layout.asker,
        "s3:GetObject",
        OBJECT,
        layout.context,
        closed,
        () if layout.session is None else (doc(*layout.session),),
    )
    return answer(records(layout), question, NOW).verdict


PLACES = ["identity", "resource", "boundary", "scps", "rcps", "session"]


def with_more(layout, place, statement):
    body = {**statement, "Principal": "*"} if place in {"resource", "rcps"} else statement
    now = getattr(layout, place)
    # A limit that is not there yet begins as one that allows everything.
    start = FULL if now is None else now
    before = dataclasses.replace(layout, **{place: start})
    return before, dataclasses.replace(before, **{place: [*start, body]})


@LAW
@given(layouts(), st.sampled_from(PLACES), statements(effects=("Deny",)), st.booleans())
def test_adding_a_deny_never_widens(layout, place, extra, closed):
    before, after = with_more(layout, place, extra)
    assert RANK[asked(after, closed=closed)] <= RANK[asked(before, closed=closed)]


@LAW
@given(layouts(), st.sampled_from(["identity", "resource", "boundary", "scps", "session"]), st.booleans(), st.data())
def test_adding_an_allow_never_narrows(layout, place, closed, data):
    extra = data.draw(statements(effects=("Allow",)))
    before, after = with_more(layout, place, extra)
    assert RANK[asked(after, closed=closed)] >= RANK[asked(before, closed=closed)]


@LAW
@given(layouts(), st.sampled_from(["boundary", "session", "scps"]), st.booleans(), st.data())
def test_a_limit_never_widens(layout, place, closed, data):
    limit = data.draw(sets())
    free = dataclasses.replace(layout, **{place: FULL if place == "scps" else None})
    assert RANK[asked(dataclasses.replace(layout, **{place: limit}), closed=closed)] <= RANK[asked(free, closed=closed)]


@LAW
@given(layouts(), st.booleans(), st.randoms())
def test_no_order_matters(layout, closed, random):
    shuffled = dataclasses.replace(
        layout,
        **{p: random.sample(v, len(v)) for p in PLACES if (v := getattr(layout, p))},
    )
    rows = records(shuffled)
    random.shuffle(rows)
    session = () if layout.session is None else (doc(*shuffled.session),)
    question = Question(layout.asker, "s3:GetObject", OBJECT, layout.context, closed, session)
    assert answer(rows, question, NOW).verdict is asked(layout, closed=closed)


@LAW
@given(layouts())
def test_a_whole_request_always_has_an_answer(layout):
    assert asked(layout, closed=True) is not Verdict.UNKNOWN


@settings(max_examples=120, deadline=None)
@given(layouts())
def test_learning_a_key_never_turns_an_answer_into_its_opposite(layout):
    known = asked(dataclasses.replace(layout, context={}), closed=False)
    more = asked(layout, closed=False)
    whole = asked(layout, closed=True)
    assert known is Verdict.UNKNOWN or known is more
    # A closed request says that it was not made through a service, which an open one leaves unsaid; neither is asked here.
    assert more is Verdict.UNKNOWN or more is whole


@LAW
@given(layouts(), st.booleans())
def test_equal_documents_give_equal_answers(layout, closed):
    layout = dataclasses.replace(
        layout, asker=ASKERS[0], resource=[s for s in layout.resource if s["Principal"] == "*"]
    )
    rows = records(layout)
    twin = Account()
    twin.user("twin", *layout.identity, boundary=layout.boundary, tags={"team": "blue"})
    rows += [*twin.identities, *twin.policies.values(), *twin.attachments]
    session = () if layout.session is None else (doc(*layout.session),)

    def verdict(name):
        context = {**layout.context, "aws:username": ("u",)}
        question = Question(f"arn:aws:iam::{HOME}:user/{name}", "s3:GetObject", OBJECT, context, closed, session)
        return answer(rows, question, NOW).verdict

    assert verdict("u") is verdict("twin")


def world(account, *more):
    return World.of([
        *account.scopes, *account.identities, *account.policies.values(), *account.attachments, *account.members, *more,
    ])  # fmt: skip


def ask(account, principal, action, resource="*", *more, **context):
    closed = context.pop("closed", True)
    given_context = {k.replace("__", ":"): v for k, v in context.items()}
    return world(account, *more).answer(Question(principal, action, resource, given_context, closed), NOW)


def test_reasons_name_policy_group_statement_part_and_condition():
    account = Account()
    group = account.group("ops", deny("s3:*", f"{BUCKET}/*", Condition={"Bool": {"aws:SecureTransport": "false"}}))
    ident = account.user("u", allow("s3:Get*"), groups=[group])
    found = ask(account, ident, "s3:GetObject", OBJECT, closed=False)
    assert found.verdict is Verdict.UNKNOWN
    assert found.reasons == (
        "u-inline statement 1 allows s3:GetObject on *",
        (
            f"perhaps ops-inline statement 1 through group ops denies s3:GetObject on {BUCKET}/* when aws:SecureTransport"
            " Bool false (not known: aws:SecureTransport)"
        ),
    )
    assert "give a value with --context for what decides: aws:SecureTransport" in found.notes


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({}, "no policy of user u allows s3:GetObject on arn:aws:s3:::data/a.txt"),
        ({"statements": [allow("*")], "boundary": [allow("sqs:*")]}, "permissions boundary u-limit does not allow"),
        ({"statements": [allow("*")], "session": doc(allow("sqs:*"))}, "the session policy does not allow"),
    ],
)
def test_a_refusal_says_what_is_missing(layout, words):
    account = Account()
    ident = account.user("u", *layout.get("statements", ()), boundary=layout.get("boundary"))
    session = (layout["session"],) if "session" in layout else ()
    found = world(account).answer(Question(ident, "s3:GetObject", OBJECT, {}, True, session), NOW)
    assert found.verdict is Verdict.DENY
    assert words in " ".join(found.reasons)


def test_what_may_be_done_elsewhere_is_told_when_no_resource_is_named():
    account = Account()
    ident = account.user("u", allow("s3:GetObject", f"{BUCKET}/*"))
    found = ask(account, ident, "s3:GetObject")
    assert found.verdict is Verdict.DENY
    assert f"u-inline statement 1 allows it on {BUCKET}/*: name the resource" in found.notes


def test_a_pattern_that_is_only_partly_allowed_is_unknown():
    account = Account()
    ident = account.user("u", allow("s3:GetObject", f"{BUCKET}/a*"))
    verdicts = [ask(account, ident, "s3:GetObject", f"{BUCKET}/{tail}").verdict for tail in ("a/*", "*", "z*")]
    assert verdicts == [Verdict.ALLOW, Verdict.UNKNOWN, Verdict.DENY]


def test_nothing_is_certain_when_a_policy_could_not_be_read():
    account = Account()
    unread = account.user("u", allow("*"))
    account.attach(unread, "arn:aws:iam::aws:policy/NotExported")
    denied = account.user("d", deny("*"))
    account.attach(denied, "arn:aws:iam::aws:policy/NotExported")
    limited = account.user("l", allow("*"))
    account.attach(limited, "arn:aws:iam::aws:policy/NotExported", AttachmentKind.BOUNDARY)
    found = [ask(account, i, "s3:GetObject", OBJECT) for i in (unread, denied, limited)]
    assert [f.verdict for f in found] == [Verdict.UNKNOWN, Verdict.DENY, Verdict.UNKNOWN]
    assert "not everything that bears on user u was collected or could be read" in found[0].notes


def test_policies_of_another_provider_say_nothing_about_aws():
    account = Account()
    ident = account.role("r", allow("s3:*"))
    access = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"
    account.attach(ident, access)
    other = Policy(id="k8s", scope_id="s", source="t", provider="kubernetes", kind=PolicyKind.MANAGED, name="k8s")
    account.attach(ident, "k8s")
    assert ask(account, ident, "s3:GetObject", OBJECT, other).verdict is Verdict.ALLOW
    account.policies["k8s"] = other
    assert not account.estate().principals[ident].incomplete


def test_a_principal_or_resource_that_was_not_collected_is_unknown_and_said():
    account = Account()
    ident = account.user("u", allow("*"))
    stranger = f"arn:aws:iam::{AWAY}:role/x"
    assert ask(account, stranger, "s3:GetObject", OBJECT).verdict is Verdict.UNKNOWN
    queue = f"arn:aws:sqs:eu-west-1:{AWAY}:q"
    found = ask(account, ident, "sqs:SendMessage", queue)
    assert found.verdict is Verdict.UNKNOWN
    assert f"the policy of {queue} was not collected" in found.notes
    assert ask(account, ident, "newservice:Do", queue.replace("sqs", "newservice")).verdict is Verdict.UNKNOWN


def test_a_refused_policy_of_a_resource_leaves_it_open():
    account = Account()
    ident = account.user("u", allow("*"))
    secret = f"arn:aws:secretsmanager:eu-west-1:{AWAY}:secret:x-AbCdEf"
    store = Store(id=secret, scope_id=f"aws:{AWAY}", source="t", provider="aws", kind="secret", name="x")
    gap = Gap(
        id="g", scope_id=f"aws:{AWAY}", source="t", covers=("policy.document",), reason=GapReason.DENIED, remedy="r",
        subject_id=secret,
    )  # fmt: skip
    action = "secretsmanager:GetSecretValue"
    assert ask(account, ident, action, secret, store).verdict is Verdict.DENY
    assert ask(account, ident, action, secret, store, gap).verdict is Verdict.UNKNOWN


def test_a_session_is_traced_to_its_role_whatever_the_path():
    account = Account()
    role = account.role("team/deploy", allow("s3:*"))
    account.identities[-1] = dataclasses.replace(account.identities[-1], name="deploy")
    session = f"arn:aws:sts::{HOME}:assumed-role/deploy/ci"
    assert ask(account, session, "s3:GetObject", OBJECT).verdict is Verdict.ALLOW
    bucket = Resource(id=BUCKET, scope_id=f"aws:{HOME}", source="t", provider="aws", kind="bucket", name="data")
    named = on(BUCKET, deny("*", Principal={"AWS": role}))
    assert ask(account, session, "s3:GetObject", OBJECT, bucket, *named).verdict is Verdict.DENY


def test_a_grant_to_one_session_is_open_for_the_role():
    account = Account()
    role = account.role("r")
    grant = list(on(BUCKET, allow("s3:*", Principal={"AWS": f"arn:aws:sts::{HOME}:assumed-role/r/one"})))
    verdicts = [ask(account, role, "s3:GetObject", OBJECT, *grant, closed=closed).verdict for closed in (False, True)]
    assert verdicts == [Verdict.UNKNOWN, Verdict.DENY]


def test_what_was_not_considered_is_said():
    account = Account()
    ident = account.user("u", allow("*"))
    notes = ask(account, ident, "s3:GetObjet", OBJECT).notes
    assert "service control policies were not collected, and are not considered" in notes
    assert any(n.startswith("the action s3:GetObjet is unknown to the table of 20") for n in notes)
    assert "policies of VPC endpoints are not considered" in notes
    away = joined(account, Account(AWAY))
    away.scopes += tree(HOME)
    other = away.identities[-1:] and f"arn:aws:iam::{AWAY}:root"
    assert any("where account 444455556666 stands" in n for n in ask(away, other, "s3:GetObject").notes)


def test_an_unread_control_policy_leaves_the_answer_open():
    account = Account()
    ident = account.user("u", allow("*"))
    account.scopes = list(tree(HOME))
    rows = list(control("x", PolicyKind.SERVICE_CONTROL, [allow("*")]))
    broken = [dataclasses.replace(rows[0], document=None), rows[1]]
    assert ask(account, ident, "s3:GetObject", OBJECT, *rows).verdict is Verdict.ALLOW
    assert ask(account, ident, "s3:GetObject", OBJECT, *broken).verdict is Verdict.UNKNOWN


def test_services_providers_and_root_are_told_apart():
    account = Account()
    provider = f"arn:aws:iam::{HOME}:oidc-provider/gitlab.com"
    role = account.role(
        "ci",
        trust=[
            {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}},
            trusting(f"arn:aws:iam::{HOME}:root"),
        ],
    )
    web = "sts:AssumeRoleWithWebIdentity"
    assert ask(account, provider, web, role).verdict is Verdict.ALLOW
    assert ask(account, "gitlab.com", web, role).verdict is Verdict.DENY
    assert ask(account, "lambda.amazonaws.com", "sts:AssumeRole", role).verdict is Verdict.DENY
    root = ask(account, f"arn:aws:iam::{HOME}:root", "sts:AssumeRole", role)
    assert (root.verdict, root.reasons) == (Verdict.DENY, ("the root user cannot assume a role",))


def test_the_owner_of_a_bucket_by_its_canonical_id_is_not_guessed():
    account = Account()
    ident = account.user("u")
    grant = on(BUCKET, allow("s3:*", Principal={"CanonicalUser": "79a59d"}), owner=AWAY)
    bucket = Resource(id=BUCKET, scope_id=f"aws:{AWAY}", source="t", provider="aws", kind="bucket", name="data")
    account.policies[f"{ident}#p"] = Policy(
        id=f"{ident}#p",
        scope_id="s",
        source="t",
        provider="aws",
        kind=PolicyKind.INLINE,
        name="p",
        document=doc(allow("*")),
    )
    account.attach(ident, f"{ident}#p")
    assert ask(account, ident, "s3:GetObject", OBJECT, bucket, *grant).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("principal", "session"),
    [("nobody", ()), ("arn:aws:iam::1:group/x", ()), (f"arn:aws:iam::{HOME}:group/x", ()), ("*", ("{broken",))],
)
def test_a_question_that_cannot_be_asked_is_refused_with_a_remedy(principal, session):
    with pytest.raises(QuestionError) as caught:
        answer([], Question(principal, "s3:GetObject", session_policies=session), NOW)
    assert caught.value.remedy
    assert "broken" not in str(caught.value)


def test_an_action_without_a_service_is_refused():
    with pytest.raises(QuestionError, match="is no action"):
        answer([], Question("*", "GetObject"), NOW)


def test_time_is_that_of_the_audit_unless_given():
    account = Account()
    ident = account.user("u", allow("*", Condition={"DateLessThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}))
    late = datetime(2027, 1, 1, tzinfo=UTC)
    question = Question(ident, "s3:GetObject", OBJECT)
    assert world(account).answer(question, NOW).verdict is Verdict.ALLOW
    assert world(account).answer(question, late).verdict is Verdict.DENY
    given_time = dataclasses.replace(question, context={"aws:CurrentTime": ("2027-02-01",)})
    assert world(account).answer(given_time, NOW).verdict is Verdict.DENY


def test_tags_of_a_resource_decide():
    account = Account()
    ident = account.user("u", allow("*", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    target = account.role("t", tags={"team": "blue"})
    other = account.role("o", tags={"team": "red"})
    bare = account.role("b")
    verdicts = [ask(account, ident, "iam:DeleteRole", r, closed=False).verdict for r in (target, other, bare)]
    assert verdicts == [Verdict.ALLOW, Verdict.DENY, Verdict.DENY]
    secret = f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:x"
    store = Store(
        id=secret, scope_id=f"aws:{HOME}", source="t", provider="aws", kind="secret", name="x", tags={"team": "blue"}
    )
    assert ask(account, ident, "secretsmanager:GetSecretValue", secret, store, closed=False).verdict is Verdict.ALLOW


def test_a_document_of_the_first_version_knows_no_variables():
    account = Account()
    ident = account.user("ann")
    for version, expected in (("2012-10-17", Verdict.ALLOW), ("2008-10-17", Verdict.DENY)):
        body = {"Version": version, "Statement": [allow("s3:*", f"{BUCKET}/${{aws:username}}/*")]}
        policy = Policy(
            id=f"{ident}#p", scope_id="s", source="t", provider="aws", kind=PolicyKind.INLINE, name="p",
            document=json.dumps(body),
        )  # fmt: skip
        account.policies[policy.id] = policy
        account.attachments = []
        account.attach(ident, policy.id)
        assert ask(account, ident, "s3:GetObject", f"{BUCKET}/ann/x").verdict is expected


def test_a_request_said_to_be_direct_comes_through_no_service():
    account = Account()
    ident = account.user("u", allow("*", Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}))

    def verdict(**context):
        return ask(account, ident, "s3:GetObject", OBJECT, closed=False, **context).verdict

    assert verdict() is Verdict.UNKNOWN
    assert verdict(aws__ViaAWSService=("false",)) is Verdict.DENY
    assert verdict(aws__ViaAWSService=("true",)) is Verdict.UNKNOWN
    assert verdict(kms__ViaService=("s3.eu-west-1.amazonaws.com",)) is Verdict.ALLOW


def test_a_key_answers_nobody_without_a_signature():
    account = Account()
    key = f"arn:aws:kms:eu-west-1:{HOME}:key/1"
    store = Store(id=key, scope_id=f"aws:{HOME}", source="t", provider="aws", kind="kms_key", name="k")
    everybody = on(key, allow("kms:*", Principal="*"))
    assert ask(account, "*", "kms:Decrypt", key, store, *everybody).verdict is Verdict.DENY
    bucket = Resource(id=BUCKET, scope_id=f"aws:{HOME}", source="t", provider="aws", kind="bucket", name="data")
    assert (
        ask(account, "*", "s3:GetObject", OBJECT, bucket, *on(BUCKET, allow("*", Principal="*"))).verdict
        is Verdict.ALLOW
    )
