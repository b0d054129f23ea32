"""The sections of docs/bench/README.md about programs measured in turns."""

from collections.abc import Iterator

from harness import catalogue, table
from harness.contest import Unit
from harness.dns import HUB

GREEN, BEST_FIXED = "libgreen", ("libgreen, 1 worker", "libgreen, 2 workers")


def spread(row: dict, name: str) -> str:
    """The median, and the least and most of all runs where there are several."""
    subject = row["subjects"].get(name)
    if subject is None:
        return "failed" if name in row["failed"] else "–"
    values = [run["value"] for run in subject["runs"]]
    middle = table.figure(subject["median"]["value"])
    if len(values) == 1:
        return middle
    return f"{middle} ({table.figure(min(values))}–{table.figure(max(values))})"


def value(row: dict, name: str, key: str = "value") -> float | None:
    subject = row["subjects"].get(name)
    return subject["median"].get(key) if subject else None


def gain(row: dict, name: str, base: str) -> float | None:
    """How much better one subject does than another: above 1 if it does."""
    ours, theirs = value(row, name), value(row, base)
    if not ours or not theirs:
        return None
    return Unit(row["unit"], row["higher_is_better"]).gain(ours, theirs)


def best(row: dict, names: tuple[str, ...]) -> str | None:
    measured = [name for name in names if name in row["subjects"]]
    return max(measured, key=lambda name: gain(row, name, measured[0]) or 0, default=None)


def percentiles(row: dict, name: str) -> str:
    high, highest = value(row, name, "p95_ms"), value(row, name, "p99_ms")
    if high is None or highest is None:
        return "–"
    return f"{table.figure(high)} / {table.figure(highest)}"


def or_dash(figure: float | None) -> str:
    return table.ratio(figure) if figure is not None else "–"


def names_of(rows: list[dict]) -> list[str]:
    found = {name: None for row in rows for name in (*row["subjects"], *row["failed"])}
    order = ["native", GREEN, *BEST_FIXED]
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def rates(rows: list[dict], names: list[str]) -> str:
    alternatives = [name for name in names if name not in ("native", GREEN, *BEST_FIXED)]
    fixed = [name for name in names if name in BEST_FIXED]
    header = ["", *names, "libgreen / native"]
    header += [f"libgreen / {name}" for name in alternatives]
    header += ["libgreen / best fixed number"] if fixed else []
    body = []
    for row in rows:
        cells = [f"{row['load']}, {row['unit']}", *(spread(row, name) for name in names)]
        cells.append(or_dash(gain(row, GREEN, "native")))
        cells += [or_dash(gain(row, GREEN, name)) for name in alternatives]
        if fixed:
            rival = best(row, BEST_FIXED)
            cells.append(or_dash(gain(row, GREEN, rival) if rival else None))
        body.append(cells)
    return table.markdown(header, body)


def latencies(rows: list[dict], names: list[str]) -> str | None:
    rows = [row for row in rows if any(value(row, name, "p99_ms") for name in names)]
    if not rows:
        return None
    header = ["95th / 99th percentile, ms", *names, "libgreen / native, p99"]
    body = []
    for row in rows:
        ours, theirs = value(row, GREEN, "p99_ms"), value(row, "native", "p99_ms")
        ratio = ours / theirs if ours and theirs else None
        body.append([row["load"], *(percentiles(row, name) for name in names), or_dash(ratio)])
    return table.markdown(header, body)


def resources(rows: list[dict], names: list[str]) -> str | None:
    rows = [row for row in rows if any(value(row, name, "kernel_threads") for name in names)]
    if not rows:
        return None

    def cell(row: dict, name: str) -> str:
        threads, memory = value(row, name, "kernel_threads"), value(row, name, "memory_bytes")
        if not threads:
            return "–"
        return f"{threads:,.0f}" + (f" / {table.mebibytes(memory)}" if memory else "")

    header = ["kernel threads / memory", *names]
    return table.markdown(
        header, [[row["load"], *(cell(row, name) for name in names)] for row in rows]
    )


