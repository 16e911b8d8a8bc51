"""What RBAC allows, each fact by the page of the Kubernetes documentation that states it."""

from __future__ import annotations

import json
import random

import pytest

from nhiscan.analysis.kubernetes.effective import effective
from nhiscan.analysis.kubernetes.estate import build, name_of
from nhiscan.analysis.kubernetes.grants import grants
from nhiscan.analysis.kubernetes.reach import reach
from nhiscan.analysis.kubernetes.rules import Rule, read_role
from nhiscan.analysis.kubernetes.ways import ways
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Capability,
    Certainty,
    Identity,
    IdentityKind,
    Policy,
    PolicyKind,
    Use,
    UseHow,
)

# kubernetes.io/docs/reference/access-authn-authz/rbac/ is cited by its sections below.
AT = {"scope_id": "s", "source": "repo.kubernetes"}
RBAC = "rbac.authorization.k8s.io"
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


def rule(verbs: str, resources: str, groups: str = "", names: str = "") -> dict:
    return {
        "verbs": verbs.split(),
        "resources": resources.split(),
        "apiGroups": groups.split() or [""],
        "resourceNames": names.split(),
    }


class Estate:
    """A cluster in the making."""

    def __init__(self) -> None:
        self.identities, self.policies, self.attachments, self.uses = [], [], [], []

    def account(self, namespace: str, name: str, realm: str = "") -> str:
        identity_id = f"s#k8s:{realm}{namespace}/ServiceAccount/{name}"
        self.add(identity_id, IdentityKind.SERVICE_ACCOUNT, name)
        return identity_id

    def group(self, name: str) -> str:
        self.add(f"s#k8s:-/Group/{name}", IdentityKind.GROUP, name)
        return f"s#k8s:-/Group/{name}"

    def add(self, identity_id: str, kind: IdentityKind, name: str) -> None:
        self.identities.append(Identity(id=identity_id, provider="kubernetes", kind=kind, name=name, **AT))

    def role(self, where: str, name: str, *rules: dict, **more: object) -> str:
        kind = "ClusterRole" if where == "-" else "Role"
        policy_id = f"s#k8s:{where}/{kind}/{name}"
        document = json.dumps({"kind": kind, "rules": list(rules), **more})
        self.policies.append(
            Policy(id=policy_id, provider="kubernetes", kind=PolicyKind.MANAGED, name=name, document=document, **AT)
        )
        return policy_id

    def bind(self, policy_id: str, principal: str, where: str = "-", name: str = "b") -> None:
        kind = "ClusterRoleBinding" if where == "-" else "RoleBinding"
        self.attachments.append(
            Attachment(
                id=f"s#k8s:{where}/{kind}/{name}>{principal.rpartition('/')[2]}",
                policy_id=policy_id,
                principal_id=principal,
                kind=AttachmentKind.GRANTS,
                **AT,
            )
        )

    def runs(self, identity_id: str) -> None:
        self.uses.append(Use(id=f"u:{identity_id}", consumer_id="c", identity_id=identity_id, how=UseHow.RUNS_AS, **AT))

    def built(self):
        return build(self.identities, self.policies, self.attachments, [], self.uses)

    def able(self, identity_id: str) -> set[tuple[str, str]]:
        return {(r.capability.value, r.method) for r in self.rows() if r.identity_id == identity_id}

    def rows(self):
        estate = self.built()
        return list(effective(estate, ways(estate)))

    def reaches(self) -> dict[tuple[str, str], int]:
        estate = self.built()
        edges = ways(estate)
        return {(r.identity_id, r.target_id): r.hops for r in reach(estate, edges, effective(estate, edges))}


@pytest.fixture
def estate() -> Estate:
    return Estate()


def read(item: dict) -> Rule:
    return read_role(json.dumps({"kind": "Role", "rules": [item]})).rules[0]


