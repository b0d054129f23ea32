"""A program whose threads are all parked costs nothing: no kernel thread of it wakes any more."""

import re
import subprocess
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


def context_switches(pid):
    """Of each kernel thread: how often it went to sleep and how often it was preempted."""
    counts = {}
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        counts[status.parent.name] = re.findall(r"ctxt_switches:\s*(\d+)", status.read_text())
    return counts


def test_parked_threads_never_wake(workers):
    command = [ROOT / "target/benches/parked", str(THREADS), "65536", "--hold"]
    with subprocess.Popen(
        command, env=environment(workers), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "parked\n"
        deadline = time.monotonic() + WINDING_DOWN_SECONDS
        before, after = None, context_switches(process.pid)
        while before != after and time.monotonic() < deadline:
            time.sleep(WATCHED_SECONDS)
            before, after = after, context_switches(process.pid)
        process.communicate("\n", timeout=30)
    assert before == after
    assert process.returncode == 0
    if workers is not None:
        assert len(before) <= FEW_KERNEL_THREADS
