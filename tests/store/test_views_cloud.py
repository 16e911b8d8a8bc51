"""What the views over cloud evidence say, where no rule's own case shows it."""

from datetime import UTC, datetime

import pytest

from nhiscan.model import (
    Consumer,
    ConsumerKind,
    Credential,
    Form,
    Identity,
    IdentityKind,
    LastUsed,
    Logging,
    Store,
    Use,
    UseHow,
)
from nhiscan.store.inventory import Inventory

BASE = {"scope_id": "aws:1", "source": "test"}
THEN = datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared():
    with Inventory.memory() as made:
        yield made


@pytest.fixture
def inventory(shared):
    yield shared
    for record in (Consumer, Credential, Identity, Logging, Store, Use):
        shared.replace(record, [])


def role(name="r", **more):
    return Identity(**BASE, id=name, provider="aws", kind=IdentityKind.ROLE, name=name, **more)


def function(name, **more):
    return Consumer(**BASE, id=more.pop("id", name), kind=ConsumerKind.FUNCTION, name=name, **more)


def runs_as(consumer, identity="r", **more):
    return Use(
        **BASE, id=f"{consumer}>{identity}", consumer_id=consumer, identity_id=identity, how=UseHow.RUNS_AS, **more
    )


def cell(inventory, view, column, key):
    rows = inventory.sql(f'SELECT "{column}" AS found FROM "{view}" WHERE id = $key', {"key": key})
    assert len(rows) == 1
    return rows[0]["found"]


@pytest.mark.parametrize(
    ("label", "production"),
    [("prod-eu", True), ("Live", True), ("pre-prod", False), ("nonprod", False), ("qa2", False)],
)
def test_an_environment_is_known_by_its_first_word(inventory, label, production):
    word = "regexp_extract(lower($label), '[a-z]+')"
    rows = inventory.sql(f"SELECT production FROM environment_word WHERE id = {word}", {"label": label})
    assert [row["production"] for row in rows] == [production]


def test_every_word_of_an_environment_stands_once(inventory):
    assert inventory.sql("SELECT id FROM environment_word GROUP BY id HAVING count(*) > 1") == []


@pytest.mark.parametrize(
    ("first", "second", "applications"),
    [
        ({}, {}, 2),
        ({"tags": {"aws:cloudformation:stack-name": "shop"}}, {"tags": {"aws:cloudformation:stack-name": "shop"}}, 1),
        ({"tags": {"app": "(value not kept)"}}, {"tags": {"app": "(value not kept)"}}, 2),
        ({"id": "arn:aws:states:x:1"}, {"id": "arn:aws:states:x:2"}, 1),
        ({"platform": "aws_ec2"}, {"platform": "aws_ec2"}, 1),
        ({"platform": "aws_ec2"}, {"platform": "aws_lambda"}, 2),
    ],
)
def test_what_belongs_together_is_one_application(inventory, first, second, applications):
    one, two = function("a", **first), function("b", **second)
    inventory.add([role(), one, two, runs_as(one.id), runs_as(two.id)])
    assert cell(inventory, "identity_sharing", "application_count", "r") == applications


def test_what_stops_names_consumers_by_role_and_by_key_and_the_last_use(inventory):
    names = [f"f{n}" for n in range(5)]
    inventory.add([role("alone"), role(last_used_at=datetime(2026, 1, 1, tzinfo=UTC)), *map(function, names)])
    inventory.add([runs_as(name) for name in names[:4]])
    inventory.add(
        [
            Credential(**BASE, id="k", identity_id="r", last_used_at=THEN),
            Use(**BASE, id="u", consumer_id="f4", credential_id="k", how=UseHow.ENV, form=Form.LITERAL),
        ]
    )
    assert cell(inventory, "identity_breaks", "breaks", "r") == "f0, f1, f2, f3 and 1 more; last used 2026-10-31"
    assert cell(inventory, "credential_breaks", "breaks", "k") == "f4; last used 2026-10-31"
    assert (
        cell(inventory, "identity_breaks", "breaks", "alone") == "no consumer of it is known; its last use is not known"
    )


