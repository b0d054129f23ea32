"""MariaDB with a thread per connection, beside its own thread pool, under sysbench."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.contest import Load, Program, Subject, Unit
from harness.echo import Run
from harness.generators import output_of, sysbench_command, sysbench_figures
from harness.process import Service
from harness.programs import NATIVE, BenchError
from harness.real import WORK
from harness.session import Times

SERVER = "/usr/sbin/mariadbd"
INSTALL_SECONDS = 120
TABLES = ("--tables=4", "--table-size=25000")
CLIENTS = (16, 64, 256, 1000)
IN_QUICK = {("oltp_point_select", 256), ("oltp_read_write", 16)}
POOL = "own thread pool"
TRANSACTIONS = Unit("transactions/s")

TEMPLATE = WORK / "mariadb" / "template"


class Database(Service):
    """A server on a data directory that nobody needs afterwards."""

    def __init__(self, directory: Path, subject: Subject, **stop) -> None:
        # The path of a Unix socket must be short.
        self._socket_directory = tempfile.TemporaryDirectory(prefix="green-bench-")
        pool = subject.variant == POOL
        handling = "pool-of-threads" if pool else "one-thread-per-connection"
        user = ["--user=root"] if os.geteuid() == 0 else []
        socket = Path(self._socket_directory.name) / "socket"
        super().__init__(
            f"MariaDB, {handling}",
            [
                SERVER,
                "--no-defaults",
                f"--datadir={directory}",
                f"--socket={socket}",
                f"--pid-file={directory}/pid",
                "--skip-networking",
                f"--thread-handling={handling}",
                "--max-connections=1200",
                "--back-log=1000",
                "--max-prepared-stmt-count=1000000",
                "--innodb-buffer-pool-size=256M",
                "--innodb-flush-log-at-trx-commit=2",
                *user,
            ],
            subject.setting,
            socket,
            **stop,
        )

    def sysbench(self, test: str, clients: int, times: Times) -> Run:
        command = sysbench_command(test, clients, times, *self.connection(), *TABLES)
        return sysbench_figures(output_of(command, times, self), times)

    def connection(self) -> list[str]:
        return [f"--mysql-socket={self.address}", "--mysql-user=root", "--mysql-db=bench"]

    def execute(self, statement: str) -> None:
        command = ["mariadb", "--no-defaults", "--user=root", f"--socket={self.address}"]
        output_of([*command, "--execute", statement], Times(0, 0), self)

    def _end(self) -> None:
        super()._end()
        self._socket_directory.cleanup()


def prepare() -> None:
    """The tables, made once and then copied for each server."""
    if (TEMPLATE / "complete").exists():
        return
    shutil.rmtree(TEMPLATE, ignore_errors=True)
    TEMPLATE.parent.mkdir(parents=True, exist_ok=True)
    install = subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={TEMPLATE}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *(["--user=root"] if os.geteuid() == 0 else []),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if install.returncode:
        said = install.stdout.strip().splitlines()[-1:] or ["nothing"]
        raise BenchError(f"mariadb-install-db: {said[0]}")
    with Database(TEMPLATE, Subject(NATIVE)) as database:
        database.execute("create database bench")
        command = ["sysbench", "oltp_read_write", *database.connection(), *TABLES, "prepare"]
        output_of(command, Times(60, 0), database)
        # Ends by itself, so that the tables are whole on disk; the copies recover nothing.
        database.execute("set global innodb_fast_shutdown = 0; shutdown")
        database.wait()
    (TEMPLATE / "complete").touch()


@contextmanager
def open_database(subject: Subject) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(dir=TEMPLATE.parent) as directory:
        data = Path(directory) / "data"
        shutil.copytree(TEMPLATE, data)
        with Database(data, subject) as database:
            yield database


def durable(database: Database, times: Times) -> Run:
    """Every commit is on disk before it is answered."""
    database.execute("set global innodb_flush_log_at_trx_commit = 1")
    try:
        return database.sysbench("oltp_write_only", 64, times)
    finally:
        database.execute("set global innodb_flush_log_at_trx_commit = 2")


def load(test: str, title: str, clients: int, unit: Unit) -> Load:
    return Load(
        f"{title}, {clients:,} clients",
        unit,
        lambda database, times: database.sysbench(test, clients, times),
        in_quick=(test, clients) in IN_QUICK,
    )


PROGRAM = Program(
    name="mariadb",
    about="MariaDB with a thread per connection, loaded by sysbench over a Unix socket; four"
    " tables of 25,000 rows. Writes are flushed to disk once a second, and at each commit"
    " where they are called durable.",
    packages=("mariadb-server-core", "mariadb-client-core", "sysbench"),
    prepare=prepare,
    open=open_database,
    loads=[
        *(load("oltp_point_select", "point select", n, Unit("queries/s")) for n in CLIENTS),
        *(load("oltp_read_write", "read-write", n, TRANSACTIONS) for n in CLIENTS),
        Load("durable writes, 64 clients", TRANSACTIONS, durable),
    ],
    alternatives=(POOL,),
)
