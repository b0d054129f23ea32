"""Interpreters, and a database's client, that read what comes slowly through a pipe, beside a thread."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest
from launcher import LIBRARY, ROOT
from programs import PYTHON
from servers.process import EXIT_SECONDS, environment

LINES = 20
PAUSE_SECONDS = 0.01
LIMIT_SECONDS = 90

PERL = 'while (<STDIN>) { chomp; $sum += $_; print "$.: $_\\n" } print "sum $sum\\n"'
RUBY = "sum = 0; while line = $stdin.gets; sum += line.to_i; puts line; end; puts sum"
BASH = 'sum=0; while read -r line; do echo "$line"; ((sum += line)); done; echo "$sum"'
PY = "import sys\nsum = 0\nfor line in sys.stdin:\n sum += int(line); print(line, end='')\nprint(sum)"
READERS = {
    "perl": ["perl", "-e", PERL],
    "ruby": ["ruby", "-e", RUBY],
    "bash": ["bash", "-c", BASH],
    "python": [PYTHON, "-c", PY],
    "sed": ["sed", "-u", "s/^/line /"],
}


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """The library that makes a thread."""
    library = tmp_path_factory.mktemp("beside") / "beside.so"
    command = ["gcc", "-O1", "-Wall", "-pthread", "-shared", "-fPIC", "-o", library]
    subprocess.run([*command, ROOT / "tests/programs/beside.c"], check=True)
    return library


def output_of(command, beside, workers, lines):
    """What the program prints beside a thread while the lines come piece by piece."""
    libraries = [beside] if workers is None else [beside, LIBRARY]
    with subprocess.Popen(
        command,
        env=environment(workers) | {"LD_PRELOAD": ":".join(map(str, libraries))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in lines:
                # Neither what is read at a time nor where it ends is a line.
                for piece in (line[:1], line[1:] + "\n"):
                    process.stdin.write(piece)
                    process.stdin.flush()
                    time.sleep(PAUSE_SECONDS)
            output, errors = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    return output


@pytest.mark.parametrize("reader", READERS)
def test_reads_what_comes_slowly(reader, beside, workers):
    command = READERS[reader]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    lines = [str(1000 + number) for number in range(LINES)]
    output = output_of(command, beside, workers, lines)
    for line in lines:
        assert output.count(line) == 1
    if reader != "sed":
        assert output.split()[-1] == str(sum(map(int, lines)))


@contextmanager
def database(directory):
    """A MariaDB server without libgreen, and its socket."""
    server = shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
    if not server or not shutil.which("mariadb-install-db"):
        pytest.skip("MariaDB is not installed")
    # The path of a Unix socket must be short, and the data another user's if root runs this.
    data, socket = directory / "data", directory / "socket"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            *("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", *user),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_SECONDS * 2,
        check=True,
    )
    with subprocess.Popen(
        [
            *(server, "--no-defaults", f"--datadir={data}", f"--socket={socket}"),
            *(f"--pid-file={data}/pid", "--skip-networking", *user),
        ],
        env=environment(None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + LIMIT_SECONDS
            while not socket.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield socket
        finally:
            process.terminate()
            process.wait(EXIT_SECONDS)


@pytest.fixture(scope="module")
def database_socket(tmp_path_factory):
    with database(tmp_path_factory.mktemp("db")) as socket:
        yield socket


def test_mariadbs_client_reads_what_comes_slowly(beside, database_socket, workers):
    command = ["mariadb", "--no-defaults", "--user=root", f"--socket={database_socket}"]
    lines = [f"select {number} * 1001;" for number in range(1, LINES + 1)]
    output = output_of([*command, "--batch", "--skip-column-names"], beside, workers, lines)
    assert output.split() == [str(number * 1001) for number in range(1, LINES + 1)]
