"""Other libraries that stand in for functions of libc's, in LD_PRELOAD before libgreen or behind it."""

import subprocess

import pytest
from launcher import LIBRARY, ROOT
from servers.process import environment

PROGRAMS = ROOT / "tests/programs"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    directory = tmp_path_factory.mktemp("interposers")
    library = ["-shared", "-fPIC"]
    for source, shape in {
        "calls": [],
        "interposer": library,
        "clock_readers": [],
        "standing_clock": library,
    }.items():
        command = ["gcc", "-O1", "-Wall", "-pthread", *shape]
        command += ["-o", directory / source, PROGRAMS / f"{source}.c"]
        subprocess.run(command, check=True)
    return directory


def run(built, preloaded, workers, program="calls"):
    return subprocess.run(
        [built / program],
        env=environment(workers) | {"LD_PRELOAD": ":".join(map(str, preloaded))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("order", ["before", "behind"])
def test_each_call_comes_by_both(built, order, workers):
    other = built / "interposer"
    native = run(built, [other], None)
    assert native.returncode == 0, native.stderr
    lines = native.stdout.splitlines()
    assert lines[0] == "done"
    assert "pthread_create 1" in lines
    assert "pthread_cond_timedwait 2" in lines
    both = [other, LIBRARY] if order == "before" else [LIBRARY, other]
    green = run(built, both, workers)
    assert (green.returncode, green.stdout, green.stderr) == (0, native.stdout, "")


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("order", ["before", "behind"])
def test_only_the_program_reads_its_clock(built, order, workers):
    clock = built / "standing_clock"
    native = run(built, [clock], None, "clock_readers")
    assert (native.returncode, native.stdout) == (0, "done\nclock_gettime 4200\n"), native.stderr
    both = [clock, LIBRARY] if order == "before" else [LIBRARY, clock]
    green = run(built, both, workers, "clock_readers")
    assert (green.returncode, green.stdout, green.stderr) == (0, native.stdout, "")
