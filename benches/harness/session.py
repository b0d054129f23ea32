"""One run of scripts/bench: what was asked for, and what has gone wrong so far."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from harness.programs import BenchError, Setting

Subject = TypeVar("Subject")
Figures = TypeVar("Figures")


@dataclass(frozen=True)
class Times:
    """How long a load lasts before it is measured, and while it is."""

    seconds: float
    warm_up: float


@dataclass
class Session:
    library: Path
    rounds: int
    seconds: float
    warm_up: float
    # Of real programs, which take longer to settle than an echo server.
    times: Times = Times(4.0, 1.0)
    # A few of the loads only.
    quick: bool = False
    # Only loads with this in their name.
    loads: str = ""
    # Instead of those that a section would measure on its own.
    settings: Sequence[Setting] = ()
    failures: list[str] = field(default_factory=list)

    def green(self, workers: int | None = None) -> Setting:
        name = "libgreen" if workers is None else f"libgreen, {workers} worker{'s'[: workers > 1]}"
        return Setting(name, self.library, workers)

    def progress(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    def fail(self, error: BenchError) -> None:
        self.failures.append(str(error))
        self.progress(f"FAILED: {error}")

    def alternate(
        self,
        subjects: Sequence[Subject],
        measure: Callable[[Subject], Figures],
        rounds: int | None = None,
    ) -> list[tuple[Subject, list[Figures]]]:
        """Each subject once per round, in turn: A B C, A B C, ...

        Whatever the machine goes through meanwhile, it goes through for all of
        them. A subject that fails is not tried again in later rounds.
        """
        runs: list[list[Figures]] = [[] for _ in subjects]
        failed: set[int] = set()
        for _ in range(rounds or self.rounds):
            for index, subject in enumerate(subjects):
                if index in failed:
                    continue
                try:
                    runs[index].append(measure(subject))
                except BenchError as error:
                    failed.add(index)
                    self.fail(error)
        return [
            (subject, runs[index]) for index, subject in enumerate(subjects) if index not in failed
        ]
