"""Work is shared by processes, and one that dies takes nothing with it but what killed it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from functools import partial

from nhiscan.collectors.repo import _workers


def echo(marker=None, fatal=()):
    """The working function of test workers: some items kill the process, once or always."""

    def work(items):
        for item in items:
            if item in fatal:
                if marker is None or not marker.exists():
                    if marker is not None:
                        marker.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                raise ValueError(item)
        return sum(items)

    return work


def test_work_is_shared_and_a_single_task_stays_here():
    assert list(_workers.spread(echo, [], 2)) == []
    assert list(_workers.spread(echo, [[1, 2]], 2)) == [([1, 2], 3)]
    assert sorted(_workers.spread(echo, [[1], [2], [3]], 2)) == [([1], 1), ([2], 2), ([3], 3)]
    assert sorted(_workers.spread(echo, [[1], [2]], 1)) == [([1], 1), ([2], 2)]


def test_an_item_that_kills_its_worker_is_singled_out():
    results = list(_workers.spread(partial(echo, None, (5,)), [[1, 2, 3], [4, 5, 6, 7]], 2))
    assert sum(r for _, r in results if r is not None) == 1 + 2 + 3 + 4 + 6 + 7
    assert [items for items, r in results if r is None] == [[5]]


def test_an_item_that_fails_is_singled_out(tmp_path):
    marker = tmp_path / "died"
    results = list(_workers.spread(partial(echo, marker, (5,)), [[1, 2, 3], [4, 5, 6, 7]], 2))
    assert [items for items, r in results if r is None] == [[5]]


def test_a_machine_that_kills_every_worker_ends_the_work(monkeypatch):
    monkeypatch.setattr(_workers, "_MOST_DEATHS", 3)
    results = list(_workers.spread(partial(echo, None, (1, 2)), [[1, 2], [1, 2], [1, 2]], 2))
    assert all(r is None for _, r in results)
    assert sorted(i for items, _ in results for i in items) == [1, 1, 1, 2, 2, 2]


def test_workers_end_when_nobody_wants_more():
    results = _workers.spread(echo, [[n] for n in range(9)], 2)
    next(results)
    results.close()
    assert multiprocessing.active_children() == []


def test_a_system_that_starts_no_process_leaves_the_work_undone(monkeypatch):
    def refuse(_):
        raise OSError

    for kind in (multiprocessing.context.SpawnProcess, multiprocessing.context.ForkProcess):
        monkeypatch.setattr(kind, "start", refuse)
    assert list(_workers.spread(echo, [[1], [2]], 2)) == [([1], None), ([2], None)]


def test_a_worker_serves_until_the_other_end_is_closed(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    ours, theirs = multiprocessing.Pipe()
    serving = threading.Thread(target=_workers._serve, args=(theirs, lambda: sum))
    serving.start()
    for task, answer in (([1, 2], (True, 3)), (["no number"], (False, None))):
        ours.send(task)
        assert ours.recv() == answer
    ours.close()
    serving.join(5)
    assert ended == [0]
