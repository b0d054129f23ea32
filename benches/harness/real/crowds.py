"""Crowds of Python threads: benches/programs/crowd.py, and the native servers that it talks to."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from signal import SIGINT

from harness.batch import Batch, open_batch
from harness.contest import Load, Program, Subject, Unit
from harness.echo import Run
from harness.generators import GRACE_SECONDS
from harness.process import Service, free_port
from harness.programs import BENCHES, DEBIAN_PYTHON, NATIVE, BenchError
from harness.session import Times


def crowd(operation: str, threads: int, each: int | None) -> Callable[[Batch, Times], Run]:
    def measure(batch: Batch, times: Times) -> Run:
        command = [DEBIAN_PYTHON, str(BENCHES / "programs" / "crowd.py"), operation]
        command += [f"--threads={threads}", f"--seconds={times.seconds}"]
        command += [f"--warm-up={times.warm_up}"]
        command += [f"--each={each}"] if each else []
        command += [f"--port={server.port}" for server in batch.beside]
        return json.loads(batch.output_of(command, times.warm_up + times.seconds + GRACE_SECONDS))

    return measure


@contextmanager
def beside_redis(subject: Subject) -> Iterator[Batch]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="green-bench-") as directory:
        command = ["/usr/bin/redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--maxclients", "500", "--dir", directory]
        with Service("redis", command, NATIVE, port) as server:
            yield Batch(subject.setting, [server])


def postgresql_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise BenchError("there is no PostgreSQL server under /usr/lib/postgresql")
    return found[-1].parent


@contextmanager
def beside_postgresql(subject: Subject) -> Iterator[Batch]:
    """The server refuses to run as root; the package brings a user for it."""
    binaries, port = postgresql_binaries(), free_port()
    other = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="green-bench-") as directory:
        if other:
            shutil.chown(directory, **other)
        data = f"{directory}/data"
        subprocess.run(
            [str(binaries / "initdb"), "-N", "-A", "trust", "-U", "bench", "-D", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            cwd=directory,
            **other,
        )
        command = [str(binaries / "postgres"), "-D", data, "-p", str(port), "-k", directory]
        command += ["-F", "-N", "300", "-h", "127.0.0.1"]
        with Service(
            "PostgreSQL", command, NATIVE, port, stop=SIGINT, forks=True, cwd=directory, **other
        ) as server:
            yield Batch(subject.setting, [server])


def program(
    name: str,
    about: str,
    threads: int,
    unit: str,
    open_subject: Callable[[Subject], AbstractContextManager[Batch]] = open_batch,
    packages: tuple[str, ...] = (),
    each: int | None = None,
) -> Program:
    return Program(
        name=name,
        about=about,
        packages=("python3", *packages),
        open=open_subject,
        loads=[Load(f"{threads} threads", Unit(unit), crowd(name, threads, each), in_quick=True)],
    )


PROGRAMS = [
    program(
        "postgresql",
        "psycopg2 in Python threads, a connection each, against a native PostgreSQL.",
        200,
        "queries/s",
        beside_postgresql,
        ("python3-psycopg2", "postgresql"),
    ),
    program(
        "redis",
        "redis-py in Python threads, a connection each, against a native Redis.",
        200,
        "commands/s",
        beside_redis,
        ("python3-redis", "redis-server"),
    ),
    program("subprocess", "Python threads that each run `/bin/true`.", 50, "processes/s"),
    program(
        "sqlite",
        "Python threads that each insert 20 rows into one database, one by one, written ahead and"
        " synced. Until all are done: who finds the database locked sleeps and tries again, and"
        " while others work a few of them hold everybody up.",
        60,
        "transactions/s",
        each=20,
    ),
    program("logging", "Python threads that write to one log file.", 200, "lines/s"),
    program("queue", "Pairs of Python threads with two queues between them.", 100, "round trips/s"),
]
