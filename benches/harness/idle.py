"""What an idle process does in a second: nothing, if all its threads are parked."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.memory import PARKED, STACK_BYTES
from harness.process import RunningServer, usage
from harness.programs import BenchError, Server, Setting, c_echo_server, python_echo_server
from harness.session import Session

THREADS = 1000
SETTLE_SECONDS = 1.0
WINDOW_SECONDS = 1.0


@contextmanager
def parked_threads(setting: Setting) -> Iterator[int]:
    process = subprocess.Popen(
        [str(PARKED), str(THREADS), str(STACK_BYTES), "--hold"],
        env=setting.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if process.stdout.readline() != b"parked\n":
            raise BenchError(f"{THREADS:,} parked threads, {setting.name}: they did not park")
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@contextmanager
def idle_server(server: Server, setting: Setting) -> Iterator[int]:
    """A server with THREADS connections, each of which has had one echo."""
    with RunningServer(server, setting) as running, ExitStack() as clients:
        for _ in range(THREADS):
            client = socket.create_connection(("127.0.0.1", running.port), timeout=10)
            clients.enter_context(client)
            client.sendall(b"hello")
            if client.recv(5, socket.MSG_WAITALL) != b"hello":
                raise running.failure("no echo")
        yield running.pid


def context_switches(pid: int) -> int:
    """Of all kernel threads of a process. A thread that makes a blocking call
    and a thread that is woken each show here; one that sleeps on does not."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def traced_syscalls(pid: int) -> int | None:
    """System calls begun or ended in one second, seen by strace; None if there is no strace.

    Attaching interrupts the call that each thread sleeps in and makes it start
    again, so the window begins some time after that.
    """
    strace = shutil.which("strace")
    if strace is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        tracer = subprocess.Popen(
            [strace, "-f", "-ttt", "-o", str(trace), "-p", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(SETTLE_SECONDS)
            attached = tracer.poll() is None
            began = time.time()
            time.sleep(WINDOW_SECONDS)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        if not attached:
            return None
        times = (float(line.split()[1]) for line in trace.read_text().splitlines())
        return sum(began <= moment < began + WINDOW_SECONDS for moment in times)


def observe(pid: int) -> dict[str, float | None]:
    time.sleep(SETTLE_SECONDS)
    switches, used = context_switches(pid), usage(pid)
    time.sleep(WINDOW_SECONDS)
    after = usage(pid)
    return {
        "kernel_threads": after.kernel_threads,
        "context_switches_per_second": context_switches(pid) - switches,
        "cpu_seconds_per_second": after.cpu_seconds - used.cpu_seconds,
        "syscalls_per_second": traced_syscalls(pid),
    }


def run(session: Session) -> list[dict]:
    green = session.green()
    subjects = [
        (f"{THREADS:,} threads parked on a semaphore", parked_threads(green)),
        (f"C server, {THREADS:,} idle connections", idle_server(c_echo_server(), green)),
        (f"Python server, {THREADS:,} idle connections", idle_server(python_echo_server(), green)),
    ]
    results = []
    for title, subject in subjects:
        try:
            with subject as pid:
                seen = observe(pid)
        except (BenchError, OSError) as error:
            session.fail(BenchError(f"{title}: {error}"))
            continue
        session.progress(
            f"{title}: {seen['context_switches_per_second']} context switches and"
            f" {seen['syscalls_per_second']} system calls in a second"
        )
        results.append({"subject": title, **seen})
    return results
