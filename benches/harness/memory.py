"""What a parked thread costs: run target/benches/parked."""

import json
import statistics
import subprocess

from harness.programs import BINARIES, NATIVE, BenchError, Setting
from harness.session import Session

PARKED = BINARIES / "parked"
STACK_BYTES = 64 * 1024
LIMIT_SECONDS = 60


def measure(threads: int, setting: Setting) -> dict[str, float]:
    title = f"{threads:,} parked threads, {setting.name}"
    try:
        done = subprocess.run(
            [str(PARKED), str(threads), str(STACK_BYTES)],
            env=setting.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{title}: not done after {LIMIT_SECONDS} s") from error
    report = json.loads(done.stdout) if done.stdout else {}
    if "error" in report:
        created, why = report["created"], report["error"]
        raise BenchError(f"{title}: pthread_create failed after {created:,}: {why}")
    if done.returncode or not report:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise BenchError(f"{title}: status {done.returncode}, said {said[0]}")
    return report


def run(session: Session) -> list[dict]:
    """10,000 both ways; 100,000 green only, since no pid limit lets native threads get there."""
    results = []
    for threads, settings in ((10_000, [NATIVE, session.green()]), (100_000, [session.green()])):

        def measure_one(setting: Setting, threads: int = threads) -> dict[str, float]:
            report = measure(threads, setting)
            session.progress(
                f"{threads:>7,} parked threads  {setting.name:9}"
                f" {report['rss_bytes']:>7,.0f} B RSS and"
                f" {report['kernel_stack_bytes']:>6,.0f} B kernel stack each,"
                f" {report['kernel_tasks']:,} kernel tasks,"
                f" {report['create_seconds']:.2f} s to create,"
                f" {report['broadcast_seconds'] * 1000:.1f} ms to wake"
            )
            return report

        for setting, runs in session.alternate(settings, measure_one):
            median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            results.append(
                {"threads": threads, "setting": setting.name, "median": median, "runs": runs}
            )
    return results
