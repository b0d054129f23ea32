"""Runs the suites in each mode and settles what differs."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from conformance import JOBS
from conformance.known import Row, covering
from conformance.ledger import Ledger, mode_name
from conformance.unit import PASS, SKIP, TIMEOUT, Unit, run

# How often a test that differs is run again with nothing beside it.
ALONE = 3
PROGRESS_SECONDS = 30


@dataclass
class Difference:
    """A test that passes natively and not with so many workers."""

    suite: str
    test: str
    workers: int
    verdict: str
    log: Path


@dataclass
class Outcome:
    """All that one suite did."""

    suite: str
    native: dict[str, str] = field(default_factory=dict)
    green: dict[int, dict[str, str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    # Failed beside others, or fail natively now and then, and passed whenever run alone.
    unsteady: list[Difference] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)


def run_all(units: Iterable[Unit], workers: int | None, ledger: Ledger) -> None:
    """Runs those that the ledger has no entry of, some at a time, in this order."""
    waiting = [unit for unit in units if unit.name not in ledger.entries]
    shown = time.monotonic()
    with ThreadPoolExecutor(JOBS) as pool:
        running = {pool.submit(run, unit, workers, ledger.log(unit.name)): unit for unit in waiting}
        for done, future in enumerate(as_completed(running), 1):
            unit = running[future]
            ledger.add(unit.name, *future.result())
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"{unit.suite}, {mode_name(workers)}: {done} of {len(waiting)}", flush=True)


def verdicts_of(units: Iterable[Unit], ledger: Ledger) -> dict[str, str]:
    every: dict[str, str] = {}
    for unit in units:
        every |= ledger.entries[unit.name].verdicts
    return every


def differing(native: dict[str, str], green: dict[str, str]) -> list[str]:
    """The tests of one process that passed natively and not here.

    A file of tests that was cut short has lost the verdicts of its tests; then the file differs.
    """
    failing = [test for test, verdict in native.items() if verdict == PASS != green.get(test)]
    lost = [test for test in failing if test not in green]
    return [test for test in failing if test not in lost] or failing


def settle(unit: Unit, failing: list[str], workers: int, ledger: Ledger, native: Ledger) -> bool:
    """Whether the tests fail also with nothing beside them, and never natively."""
    alone = unit.narrowed(failing) if unit.narrowed else unit

    def fails(workers: int | None, ledger: Ledger, attempt: int) -> bool:
        verdicts, _ = run(alone, workers, ledger.log(unit.name, f".alone{attempt}"))
        return any(verdicts.get(test, TIMEOUT) not in (PASS, SKIP) for test in failing)

    attempts = range(ALONE)
    return any(fails(workers, ledger, attempt) for attempt in attempts) and not any(
        fails(None, native, attempt) for attempt in attempts
    )


def run_suite(
    suite: str,
    units: list[Unit],
    unusable: dict[str, str],
    modes: list[int],
    rows: list[Row],
    fresh: bool,
) -> Outcome:
    native = Ledger(suite, None, fresh)
    run_all(units, None, native)
    outcome = Outcome(suite, native=verdicts_of(units, native), unusable=unusable)
    usable = [unit for unit in units if native.entries[unit.name].verdicts[unit.name] == PASS]
    # What takes longest first, so that nothing is left to run alone at the end.
    usable.sort(key=lambda unit: native.entries[unit.name].seconds, reverse=True)
    for workers in modes:
        ledger = Ledger(suite, workers, fresh)
        run_all(usable, workers, ledger)
        outcome.green[workers] = verdicts_of(usable, ledger)
        for unit in usable:
            here = ledger.entries[unit.name].verdicts
            failing = differing(native.entries[unit.name].verdicts, here)
            if not failing:
                continue
            known = all(covering(rows, suite, test, workers) for test in failing)
            steady = known or settle(unit, failing, workers, ledger, native)
            (outcome.differences if steady else outcome.unsteady).extend(
                Difference(
                    suite, test, workers, here.get(test, here[unit.name]), ledger.log(unit.name)
                )
                for test in failing
            )
    return outcome
