"""Views are made when they are named, kept while several queries share them, and gone with the last of these."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nhiscan.model import Credential, CredentialKind
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


def test_queries_that_share_views_come_together(views):
    queries = ["FROM top", "FROM self", "FROM shared", "FROM self, top", "FROM self"]
    views.expect(queries)
    assert views.in_turn(queries, {"base": 9}) == [0, 1, 2, 3, 4], "with so few rows it does not matter"
    order = views.in_turn(queries, {"base": 1_000_000})
    assert order == [1, 4, 2, 3, 0], "those of one view, then the one that lets it go and needs another one"
    order = views.in_turn(queries, {"base": 9, "top": 9, "shared": 9, "self": 1_000_000})
    assert order == [2, 0, 3, 1, 4], "the large one last, and what is there is let go soon"
    assert views.in_turn([], {"base": 1_000_000}) == []


def test_threads_make_different_views_at_a_time_and_each_of_them_once(views, database):
    made = threading.Event()
    execute = database.execute

    def one_waits_for_the_other(statement):
        if '"base"' in statement and not made.wait(10):
            msg = "nothing else was made meanwhile"
            raise TimeoutError(msg)
        execute(statement)
        if '"self"' in statement:
            made.set()

    views._execute = one_waits_for_the_other
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda query: views.provide(query, keep=False), ("FROM top", "FROM shared", "FROM self")))
    assert database.there == dict.fromkeys(("base", "shared", "top", "self"), "VIEW")
