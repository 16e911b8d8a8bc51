import pytest

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.tags import MASKED

SECRET = "Zk9" + "x7Qw" * 6


def read(**tags):
    return _tags.read([{"Key": key, "Value": value} for key, value in tags.items()])


def owners(**tags):
    found = _tags.owners(read(**tags), subject_id="s", scope_id="aws:1", source="t")
    return [(o.name, o.kind.value) for o in found]


def test_values_are_kept_only_under_keys_whose_purpose_is_known():
    assert read(Owner="data", project="etl", Note="whatever") == {"Note": MASKED, "Owner": "data", "project": "etl"}


@pytest.mark.parametrize("value", [SECRET, "see https://u:pw@host/x", "x" * 300])
def test_a_value_that_looks_like_a_secret_is_masked_even_under_a_known_key(value):
    assert read(owner=value) == {"owner": MASKED}
    assert owners(owner=value) == []


def test_a_key_that_looks_like_a_secret_is_dropped():
    assert read(**{SECRET: "x"}) == {}


@pytest.mark.parametrize("tags", [None, "x", [1, {}, {"Key": None}, {"Value": "v"}]])
def test_malformed_tags_are_no_tags(tags):
    assert _tags.read(tags) == {}


def test_an_address_is_a_person_and_a_word_is_a_team():
    assert owners(**{"Service-Owner": "ann@example.com", "team": "Data Platform"}) == [
        ("ann@example.com", "person"),
        ("Data Platform", "team"),
    ]


@pytest.mark.parametrize("value", ["", "none", "TBD", "N/A"])
def test_a_placeholder_is_nobody(value):
    assert owners(owner=value) == []


def test_a_cost_centre_is_no_owner():
    assert owners(CostCenter="4711", project="x") == []


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"Env": "PRD"}, "production"),
        ({"environment": "sandbox"}, "sandbox"),
        ({"name": "prod"}, None),
        ({"env": ""}, None),
    ],
)
def test_environment_is_spelled_out(tags, expected):
    assert _tags.environment(read(**tags)) == expected
