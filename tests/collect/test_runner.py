"""Whatever a collector does, the run goes on: partial results, clear statements, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nhiscan.collect import registry, runner
from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.model import Gap, Identity
from nhiscan.sensitive import FingerprintKey
from nhiscan.store.inventory import Inventory
from nhiscan.store.spool import SCHEMA, RunInfo, Spool
from tests.collect import _crashers
from tests.conftest import ROOT

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


def test_where_no_process_can_start_the_work_is_done_here(tmp_path, collector, monkeypatch):
    monkeypatch.setattr(ProcessPoolExecutor, "submit", lambda *_: (_ for _ in ()).throw(PermissionError()))
    manifests, identities, _ = run(tmp_path, collector, "a,b", jobs=2)
    assert {m.status for m in manifests.values()} == {"succeeded"}
    assert len(identities) == 2


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_end_with_the_program_that_started_them(tmp_path, method):
    script = tmp_path / "parent.py"
    script.write_text(
        "import multiprocessing, os, sys, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from nhiscan.processes import end_with_parent\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context('{method}')\n"
        "    pool = ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=env, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived the program")


@pytest.mark.parametrize(("jobs", "kinds", "times"), [(1, "fine", 0), (2, "fine", 1), (2, "", 0)])
def test_meanwhile_is_done_once_beside_workers_and_never_without(tmp_path, collector, jobs, kinds, times):
    done = []
    target = Target(kinds, TargetKind.PATH, kinds)
    spool = Spool.begin(tmp_path / "run", RunInfo(SCHEMA, "0", "k", "x", (kinds,)))
    units = list(collector.units(target, CTX)) if kinds else []
    assert len(list(runner.run(units, CTX, spool, jobs, lambda: done.append(1)))) == len(units)
    assert len(done) == times
