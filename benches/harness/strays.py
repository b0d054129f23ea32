"""Processes that a measured program has left behind."""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """From now on whatever a measured program leaves behind becomes a child of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> list[int]:
    lists = (task / "children" for task in Path("/proc/self/task").iterdir())
    return [int(pid) for each in lists for pid in each.read_text().split()]


def end() -> None:
    """Kills and reaps every child of this process: to be called when no program is running."""
    while pids := children():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