def test_what_stops_says_that_something_was_never_used(inventory):
    inventory.add([role(last_used=LastUsed.NEVER), Credential(**BASE, id="k", last_used=LastUsed.NEVER)])
    assert cell(inventory, "identity_breaks", "breaks", "r") == "no consumer of it is known; never used"
    assert cell(inventory, "credential_breaks", "breaks", "k") == "no consumer of it is known; never used"


@pytest.mark.parametrize(
    "reference",
    [
        {"place": "arn:aws:secretsmanager:x:1:secret:db-AbCdEf"},
        {"place": "arn:aws:secretsmanager:x:1:secret:db"},
        {"credential_id": "arn:aws:secretsmanager:x:1:secret:db-AbCdEf"},
    ],
)
def test_a_secret_is_read_by_whoever_refers_to_it_with_or_without_the_suffix_of_aws(inventory, reference):
    arn = "arn:aws:secretsmanager:x:1:secret:db-AbCdEf"
    inventory.add(
        [
            Store(**BASE, id=arn, provider="aws", kind="secret", name="db", last_used_at=THEN),
            function("shop"),
            Use(**BASE, id="u", consumer_id="shop", how=UseHow.ENV, form=Form.VAULT, **reference),
        ]
    )
    assert cell(inventory, "store_breaks", "breaks", arn) == "shop; last read 2026-10-31"


@pytest.mark.parametrize(
    ("places", "enabled", "off"),
    [
        ({"eu-west-1": True, "us-east-1": True}, True, None),
        ({"eu-west-1": True, "us-east-1": False}, False, "us-east-1"),
        ({"eu-west-1": True, "us-east-1": None}, None, None),
        ({"eu-west-1": None, "us-east-1": False}, False, "us-east-1"),
        ({"eu-west-1": False, "every-region": True}, True, "eu-west-1"),
    ],
)
def test_a_log_is_on_where_every_place_looked_at_has_it(inventory, places, enabled, off):
    inventory.add(
        [
            Logging(**BASE, id=f"aws:1#logging/api_calls/{place}", subject_id="aws:1", kind="api_calls", enabled=on)
            for place, on in places.items()
        ]
    )
    assert cell(inventory, "scope_log", "enabled", "aws:1") is enabled
    assert cell(inventory, "scope_log", "off_regions", "aws:1") == off


def test_a_role_that_only_starts_tasks_is_told_apart(inventory):
    task = function("task", platform="aws_ecs")
    inventory.add(
        [task, role(), role("s"), runs_as("task", "s", name="execution_role"), runs_as("task", name="task_role")]
    )
    assert cell(inventory, "identity_workload", "starts_only", "s") is True
    assert cell(inventory, "identity_workload", "starts_only", "r") is False


@pytest.mark.parametrize(
    ("platform", "parent", "agent"),
    [(None, None, "s"), ("aws_agentcore", None, None), ("aws_agentcore", "g", None), ("aws_agentcore", "a", "a")],
)
def test_a_gateway_of_tools_in_a_cloud_is_no_agent(inventory, platform, parent, agent):
    def consumer(name, kind, **more):
        return Consumer(**BASE, id=name, kind=kind, name=name, **more)

    inventory.add(
        [
            consumer("a", ConsumerKind.AGENT),
            consumer("g", ConsumerKind.TOOL_SERVER, platform="aws_agentcore"),
            consumer("s", ConsumerKind.TOOL_SERVER, platform=platform, parent_id=parent),
            Credential(**BASE, id="k"),
            Use(**BASE, id="u", consumer_id="s", credential_id="k", how=UseHow.CONFIGURED, form=Form.LITERAL),
        ]
    )
    assert cell(inventory, "use_site", "agent_id", "u") == agent
    listed = [row["id"] for row in inventory.sql("SELECT id FROM tool_server ORDER BY id")]
    assert ("s" in listed) is (parent is not None or platform is None)
    assert "g" not in listed
