"""Whatever a collector does, the run goes on: partial results, clear statements, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nhiscan.collect import registry, runner
from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.model import Gap, Identity
from nhiscan.sensitive import FingerprintKey
from nhiscan.store.inventory import Inventory
from nhiscan.store.spool import SCHEMA, RunInfo, Spool
from tests.collect import _crashers

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


@pytest.fixture
def collector(monkeypatch):
    monkeypatch.setattr(registry, "load", lambda _name: _crashers.COLLECTOR)
    return _crashers.COLLECTOR


def run(tmp_path, collector, kinds, jobs=1):
    target = Target(kinds, TargetKind.PATH, kinds)
    spool = Spool.begin(tmp_path / "run", RunInfo(SCHEMA, "0", "k", "x", (kinds,)))
    manifests = list(runner.run(list(collector.units(target, CTX)), CTX, spool, jobs))
    with Inventory.memory() as inventory:
        inventory.ingest(spool.units())
        return {m.id: m for m in manifests}, inventory.rows(Identity), inventory.rows(Gap)


def test_a_unit_that_raises_keeps_what_it_gave_and_becomes_a_gap(tmp_path, collector):
    manifests, identities, gaps = run(tmp_path, collector, "fine,raises")
    assert manifests["test:fine"].status == "succeeded"
    assert manifests["test:raises"].status == "partial"
    assert {i.name for i in identities} == {"fine", "raises"}
    (gap,) = gaps
    assert gap.covers == ("identity",)
    assert "ValueError in _crashers.py:" in gap.detail


def test_the_message_of_a_foreign_exception_is_not_repeated(tmp_path, collector):
    run(tmp_path, collector, "raises")
    for path in (tmp_path / "run").rglob("*.json*"):
        assert _crashers.CANARY not in path.read_text()


def test_a_target_error_says_what_to_do(tmp_path, collector):
    _, _, (gap,) = run(tmp_path, collector, "target")
    assert (gap.detail, gap.remedy) == ("the token expired", "log in again")


def test_a_gap_makes_a_unit_partial_and_calls_are_counted_per_unit(tmp_path, collector):
    manifests, _, _ = run(tmp_path, collector, "denied,fine")
    assert manifests["test:denied"].status == "partial"
    assert [m.calls for m in manifests.values()] == [{"test.Read": 1}] * 2


def test_a_published_unit_is_not_run_again(tmp_path, collector, monkeypatch):
    run(tmp_path, collector, "fine")
    monkeypatch.setattr(_crashers.Misbehaving, "collect", lambda *_: 1 / 0)
    manifests, identities, gaps = run(tmp_path, collector, "fine")
    assert manifests["test:fine"].status == "succeeded"
    assert [i.name for i in identities] == ["fine"]
    assert gaps == []


def test_a_worker_that_dies_takes_nothing_with_it(tmp_path, monkeypatch):
    # Found by place in the spawned workers, where nothing is patched.
    monkeypatch.setattr(registry, "load", lambda _name: _crashers.COLLECTOR)
    monkeypatch.setattr(runner, "collect", _collect_in_worker)
    kinds = "a,b,dies,c,d,e,raises"
    manifests, identities, gaps = run(tmp_path, _crashers.COLLECTOR, kinds, jobs=2)
    assert {i.name for i in identities} == {"a", "b", "c", "d", "e", "raises"}
    assert manifests["test:dies"].status == "failed"
    assert {g.detail.split(" in ")[0] for g in gaps} == {"the worker process died twice", "ValueError"}


def _collect_in_worker(unit, ctx, directory):
    registry.load = lambda _name: _crashers.COLLECTOR
    return _REAL(unit, ctx, directory)


_REAL = runner.collect
