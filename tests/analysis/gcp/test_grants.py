"""Grants of identities, gaps of documents nobody can read, and names and conditions that are out of the ordinary."""

import json

import pytest

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.cel import MAX_LENGTH, UnreadableError, parse
from nhiscan.analysis.gcp.conditions import Answer, Facts, holds
from nhiscan.analysis.gcp.grants import gaps, grants
from nhiscan.analysis.gcp.roles import roles
from nhiscan.model import Policy, PolicyKind
from tests.analysis.gcp.sample import NOW, World, member, place, row, sa

ANN = "user:ann@acme.example"
ID = "gcp:user/ann@acme.example"


@pytest.fixture
def world():
    made = World()
    made.user("ann@acme.example")
    return made


def of(world, who=ID):
    return [g for g in grants(world.estate()) if g.identity_id == who]


def test_a_grant_names_role_place_condition_and_level(world):
    world.bind(ANN, "roles/storage.admin", "project/shop", 'resource.matchTag("a/b", "c")')
    (found,) = of(world)
    assert (found.effect, found.policy_id, found.resources) == (
        "allow",
        "gcp:roles/storage.admin",
        (place("project/shop"),),
    )
    assert (found.level, found.condition, found.via) == ("write", 'resource.matchTag("a/b", "c")', None)
    assert "storage.buckets.delete" in found.actions


def test_a_group_is_named_and_everybody_is_told_once(world):
    world.identity("gcp:allUsers", "group")
    world.group("team@acme.example", ANN)
    world.bind("group:team@acme.example", "roles/storage.admin", "project/shop")
    world.bind("allUsers", "roles/storage.admin", "project/lab")
    assert [(g.via, g.resources) for g in of(world)] == [("gcp:group/team@acme.example", (place("project/shop"),))]
    assert len(of(world, "gcp:allUsers")) == 1


@pytest.mark.parametrize(
    ("permissions", "level"),
    [
        (["storage.buckets.list"], "list"),
        (["storage.buckets.list", "storage.objects.get"], "read"),
        (["storage.objects.create"], "write"),
        (["storage.buckets.setIamPolicy"], "permissions"),
        (["iam.serviceAccounts.actAs"], "permissions"),
        (["iam.serviceAccountKeys.create"], "permissions"),
    ],
)
def test_levels(world, permissions, level):
    world.bind(ANN, world.custom("x", *permissions), "project/shop")
    assert [g.level for g in of(world)] == [level]


def test_basic_roles_are_wildcards_as_far_as_they_write(world):
    world.bind(ANN, "roles/editor", "project/shop")
    world.bind(ANN, "roles/viewer", "project/lab")
    assert {g.policy_id: g.level for g in of(world)} == {"gcp:roles/editor": "wildcard", "gcp:roles/viewer": "read"}


def test_a_role_nobody_read_has_no_level(world):
    world.bind(ANN, "roles/unheard.of", "project/shop")
    (found,) = of(world)
    assert (found.level, found.actions) == (None, ())


def test_a_large_role_is_told_by_its_services(world):
    many = [f"compute.things{n}.get" for n in range(400)]
    world.bind(ANN, world.custom("x", *many, "iam.googleapis.com/workloadIdentityPools.get"), "project/shop")
    (found,) = of(world)
    assert found.actions == ("compute.*", "iam.googleapis.com/workloadIdentityPools.get")


def test_denials_of_those_who_have_something(world):
    world.bind(ANN, "roles/viewer", "project/shop")
    world.deny("org", deniedPrincipals=["principalSet://goog/public:all"], exceptionPermissions=["a/b.c"],
               deniedPermissions=["iam.googleapis.com/roles.*"])  # fmt: skip
    denied = [g for g in grants(world.estate()) if g.effect == "deny"]
    assert [(g.identity_id, g.actions, g.not_actions) for g in denied] == [
        (ID, ("iam.googleapis.com/roles.*",), ("a/b.c",))
    ]
    assert len({g.id for g in grants(world.estate())}) == 2


@pytest.mark.parametrize("document", ["{", "[" * 5000, "3", '"x"'])
def test_a_document_nobody_can_read_is_a_gap_and_no_permission(world, document):
    world.add(row(Policy, "gcp:roles/broken", provider="gcp", kind=PolicyKind.PROVIDER, name="b", document=document))
    world.bind(ANN, "roles/broken", "project/shop")
    assert [g.subject_id for g in gaps(world.estate())] == ["gcp:roles/broken"]
    assert of(world)[0].actions == ()


@pytest.mark.parametrize(
    ("body", "permissions"),
    [
        ({"includedPermissions": ["a.b.c", None, 3]}, {"a.b.c"}),
        ({"includedPermissions": None}, None),
        ({"includedPermissions": [], "stage": "LATER"}, set()),
        ({"stage": "DISABLED"}, None),
        ({"deleted": True, "includedPermissions": ["a.b.c"]}, set()),
        ({}, None),
    ],
)
def test_roles_read_what_is_there(body, permissions):
    policy = row(
        Policy,
        "gcp:projects/shop/roles/x",
        provider="gcp",
        kind=PolicyKind.MANAGED,
        name="x",
        document=json.dumps(body),
    )
    found = roles([policy])[policy.id].permissions
    assert found == (None if permissions is None else frozenset(permissions))


