"""Run target/benches/micro, natively and preloaded."""

import json
import statistics
import subprocess

from harness.programs import BINARIES, NATIVE, BenchError, Setting
from harness.session import Session

MICRO = BINARIES / "micro"
LIMIT_SECONDS = 30
# The runs are short, and a few nanoseconds vary more from process to process
# than thousands of messages do.
ROUNDS_PER_ROUND = 2

# The goals are those of the design for green threads on one worker, in ns.
TITLES = {
    "yield_2_threads": ("sched_yield, 2 threads", 50),
    "yield_8_threads": ("sched_yield, 8 threads", 50),
    "cond_round_trip": ("condition variable round trip", 150),
    "sem_round_trip": ("semaphore round trip", 150),
    "pipe_round_trip": ("pipe round trip", None),
    "socketpair_round_trip": ("socketpair round trip", None),
    "create_cold": ("create, cold", None),
    "create_join_cold": ("create + join, cold", None),
    "create_join_warm": ("create + join, warm", 500),
    "mutex_uncontended": ("mutex, uncontended", None),
    "mutex_contended_4_threads": ("mutex, 4 threads contending", None),
    "rwlock_read_uncontended": ("read lock, uncontended", None),
    "getpid_unthreaded": ("getpid (not hooked), no threads yet", None),
    "read_zero_unthreaded": ("read /dev/zero, no threads yet", None),
    "read_zero_threaded": ("read /dev/zero, beside a thread", None),
    "recv_eagain_unthreaded": ("recv saying EAGAIN, no threads yet", None),
    "recv_eagain_threaded": ("recv saying EAGAIN, beside a thread", None),
}


def measure(name: str, setting: Setting) -> float:
    """Nanoseconds per operation, in a process of its own."""
    try:
        done = subprocess.run(
            [str(MICRO), name],
            env=setting.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"micro {name}, {setting.name}: not done after {LIMIT_SECONDS} s"
        raise BenchError(message) from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise BenchError(f"micro {name}, {setting.name}: status {done.returncode}, said {said[0]}")
    return json.loads(done.stdout)["ns"]


def run(session: Session) -> list[dict]:
    results = []
    settings = [NATIVE, session.green(), session.green(workers=1)]
    for name in TITLES:
        measured = session.alternate(
            settings,
            lambda setting, name=name: measure(name, setting),
            rounds=ROUNDS_PER_ROUND * session.rounds,
        )
        medians = {setting.name: statistics.median(runs) for setting, runs in measured}
        figures = "  ".join(f"{key} {value:,.1f} ns" for key, value in medians.items())
        session.progress(f"{name:26} {figures}")
        results.append(
            {
                "name": name,
                "median_ns": medians,
                "runs_ns": {setting.name: runs for setting, runs in measured},
            }
        )
    return results
