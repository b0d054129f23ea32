"""Every self-checking program of c-tests/ holds its promise, natively and on green threads."""

import re

import pytest
from launcher import ROOT
from programs import HELPERS, run_to_success

PROGRAMS = sorted(
    source.stem
    for source in (ROOT / "c-tests").iterdir()
    if source.suffix in {".c", ".cc", ".rs"} and source.stem not in HELPERS
)

# Sizes that kernel threads would take too long for, or cannot reach at all.
GREEN_ARGUMENTS = {"many_sleepers": ["10000"], "thread_churn": ["200000"]}
# Programs that print how many kernel threads they had, and what green threads may take. Their crowds are
# of 50 and more, each of which would need one if libgreen did not know the call. On a busy machine some
# workers look stuck, and others take their place.
FEW_KERNEL_THREADS = {
    # Some twenty of them are libc's own.
    "async_waits": 52,
    "child_descriptors": 32,
    # Of 67. Who comes before the first one of a group is in the kernel goes there as well.
    "child_groups": 56,
    "child_stops": 56,
    "child_waits": 56,
    "dns_crowd": 32,
    "futex_waitv_crowd": 32,
    "io_fifo_opens": 32,
    "io_by_number": 32,
    "io_fifo_writers": 32,
    "io_splices_shared": 32,
    "loader_crowd": 32,
    "libc_handles": 32,
    "many_sleepers": 64,
    # It has 60 threads that never wait.
    "progress_busy_peers": 40,
    "progress_crowds": 32,
    "signal_sigwait_crowd": 32,
    "stdio_crowds": 32,
    "stdio_functions": 32,
    "stdio_locks": 32,
    "stdio_variants": 32,
}

# Programs that take the hub or kernel threads away, which libgreen tells.
MAY_COMPLAIN = {
    "denied_calls",
    "denied_hub_masks",
    "denied_loader",
    "denied_threads",
    "denied_threads_end",
    "limits_tasks_lifted",
}

# The library with its own assertions: locks in order, no wait with one held, stacks intact.
CHECKED = ROOT / "target/checked/libgreen.so"


@pytest.mark.parametrize(
    "program",
    [
        # How many kernel threads there are depends on what else runs.
        pytest.param(program, marks=pytest.mark.alone) if program in FEW_KERNEL_THREADS else program
        for program in PROGRAMS
    ],
)
def test_c_program(program, workers):
    arguments = [] if workers is None else GREEN_ARGUMENTS.get(program, [])
    output = run_to_success(
        [str(ROOT / "target/c-tests" / program), *arguments],
        workers,
        may_complain=program in MAY_COMPLAIN,
    )
    if program in FEW_KERNEL_THREADS and workers is not None:
        assert int(re.search(r"tasks=(\d+)", output)[1]) <= FEW_KERNEL_THREADS[program]


@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program_with_assertions(program):
    run_to_success(
        [str(ROOT / "target/c-tests" / program)],
        2,
        may_complain=program in MAY_COMPLAIN,
        library=CHECKED,
    )
