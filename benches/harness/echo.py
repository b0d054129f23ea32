"""Load an echo server and measure it."""

import json
import statistics
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from harness import machine
from harness.process import RunningServer
from harness.programs import BINARIES, NATIVE, Server, Setting

# What the load generator may take beside warm-up and measuring: its own limits
# for opening and draining are 30 s and 10 s.
GENERATOR_GRACE_SECONDS = 60


@dataclass(frozen=True)
class Load:
    connections: int
    seconds: float
    warm_up: float = 0.5
    size: int = 64
    # Text that ends in a newline, for servers that read lines.
    lines: bool = False

    def command(self, port: int) -> list[str]:
        return [
            str(BINARIES / "load"),
            f"--port={port}",
            f"--connections={self.connections}",
            f"--size={self.size}",
            f"--seconds={self.seconds}",
            f"--warm-up={self.warm_up}",
            *(["--lines"] if self.lines else []),
        ]


Run = dict[str, float]


def measure(server: Server, setting: Setting, load: Load) -> Run:
    """One run: a fresh server process, one load, the server gone again."""
    with RunningServer(server, setting) as running:
        generator = subprocess.Popen(
            load.command(running.port),
            env=NATIVE.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        limit = load.warm_up + load.seconds + GENERATOR_GRACE_SECONDS
        watchdog = threading.Timer(limit, generator.kill)
        watchdog.start()
        try:
            samples, report = _follow(generator, running)
        finally:
            generator.kill()
            generator.wait()
            generator.stdout.close()
            watchdog.cancel()
        if report is None:
            raise running.failure("the load generator gave no report")
        for wrong, what in [
            (report["errors"], "connections failed"),
            (report["mismatched_bytes"], "bytes came back wrong"),
            (report["stalled"] and report["unanswered"], "messages were never answered"),
        ]:
            if wrong:
                first = f", first: {report['first_error']}" if report["first_error"] else ""
                raise running.failure(f"{wrong:,} {what}{first}")
        if not report["messages"] or len(samples) != 2:
            raise running.failure("no message was echoed in the measured time")
    return _summary(report, samples)


def _follow(generator: subprocess.Popen, running: RunningServer) -> tuple[list[tuple], dict | None]:
    """Samples the server at both ends of the measured window."""
    samples, report = [], None
    for line in generator.stdout:
        if line in ("measuring\n", "measured\n"):
            try:
                samples.append((running.usage(), machine.busy_seconds()))
            except (FileNotFoundError, ProcessLookupError, KeyError):
                continue  # the server is gone: the generator's report says what that did
        else:
            report = json.loads(line)
    return samples, report


def _summary(report: dict, samples: list[tuple]) -> Run:
    (before, busy_before), (after, busy_after) = samples
    seconds, messages = report["seconds"], report["messages"]
    server_cpu = (after.cpu_seconds - before.cpu_seconds) / seconds
    busy = (busy_after - busy_before) / seconds
    return {
        "messages_per_second": report["messages_per_second"],
        "p50_us": report["latency_us"]["p50"],
        "p99_us": report["latency_us"]["p99"],
        "max_us": report["latency_us"]["max"],
        "open_seconds": report["open_seconds"],
        "kernel_threads": max(before.kernel_threads, after.kernel_threads),
        "rss_bytes": max(before.rss_bytes, after.rss_bytes),
        "memory_bytes": max(before.memory_bytes, after.memory_bytes),
        "server_cores": round(server_cpu, 3),
        "generator_cores": report["generator_cpu"],
        "other_cores": round(max(0.0, busy - server_cpu - report["generator_cpu"]), 3),
        "server_us_per_message": round(server_cpu * seconds / messages * 1e6, 3),
    }


def median(runs: Iterable[Run]) -> Run:
    runs = list(runs)
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}
