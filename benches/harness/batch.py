"""Programs that run to their end: under a setting, for what they print or how long they take."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from harness import hang
from harness.contest import Subject
from harness.echo import Run
from harness.process import RunningProcess
from harness.programs import BenchError, Setting
from harness.session import Times

LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Batch:
    """A setting to run programs under, and servers of ours that they use."""

    setting: Setting
    beside: list[RunningProcess] = field(default_factory=list)

    def run(self, command: Sequence[str]) -> None:
        self._run(command, subprocess.DEVNULL, LIMIT_SECONDS)

    def output_of(self, command: Sequence[str], limit: float = LIMIT_SECONDS) -> str:
        return self._run(command, subprocess.PIPE, limit)

    def _run(self, command: Sequence[str], output: int, limit: float) -> str:
        name = command[0].rpartition("/")[2]
        process = subprocess.Popen(
            command,
            env=self.setting.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                out, err = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired as error:
                hang.show(process.pid, " ".join([name, *command[1:], self.setting.name]))
                process.kill()
                raise BenchError(f"{name} was not done after {limit:.0f} s") from error
        if process.returncode:
            said = (err or out).strip().splitlines()[-1:] or ["nothing"]
            raise BenchError(f"{name}: status {process.returncode}, said {said[0]}")
        return out


def open_batch(subject: Subject) -> AbstractContextManager[Batch]:
    return nullcontext(Batch(subject.setting))


def timed(*command: str) -> Callable[[Batch, Times], Run]:
    """The median time of a run, of as many as fit into the measured time."""

    def measure(batch: Batch, times: Times) -> Run:
        durations: list[float] = []
        while sum(durations) < times.seconds:
            began = time.perf_counter()
            batch.run(command)
            durations.append(time.perf_counter() - began)
        return {"value": statistics.median(durations)}

    return measure


def starts(*command: str) -> Callable[[Batch, Times], Run]:
    """The median time in milliseconds to start a program and see it end, likewise."""

    def measure(batch: Batch, times: Times) -> Run:
        environment, durations = batch.setting.environment(), []
        quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        while sum(durations) < times.seconds:
            began = time.perf_counter()
            pid = os.posix_spawnp(command[0], command, environment, file_actions=quiet)
            _, status = os.waitpid(pid, 0)
            durations.append(time.perf_counter() - began)
            if status:
                raise BenchError(f"{command[0]}: wait status {status}")
        return {"value": statistics.median(durations) * 1000}

    return measure
