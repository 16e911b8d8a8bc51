"""When a condition ends a grant."""

from __future__ import annotations

import pytest

from nhiscan.collectors.repo._config.azure_roles import role_of
from nhiscan.collectors.repo._config.ending import ends


@pytest.mark.parametrize(
    ("condition", "ended"),
    [
        (None, False),
        ("", False),
        ("resource.name.startsWith('x')", False),
        ("request.time < timestamp('2027-01-01T00:00:00Z')", True),
        ("request.time <= timestamp('2027-01-01T00:00:00Z')", True),
        ("timestamp('2027-01-01T00:00:00Z') > request.time", True),
        ("request.time > timestamp('2026-01-01T00:00:00Z') && request.time < timestamp('2027-01-01T00:00:00Z')", True),
        ("request.time > timestamp('2026-01-01T00:00:00Z')", None),
        ("request.time.getHours('UTC') >= 9", None),
        ("request.time < timestamp('x') || resource.type == 'y'", None),
        ("!(request.time < timestamp('x'))", None),
        ("@Environment[UtcNow] DateTimeLessThan '2027-01-01T00:00:00Z'", True),
        ("@Environment[UtcNow] DateTimeGreaterThan '2026-01-01T00:00:00Z'", None),
        ("@Environment[UtcNow] DateTimeLessThan 'x' OR @Resource[a] StringEquals 'b'", None),
        ("@Resource[Microsoft.Storage/x:name] StringEquals 'b'", False),
        ("request.time < timestamp('2027-01-01T00:00:00Z')" + " " * 5_000, None),
    ],
)
def test_a_condition_ends_what_it_can_be_seen_to_end(condition, ended):
    assert ends(condition) is ended


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (
            "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635",
            "Owner",
        ),
        ("Reader", "Reader"),
        ("/providers/x/11111111-2222-3333-4444-555555555555", "/providers/x/11111111-2222-3333-4444-555555555555"),
    ],
)
def test_a_role_is_named_by_the_end_of_its_id(path, name):
    assert role_of(path) == name
