"""memcached, whose threads each run an event loop."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from harness.contest import Load, Program, Subject, Unit
from harness.generators import echo_load
from harness.process import Service, free_port

VALUE = "x" * 100
REQUEST = "get key\r\n"
REPLY = f"VALUE key 0 {len(VALUE)}\r\n{VALUE}\r\nEND\r\n"


@contextmanager
def open_server(subject: Subject) -> Iterator[Service]:
    port = free_port()
    command = ["/usr/bin/memcached", "-t", "4", "-l", "127.0.0.1", "-p", str(port), "-U", "0"]
    command += ["-u", "root", "-c", "2000"]
    with Service("memcached", command, subject.setting, port) as service:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(f"set key 0 0 {len(VALUE)}\r\n{VALUE}\r\n".encode())
            if client.recv(100) != b"STORED\r\n":
                raise service.failure("it did not store a value")
        yield service


def load(clients: int) -> Load:
    return Load(
        f"get, {clients} clients",
        Unit("requests/s"),
        lambda service, times: echo_load(
            service, clients, times, f"--request={REQUEST}", f"--reply={REPLY}"
        ),
        in_quick=clients == 8,
    )


PROGRAM = Program(
    name="memcached",
    about="memcached with four threads, which share the connections; every reply is checked.",
    packages=("memcached",),
    open=open_server,
    loads=[load(8), load(64)],
)
