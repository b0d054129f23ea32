"""What has been run, a line of JSON per process: a run that was cut short goes on from there."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from servers.process import LIBRARY

from conformance import WORK

RESULTS = WORK / "results"


@dataclass
class Entry:
    unit: str
    library: str
    seconds: float
    verdicts: dict[str, str]


def mode_name(workers: int | None) -> str:
    return "native" if workers is None else f"w{workers}"


def fingerprint(workers: int | None) -> str:
    """Of the library under test: what another one did says nothing of this one."""
    return "" if workers is None else hashlib.sha256(LIBRARY.read_bytes()).hexdigest()[:16]


class Ledger:
    """The entries of one suite in one mode."""

    def __init__(self, suite: str, workers: int | None, fresh: bool):
        self.directory = RESULTS / suite / mode_name(workers)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / "entries.jsonl"
        self.library = fingerprint(workers)
        self.entries: dict[str, Entry] = {}
        if fresh or not self.path.exists():
            self.path.write_text("")
        for line in self.path.read_text().splitlines():
            entry = Entry(**json.loads(line))
            if entry.library == self.library:
                self.entries[entry.unit] = entry

    def log(self, unit: str, attempt: str = "") -> Path:
        return self.directory / f"{unit}{attempt}.log"

    def add(self, unit: str, verdicts: dict[str, str], seconds: float) -> None:
        entry = Entry(unit, self.library, round(seconds, 2), verdicts)
        self.entries[unit] = entry
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")
