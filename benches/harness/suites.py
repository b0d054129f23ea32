"""The echo servers that are compared, and under which loads."""

import subprocess
from dataclasses import dataclass

from harness import echo
from harness.programs import (
    BINARIES,
    NATIVE,
    VENV_PYTHON,
    BenchError,
    Server,
    Setting,
    c_echo_server,
    line_server,
    python_echo_server,
    python_server,
)
from harness.session import Session

CONNECTIONS = (10, 100, 1000, 8000)
SWEEP_CONNECTIONS = (10, 1000)
STDIO_CONNECTIONS = (100, 1000)


@dataclass(frozen=True)
class Contender:
    """A server under a setting, by the name it has in tables and plots."""

    name: str
    server: Server
    setting: Setting = NATIVE


def c_contenders(session: Session) -> list[Contender]:
    epoll = (str(BINARIES / "epoll_server"),)
    return [
        Contender("native threads", c_echo_server()),
        Contender("libgreen", c_echo_server(), session.green()),
        Contender("epoll, 1 thread", Server("epoll", epoll)),
        Contender("epoll, 2 threads", Server("epoll", (*epoll, "--threads", "2"))),
    ]


def python_contenders(session: Session) -> list[Contender]:
    require_peers()

    def peer(name: str, script: str, *arguments: str) -> Contender:
        return Contender(name, python_server(name, script, *arguments, python=str(VENV_PYTHON)))

    return [
        Contender("native threads", python_echo_server()),
        Contender("libgreen", python_echo_server(), session.green()),
        peer("gevent", "echo_gevent.py"),
        peer("asyncio streams", "echo_asyncio.py"),
        peer("asyncio protocol", "echo_asyncio_protocol.py"),
        peer("uvloop streams", "echo_asyncio.py", "--uvloop"),
        peer("uvloop protocol", "echo_asyncio_protocol.py", "--uvloop"),
    ]


def require_peers() -> None:
    if not VENV_PYTHON.exists():
        raise BenchError("there is no target/venv with the peers: run `make deps` first")
    probe = subprocess.run(
        [str(VENV_PYTHON), "-c", "import gevent, uvloop"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode:
        said = probe.stderr.strip().splitlines()[-1]
        raise BenchError(f"gevent and uvloop must be in target/venv: run `make deps` ({said})")


def compare(
    session: Session, contenders: list[Contender], counts: tuple[int, ...], lines: bool = False
) -> list[dict]:
    results = []
    for count in counts:
        load = echo.Load(count, session.seconds, session.warm_up, lines=lines)

        def measure(contender: Contender, load: echo.Load = load) -> echo.Run:
            run = echo.measure(contender.server, contender.setting, load)
            session.progress(
                f"{load.connections:>5,} connections  {contender.name:18}"
                f" {run['messages_per_second']:>9,.0f} messages/s"
                f"  p99 {run['p99_us'] / 1e3:>7,.1f} ms"
            )
            return run

        for contender, runs in session.alternate(contenders, measure):
            results.append(
                {
                    "contender": contender.name,
                    "connections": count,
                    "median": echo.median(runs),
                    "runs": runs,
                }
            )
    return results


def c(session: Session) -> list[dict]:
    return compare(session, c_contenders(session), CONNECTIONS)


def stdio(session: Session) -> list[dict]:
    """The textbook server: a thread per connection, which reads and writes a stream."""
    contenders = [
        Contender("native threads", line_server()),
        Contender("libgreen", line_server(), session.green()),
    ]
    return compare(session, contenders, STDIO_CONNECTIONS, lines=True)


def python(session: Session) -> list[dict]:
    return compare(session, python_contenders(session), CONNECTIONS)


def workers(session: Session) -> list[dict]:
    """The same servers with GREEN_WORKERS unset, 1 and 2: what the default should be."""
    contenders = [
        Contender(f"{server.name}, {title}", server, session.green(count))
        for server in (c_echo_server(), python_echo_server())
        for title, count in (("default", None), ("1 worker", 1), ("2 workers", 2))
    ]
    return compare(session, contenders, SWEEP_CONNECTIONS)
