"""What it costs to start a process beside threads: target/benches/children."""

import json
import resource
import statistics
import subprocess

from harness.programs import BINARIES, NATIVE, BenchError, Setting
from harness.session import Session

CHILDREN = BINARIES / "children"
LIMIT_SECONDS = 30
LARGE_FILE_LIMIT = 20_000

WAYS = ("fork", "fork_exec", "vfork_exec", "posix_spawn", "system", "popen")
TITLES = {
    "fork": "fork, exit",
    "fork_exec": "fork + exec",
    "vfork_exec": "vfork + exec",
    "posix_spawn": "posix_spawn",
    "system": "system",
    "popen": "popen",
}


def situations() -> dict[str, tuple[int, int, int]]:
    """Titles, and threads that start processes, threads that stand by, the limit on descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    large = min(LARGE_FILE_LIMIT, hard)
    return {
        "no threads": (0, 0, 1024),
        "beside 1 thread": (1, 1, 1024),
        f"beside 1 thread, {large:,} descriptors allowed": (1, 1, large),
        "beside 50 threads": (1, 50, 1024),
        "in 50 threads": (50, 0, 1024),
    }


def measure(way: str, situation: tuple[int, int, int], setting: Setting) -> dict[str, float]:
    """Nanoseconds of wall-clock and of CPU time, and page faults, for each process."""
    command = [str(CHILDREN), way, *map(str, situation)]
    title = f"{' '.join(command[1:])}, {setting.name}"
    try:
        done = subprocess.run(
            command,
            env=setting.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"children {title}: not done after {LIMIT_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise BenchError(f"children {title}: status {done.returncode}, said {said[0]}")
    figures = json.loads(done.stdout)
    return {key: figures[key] for key in ("ns", "cpu_ns", "faults")}


def run(session: Session) -> list[dict]:
    results = []
    settings = [NATIVE, session.green(), session.green(workers=2)]
    for title, situation in situations().items():
        for way in WAYS:
            measured = session.alternate(
                settings, lambda setting, w=way, s=situation: measure(w, s, setting)
            )
            medians = {
                setting.name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
                for setting, runs in measured
            }
            figures = "  ".join(f"{key} {run['ns'] / 1e3:,.0f} µs" for key, run in medians.items())
            session.progress(f"{title}: {way:12} {figures}")
            results.append({"situation": title, "way": way, "median": medians})
    return results