@pytest.mark.parametrize("rule", [None, 3, {}, {"deniedPrincipals": None}, {"deniedPrincipals": [None, 3]}])
def test_strange_deny_rules_deny_nothing(world, rule):
    world.bind(ANN, "roles/owner", "project/shop")
    document = json.dumps({"rules": [rule if rule is None else {"denyRule": rule}]})
    id_ = "gcp:policies/cloudresourcemanager.googleapis.com%2Fprojects%2Fshop/denypolicies/d"
    world.add(row(Policy, id_, provider="gcp", kind=PolicyKind.DENY, name="d", document=document))
    assert world.able(ID)["admin:resourcemanager.projects.setIamPolicy@gcp:project/shop"].certainty == "certain"


# Conditions


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("", "YES"), ("  ", "YES"), ("true", "YES"), ("false", "NO"), ("!true", "NO"), ("!!true", "YES"),
        ("true ? false : true", "NO"), ("false ? false : true", "YES"), ("request.auth.x ? true : true", "CONDITIONAL"),
        ("!(true ? false : true)", "YES"),
        ("1 < 2", "YES"), ("2 <= 1", "NO"), ("'a' == 'a'", "YES"), ("'a' != 'a'", "NO"), ("1 == 1.0", "YES"),
        ("'a' < 'b'", "CONDITIONAL"), ("'a' == 1", "CONDITIONAL"), ("-1 < 2", "CONDITIONAL"),
        ("'a' in ['a', 'b']", "YES"), ("'c' in ['a', 'b']", "NO"), ("!('c' in ['a'])", "YES"), ("'c' in []", "NO"),
        ("'c' in request.x", "CONDITIONAL"),
        ("'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.contains('b')", "YES"),
        ("!'abc'.startsWith('a')", "NO"), ("'abc'.matches('a.*')", "CONDITIONAL"), ("'a' + 'b' == 'ab'", "YES"),
        ("resource.name.startsWith('x')", "CONDITIONAL"), ("resource.service == 'x.googleapis.com'", "CONDITIONAL"),
        ("timestamp('2027-01-01T00:00:00Z') > request.time", "YES"),
        ("timestamp('2026-01-01T00:00:00Z') > request.time", "NO"),
        ("request.time == timestamp('2027-01-01T00:00:00Z')", "CONDITIONAL"),
        ("request.time == timestamp('2026-01-01T00:00:00Z')", "NO"),
        ("request.time != timestamp('2026-01-01T00:00:00Z')", "YES"),
        ("request.time < timestamp('2026-01-01')", "CONDITIONAL"), ("request.time < timestamp('never')", "CONDITIONAL"),
        ("request.time < timestamp('2026-10-31T23:00:00Z') + duration('1h30m')", "YES"),
        ("request.time < timestamp('2026-11-01T01:00:00Z') - duration('90m')", "NO"),
        ("request.time < timestamp('2026-11-01T01:00:00Z') + duration('-90m')", "NO"),
        ("request.time < timestamp('2026-11-01T01:00:00Z') + duration('soon')", "CONDITIONAL"),
        ("request.time < timestamp('9999-12-31T00:00:00Z') + duration('9000000000000h')", "CONDITIONAL"),
        ("request.time < duration('999999999999999999h')", "CONDITIONAL"),
        ("date(request.time) < date('2026-01-01')", "CONDITIONAL"),
        ("request.time.getFullYear() == 2026", "CONDITIONAL"),
        ("has(resource.x)", "CONDITIONAL"), ("resource.x['y'] == 'z'", "CONDITIONAL"), ("resource.f(1).g == 2", "CONDITIONAL"),
        ("api.getAttribute('x', []).hasOnly(['a'])", "CONDITIONAL"), ("r'a\\b' == 'a\\\\b'", "YES"), ("'\\n' == '\\t'", "NO"),
    ],
)  # fmt: skip
def test_expressions(expression, answer):
    assert holds(expression, Facts(NOW)) is Answer[answer]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("resource.name == 'projects/1/x'", "YES"), ("resource.name != 'projects/shop/x'", "NO"),
        ("'projects/2/x' == resource.name", "NO"), ("resource.name > 'a'", "CONDITIONAL"),
        ("resource.name in ['a', 'projects/1/x']", "YES"), ("!resource.name.endsWith('/x')", "NO"),
        ("resource.name.extract('/x/{y}') == 'a'", "CONDITIONAL"), ("resource.name == resource.name", "YES"),
        ("resource.type == 'k'", "YES"), ("resource.service.startsWith('s')", "YES"),
    ],
)  # fmt: skip
def test_expressions_on_a_known_resource(expression, answer):
    facts = Facts(NOW, "s.googleapis.com", "k", ("projects/shop/x", "projects/1/x"))
    assert holds(expression, facts) is Answer[answer]


