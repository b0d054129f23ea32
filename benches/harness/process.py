"""Processes that are measured: started under a setting, observed through /proc, and ended."""

import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.machine import TICKS_PER_SECOND
from harness.programs import BenchError, Server, Setting

START_SECONDS = 20
STOP_SECONDS = 10
# What x86-64 Linux gives each kernel task (THREAD_SIZE).
KERNEL_STACK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Usage:
    """What a process holds and has used at one moment."""

    kernel_threads: int
    rss_bytes: int
    cpu_seconds: float

    @property
    def memory_bytes(self) -> int:
        return self.rss_bytes + self.kernel_threads * KERNEL_STACK_BYTES

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.kernel_threads + other.kernel_threads,
            self.rss_bytes + other.rss_bytes,
            self.cpu_seconds + other.cpu_seconds,
        )


def usage(pid: int) -> Usage:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    # The command name, in parentheses, may hold spaces; fields are counted after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return Usage(
        kernel_threads=int(status["Threads"]),
        rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
        cpu_seconds=(user + system) / TICKS_PER_SECOND,
    )


class RunningProcess:
    """A context: on entry the program has started, on exit it is gone, and so is every
    process of its session."""

    def __init__(self, title: str, command: Sequence[str], **popen) -> None:
        # Native servers that it uses, so that their share of the CPU is accounted for.
        self.beside: list[RunningProcess] = []
        self._title = title
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
            **popen,
        )

    def __enter__(self) -> Self:
        try:
            self._await_start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        return usage(self.pid)

    def failure(self, what: str) -> BenchError:
        """`what` went wrong, with what is known of the program's own fate."""
        status = self._process.poll()
        if status is None:
            fate = "still running"
        elif status < 0:
            fate = f"killed by {signal.Signals(-status).name}"
        else:
            fate = f"gone with status {status}"
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        last_words = f"; it last said: {said[-1]}" if said else ""
        return BenchError(f"{self._title}: {what} (process {fate}{last_words})")

    def wait(self) -> None:
        """Until the program ends by itself."""
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self.failure("it does not end") from error

    def _await_start(self) -> None:
        raise NotImplementedError

    def _reap_if_gone(self) -> None:
        """A program that closed its standard output is about to have an exit status."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._errors.close()


class RunningServer(RunningProcess):
    """A server that says which port it listens on: on entry it does."""

    def __init__(self, server: Server, setting: Setting) -> None:
        super().__init__(
            f"{server.name} server, {setting.name}",
            server.command,
            env=setting.environment(),
            stdout=subprocess.PIPE,
        )

    def _await_start(self) -> None:
        pipe = self._process.stdout
        ready, _, _ = select.select([pipe], [], [], START_SECONDS)
        line = os.read(pipe.fileno(), 100).decode(errors="replace") if ready else ""
        if not line.startswith("listening on "):
            self._reap_if_gone()
            raise self.failure("it did not start listening")
        self.port = int(line.split()[2])

    def _end(self) -> None:
        super()._end()
        self._process.stdout.close()


class Service(RunningProcess):
    """A server that says nothing: on entry something answers at `address`, a port of
    127.0.0.1 or the path of a Unix socket. What it prints counts as what it says of errors."""

    def __init__(
        self,
        title: str,
        command: Sequence[str],
        setting: Setting,
        address: int | Path,
        *,
        stop: signal.Signals = signal.SIGKILL,
        forks: bool = False,
        **popen,
    ) -> None:
        self.address = address
        self._stop = stop
        self._forks = forks
        super().__init__(
            f"{title}, {setting.name}",
            command,
            env=setting.environment() | popen.pop("variables", {}),
            stdout=subprocess.DEVNULL,
            **popen,
        )

    @property
    def port(self) -> int:
        return self.address

    def usage(self) -> Usage:
        """Of the processes that its main thread has forked, too, if it is known to."""
        total = super().usage()
        if self._forks:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            for child in children:
                total += usage(int(child))
        return total

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.address):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self.failure("it did not start listening")
            time.sleep(0.02)

    def _end(self) -> None:
        if self._stop != signal.SIGKILL and self._process.poll() is None:
            self._process.send_signal(self._stop)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=STOP_SECONDS)
        super()._end()


def answers(address: int | Path) -> bool:
    family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
    with socket.socket(family) as probe:
        try:
            probe.connect(("127.0.0.1", address) if isinstance(address, int) else str(address))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
