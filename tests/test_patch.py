"""libc's inner calls: what GREEN_STATS says of the patches, and that all goes on without them."""

import os
import subprocess

import pytest
from launcher import ROOT
from servers.process import environment

PROGRAMS = ["stdio_shared", "stdio_close", "stdio_processes", "libc_untouchable", "dns_lookups"]


def told_by(program, workers, **variables):
    """What the library says of libc as the program ends."""
    result = subprocess.run(
        [ROOT / "target/c-tests" / program],
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


@pytest.mark.skipif(
    os.confstr("CS_GNU_LIBC_VERSION") != "glibc 2.36", reason="other versions may differ"
)
def test_nothing_is_left_alone_here():
    (line,) = told_by("stdio_shared", 2)
    assert line.endswith(" functions of libc patched")


def test_what_another_has_patched_is_left_alone_and_told():
    told = told_by("libc_untouchable", 2)
    assert any("not as expected: readv" in line for line in told)
