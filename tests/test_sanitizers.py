"""Programs built with AddressSanitizer and LeakSanitizer: what is no error is not reported, and what is one is."""

import re
import subprocess

import pytest
from launcher import ROOT
from servers.process import environment

PROGRAMS = ROOT / "tests/programs"


def runtime(name):
    found = subprocess.run(
        ["gcc", f"-print-file-name=lib{name}.so"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def build(source, directory, sanitizer):
    program = directory / source
    command = ["gcc", "-O1", "-g", "-pthread", f"-fsanitize={sanitizer}"]
    command += ["-o", program, PROGRAMS / f"{source}.c"]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip(f"no sanitizer for {sanitizer}")
    return program


def run(program, library, workers):
    variables = environment(workers)
    if workers is not None:
        # The sanitizer's functions call libgreen's.
        variables["LD_PRELOAD"] = f"{library}:{variables['LD_PRELOAD']}"
    return subprocess.run(
        [program], env=variables, capture_output=True, text=True, timeout=120, check=False
    )


def leaks(result):
    """How many blocks were lost."""
    return int(re.search(r"leaked in (\d+) allocation", result.stderr)[1])


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("sanitizer", "library"), [("address", "asan"), ("leak", "lsan")])
def test_what_threads_that_wait_know_is_no_leak(tmp_path, sanitizer, library, workers):
    program = build("leaks", tmp_path, sanitizer)
    native = run(program, runtime(library), None)
    if "LeakSanitizer has encountered a fatal error" in native.stderr:
        pytest.skip("LeakSanitizer may not trace here")
    green = run(program, runtime(library), workers)
    # Of eight; what is left on a stack of the address of one that is lost may hide it.
    assert 1 <= leaks(native) <= 8
    assert 1 <= leaks(green) <= 8
    assert green.returncode == native.returncode


@pytest.mark.parametrize("workers", [1, 4])
def test_cancelled_threads_have_no_arrays(tmp_path, workers):
    # Natively it has: AddressSanitizer does not know that libc unwinds the stack.
    result = run(build("unwound", tmp_path, "address"), runtime("asan"), workers)
    assert (result.returncode, result.stdout) == (0, "all were cancelled\n"), result.stderr
