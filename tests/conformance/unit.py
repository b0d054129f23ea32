"""One run of somebody's tests: a process, and how to read its verdicts."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from servers.process import environment as environment_for

# What a test says of itself. Anything but PASS and SKIP counts as a failure.
PASS = "pass"
SKIP = "skip"
FAIL = "fail"
TIMEOUT = "timeout"

UNSUPPORTED_STATUS = 77


def of_status(unit: "Unit", status: int | None, log: Path) -> dict[str, str]:
    """The verdict of a program that is one test, glibc's way."""
    del log
    verdicts = {None: TIMEOUT, 0: PASS, UNSUPPORTED_STATUS: SKIP}
    return {unit.name: verdicts.get(status, FAIL)}


@dataclass
class Unit:
    """A process that runs one test, or a file of them."""

    suite: str
    name: str
    command: list[str]
    directory: Path
    environment: dict[str, str]
    seconds: float
    read: Callable[["Unit", int | None, Path], dict[str, str]] = of_status
    # The same with nothing but these tests, where that is possible.
    narrowed: Callable[[list[str]], "Unit"] | None = None


def preload(ours: str | None, theirs: str | None) -> dict[str, str]:
    libraries = [library for library in (ours, theirs) if library]
    return {"LD_PRELOAD": ":".join(libraries)} if libraries else {}


def kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(unit: Unit, workers: int | None, log: Path) -> tuple[dict[str, str], float]:
    """Runs a unit; the verdict of each of its tests, and how long it took. Its words are in the log."""
    variables = environment_for(workers) | unit.environment
    variables |= preload(
        environment_for(workers).get("LD_PRELOAD"), unit.environment.get("LD_PRELOAD")
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [word.replace("@LOG@", str(log.with_suffix(""))) for word in unit.command],
            cwd=unit.directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(unit.seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            # What a test leaves behind must not disturb the next one.
            kill_group(process)
            process.wait()
    return unit.read(unit, status, log), time.monotonic() - start