# "Referring to resources": the core group is "", a subresource is `resource/subresource` and needs its own entry.
@pytest.mark.parametrize(
    ("item", "request_", "allowed"),
    [
        (rule("get", "pods"), ("get", "", "pods"), True),
        (rule("get", "pods"), ("get", "apps", "pods"), False),
        (rule("get", "deployments", "apps"), ("get", "", "deployments"), False),
        (rule("get", "pods"), ("get", "", "pods/log"), False),
        (rule("get", "pods/log"), ("get", "", "pods/log"), True),
        (rule("get", "pods/log"), ("get", "", "pods"), False),
        (rule("update", "*/scale", "*"), ("update", "apps", "deployments/scale"), True),
        (rule("update", "*/scale", "*"), ("update", "apps", "deployments"), False),
        (rule("update", "pods/*"), ("update", "", "pods/exec"), False),
        (rule("*", "*", "*"), ("create", "", "serviceaccounts/token"), True),
        (rule("get list", "secrets"), ("watch", "", "secrets"), False),
        # "Referring to resources": resourceNames limit to instances of a resource.
        (rule("get", "secrets", names="db"), ("get", "", "secrets"), False),
    ],
)
def test_a_rule_allows_what_the_documentation_says(item, request_, allowed):
    assert read(item).allows(*request_) is allowed


def test_a_name_restricts_get_and_list_but_never_allows_create():
    # "Referring to resources", note: create and deletecollection cannot be restricted by resource name.
    found = read(rule("get list create deletecollection", "secrets", names="db"))
    assert found.names_for("get", "", "secrets") == {"db"}
    assert found.names_for("list", "", "secrets") == {"db"}
    assert found.names_for("create", "", "secrets") == frozenset()
    assert found.names_for("deletecollection", "", "secrets") == frozenset()


def test_a_name_restricts_the_creation_of_a_subresource():
    found = read(rule("create", "serviceaccounts/token", names="robot"))
    assert found.names_for("create", "", "serviceaccounts/token") == {"robot"}


def test_a_role_binding_to_a_cluster_role_stays_in_its_namespace(estate):
    # "RoleBinding and ClusterRoleBinding": a RoleBinding may refer to a ClusterRole and grants it in its namespace.
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), robot, "shop")
    able = estate.able(robot)
    assert ("admin", "all") not in able
    assert ("wildcard", "all@shop") in able
    assert ("read_secrets", "secrets@shop") in able


def test_a_cluster_role_binding_holds_everywhere(estate):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "anything", EVERYTHING), robot)
    assert {("admin", "all"), ("wildcard", "all"), ("read_secrets", "secrets")} <= estate.able(robot)


def test_an_administrator_of_one_group_is_none(estate):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "acme", rule("*", "*", "acme.example")), robot)
    assert estate.able(robot) == {("wildcard", "all")}


def test_rules_of_several_bindings_add_up(estate):
    # "API objects": permissions are purely additive, there are no deny rules.
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "binder", rule("bind", "clusterroles", RBAC)), robot, name="one")
    assert estate.able(robot) == set()
    estate.bind(estate.role("-", "writer", rule("create", "clusterrolebindings", RBAC)), robot, name="two")
    assert estate.able(robot) == {("escalate", "bind"), ("grant_access", "clusterrolebindings")}


def test_creating_bindings_alone_gives_nobody_more_than_he_has(estate):
    # "Privilege escalation prevention and bootstrapping".
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "w", rule("create", "rolebindings clusterrolebindings", RBAC)), robot)
    assert {c for c, _ in estate.able(robot)} == {"grant_access"}


@pytest.mark.parametrize(
    ("rules", "method"),
    [
        # kubernetes.io/docs/concepts/security/rbac-good-practices, "Privilege escalation risks".
        ([rule("escalate update", "clusterroles", RBAC)], "escalate"),
        ([rule("bind", "roles", RBAC), rule("create", "rolebindings", RBAC)], "bind"),
        ([rule("impersonate", "users")], "impersonate"),
        ([rule("impersonate", "groups")], "impersonate"),
        ([rule("create", "mutatingwebhookconfigurations", "admissionregistration.k8s.io")], "webhook"),
        ([rule("get", "nodes/proxy")], "nodes_proxy"),
        ([rule("create", "persistentvolumes")], "volume"),
        ([rule("update", "certificatesigningrequests/approval", "certificates.k8s.io")], "csr"),
        ([rule("create", "serviceaccounts/token")], "controller_token"),
        ([rule("create", "pods")], "create_pods"),
    ],
)
def test_a_right_that_escalates_in_the_whole_cluster(estate, rules, method):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "r", *rules), robot)
    assert ("escalate", method) in {(c, m) for c, m in estate.able(robot)}


