"""Views are made when they are named, kept while several queries share them, and gone with the last of these."""

from __future__ import annotations

import pytest

from nhiscan.model import Credential, CredentialKind
from nhiscan.store import StoreError
from nhiscan.store.inventory import Inventory
from nhiscan.store.vocabulary import Vocabulary


class Database:
    """Notes what is made and dropped; `broken` names what cannot be made."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.broken: set[str] = set()

    def execute(self, statement: str) -> None:
        verb, kind, name = statement.split()[:3]
        name = name.strip('"')
        if name in self.broken:
            raise MemoryError
        if verb == "CREATE":
            assert name not in self.there
            self.there[name] = kind
        else:
            assert self.there.pop(name) == kind


@pytest.fixture
def database():
    return Database()


@pytest.fixture
def views(database, monkeypatch):
    bodies = {
        "base": "SELECT 1",
        "shared": "SELECT * FROM base",
        "top": "SELECT * FROM shared",
        "self": "SELECT 1 AS self",
    }
    names = {"base": frozenset(), "shared": {"base"}, "top": {"shared"}, "self": frozenset()}
    monkeypatch.setattr("nhiscan.store.vocabulary._views", lambda: (bodies, names))
    return Vocabulary(database.execute)


def test_nothing_exists_before_it_is_named(views, database):
    views.provide("SELECT 1", keep=True)
    assert database.there == {}
    views.provide("FROM shared", keep=False)
    assert database.there == {"base": "VIEW", "shared": "VIEW"}


def test_only_what_is_shared_is_kept_and_goes_with_its_last_reader(views, database):
    views.expect(["FROM top", "FROM shared", "FROM self"])
    views.provide("FROM top", keep=True)
    assert database.there == {"shared": "TABLE", "top": "VIEW"}, "base has given its rows to shared and is gone"
    views.done("FROM top")
    assert database.there == {"shared": "TABLE"}
    views.provide("FROM shared", keep=True)
    views.done("FROM shared")
    assert database.there == {}


def test_what_was_never_asked_for_is_released_too(views, database):
    views.expect(["FROM top", "FROM shared", "FROM base"])
    views.provide("FROM base", keep=True)
    for query in ("FROM top", "FROM shared"):
        views.done(query)
    assert database.there == {"base": "TABLE"}
    views.done("FROM base")
    assert database.there == {}


def test_what_is_named_again_is_made_again(views, database):
    views.expect(["FROM top", "FROM top"])
    for _ in range(2):
        views.provide("FROM top", keep=True)
        views.done("FROM top")
    assert database.there == {}
    views.provide("FROM top, shared, base", keep=True)
    assert set(database.there) == {"top", "shared", "base"}


def test_what_could_not_be_made_is_tried_again(views, database):
    database.broken = {"shared"}
    with pytest.raises(MemoryError):
        views.provide("FROM top", keep=True)
    database.broken = set()
    views.provide("FROM top", keep=True)
    assert {"shared", "top"} <= set(database.there)


def test_answers_are_the_same_whether_rows_are_kept_or_not():
    query = "SELECT c.id, n.noun FROM credential AS c JOIN credential_name AS n ON n.id = c.id"
    with Inventory.memory() as inventory:
        inventory.add([Credential(id="k", scope_id="s", source="t", kind=CredentialKind.API_KEY)])
        before = inventory.sql(query)
        inventory.lock()
        inventory.expect([query, query])
        assert inventory.sql(query) == before
        inventory.done(query)
        inventory.done(query)
        assert inventory.sql(query) == before == [{"id": "k", "noun": "api key"}]


def test_an_answer_can_be_asked_more_than_once_and_is_gone_afterwards():
    with Inventory.memory() as inventory:
        inventory.lock()
        with inventory.answer("SELECT unnest([1, 2, $last]) AS n", {"last": 3}) as name:
            assert inventory.sql(f"SELECT sum(n) AS s FROM {name}") == [{"s": 6}]
        with pytest.raises(StoreError):
            inventory.sql(f"SELECT * FROM {name}")
        with pytest.raises(StoreError), inventory.answer("DROP TABLE identity"):
            pass
        with pytest.raises(StoreError), inventory.answer("SELECT nothing FROM identity"):
            pass
