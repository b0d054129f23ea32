"""Programs that must do with libgreen what they do natively, except where a list says otherwise."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance import JOBS
from conformance.known import covering, read

MODES = [None, 1, 2, 4]


def last_words(output: bytes) -> str:
    return " | ".join(output.decode(errors="replace").splitlines()[-3:])


def judge(names: list[str], run: Callable[[str, int | None], str | None], known: Path) -> bool:
    """Runs each natively and with 1, 2 and 4 workers; whether all is as it should be.

    A name is `kind/program`, and `run` says why it failed. What fails natively is not judged.
    """
    rows = read(known)
    failing = passed = 0
    native: dict[str, str | None] = {}
    with ThreadPoolExecutor(JOBS) as pool:
        for workers in MODES:
            usable = [name for name in names if native.get(name) is None]
            failures = pool.map(lambda name, w=workers: run(name, w), usable)
            for name, failure in zip(usable, failures, strict=True):
                if workers is None:
                    native[name] = failure
                    if failure:
                        print(f"not judged, fails natively: {name}: {failure}", flush=True)
                    continue
                kind, _, program = name.partition("/")
                row = covering(rows, kind, program, workers)
                if failure and not row:
                    failing += 1
                    print(f"FAILED: {name}, {workers} workers: {failure}", flush=True)
                elif row and not failure and not row.sometimes:
                    failing += 1
                    print(f"{name}, {workers} workers: no difference: take it out of {known.name}")
                else:
                    passed += 1
    print(f"{passed} passed, {failing} failed")
    return failing == 0
