"""Many Python threads that each do one thing over and over: how often all of them do it in a
second, and how long it takes. Prints one JSON line.

  crowd.py --threads 200 --seconds 4 --warm-up 1 redis --port 6379
"""

import argparse
import json
import logging
import queue
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

Operation = Callable[[], object]
DIRECTORY = tempfile.TemporaryDirectory(prefix="green-bench-")


def redis_counter(options: argparse.Namespace) -> Operation:
    import redis

    client = redis.Redis(port=options.port)
    return lambda: client.incr("counter")


def postgresql_query(options: argparse.Namespace) -> Operation:
    import psycopg2

    connection = psycopg2.connect(
        host="127.0.0.1", port=options.port, user="bench", dbname="postgres"
    )
    connection.autocommit = True
    cursor = connection.cursor()

    def operation() -> None:
        cursor.execute("select %s + 1", (1,))
        assert cursor.fetchone() == (2,)

    return operation


def sqlite_insert(_options: argparse.Namespace) -> Operation:
    """A transaction, written ahead and synced, as it is by default."""
    path = Path(DIRECTORY.name) / "database"
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table if not exists visits (who integer, at real)")
    who = threading.get_ident()
    return lambda: connection.execute("insert into visits values (?, ?)", (who, time.time()))


def child_process(_options: argparse.Namespace) -> Operation:
    return lambda: subprocess.run(["/bin/true"], check=True)


def log_line(_options: argparse.Namespace) -> Operation:
    """A line of a log file that all threads share."""
    logger = logging.getLogger("crowd")
    with LOGGER_LOCK:
        if not logger.handlers:
            handler = logging.FileHandler(Path(DIRECTORY.name) / "log")
            handler.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
    return lambda: logger.info("request %d served in %.3f ms", 17, 0.5)


def queue_round_trip(_options: argparse.Namespace) -> Operation:
    """There and back: the other end is a thread, too."""
    there, back = queue.Queue(1), queue.Queue(1)

    def answer() -> None:
        while True:
            back.put(there.get())

    threading.Thread(target=answer, daemon=True).start()

    def operation() -> None:
        there.put(1)
        back.get()

    return operation


LOGGER_LOCK = threading.Lock()
OPERATIONS = {
    "redis": redis_counter,
    "postgresql": postgresql_query,
    "sqlite": sqlite_insert,
    "subprocess": child_process,
    "logging": log_line,
    "queue": queue_round_trip,
}


def crowd(options: argparse.Namespace) -> tuple[list[float], float, list[BaseException]]:
    """The durations of the operations that are measured, and the seconds in which they ended.

    Those are either all of a given number for each thread, or what ends in a given time.
    """
    prepare, start = OPERATIONS[options.operation], threading.Barrier(options.threads + 1)
    durations: list[list[float]] = [[] for _ in range(options.threads)]
    errors: list[BaseException] = []
    clock = time.perf_counter
    began, ends = 0.0, 0.0

    def for_a_time(operation: Operation, mine: list[float]) -> None:
        now = clock()
        while now < ends:
            before = now
            operation()
            now = clock()
            if began <= now < ends:
                mine.append(now - before)

    def a_number(operation: Operation, mine: list[float]) -> None:
        for _ in range(options.each):
            before = clock()
            operation()
            mine.append(clock() - before)

    def member(index: int) -> None:
        try:
            operation = prepare(options)
            start.wait()  # all are prepared
            start.wait()  # the time is set
            (a_number if options.each else for_a_time)(operation, durations[index])
        except BaseException as error:
            errors.append(error)
            start.abort()

    threads = [threading.Thread(target=member, args=(i,)) for i in range(options.threads)]
    for thread in threads:
        thread.start()
    try:
        start.wait()
        began = clock() + (0 if options.each else options.warm_up)
        ends = began + options.seconds
        start.wait()
    except threading.BrokenBarrierError:
        pass
    for thread in threads:
        thread.join()
    seconds = clock() - began if options.each else options.seconds
    return sorted(one for mine in durations for one in mine), seconds, errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", choices=OPERATIONS)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--each", type=int, help="how often each thread does it, instead of a time")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    durations, seconds, errors = crowd(options)
    if errors or not durations:
        print(json.dumps({"error": repr(errors[0]) if errors else "nothing was done"}))
        return 1
    print(
        json.dumps(
            {
                "value": len(durations) / seconds,
                **{f"p{p}_ms": durations[len(durations) * p // 100] * 1000 for p in (95, 99)},
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
