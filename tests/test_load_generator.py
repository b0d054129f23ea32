"""The load generator of the benchmarks notices every way in which an echo can be wrong."""

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOAD = Path(__file__).resolve().parents[1] / "target" / "benches" / "load"
MESSAGE = 64
CONNECTIONS = 4

# What a server sends back for the n-th message of a connection; None hangs up.
Answer = Callable[[int, bytes], bytes | None]


def serve(connection: socket.socket, answer: Answer) -> None:
    with connection:
        number = 0
        while message := connection.recv(MESSAGE, socket.MSG_WAITALL):
            reply = answer(number, message)
            if reply is None:
                return
            try:
                connection.sendall(reply)
            except ConnectionError:
                return
            number += 1


@contextmanager
def server(answer: Answer) -> Iterator[int]:
    """A server in this process; its accepting thread ends with the listener."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection, answer), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def load(port: int) -> tuple[int, dict]:
    done = subprocess.run(
        [
            LOAD,
            f"--port={port}",
            f"--connections={CONNECTIONS}",
            f"--size={MESSAGE}",
            "--warm-up=0.1",
            "--seconds=0.3",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def load_of(answer: Answer) -> tuple[int, dict]:
    with server(answer) as port:
        return load(port)


def test_a_faithful_echo_passes():
    status, report = load_of(lambda _number, message: message)
    assert status == 0
    assert report["messages"] > 0
    assert report["errors"] == report["mismatched_bytes"] == report["unanswered"] == 0


def test_one_changed_byte_is_counted():
    def flip(number: int, message: bytes) -> bytes:
        return message[:-1] + bytes([message[-1] ^ 1]) if number == 5 else message

    status, report = load_of(flip)
    assert status == 1
    assert report["mismatched_bytes"] == CONNECTIONS


def test_the_echo_of_an_earlier_message_is_wrong():
    first: dict[int, bytes] = {}

    def repeat(number: int, message: bytes) -> bytes:
        return first.setdefault(threading.get_ident(), message)

    status, report = load_of(repeat)
    assert status == 1
    assert report["mismatched_bytes"] > 0


def test_bytes_that_nobody_asked_for_are_counted():
    status, report = load_of(lambda number, message: message + b"!" * (number == 5))
    assert status == 1
    assert report["mismatched_bytes"] > 0


def test_a_lost_echo_is_missed():
    status, report = load_of(lambda number, message: b"" if number == 5 else message)
    assert status == 1
    assert report["stalled"]
    assert report["unanswered"] == CONNECTIONS


def test_a_closed_connection_is_an_error():
    status, report = load_of(lambda number, message: None if number == 5 else message)
    assert status == 1
    assert report["errors"] == CONNECTIONS
    assert report["first_error"]


def test_a_server_that_is_not_there_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    status, report = load(port)
    assert status == 1
    assert "Connection refused" in report["first_error"]
