"""docs/bench/README.md, from the sections of results.json."""

from harness import children, micro, report_programs, table
from harness.process import KERNEL_STACK_BYTES


def echo_tables(section: list[dict], peers: list[str]) -> str:
    counts = sorted({entry["connections"] for entry in section})
    names = list(dict.fromkeys(entry["contender"] for entry in section))
    found = {(entry["contender"], entry["connections"]): entry["median"] for entry in section}

    def rows(show) -> list[list[str]]:
        return [
            [name, *(show(found[name, n]) if (name, n) in found else "failed" for n in counts)]
            for name in names
        ]

    def against(peer: str) -> list[str]:
        cells = []
        for n in counts:
            both = ("libgreen", n) in found and (peer, n) in found
            cells.append(
                table.ratio(
                    found["libgreen", n]["messages_per_second"]
                    / found[peer, n]["messages_per_second"]
                )
                if both
                else "–"
            )
        return [f"**libgreen / {peer}**", *cells]

    columns = [f"{n:,} connections" for n in counts]
    throughput = rows(lambda run: table.count(run["messages_per_second"]))
    latency = rows(
        lambda run: f"{table.milliseconds(run['p50_us'])} / {table.milliseconds(run['p99_us'])}"
    )
    memory = rows(
        lambda run: f"{run['kernel_threads']:,.0f} / {table.mebibytes(run['memory_bytes'])}"
    )
    cost = rows(lambda run: f"{run['server_us_per_message']:.1f}")
    return "\n\n".join(
        [
            table.markdown(
                ["messages per second", *columns], [*throughput, *(against(p) for p in peers)]
            ),
            table.markdown(["latency, p50 / p99", *columns], latency),
            table.markdown(["kernel threads / memory", *columns], memory),
            table.markdown(["server CPU, µs per message", *columns], cost),
        ]
    )


def c(section: list[dict]) -> str:
    tables = echo_tables(section, ["native threads", "epoll, 1 thread", "epoll, 2 threads"])
    return f"""## C: thread-per-connection echo server

`c-tests/echo_server.c`, unmodified, against itself on native threads, and against an epoll loop
written by hand (`benches/epoll_server.c`) as the ceiling.

![throughput](c-throughput.svg)

![99th percentile of latency](c-p99.svg)

{tables}
"""


def stdio(section: list[dict]) -> str:
    return f"""## C: the same with stdio

`benches/line_server.c`: a thread for each connection, which it makes a stream of, and `fgets` and
`fprintf` in that.

{echo_tables(section, ["native threads"])}
"""


def python(section: list[dict]) -> str:
    peers = ["native threads", "gevent", "asyncio streams", "uvloop streams", "uvloop protocol"]
    return f"""## Python: `threading` echo server

`benches/echo_threading.py`, unmodified, against itself on native threads, and against the same
server written for gevent, asyncio and uvloop. The streams servers run a coroutine per connection;
the protocol servers are callbacks.

![throughput](python-throughput.svg)

![99th percentile of latency](python-p99.svg)

{echo_tables(section, peers)}
"""


def workers(section: list[dict]) -> str:
    counts = sorted({entry["connections"] for entry in section})
    names = list(dict.fromkeys(entry["contender"] for entry in section))
    found = {(entry["contender"], entry["connections"]): entry["median"] for entry in section}
    rows = [
        [
            name,
            *(
                f"{table.count(found[name, n]['messages_per_second'])} /"
                f" {table.milliseconds(found[name, n]['p99_us'])}"
                if (name, n) in found
                else "failed"
                for n in counts
            ),
        ]
        for name in names
    ]
    header = ["messages per second / p99", *(f"{n:,} connections" for n in counts)]
    return f"## How many workers\n\n{table.markdown(header, rows)}\n"


def micro_table(section: list[dict]) -> str:
    rows = []
    for entry in section:
        title, goal = micro.TITLES[entry["name"]]
        medians = entry["median_ns"]
        native, one = medians.get("native"), medians.get("libgreen, 1 worker")
        rows.append(
            [
                title,
                *(
                    table.nanoseconds(medians[name]) if name in medians else "failed"
                    for name in ("native", "libgreen", "libgreen, 1 worker")
                ),
                table.ratio(one / native) if native and one else "–",
                f"≤ {goal}" if goal else "",
            ]
        )
    header = [
        "operation, ns",
        "native",
        "libgreen",
        "libgreen, 1 worker",
        "1 worker / native",
        "goal",
    ]
    return f"""## Microbenchmarks

A round trip is there and back. Where several threads work, it is wall-clock time over the
operations of all of them. Cold creation makes 4,000 threads that are all alive at once.

![microbenchmarks](micro.svg)

{table.markdown(header, rows)}
"""


