"""A program whose threads are all parked costs nothing: no kernel thread of it wakes any more."""

import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path

from launcher import ROOT
from servers.process import environment

THREADS = 1000
WATCHED_SECONDS = 2
# The library winds down within a tenth of a second of the last thread's parking; on a machine that is
# busy, whenever it gets a processor.
WINDING_DOWN_SECONDS = 60
# Workers that were needed while the threads were made may sleep on.
FEW_KERNEL_THREADS = 64
AT_ONCE = 30
WAITING = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("parked", flush=True)
input()
"""


def context_switches(*processes):
    """Of each kernel thread: how often it went to sleep and how often it was preempted."""
    counts = {}
    for process in processes:
        for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
            counts[status] = re.findall(r"ctxt_switches:\s*(\d+)", status.read_text())
    return counts


def watch_wind_down(*processes):
    """The context switches at two looks in a row: the same once nobody wakes any more."""
    deadline = time.monotonic() + WINDING_DOWN_SECONDS
    before, after = None, context_switches(*processes)
    while before != after and time.monotonic() < deadline:
        time.sleep(WATCHED_SECONDS)
        before, after = after, context_switches(*processes)
    return before, after


def test_parked_threads_never_wake(workers):
    command = [ROOT / "target/benches/parked", str(THREADS), "65536", "--hold"]
    with subprocess.Popen(
        command, env=environment(workers), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "parked\n"
        before, after = watch_wind_down(process)
        process.communicate("\n", timeout=30)
    assert before == after
    assert process.returncode == 0
    if workers is not None:
        assert len(before) <= FEW_KERNEL_THREADS


def test_handlers_keep_nobody_awake(workers):
    """Python handles SIGINT. Many at once, since it is about how they start."""
    command = [sys.executable, "-c", WAITING]
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    env=environment(workers),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(AT_ONCE)
        ]
        for process in processes:
            assert process.stdout.readline() == "parked\n"
        before, after = watch_wind_down(*processes)
        for process in processes:
            process.communicate("\n", timeout=30)
    assert before == after
    assert all(process.returncode == 0 for process in processes)
