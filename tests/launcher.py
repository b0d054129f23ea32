"""How the tests call the launcher, and what a refusal of it looks like."""

import subprocess
from pathlib import Path

from servers.process import environment as environment_for

ROOT = Path(__file__).resolve().parent.parent
GREEN = ROOT / "target/release/green"
LIBRARY = ROOT / "target/release/libgreen.so"


def run_green(*arguments, launcher=GREEN, environment=None, **options):
    """Runs the launcher in a given environment: none of the caller's GREEN_* or LD_PRELOAD."""
    return subprocess.run(
        [launcher, *arguments],
        env=environment_for(None) | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def assert_refused(result, status, *fragments):
    """The launcher gave up with this status and one line that says all of this."""
    assert result.returncode == status, result
    assert result.stdout == ""
    assert result.stderr.startswith("green: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    for fragment in fragments:
        assert str(fragment) in result.stderr