def memory(section: list[dict], pid_limit: int) -> str:
    rows = []
    for entry in section:
        run = entry["median"]
        rows.append(
            [
                f"{entry['threads']:,} threads, {entry['setting']}",
                *(
                    table.count(run[key])
                    for key in (
                        "rss_bytes",
                        "page_table_bytes",
                        "kernel_stack_bytes",
                        "slab_bytes",
                        "kernel_tasks",
                    )
                ),
                f"{run['create_seconds']:.2f} s / {run['finish_seconds']:.2f} s",
                f"{run['broadcast_seconds'] * 1000:.1f} ms" if "broadcast_seconds" in run else "–",
            ]
        )
    header = [
        "bytes per parked thread",
        "resident",
        "page tables",
        "kernel stack",
        "kernel objects",
        "kernel tasks in all",
        "to create / to finish",
        "one broadcast",
    ]
    return f"""## Memory of a parked thread

Threads with 64 KiB of stack, parked on a semaphore. Resident pages and page tables are the
process's own; kernel stacks and kernel objects (unreclaimable slab) are what the machine's
`/proc/meminfo` grew by. 100,000 native threads are out of reach: the pid limit is {pid_limit:,}.
A broadcast wakes all of them, who wait on one condition variable, and is over when each has held
the mutex again.

![memory](memory.svg)

{table.markdown(header, rows)}
"""


def idle(section: list[dict]) -> str:
    rows = [
        [
            entry["subject"],
            table.count(entry["kernel_threads"]),
            table.count(entry["context_switches_per_second"]),
            "no strace"
            if entry["syscalls_per_second"] is None
            else table.count(entry["syscalls_per_second"]),
            f"{entry['cpu_seconds_per_second'] * 1000:.0f} ms",
        ]
        for entry in section
    ]
    header = [
        "idle process under libgreen",
        "kernel threads",
        "context switches per second",
        "system calls per second",
        "CPU per second",
    ]
    return f"""## Idle

Context switches are those of every kernel thread, from `/proc`; system calls are what
`strace -f` sees in one second.

{table.markdown(header, rows)}
"""


def children_table(section: list[dict]) -> str:
    names = ("native", "libgreen", "libgreen, 2 workers")
    rows = []
    for entry in section:
        medians = entry["median"]
        native, green = medians.get("native"), medians.get("libgreen")
        rows.append(
            [
                entry["situation"],
                children.TITLES[entry["way"]],
                *(
                    f"{medians[name]['ns'] / 1e3:,.0f} / {medians[name]['cpu_ns'] / 1e3:,.0f}"
                    if name in medians
                    else "failed"
                    for name in names
                ),
                table.ratio(green["cpu_ns"] / native["cpu_ns"]) if native and green else "–",
            ]
        )
    header = ["", "", *(f"{name}, µs" for name in names), "CPU, libgreen / native"]
    return f"""## Starting processes

Wall-clock time / CPU time of parent and child for each process that is started and waited for.
The programs themselves (`/bin/true`, or a shell that exits) run natively in all columns.

{table.markdown(header, rows, labels=2)}
"""


def busiest_neighbour(sections: dict) -> float:
    """The most that other programs took of the CPU in the median run of any load."""
    entries = [
        e
        for key in ("c", "stdio", "python", "workers")
        for e in sections.get(key, {}).get("figures", [])
    ]
    echoes = [entry["median"]["other_cores"] for entry in entries]
    return max([*echoes, *report_programs.other_cores(sections)], default=0.0)


def render(results: dict) -> str:
    machine, sections = results["machine"], results["sections"]
    parts = [
        f"""# Benchmarks

Written by `make bench` (`scripts/bench`); every run is in [results.json](results.json).

Measured on {machine["date"]}: {machine["cpu"]}, {machine["cores"]} cores,
{machine["memory_gib"]} GiB, Linux {machine["kernel"]}, {machine["libc"]},
Python {machine["python"]}.

How to read the figures:

- The load generator (`benches/load.c`, one native thread) runs on the same
  {machine["cores"]} cores as the server, and nothing is pinned. Other programs took at most
  {busiest_neighbour(sections):.2f} cores in the median run of any load.
- A connection sends 64 bytes, waits for the echo, checks every byte, and sends again. With all
  connections busy all the time, latency is about connections / throughput.
- Contenders take turns (A B C, A B C, …), each run with a fresh process; figures are medians
  of {results["rounds"]} rounds, a load being measured for {results["seconds"]:g} s, that of a
  real program for {results["program_seconds"]:g} s.
- Memory is VmRSS plus {KERNEL_STACK_BYTES // 1024} KiB of kernel stack per kernel thread,
  under load.
"""
    ]
    writers = {
        "c": c,
        "stdio": stdio,
        "python": python,
        "workers": workers,
        "micro": micro_table,
        "memory": lambda figures: memory(figures, machine["pid_limit"]),
        "idle": idle,
        "real": report_programs.real,
        "blocked": report_programs.blocked,
        "dns": report_programs.dns,
        "unthreaded": report_programs.unthreaded,
        "children": children_table,
    }
    parts += [
        write(sections[name]["figures"]) for name, write in writers.items() if name in sections
    ]
    return "\n".join(parts)