@pytest.mark.parametrize(
    "near",
    [
        rule("escalate", "clusterroles", RBAC),
        rule("bind", "clusterroles", RBAC, "view"),
        rule("impersonate", "users", names="alice"),
        rule("list", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
        rule("get list", "nodes"),
        rule("get list watch", "pods configmaps"),
        rule("create", "events"),
    ],
)
def test_a_right_that_only_looks_like_it(estate, near):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "r", near), robot)
    assert "escalate" not in {c for c, _ in estate.able(robot)}


def test_an_aggregated_role_takes_the_rules_of_what_its_selector_matches(estate):
    # "Aggregated ClusterRoles": rules are filled in by the labels of other ClusterRoles.
    robot = estate.account("shop", "robot")
    role = estate.role("-", "monitoring", aggregate=[{"to": "monitoring"}])
    estate.role("-", "secrets", rule("list", "secrets"), labels={"to": "monitoring", "other": "x"})
    estate.role("-", "nodes", rule("get", "nodes/proxy"), labels={"to": "else"})
    estate.bind(role, robot)
    assert estate.able(robot) == {("read_secrets", "secrets")}


def test_an_empty_selector_takes_nothing():
    role = read_role(json.dumps({"kind": "ClusterRole", "rules": [], "aggregate": [{}]}))
    assert not role.takes(read_role(json.dumps({"kind": "ClusterRole", "rules": [], "labels": {"a": "b"}})))


@pytest.mark.parametrize("name", ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"])
def test_a_group_that_kubernetes_fills_gives_its_rights_to_accounts(estate, name):
    # "Referring to subjects": service accounts belong to these groups.
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "r", rule("get", "secrets")), estate.group(name))
    assert ("read_secrets", "secrets") in estate.able(robot)


def test_the_group_of_a_namespace_leaves_others_alone(estate):
    robot = estate.account("tools", "robot")
    group = estate.group("system:serviceaccounts:shop")
    estate.bind(estate.role("-", "r", rule("get", "secrets")), group)
    assert estate.able(robot) == set()
    assert estate.able(group) == {("read_secrets", "secrets")}


@pytest.mark.parametrize(
    ("item", "method"),
    [
        (rule("create", "serviceaccounts/token"), "token"),
        (rule("impersonate", "serviceaccounts"), "impersonate"),
        (rule("create", "pods"), "create_pods"),
        (rule("patch", "deployments", "apps"), "patch_deployments"),
        (rule("create", "cronjobs", "batch"), "create_cronjobs"),
        (rule("create get", "secrets"), "token_secret"),
    ],
)
def test_becoming_a_stronger_account_of_the_namespace_escalates(estate, item, method):
    weak, strong = estate.account("shop", "weak"), estate.account("shop", "strong")
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), strong, name="admin")
    estate.bind(estate.role("shop", "r", item), weak, "shop")
    assert ("escalate", method) in estate.able(weak)
    assert estate.reaches()[weak, strong] == 1
    row = next(r for r in estate.rows() if r.identity_id == weak and r.capability is Capability.ESCALATE)
    assert any("RoleBinding b gives Role r" in s for s in row.steps)
    assert any("ServiceAccount strong" in s for s in row.steps)


def test_a_strong_account_of_another_namespace_is_out_of_reach(estate):
    weak, strong = estate.account("shop", "weak"), estate.account("ops", "strong")
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), strong, name="admin")
    estate.bind(estate.role("shop", "r", rule("create", "pods")), weak, "shop")
    assert estate.able(weak) == set()
    assert set(estate.reaches()) == {(strong, weak)}


def test_another_realm_is_another_cluster(estate):
    weak, strong = estate.account("shop", "weak", "dev:"), estate.account("shop", "strong", "prod:")
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), strong, name="admin")
    estate.bind(estate.role("-", "r", rule("create", "pods")), weak, name="pods")
    assert ("escalate", "create_pods") in estate.able(weak)  # controllers of its own cluster, under a condition
    assert (weak, strong) not in estate.reaches()