@pytest.mark.parametrize(
    "text",
    ["(", "a b", "a.", "a.(", "[1", "f(1 2)", "a ? b", "#", "'open", "a &&", "(" * 200 + "1" + ")" * 200, "1" * (MAX_LENGTH + 1), "a[1"],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused_and_not_repeated(text):
    with pytest.raises(UnreadableError) as e:
        parse(text)
    assert len(str(e.value)) < 60
    assert holds(text, Facts(NOW)) is Answer.CONDITIONAL


# Names


@pytest.mark.parametrize(
    ("member_", "id_"),
    [
        ("user:Ann@Acme.Example", "gcp:user/ann@acme.example"),
        ("serviceAccount:a@b.iam.gserviceaccount.com", "gcp:sa/a@b.iam.gserviceaccount.com"),
        ("domain:acme.example", "gcp:domain/acme.example"),
        ("projectOwner:shop", "gcp:projectOwner/shop"),
        ("allUsers", "gcp:allUsers"),
        ("principalSet://iam.googleapis.com/a/b/*", "gcp:principal/iam.googleapis.com/a/b/*"),
    ],
)
def test_members(member_, id_):
    assert names.principal_id(member_) == id_


@pytest.mark.parametrize(
    ("principal", "id_"),
    [
        ("principal://goog/subject/Ann@acme.example", "gcp:user/ann@acme.example"),
        ("principalSet://goog/group/t@acme.example", "gcp:group/t@acme.example"),
        (
            "principal://iam.googleapis.com/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com",
            "gcp:sa/a@b.iam.gserviceaccount.com",
        ),
        ("principalSet://goog/public:all", "gcp:allUsers"),
        ("principalSet://goog/cloudIdentityCustomerId/C0", "gcp:principal/goog/cloudIdentityCustomerId/C0"),
        ("deleted:principal://goog/subject/a@b.c?uid=1", "gcp:deleted/principal://goog/subject/a@b.c?uid=1"),
    ],
)
def test_denied_principals(principal, id_):
    assert names.denied_id(principal) == id_


def test_a_whole_customer_may_hold_a_user_and_holds_no_account(world):
    world.bind(ANN, "roles/owner", "project/shop")
    world.bind(member("ci"), "roles/owner", "project/shop")
    world.deny("org", deniedPrincipals=["principalSet://goog/cloudIdentityCustomerId/C0"],
               deniedPermissions=["cloudresourcemanager.googleapis.com/projects.setIamPolicy"])  # fmt: skip
    key = "admin:resourcemanager.projects.setIamPolicy@gcp:project/shop"
    assert (world.able(ID)[key].certainty, world.able(sa("ci"))[key].certainty) == ("conditional", "certain")


@pytest.mark.parametrize(
    ("account", "home"),
    [
        ("a@shop.iam.gserviceaccount.com", "shop"),
        ("a@shop.acme.example.iam.gserviceaccount.com", "acme.example:shop"),
        ("shop@appspot.gserviceaccount.com", "shop"),
        ("3001-compute@developer.gserviceaccount.com", "shop"),
        ("77-compute@developer.gserviceaccount.com", "77"),
        ("service-3001@gcp-sa-x.iam.gserviceaccount.com", None),
        ("3001@cloudservices.gserviceaccount.com", None),
        ("p3001-12345@gcp-sa-logging.iam.gserviceaccount.com", None),
        ("shop.svc.id.goog[a/b]", None),
    ],
)
def test_homes_of_accounts(world, account, home):
    expected = f"{names.MANAGER}projects/{home}" if home else None
    assert world.estate().home_of(f"gcp:sa/{account}") == expected


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("//secretmanager.googleapis.com/projects/shop/secrets/db", "secret db"),
        ("//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k", "crypto key k"),
        ("//cloudresourcemanager.googleapis.com/projects/unseen", "project unseen"),
        ("//x.googleapis.com/y", "resource y"),
    ],
)
def test_titles(world, name, title):
    assert world.estate().title(name) == title


def test_words_for_principals(world):
    estate = world.estate()
    assert estate.who("gcp:allUsers") == "everybody (allUsers)"
    assert estate.who("gcp:projectOwner/shop") == "projectOwner/shop"


def test_kinds_of_resources():
    storage = "//storage.googleapis.com/projects/_/buckets/b"
    assert names.kind_of(storage) == "storage.googleapis.com/Bucket"
    assert names.kind_of(f"{storage}/objects/a/b/c") == "storage.googleapis.com/Object"
    assert (
        names.kind_of("//secretmanager.googleapis.com/projects/p/secrets/s/versions/1")
        == "secretmanager.googleapis.com/SecretVersion"
    )
    assert names.kind_of("//x.googleapis.com/projects/p/odd/o") is None
    assert names.above("not a name") == []


def test_a_project_number_in_a_scope_is_taken(world):
    assert (
        world.estate()
        .canonical("//run.googleapis.com/projects/3003/locations/l/services/s")
        .startswith("//run.googleapis.com/projects/pay/")
    )
