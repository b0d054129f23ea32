"""The plots of docs/bench, from the sections of results.json."""

from harness import micro, report_programs, svg

GREEN, NATIVE_GREY, INK = "#12945a", "#8a94a0", "#1f2933"
COLOURS = {
    "native threads": NATIVE_GREY,
    "libgreen": GREEN,
    "epoll, 1 thread": INK,
    "epoll, 2 threads": "#5b6ee1",
    "gevent": "#d9730d",
    "asyncio streams": "#c0392b",
    "asyncio protocol": "#e58e84",
    "uvloop streams": "#2471a3",
    "uvloop protocol": "#76b5dd",
}
DASHED = {"epoll, 1 thread", "epoll, 2 threads"}


def echo_series(section: list[dict], figure: str, scale: float = 1) -> tuple[list, list]:
    counts = sorted({entry["connections"] for entry in section})
    names = list(dict.fromkeys(entry["contender"] for entry in section))
    found = {
        (entry["contender"], entry["connections"]): entry["median"][figure] * scale
        for entry in section
    }
    series = [
        svg.Series(
            name,
            COLOURS[name],
            [found.get((name, count)) for count in counts],
            dashed=name in DASHED,
            emphasised=name == "libgreen",
        )
        for name in names
    ]
    return counts, series


def echo(language: str, section: list[dict], machine: dict) -> dict[str, str]:
    where = f"64-byte messages; server and load generator share {machine['cores']} cores"
    counts, throughput = echo_series(section, "messages_per_second")
    _, latency = echo_series(section, "p99_us", 1 / 1000)
    slug = language.lower()
    return {
        f"{slug}-throughput.svg": svg.line_chart(
            f"{language} echo server: throughput",
            f"{where}. Higher is better.",
            "connections",
            "messages per second",
            counts,
            throughput,
        ),
        f"{slug}-p99.svg": svg.line_chart(
            f"{language} echo server: 99th percentile of latency",
            f"{where}. Lower is better.",
            "connections",
            "milliseconds",
            counts,
            latency,
            logarithmic=True,
        ),
    }


def micro_bars(section: list[dict]) -> dict[str, str]:
    colours = {"native": NATIVE_GREY, "libgreen": "#7cc9a2", "libgreen, 1 worker": GREEN}
    return {
        "micro.svg": svg.bar_chart(
            "Microbenchmarks",
            "Time of one operation. Lower is better.",
            "nanoseconds (logarithmic)",
            [micro.TITLES[entry["name"]][0] for entry in section],
            [
                svg.Series(name, colour, [entry["median_ns"].get(name) for entry in section])
                for name, colour in colours.items()
            ],
            logarithmic=True,
        )
    }


def memory_bars(section: list[dict]) -> dict[str, str]:
    parts = [
        ("resident pages", "rss_bytes", GREEN),
        ("page tables", "page_table_bytes", "#7cc9a2"),
        ("kernel stack", "kernel_stack_bytes", "#5f6b77"),
        ("kernel objects", "slab_bytes", "#b4bcc5"),
    ]
    return {
        "memory.svg": svg.stacked_bar_chart(
            "Memory of a parked thread",
            "64 KiB of stack asked for. Lower is better.",
            "KiB per thread",
            [f"{entry['threads']:,} threads, {entry['setting']}" for entry in section],
            [
                svg.Series(name, colour, [max(0, entry["median"][key]) / 1024 for entry in section])
                for name, key, colour in parts
            ],
        )
    }


def real_bars(section: dict[str, dict]) -> dict[str, str]:
    """One group of bars for each row of each program: times native."""
    rows = [
        (f"{name}: {row['load']}", row)
        for name, measured in section.items()
        for row in measured.get("rows", [])
        if "native" in row["subjects"]
    ]
    colours = {"libgreen": GREEN, "libgreen, 1 worker": "#b9e0cd", "libgreen, 2 workers": "#7cc9a2"}
    if not rows:
        return {}
    return {
        "real.svg": svg.bar_chart(
            "Real programs: speed against native threads",
            "Native is 1. Higher is better.",
            "times native (logarithmic)",
            [title for title, _ in rows],
            [
                svg.Series(
                    name, colour, [report_programs.gain(row, name, "native") for _, row in rows]
                )
                for name, colour in colours.items()
            ],
            logarithmic=True,
        )
    }


def mariadb_lines(section: dict[str, dict]) -> dict[str, str]:
    """Point selects by the number of clients."""
    rows = report_programs.point_selects(section)
    if len(rows) < 2:
        return {}
    colours = {
        "native": NATIVE_GREY,
        "libgreen": GREEN,
        "libgreen, 2 workers": "#7cc9a2",
        "own thread pool": INK,
    }
    return {
        "mariadb.svg": svg.line_chart(
            "MariaDB 10.11, unmodified: point selects",
            "sysbench beside the server on the same cores. Higher is better.",
            "clients",
            "queries per second",
            sorted(rows),
            [
                svg.Series(
                    name,
                    colour,
                    [report_programs.value(rows[count], name) for count in sorted(rows)],
                    dashed=name == "own thread pool",
                    emphasised=name == "libgreen",
                )
                for name, colour in colours.items()
            ],
        )
    }


def draw(results: dict) -> dict[str, str]:
    """File names and contents of every plot that the results have the figures for."""
    sections, files = results["sections"], {}
    for key, language in (("c", "C"), ("python", "Python")):
        if key in sections:
            files |= echo(language, sections[key]["figures"], results["machine"])
    if "micro" in sections:
        files |= micro_bars(sections["micro"]["figures"])
    if "memory" in sections:
        files |= memory_bars(sections["memory"]["figures"])
    if "real" in sections:
        files |= real_bars(sections["real"]["figures"])
        files |= mariadb_lines(sections["real"]["figures"])
    return files
