"""Every self-checking program of c-tests/ holds its promise, natively and on green threads."""

import re

import pytest
from launcher import ROOT
from programs import run_to_success

# Not tests themselves: what others load or open.
HELPERS = {"echo_server", "tls_library"}
PROGRAMS = sorted(
    source.stem
    for source in (ROOT / "c-tests").iterdir()
    if source.suffix in {".c", ".cc", ".rs"} and source.stem not in HELPERS
)

# Sizes that kernel threads would take too long for, or cannot reach at all.
GREEN_ARGUMENTS = {"many_sleepers": ["10000"], "thread_churn": ["200000"]}
FEW_KERNEL_THREADS = 64


@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program(program, workers):
    arguments = [] if workers is None else GREEN_ARGUMENTS.get(program, [])
    output = run_to_success([str(ROOT / "target/c-tests" / program), *arguments], workers)
    if program == "many_sleepers" and workers is not None:
        assert int(re.search(r"tasks=(\d+)", output)[1]) <= FEW_KERNEL_THREADS
