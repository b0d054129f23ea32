"""Many threads blocked in one call: target/benches/blocked."""

import json
import subprocess
from collections.abc import Callable

from harness.batch import Batch, open_batch
from harness.contest import SECONDS, Load, Program
from harness.echo import Run
from harness.programs import BINARIES, NATIVE
from harness.session import Times

BLOCKED = BINARIES / "blocked"
THREADS = (200, 2000)
LIMIT_SECONDS = 90
IN_QUICK = {"recv", "poll", "fgets", "fprintf, full pipe", "recvmmsg", "syscall(SYS_read)", "wait"}
# The kernel wakes all who wait for any child at each child's end, and each looks through all
# children: two thousand natively have not all been served after minutes.
ONLY_FEW = {"wait"}


def blocked(call: str, threads: int) -> Callable[[Batch, Times], Run]:
    def measure(batch: Batch, _times: Times) -> Run:
        report = json.loads(batch.output_of([str(BLOCKED), call, str(threads)], LIMIT_SECONDS))
        return {
            "value": report["seconds"],
            "entered_seconds": report["entered_seconds"],
            "kernel_threads": report["kernel_threads"],
        }

    return measure


def loads(threads: int) -> list[Load]:
    done = subprocess.run([str(BLOCKED), "--list"], capture_output=True, text=True, check=True)
    return [
        Load(call, SECONDS, blocked(call, threads), in_quick=call in IN_QUICK)
        for call in done.stdout.splitlines()
        if threads <= THREADS[0] or call not in ONLY_FEW
    ]


def program(threads: int) -> Program:
    return Program(
        name=f"blocked-{threads}",
        about=f"{threads:,} threads",
        packages=(),
        open=open_batch,
        loads=lambda: loads(threads),
        settings=lambda session: [NATIVE, session.green()],
        # A second's wait is the same in every run.
        rounds=1,
        in_quick=threads == THREADS[0],
    )


PROGRAMS = [program(threads) for threads in THREADS]