def test_a_named_token_reaches_that_account_only(estate):
    weak, strong, other = (estate.account("shop", n) for n in ("weak", "strong", "other"))
    estate.bind(estate.role("shop", "r", rule("create", "serviceaccounts/token", names="other")), weak, "shop")
    assert set(estate.reaches()) == {(weak, other)}
    assert strong not in {t for _, t in estate.reaches()}


def test_exec_reaches_accounts_that_run(estate):
    weak, busy, idle = (estate.account("shop", n) for n in ("weak", "busy", "idle"))
    estate.runs(busy)
    estate.bind(estate.role("shop", "r", rule("create", "pods/exec")), weak, "shop")
    assert set(estate.reaches()) == {(weak, busy)}
    assert idle not in {t for _, t in estate.reaches()}


def test_escalation_goes_over_several_hops(estate):
    a, b, c = estate.account("one", "a"), estate.account("two", "b"), estate.account("two", "c")
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), c, name="admin")
    estate.bind(estate.role("two", "r", rule("create", "pods")), b, "two")
    estate.bind(estate.role("two", "t", rule("create", "serviceaccounts/token", names="b")), a, "two", "token")
    assert estate.reaches()[a, c] == 2
    assert ("escalate", "token") in estate.able(a)


def test_an_administrator_does_not_escalate_by_becoming_another(estate):
    one, two = estate.account("shop", "one"), estate.account("shop", "two")
    role = estate.role("-", "cluster-admin", EVERYTHING)
    estate.bind(role, one, name="x")
    estate.bind(role, two, name="y")
    through = [r for r in estate.rows() if r.identity_id == one and "ServiceAccount two" in " ".join(r.steps)]
    assert through == []


def test_a_condition_is_told(estate):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "r", rule("create", "persistentvolumes")), robot)
    assert [r.certainty for r in estate.rows()] == [Certainty.CONDITIONAL]


def test_grants_say_what_where_and_by_whom(estate):
    robot = estate.account("shop", "robot")
    group = estate.group("system:serviceaccounts:shop")
    estate.bind(estate.role("shop", "r", rule("get", "secrets", names="db"), rule("create", "pods")), group, "shop")
    found = [g for g in grants(estate.built()) if g.identity_id == robot]
    assert [(g.actions, g.resources, g.level, g.via) for g in found] == [
        (("core/secrets:get",), ("shop/db",), "read", group),
        (("core/pods:create",), ("shop/*",), "write", group),
    ]


@pytest.mark.parametrize(
    ("item", "level"),
    [
        (EVERYTHING, "wildcard"),
        (rule("list watch", "pods"), "list"),
        (rule("get list", "pods"), "read"),
        (rule("update", "roles", RBAC), "permissions"),
        (rule("bind", "roles", RBAC), "permissions"),
        (rule("create", "serviceaccounts/token"), "permissions"),
        (rule("delete", "pods"), "write"),
    ],
)
def test_the_level_of_a_grant(estate, item, level):
    robot = estate.account("shop", "robot")
    estate.bind(estate.role("-", "r", item), robot)
    assert [g.level for g in grants(estate.built())] == [level]


def test_order_of_records_is_irrelevant(estate):
    for at in range(6):
        robot = estate.account(f"n{at % 2}", f"r{at}")
        item = [rule("create", "pods"), rule("get create", "secrets"), EVERYTHING][at % 3]
        estate.bind(estate.role(f"n{at % 2}", f"r{at}", item), robot, f"n{at % 2}", f"b{at}")
    first, reached = estate.rows(), estate.reaches()
    mixed = random.Random(7)
    for rows in (estate.identities, estate.policies, estate.attachments):
        mixed.shuffle(rows)
    assert estate.rows() == first
    assert estate.reaches() == reached


@pytest.mark.parametrize("document", [None, "", "[]", "{", '{"rules": 1}', '{"kind": "Role"}'])
def test_a_document_that_is_no_role_is_unknown(document):
    assert read_role(document) is None


def test_what_is_not_of_kubernetes_is_left_out(estate):
    aws = Identity(id="arn:aws:iam::1:role/x", provider="aws", kind=IdentityKind.ROLE, name="x", **AT)
    estate.identities.append(aws)
    estate.bind(estate.role("-", "cluster-admin", EVERYTHING), aws.id)
    assert estate.rows() == []
    assert name_of(aws.id) is None
