"""The inventory merges what several units know, and once locked gives nothing but answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nhiscan.model import Gap, GapReason, Identity, IdentityKind, LastUsed
from nhiscan.store import StoreError
from nhiscan.store.inventory import Inventory


def user(**known):
    return Identity(id="u", scope_id="s", source="t", provider="aws", kind=IdentityKind.USER, name="etl", **known)


@pytest.fixture
def inventory():
    with Inventory.memory() as opened:
        yield opened


def test_rows_of_one_id_are_merged_and_the_first_known_value_wins(inventory):
    created = datetime(2026, 1, 1, tzinfo=UTC)
    inventory.add([user(created_at=created), user(created_at=datetime(2020, 1, 1, tzinfo=UTC), tags={"a": "b"})])
    inventory.add([user(last_used=LastUsed.NEVER)])
    assert inventory.rows(Identity) == [user(created_at=created, tags={"a": "b"}, last_used=LastUsed.NEVER)]


def test_nothing_is_asked_of_tables_that_nobody_filled_and_all_others_are_counted(inventory):
    asked = []
    stream = inventory.stream
    inventory.stream = lambda query, params=None: asked.append(query) or stream(query, params)
    assert inventory.rows(Identity) == []
    assert set(inventory.sizes().values()) == {0}
    assert asked == []
    inventory.add([user()])
    assert inventory.sizes()["identity"] == 1
    inventory.replace(Identity, [])
    assert "identity" in inventory.empty()
    inventory.sql(
        "INSERT INTO gap (id, scope_id, source, covers, reason, remedy) VALUES ('g', 's', 't', [], 'denied', 'r')"
    )
    assert [gap.id for gap in inventory.rows(Gap)] == ["g"]


def test_merging_lists_takes_the_first_that_holds_something(inventory):
    gap = {"id": "g", "scope_id": "s", "source": "t", "reason": GapReason.DENIED, "remedy": "r"}
    inventory.add([Gap(covers=(), **gap), Gap(covers=("a", "b"), **gap), Gap(covers=("c",), **gap)])
    assert inventory.rows(Gap)[0].covers == ("a", "b")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "COPY identity TO 'stolen.csv'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit='64GB'",
        "DROP TABLE identity",
        "DELETE FROM identity",
        "UPDATE identity SET name = 'x'",
        "INSERT INTO identity (id) VALUES ('x')",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; DROP TABLE identity",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "",
    ],
)
def test_a_locked_inventory_only_answers(inventory, statement):
    inventory.add([user()])
    inventory.lock()
    with pytest.raises(StoreError):
        inventory.sql(statement)
    assert inventory.sql("SELECT name FROM identity") == [{"name": "etl"}]


def test_a_broken_query_says_so_in_one_line(inventory):
    with pytest.raises(StoreError) as caught:
        inventory.sql("SELECT nonsense FROM identity")
    assert "\n" not in str(caught.value)


def test_a_broken_spool_file_is_an_error_with_a_remedy(inventory, tmp_path):
    (tmp_path / "identity.jsonl").write_text("{not json\n")
    with pytest.raises(StoreError, match="identity file"):
        inventory.ingest([tmp_path])


def test_lone_surrogates_and_control_characters_do_not_stop_the_inventory(inventory):
    inventory.add(
        [Identity(id="u", scope_id="s", source="t", provider="aws", kind=IdentityKind.USER, name="a\udc80\x00b")]
    )
    assert len(inventory.rows(Identity)) == 1
