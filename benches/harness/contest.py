"""Programs measured in turns: under each setting, and beside what else they could run on."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from harness import hang, machine, packages, strays
from harness.echo import Run, median
from harness.process import RunningProcess, Usage
from harness.programs import NATIVE, BenchError, Setting
from harness.session import Session, Times

SAMPLE_SECONDS = 0.1
# From here on a run is remarked on: other programs had so much of the CPU.
NOISY_CORES = 0.1


@dataclass(frozen=True)
class Unit:
    name: str
    higher_is_better: bool = True

    def gain(self, value: float, base: float) -> float:
        """How much better `value` is than `base`: above 1 if it is."""
        return value / base if self.higher_is_better else base / value


SECONDS = Unit("s", higher_is_better=False)


@dataclass(frozen=True)
class Subject:
    """A setting, and what the program itself is told to do otherwise (its variant)."""

    setting: Setting
    variant: str = ""

    @property
    def name(self) -> str:
        return self.variant or self.setting.name


@dataclass(frozen=True)
class Load:
    """One row: what is done with a running program, and the figures that come of it, of which
    "value" is one and "p95_ms", "p99_ms" may be others."""

    name: str
    unit: Unit
    measure: Callable[[Any, Times], Run]
    in_quick: bool = False


@dataclass(frozen=True)
class Program:
    """What is measured. `open` starts it for a subject: a context whose value the loads get.

    All subjects are open at once while the loads take turns: an idle one costs nothing.
    """

    name: str
    about: str
    packages: tuple[str, ...]
    open: Callable[[Subject], AbstractContextManager[Any]]
    loads: Sequence[Load] | Callable[[], Sequence[Load]]
    prepare: Callable[[], None] | None = None
    alternatives: tuple[str, ...] = ()
    settings: Callable[[Session], Sequence[Setting]] | None = None
    rounds: int | None = None
    in_quick: bool = True


class Running:
    """The subjects of one program that are open."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._open: dict[Subject, tuple[Any, ExitStack]] = {}

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        for subject in list(self._open):
            self.close(subject)

    def target(self, subject: Subject) -> Any:
        if subject not in self._open:
            with ExitStack() as stack:
                target = stack.enter_context(self._program.open(subject))
                self._open[subject] = (target, stack.pop_all())
        return self._open[subject][0]

    def open_all(self, subjects: Sequence[Subject]) -> None:
        """So that all rows meet the same machine. Who cannot be opened fails when its turn comes."""
        for subject in subjects:
            with suppress(BenchError, OSError):
                self.target(subject)

    def close(self, subject: Subject) -> None:
        if subject in self._open:
            self._open.pop(subject)[1].close()


def usage_of(process: RunningProcess) -> Usage | None:
    """None if it is gone, which whoever loads it will notice."""
    try:
        return process.usage()
    except (OSError, KeyError):
        return None


@dataclass(frozen=True)
class CpuSeconds:
    """That the subject itself has used, and that none of what is measured with has."""

    subject: float
    others: float


class Watch:
    """What a subject used while the context lasted: at most so many kernel threads and so much
    memory, if it is a process; cores; and the cores that were busy with something else."""

    def __init__(self, target: Any) -> None:
        # A target that is no process runs programs as children of ours.
        self._process = target if isinstance(target, RunningProcess) else None
        self._beside = getattr(target, "beside", [])
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.figures: Run = {}

    def _sample(self) -> None:
        kernel_threads, memory_bytes = 0, 0
        while self._process and not self._done.wait(SAMPLE_SECONDS):
            if seen := usage_of(self._process):
                kernel_threads = max(kernel_threads, seen.kernel_threads)
                memory_bytes = max(memory_bytes, seen.memory_bytes)
        if self._process:
            self.figures |= {"kernel_threads": kernel_threads, "memory_bytes": memory_bytes}

    def _cpu_seconds(self) -> CpuSeconds:
        own = os.times()
        children = own.children_user + own.children_system
        process = usage_of(self._process) if self._process else None
        beside = (usage_of(each) for each in self._beside)
        known = [own.user, own.system, children, *(each.cpu_seconds for each in beside if each)]
        if process:
            known.append(process.cpu_seconds)
        subject = process.cpu_seconds if process else children
        return CpuSeconds(subject, machine.busy_seconds() - sum(known))

    def __enter__(self) -> "Watch":
        self._began, self._used = time.monotonic(), self._cpu_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        elapsed, used = time.monotonic() - self._began, self._cpu_seconds()
        cores = (used.subject - self._used.subject) / elapsed
        others = max(0.0, used.others - self._used.others) / elapsed
        self.figures |= {"cores": round(cores, 3), "other_cores": round(others, 2)}


def observed(load: Load, target: Any, times: Times) -> Run:
    with Watch(target) as watch:
        run = load.measure(target, times)
    return watch.figures | run


def measure_load(
    session: Session, program: Program, load: Load, running: Running, subjects: Sequence[Subject]
) -> dict:
    failures: dict[str, str] = {}

    def measure(subject: Subject) -> Run:
        target = None
        try:
            target = running.target(subject)
            run = observed(load, target, session.times)
        except (BenchError, OSError) as error:
            failures[subject.name] = str(error)
            title = f"{program.name}, {load.name}, {subject.name}"
            if isinstance(target, RunningProcess):
                hang.show(target.pid, title)
            running.close(subject)
            raise BenchError(f"{title}: {error}") from error
        tail = f"  p99 {run['p99_ms']:,.2f} ms" if "p99_ms" in run else ""
        if run["other_cores"] >= NOISY_CORES:
            tail += f"  (others: {run['other_cores']:.2f} cores)"
        session.progress(
            f"{program.name:14} {load.name:28} {subject.name:20}"
            f" {run['value']:>12,.5g} {load.unit.name}{tail}"
        )
        return run

    measured = session.alternate(subjects, measure, program.rounds)
    return {
        "load": load.name,
        "unit": load.unit.name,
        "higher_is_better": load.unit.higher_is_better,
        "subjects": {
            subject.name: {"median": median(runs), "runs": runs} for subject, runs in measured
        },
        "failed": failures,
    }


def subjects_of(session: Session, program: Program) -> list[Subject]:
    settings = session.settings or (program.settings or standard_settings)(session)
    alternatives = () if session.settings else program.alternatives
    return [
        *(Subject(setting) for setting in settings),
        *(Subject(NATIVE, variant) for variant in alternatives),
    ]


def standard_settings(session: Session) -> list[Setting]:
    return [NATIVE, session.green(), session.green(1), session.green(2)]


def measure(session: Session, program: Program) -> dict:
    """The rows of a program, or the reason why there are none."""
    try:
        packages.require(program.packages)
        if program.prepare:
            program.prepare()
    except packages.UnavailableError as error:
        session.progress(f"{program.name}: skipped: {error}")
        return {"skipped": str(error)}
    except BenchError as error:
        session.fail(error)
        return {"skipped": str(error)}
    subjects = subjects_of(session, program)
    loads = [
        load
        for load in (program.loads() if callable(program.loads) else program.loads)
        if session.loads in load.name and (load.in_quick or not session.quick)
    ]
    try:
        with Running(program) as running:
            running.open_all(subjects)
            rows = [measure_load(session, program, load, running, subjects) for load in loads]
    finally:
        strays.end()
    return {"about": program.about, "rows": rows}
