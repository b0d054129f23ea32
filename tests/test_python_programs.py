"""Python programs that check themselves do so natively and on green threads."""

import pytest
from programs import python_program, run_to_success

PROGRAMS = [
    "event_loops",
    "process_pool",
    "sleepers",
    "subprocesses",
    "synchronisation",
    "thread_pool",
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_python_program(name, workers):
    run_to_success(python_program(name), workers)
