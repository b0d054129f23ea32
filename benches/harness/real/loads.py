"""Rows that several programs have."""

from harness.contest import Load, Unit
from harness.generators import echo_load, wrk


def http_get(clients: int, in_quick: bool = False) -> Load:
    return Load(
        f"GET, {clients} clients",
        Unit("requests/s"),
        lambda service, times: wrk(service, clients, times),
        in_quick,
    )


def echoes(connections: int, what: str = "echo", in_quick: bool = False) -> Load:
    return Load(
        f"{what}, {connections:,} connections",
        Unit("messages/s"),
        lambda server, times: echo_load(server, connections, times),
        in_quick,
    )
