"""The state matrix: each check of c-tests/states in each state, each in a process of its own."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from conformance.known import Row, covering, read
from launcher import ROOT
from servers.process import environment

BUILT = ROOT / "target/c-tests/states"
DRIVER = BUILT / "driver"
FAMILIES = sorted(
    source.stem
    for source in (ROOT / "c-tests/states").glob("*.c")
    if source.stem not in {"driver", "enter"}
)
KNOWN = Path(__file__).with_name("state_matrix_known.txt")

# A cell takes some 50 ms, most of them asleep.
CELL_SECONDS = 10
# For those that are known to fail, mostly by hanging.
KNOWN_SECONDS = 2
# Of a row that is a pattern so many cells of a family are run; it stands for all of them.
SAMPLE = 2
JOBS = 2 * (os.cpu_count() or 1)


@dataclass
class Cell:
    """A check in a state."""

    family: str
    state: str
    check: str
    failure: str | None = None

    @property
    def name(self) -> str:
        return f"{self.state}/{self.check}"


def cells(family: str) -> list[Cell]:
    command = [DRIVER, BUILT / f"{family}.so"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Cell(family, *line.split()) for line in listed.splitlines()]


def run(cell: Cell, workers: int | None, seconds: float = CELL_SECONDS) -> Cell:
    process = subprocess.Popen(
        [DRIVER, BUILT / f"{cell.family}.so", cell.state, cell.check],
        env=environment(workers),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        words, _ = process.communicate(timeout=seconds)
        if process.returncode != 0:
            said = words.decode(errors="replace").strip()
            cell.failure = f"ended with status {process.returncode}: {said}"
    except subprocess.TimeoutExpired:
        cell.failure = f"still ran after {seconds} s"
    finally:
        # With the children that a failed cell leaves behind, which hold the pipe.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return cell


def chosen(family: str, rows: list[Row], workers: int | None) -> Iterator[tuple[Cell, Row | None]]:
    """The cells to run, each with the row that says that it fails."""
    taken: Counter[Row] = Counter()
    for cell in cells(family):
        row = covering(rows, family, cell.name, workers) if workers is not None else None
        if row and "*" in row.test:
            taken[row] += 1
            if taken[row] > SAMPLE:
                continue
        yield cell, row


def complaints(family: str, workers: int | None) -> list[str]:
    """What is not as it should be: cells that fail and are not known to, known ones that hold."""

    def judge(choice: tuple[Cell, Row | None]) -> str | None:
        cell, row = choice
        run(cell, workers, KNOWN_SECONDS if row else CELL_SECONDS)
        if cell.failure and not row:
            return f"{cell.name}: {cell.failure}"
        if row and not cell.failure and not row.sometimes:
            return f"{cell.name} holds now: take it out of {KNOWN.name}"
        return None

    with ThreadPoolExecutor(JOBS) as pool:
        return [
            complaint
            for complaint in pool.map(judge, chosen(family, read(KNOWN), workers))
            if complaint
        ]
