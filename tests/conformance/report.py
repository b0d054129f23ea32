"""What a run says at its end, to people and to programs."""

import json
from collections import Counter
from dataclasses import asdict

from conformance.known import Row, covering
from conformance.ledger import RESULTS
from conformance.runner import Difference, Outcome
from conformance.unit import PASS, SKIP

LINES_SHOWN = 25


def tail(difference: Difference) -> str:
    lines = difference.log.read_text(errors="replace").splitlines()
    return "\n".join(f"    {line[:200]}" for line in lines[-LINES_SHOWN:])


def show(title: str, differences: list[Difference], rows: list[Row]) -> None:
    if differences:
        print(f"\n=== {title}")
    shown = set()
    for difference in differences:
        print(f"{difference.suite} {difference.test} w{difference.workers}: {difference.verdict}")
        row = covering(rows, difference.suite, difference.test, difference.workers)
        if row:
            print(f"    {row.reason}")
        elif difference.log not in shown:
            shown.add(difference.log)
            print(tail(difference))


def outdated(rows: list[Row], outcomes: list[Outcome]) -> list[str]:
    """Rows of the list whose test did as natively this time."""
    found = []
    for outcome in outcomes:
        differ = {(d.test, d.workers) for d in [*outcome.differences, *outcome.unsteady]}
        for row in rows:
            if row.suite != outcome.suite or row.sometimes:
                continue
            for workers in sorted(row.workers & outcome.green.keys()):
                if row.test in outcome.green[workers] and (row.test, workers) not in differ:
                    found.append(f"{row.suite} {row.test} w{workers}")
    return found


def counts(outcome: Outcome) -> str:
    native = Counter(outcome.native.values())
    failing = sum(native.values()) - native[PASS] - native[SKIP]
    parts = [
        f"{outcome.suite}: {native[PASS]} tests pass natively",
        f"{native[SKIP]} are not for this system, {failing} fail natively",
        f"{len(outcome.unusable)} not for a program outside glibc's build",
    ]
    for workers in outcome.green:
        wrong = sum(d.workers == workers for d in outcome.differences)
        parts.append(f"w{workers}: {native[PASS] - wrong} the same, {wrong} not")
    return "; ".join(parts)


def save(outcomes: list[Outcome]) -> None:
    path = RESULTS / "summary.json"
    path.write_text(json.dumps([asdict(o) for o in outcomes], indent=1, default=str) + "\n")
    print(f"\nverdicts: {path}")


def finish(outcomes: list[Outcome], rows: list[Row]) -> bool:
    """Says it all; whether the run is as it should be."""
    differences = [d for outcome in outcomes for d in outcome.differences]
    unsteady = [d for outcome in outcomes for d in outcome.unsteady]
    for outcome in outcomes:
        for test, verdict in sorted(outcome.native.items()):
            if verdict not in (PASS, SKIP):
                print(
                    f"not judged, since it does not pass natively: {outcome.suite} {test}: {verdict}"
                )
    known = [d for d in differences if covering(rows, d.suite, d.test, d.workers)]
    unknown = [d for d in differences if d not in known]
    show("differences that are known", known, rows)
    show("differed among other processes, not alone", unsteady, rows)
    show("differences", unknown, rows)
    stale = outdated(rows, outcomes)
    if stale:
        print("\n=== no difference any more; take these out of known.txt")
        print("\n".join(stale))
    save(outcomes)
    for outcome in outcomes:
        print(counts(outcome))
    judged = sum(len(outcome.green[workers]) for outcome in outcomes for workers in outcome.green)
    print(f"{judged - len(unknown)} passed, {len(unknown)} failed")
    return not unknown and not stale
