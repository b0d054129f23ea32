"""A server process: started under a setting, observed through /proc, and ended."""

import os
import select
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness.machine import TICKS_PER_SECOND
from harness.programs import BenchError, Server, Setting

START_SECONDS = 20
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


class RunningServer:
    """A context: on entry the server is listening, on exit it is gone."""

    def __init__(self, server: Server, setting: Setting) -> None:
        self._title = f"{server.name} server, {setting.name}"
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            server.command,
            env=setting.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def __enter__(self) -> "RunningServer":
        try:
            self.port = self._await_port()
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
        """`what` went wrong, with what is known of the server's own fate."""
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
        return BenchError(f"{self._title}: {what} (server {fate}{last_words})")

    def _await_port(self) -> int:
        pipe = self._process.stdout
        ready, _, _ = select.select([pipe], [], [], START_SECONDS)
        line = os.read(pipe.fileno(), 100).decode(errors="replace") if ready else ""
        if not line.startswith("listening on "):
            self._reap_if_gone()
            raise self.failure("it did not start listening")
        return int(line.split()[2])

    def _reap_if_gone(self) -> None:
        """A server that closed its standard output is about to have an exit status."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()