def program(name: str, measured: dict) -> str:
    if "skipped" in measured:
        return f"### {name}\n\nNot measured: {measured['skipped']}.\n"
    rows = measured["rows"]
    names = names_of(rows)
    failures = "\n".join(
        f"- {row['load']}, {subject}: {reason}"
        for row in rows
        for subject, reason in row["failed"].items()
    )
    parts = [
        f"### {name}",
        measured["about"],
        rates(rows, names),
        latencies(rows, names),
        resources(rows, names),
        f"Failed:\n\n{failures}" if failures else None,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def point_selects(section: dict[str, dict]) -> dict[int, dict]:
    """MariaDB's rows of point selects, by the number of clients."""
    return {
        int(row["load"].split()[-2].replace(",", "")): row
        for row in section.get("mariadb", {}).get("rows", [])
        if row["load"].startswith("point select")
    }


def real(section: dict[str, dict]) -> str:
    programs = "\n".join(program(name, measured) for name, measured in section.items())
    lines = "![MariaDB](mariadb.svg)\n\n" if len(point_selects(section)) > 1 else ""
    return f"""## Real programs

Each natively, under libgreen with `GREEN_WORKERS` unset, 1 and 2, and beside its alternatives.
All of them run at once, idle but for the one whose turn it is; servers run on from load to load,
and each load has a second to settle before it is measured. In brackets the least and the most of
all runs. A ratio above 1 means that libgreen is faster, save for percentiles, which are of time.

{lines}![real programs](real.svg)

{programs}"""


def unthreaded(section: dict[str, dict]) -> str:
    programs = "\n".join(program(name, measured) for name, measured in section.items())
    return f"## Programs without threads\n\n{programs}"


def blocked(section: dict[str, dict]) -> str:
    """One table for each number of threads."""

    def cells(row: dict, name: str) -> list[str]:
        if name not in row["subjects"]:
            return ["failed", "–", "–"]
        median = row["subjects"][name]["median"]
        seconds = (f"{median[key]:.2f}" for key in ("entered_seconds", "value"))
        return [table.count(median["kernel_threads"]), *seconds]

    tables = []
    for measured in section.values():
        header = [measured["about"]]
        for name in ("native", GREEN):
            header += [f"{name}: kernel threads", "all in the call, s", "all served, s"]
        body = [
            [row["load"], *cells(row, "native"), *cells(row, GREEN)] for row in measured["rows"]
        ]
        tables.append(table.markdown(header, body))
    return (
        """## Blocked in every call

Threads that are each blocked in one call (`benches/blocked.c`): the most kernel threads that
the process had, when the last thread had entered the call, and when all were served, by another
process, which begins a second after that. `system` and `popen` run a child that sleeps for a
second, name look-ups meet a server that answers after a second.

"""
        + "\n\n".join(tables)
        + "\n"
    )


def dns(section: dict[str, dict]) -> str:
    def cells(row: dict, name: str) -> list[str]:
        if name not in row["subjects"]:
            return ["failed", "–"]
        median = row["subjects"][name]["median"]
        return [table.count(median["kernel_threads"]), f"{median['value']:.2f}"]

    names = ("native", GREEN, HUB)
    tables = []
    for measured in section.values():
        header = [measured["about"]]
        for name in names:
            header += [f"{name}: kernel threads", "all answered, s"]
        body = [
            [row["load"], *(cell for name in names for cell in cells(row, name))]
            for row in measured["rows"]
        ]
        tables.append(table.markdown(header, body))
    return (
        """## Name look-ups

As many threads, each of which looks one name up (`c-tests/dns_crowd.c`), and the most kernel
threads that were seen: by libc's resolver, natively and under libgreen, and by the hub's
(`GREEN_RESOLVER=hub`).

"""
        + "\n\n".join(tables)
        + "\n"
    )


def other_cores(sections: dict[str, dict]) -> Iterator[float]:
    """How many cores other programs took, in the median run of each row."""
    for name in catalogue.SECTIONS:
        for measured in sections.get(name, {}).get("figures", {}).values():
            for row in measured.get("rows", []):
                yield from (each["median"]["other_cores"] for each in row["subjects"].values())
