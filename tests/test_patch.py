"""libc's inner calls: what GREEN_STATS says of the patches, and that all goes on without them."""

import errno
import os
import re
import subprocess

import pytest
from launcher import ROOT
from programs import HELPERS, run_to_success
from servers.process import environment

PROGRAMS = [
    "stdio_shared",
    "stdio_close",
    "stdio_processes",
    "libc_untouchable",
    "loader_allocator",
    "dns_lookups",
]
C_PROGRAMS = ROOT / "target/c-tests"
# What else goes by libc's inner calls: each once, with two workers.
FAMILIES = [
    "stdio_",
    "dns_",
    "blocking_",
    "cancel_",
    "signal_",
    "child_",
    "exec_",
    "async_",
    "syslog_",
]
# What cannot be right without patches (limitations.md), or takes a minute, 32 lookups at a time.
NEED_PATCHES = {
    "dns_hosts",
    "dns_interrupts",
    "exec_pending",
    "signal_raised_blocked",
    "without_proc",
    "dns_crowd",
}
OTHERS = sorted(
    source.stem
    for source in (ROOT / "c-tests").glob("*.c")
    if source.stem.startswith(tuple(FAMILIES))
    and source.stem not in {*HELPERS, *NEED_PATCHES, *PROGRAMS}
)
# But for the one that writes to libc's code itself.
UNWRITTEN = [program for program in PROGRAMS if program != "libc_untouchable"]
# How a sandbox refuses to have code written: what it denies, and the errno.
NOTHING_WRITTEN = (
    r"libgreen: 0 functions of libc patched(; [a-z ]+: [a-z_0-9 ]+)*; not to be written: \d+"
)
REFUSALS = [("code", errno.EPERM), ("both", errno.EACCES)]


def told_by(program, workers, *before, **variables):
    """What the library says of libc as the program ends."""
    result = subprocess.run(
        [*before, C_PROGRAMS / program],
        env=environment(workers) | {"GREEN_STATS": "1"} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert result.returncode == 0, result
    return [line for line in result.stderr.splitlines() if " of libc patched" in line]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_do_without(program, workers):
    told = told_by(program, workers, GREEN_PATCH="0")
    assert all(line.startswith("libgreen: 0 functions ") for line in told)


@pytest.mark.parametrize("program", OTHERS)
def test_other_programs_do_without(program):
    run_to_success([str(C_PROGRAMS / program)], 2, variables={"GREEN_PATCH": "0"})


@pytest.mark.parametrize(("denied", "error"), REFUSALS)
@pytest.mark.parametrize("program", UNWRITTEN)
def test_programs_do_where_code_must_not_be_written(program, denied, error):
    told = told_by(program, 2, C_PROGRAMS / "deny_writes", denied, str(error))
    # Forked children tell as well.
    assert told
    assert all(re.fullmatch(NOTHING_WRITTEN, line) for line in told), told


@pytest.mark.skipif(
    os.confstr("CS_GNU_LIBC_VERSION") != "glibc 2.36", reason="other versions may differ"
)
def test_nothing_is_left_alone_here():
    (line,) = told_by("stdio_shared", 2)
    assert line.endswith(" functions of libc patched")


def test_what_another_has_patched_is_left_alone_and_told():
    told = told_by("libc_untouchable", 2)
    assert any("not as expected: readv" in line for line in told)
