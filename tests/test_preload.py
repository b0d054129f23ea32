"""LD_PRELOAD=libgreen.so without the launcher, and programs that have no use for it."""

import itertools
import os
import subprocess

import pytest
from launcher import ROOT
from programs import PYTHON
from servers.process import environment

SINGLE_THREADED = {
    "ls": ["ls", "-l", ROOT / "docs"],
    "sort": ["sort", "-r", ROOT / "Cargo.lock"],
    "grep": ["grep", "-rn", "name", ROOT / "Cargo.toml"],
    "cat": ["cat", ROOT / "Cargo.lock"],
    "sh": ["sh", "-c", 'for i in 1 2 3; do echo "$i" | tr 123 abc; done; exit 3'],
    "bash": ["bash", "-c", "read -r a b < <(echo 1 2); echo $((a + b)); sleep 0.01 & wait $!"],
    "awk": [
        "awk",
        "BEGIN { while ((getline line < ARGV[1]) > 0) n++; print n }",
        ROOT / "Makefile",
    ],
    "python": [PYTHON, "-c", "print(1)"],
    "python files": [PYTHON, "-c", "import os, sys; print(sorted(os.listdir()), sys.stdin.read())"],
    "no such file": ["ls", "/green-test-missing"],
}


def run(command, workers, **variables):
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(workers) | {"LC_ALL": "C"} | variables,
        input="input\n",
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("command", SINGLE_THREADED.values(), ids=SINGLE_THREADED)
def test_single_threaded_program_does_the_same(command, workers):
    native, green = run(command, None), run(command, workers)
    assert native.stdout or native.stderr
    assert (green.returncode, green.stdout, green.stderr) == (
        native.returncode,
        native.stdout,
        native.stderr,
    )


NONSENSE = ["-1", "two", "2x", "1.5", " ", "9" * 30]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *itertools.product(
            ["GREEN_WORKERS", "GREEN_STACK_SIZE", "GREEN_MAX_BLOCKING"], ["0", *NONSENSE]
        ),
        *itertools.product(["GREEN_STATS", "GREEN_PATCH", "GREEN_RESOLVER"], NONSENSE),
    ],
)
def test_nonsense_setting_is_reported_in_one_line_and_ignored(variable, value):
    threads = "import threading as t; x = t.Thread(target=print, args=(1,)); x.start(); x.join()"
    result = run([PYTHON, "-c", threads], 1, **{variable: value})
    assert (result.returncode, result.stdout) == (0, "1\n")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("libgreen: ")
    assert variable in result.stderr


def test_nonsense_settings_are_reported_once_for_all_that_is_started():
    nonsense = {"GREEN_WORKERS": "many", "GREEN_STACK_SIZE": "big", "GREEN_PATCH": "yes"}
    script = "sh -c 'ls / >/dev/null; true | cat'; ls / >/dev/null; exec sh -c 'echo done'"
    result = run(["sh", "-c", script], 1, **nonsense)
    assert (result.returncode, result.stdout) == (0, "done\n")
    assert [line.split()[1].split("=")[0] for line in result.stderr.splitlines()] == list(nonsense)


@pytest.mark.parametrize(
    "variable",
    ["GREEN_WORKERS", "GREEN_STACK_SIZE", "GREEN_MAX_BLOCKING", "GREEN_PATCH", "GREEN_RESOLVER"],
)
def test_empty_setting_is_none(variable):
    result = run(["sh", "-c", "echo done"], 1, **{variable: ""})
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_small_stacks_come_on_top_of_static_tls():
    # Three waves of threads with 600 KiB of thread-local variables each.
    result = run([ROOT / "target/c-tests/tls_large"], 1, GREEN_STACK_SIZE="16K")
    assert (result.returncode, result.stderr) == (0, "")


def test_statistics_are_told_on_request():
    threads = "import threading as t; x = t.Thread(target=print, args=(1,)); x.start(); x.join()"
    result = run([PYTHON, "-c", threads], 2, GREEN_STATS="1")
    assert (result.returncode, result.stdout) == (0, "1\n")
    scheduler, patches = result.stderr.splitlines()
    assert scheduler.startswith("libgreen: 2 of 2 slots in use, ")
    assert " functions of libc patched" in patches


def test_loads_no_library_that_programs_have_not():
    """To load one takes longer than all else that libgreen does when a program starts."""
    maps = run(["cat", "/proc/self/maps"], 2).stdout.splitlines()
    files = {line.split(maxsplit=5)[5] for line in maps if line.count("/")}
    libraries = {os.path.basename(file) for file in files if ".so" in file}
    assert libraries == {"libgreen.so", "libc.so.6", "ld-linux-x86-64.so.2"}
