"""Other libraries that stand in for functions of libc's, in LD_PRELOAD before libgreen or behind it."""

import subprocess

import pytest
from launcher import LIBRARY, ROOT
from servers.process import environment

PROGRAMS = ROOT / "tests/programs"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    directory = tmp_path_factory.mktemp("interposers")
    for source, shape in {"calls": [], "interposer": ["-shared", "-fPIC"]}.items():
        command = ["gcc", "-O1", "-Wall", "-pthread", *shape]
        command += ["-o", directory / source, PROGRAMS / f"{source}.c"]
        subprocess.run(command, check=True)
    return directory


def run(built, preloaded, workers):
    return subprocess.run(
        [built / "calls"],
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
