"""What the preload costs programs that it has nothing to give: those without threads."""

import os
import statistics
import time

from harness import suites
from harness.programs import BINARIES, NATIVE, BenchError, Server, Setting
from harness.session import Session

STARTS = 200
TRUE = "/bin/true"
EVENT_CONNECTIONS = (100, 1000)


def start_up_ms(setting: Setting) -> float:
    """Median time to start a program that does nothing, and see it end."""
    environment, times = setting.environment(), []
    for _ in range(STARTS):
        began = time.perf_counter()
        pid = os.posix_spawn(TRUE, [TRUE], environment)
        _, status = os.waitpid(pid, 0)
        times.append(time.perf_counter() - began)
        if status:
            raise BenchError(f"{TRUE}, {setting.name}: wait status {status}")
    return statistics.median(times) * 1000


def run(session: Session) -> dict[str, object]:
    starts = session.alternate([NATIVE, session.green()], start_up_ms)
    medians = {setting.name: statistics.median(runs) for setting, runs in starts}
    for name, value in medians.items():
        session.progress(f"starting {TRUE}, {name}: {value:.2f} ms")
    epoll = Server("epoll", (str(BINARIES / "epoll_server"),))
    contenders = [
        suites.Contender("native", epoll),
        suites.Contender("libgreen", epoll, session.green()),
    ]
    return {
        "start_up_ms": medians,
        "event_driven": suites.compare(session, contenders, EVENT_CONNECTIONS),
    }
