"""Load generators, and the figures in what they print."""

import json
import re
import subprocess
from collections.abc import Iterable, Sequence

from harness.echo import Run
from harness.process import RunningProcess
from harness.programs import BENCHES, BINARIES, NATIVE, BenchError
from harness.session import Times

# What a generator may take beside warm-up and measuring. A server that needs longer to
# answer what is outstanding has stopped.
GRACE_SECONDS = 30
PERCENTILES = (95, 99)


def output_of(command: Sequence[str], times: Times, target: RunningProcess, ok=(0,)) -> str:
    """What a native generator prints while it loads `target`."""
    limit = times.warm_up + times.seconds + GRACE_SECONDS
    name = command[0].rpartition("/")[2]
    try:
        done = subprocess.run(
            command,
            env=NATIVE.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise target.failure(f"{name} was not done after {limit:.0f} s") from error
    if done.returncode not in ok:
        said = [*done.stderr.strip().splitlines(), *done.stdout.strip().splitlines()]
        fatal = [line for line in said if "FATAL" in line or "rror" in line] or said or ["nothing"]
        raise target.failure(f"{name}: status {done.returncode}, said {fatal[0]}")
    return done.stdout


def echo_load(target: RunningProcess, connections: int, times: Times, *arguments: str) -> Run:
    """benches/load.c: every byte of every answer is checked."""
    command = [
        str(BINARIES / "load"),
        f"--port={target.port}",
        f"--connections={connections}",
        f"--seconds={times.seconds}",
        f"--warm-up={times.warm_up}",
        *arguments,
    ]
    lines = output_of(command, times, target, ok=(0, 1)).splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise target.failure("load gave no report")
    report = json.loads(lines[-1])
    if report["errors"] or report["mismatched_bytes"] or report["stalled"]:
        raise target.failure(
            f"{report['errors']:,} errors (first: {report['first_error'] or 'none'}),"
            f" {report['mismatched_bytes']:,} wrong bytes,"
            f" {report['unanswered']:,} messages unanswered"
        )
    if not report["messages"]:
        raise target.failure("no message was answered in the measured time")
    return {
        "value": report["messages_per_second"],
        **{f"p{p}_ms": report["latency_us"][f"p{p}"] / 1000 for p in PERCENTILES},
    }


def wrk(target: RunningProcess, connections: int, times: Times, path: str = "/") -> Run:
    """HTTP requests by wrk, one thread; the warm-up is a run of its own."""
    url = f"http://127.0.0.1:{target.port}{path}"
    script = str(BENCHES / "wrk_report.lua")

    def run(seconds: float) -> str:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        return output_of([*command, "--timeout=10s", f"--script={script}", url], times, target)

    if times.warm_up:
        run(times.warm_up)
    report = json.loads(run(times.seconds).splitlines()[-1])
    wrong = report["connect"] + report["status"] + report["timeout"]
    if wrong or not report["requests"]:
        raise target.failure(f"of {report['requests']:,} requests {wrong:,} failed ({report})")
    return {
        "value": report["requests"] / report["seconds"],
        **{f"p{p}_ms": report[f"p{p}_us"] / 1000 for p in PERCENTILES},
    }


def sysbench_command(test: str, threads: int, times: Times, *arguments: str) -> list[str]:
    """The warm-up is part of the run: figures start at the checkpoint that ends it."""
    return [
        "sysbench",
        test,
        f"--threads={threads}",
        f"--time={round(times.warm_up + times.seconds)}",
        f"--report-checkpoints={round(times.warm_up)}"
        if times.warm_up >= 1
        else "--report-checkpoints=",
        "--histogram",
        *arguments,
        "run",
    ]


def sysbench_figures(output: str, times: Times) -> Run:
    final = output.rpartition("General statistics:")[2]
    events = int(re.search(r"total number of events:\s+(\d+)", final)[1])
    total = float(re.search(r"total time:\s+([\d.]+)s", final)[1])
    seconds = total - round(times.warm_up)
    if not events:
        raise BenchError("sysbench saw no event")
    histogram = re.findall(r"^\s*([\d.]+) \|[* ]+ (\d+)$", output, re.MULTILINE)
    return {
        "value": events / seconds,
        **percentiles((float(value), int(count)) for value, count in histogram),
    }


def percentiles(histogram: Iterable[tuple[float, int]]) -> Run:
    """From milliseconds, ascending, and how often they were seen."""
    pairs = list(histogram)
    total, figures = sum(count for _, count in pairs), {}
    for percentile in PERCENTILES:
        seen = 0
        for value, count in pairs:
            seen += count
            if seen >= total * percentile / 100:
                figures[f"p{percentile}_ms"] = value
                break
    return figures
