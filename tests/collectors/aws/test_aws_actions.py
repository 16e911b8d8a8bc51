"""What an action of an agent can do, from its name, its method, its schema."""

import json

import pytest

from nhiscan.collectors.aws._actions import by_name, heaviest, of_schema
from nhiscan.collectors.aws._bedrock_actions import actions_of
from nhiscan.plugin import Approval, ToolClass


@pytest.mark.parametrize(
    ("name", "class_"),
    [
        ("getOrderStatus", ToolClass.READ),
        ("list_users", ToolClass.READ),
        ("GetSecretRotation", ToolClass.READ),
        ("createTicket", ToolClass.WRITE),
        ("create_user", ToolClass.IDENTITY),
        ("updatePaymentMethod", ToolClass.PAYMENT),
        ("deleteCustomer", ToolClass.DESTRUCTIVE),
        ("delete-role", ToolClass.IDENTITY),
        ("sendEmail", ToolClass.EXTERNAL),
        ("runSQL", ToolClass.EXEC),
        ("refundOrder", ToolClass.PAYMENT),
        ("grantAccess", ToolClass.IDENTITY),
        ("deploy", ToolClass.DEPLOY),
        ("do_it", None),
        ("weather", None),
        ("", None),
    ],
)
def test_the_first_verb_tells_and_what_it_changes_makes_it_heavier(name, class_):
    assert by_name(name) is class_


def test_nothing_known_is_no_class():
    assert heaviest(None, None) is None
    assert heaviest(ToolClass.READ, None, ToolClass.DEPLOY) is ToolClass.DEPLOY


def schema(**paths):
    return json.dumps({"openapi": "3.0.0", "paths": {f"/{k}": v for k, v in paths.items()}})


def found(raw):
    return {a.name: (a.class_, a.approval, a.explicit) for a in of_schema(raw)}


def test_a_method_says_at_least_as_much_as_the_name_except_for_a_search_by_post():
    actions = found(
        schema(
            a={"get": {"operationId": "getThing"}, "delete": {"operationId": "getRidOf"}},
            b={"post": {"operationId": "searchThings"}},
            c={"put": {}, "parameters": [], "x-own": {}},
            d={"post": {"operationId": "payInvoice", "x-requireConfirmation": "ENABLED"}},
        )
    )
    assert actions == {
        "getThing": (ToolClass.READ, Approval.AUTO, False),
        "getRidOf": (ToolClass.DESTRUCTIVE, Approval.AUTO, False),
        "searchThings": (ToolClass.READ, Approval.AUTO, False),
        "PUT /c": (ToolClass.WRITE, Approval.AUTO, False),
        "payInvoice": (ToolClass.PAYMENT, Approval.ASK, True),
    }


def test_yaml_is_read_like_json():
    assert found("openapi: 3.0.0\npaths:\n  /a:\n    get: {operationId: getA}\n") == found(
        schema(a={"get": {"operationId": "getA"}})
    )


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "",
        "[]",
        "{",
        "a: [",
        "&a [*a",
        "[" * 5000,
        "paths: 5",
        '{"paths": []}',
        "x" * 300_001,
        "!!python/object:os.x {}",
    ],
)
def test_what_is_no_schema_is_unknown(raw):
    assert of_schema(raw) is None


def test_a_path_of_another_shape_is_passed_over():
    assert of_schema('{"paths": {"/a": 5, "/b": {"get": "x", "patch": null}}}') is not None


def group(**facts):
    return list(actions_of({"actionGroupName": "g", **facts}))


def test_a_schema_in_s3_is_one_action_nobody_knows():
    (action,) = group(apiSchema={"s3": {"s3BucketName": "b", "s3ObjectKey": "k"}})
    assert (action.name, action.class_, action.approval) == ("g", None, None)


def test_what_is_handed_back_may_be_asked_for_elsewhere():
    handed_back = {"actionGroupExecutor": {"customControl": "RETURN_CONTROL"}}
    functions = {"functions": [{"name": "pay"}, {"name": "charge", "requireConfirmation": "ENABLED"}, {}]}
    approvals = {a.name: a.approval for a in group(functionSchema=functions, **handed_back)}
    assert approvals == {"g.pay": None, "g.charge": Approval.ASK}


def test_a_built_in_action_of_the_future_is_unknown():
    (action,) = group(parentActionSignature="AMAZON.Tomorrow")
    assert (action.class_, action.approval) == (None, None)


def test_a_group_without_a_name_is_none():
    assert list(actions_of({})) == []
    assert [a.name for a in actions_of({"actionGroupId": "ID"})] == ["ID"]
