"""Lists of the differences that are known, with their reasons. They have to stay true."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One difference, or, if the test is a pattern of the shell's, a group of them.

    A row with `sometimes` describes one that does not show in each run.
    """

    suite: str
    test: str
    workers: frozenset[int]
    sometimes: bool
    reason: str


def read(path: Path) -> list[Row]:
    """The rows of a list: suite, test, numbers of workers (`1,4`, or `1,4?`: sometimes), reason."""
    rows = []
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(maxsplit=3)
        if len(fields) < 4:
            raise SystemExit(f"conformance: {path.name}: no reason given: {line}")
        suite, test, workers, reason = fields
        numbers = frozenset(int(number) for number in workers.rstrip("?").split(","))
        rows.append(Row(suite, test, numbers, workers.endswith("?"), reason))
    return rows


def covering(rows: Iterable[Row], suite: str, test: str, workers: int) -> Row | None:
    """The row that covers a test. No workers means: as many as help, which may be any number."""
    for row in rows:
        if row.suite in (suite, "*") and fnmatchcase(test, row.test):
            if workers == 0:
                return replace(row, sometimes=True)
            if workers in row.workers:
                return row
    return None
