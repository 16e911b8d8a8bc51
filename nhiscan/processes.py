"""How worker processes begin and end: quickly where that is safe, and never outliving the program.

A forked process has what its parent has loaded; a spawned one loads it again, which takes longer than many audits.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkContext, SpawnContext

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def context() -> ForkContext | SpawnContext:
    """The way to start processes now: forked on Linux while this process has one thread, else spawned.

    Forking beside other threads may copy a lock that somebody holds; the libraries of macOS do not take it at all.
    """
    alone = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork") if alone else multiprocessing.get_context("spawn")


def end_with_parent() -> None:
    """Let this worker end when the program is killed; it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        # Asked of the system, because a thread that waits would keep this process from forking workers of its own.
        import ctypes

        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent.pid:
            os._exit(1)
    else:
        threading.Thread(target=_await, args=(parent,), daemon=True).start()


def _await(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
