"""Programs under test, and how the tests run one to its end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from servers.process import LIBRARY, environment

DIRECTORY = Path(__file__).resolve().parent

# The interpreter itself: a `python3` on the path may be a script, which would
# have libgreen loaded into a shell.
PYTHON = os.path.realpath(sys.executable)

# Of c-tests, what others load, open or talk to: no tests themselves.
HELPERS = {
    "calling_library",
    "code_library",
    "deep_library",
    "deny_writes",
    "waiting_library",
    "dns_report",
    "dns_server",
    "echo_server",
    "namespace_library",
    "tls_library",
}

# Longer than the watchdog of the C programs, which says more than this does.
TIMEOUT_SECONDS = 90


def programs_in(directory: Path) -> list[str]:
    """The self-checking programs that were built there."""
    return sorted(
        file.name
        for file in directory.iterdir()
        if file.is_file() and not file.suffix and file.name not in HELPERS
    )


def python_program(name, *arguments):
    """The command for one of the programs here. -X dev would change its locks."""
    return [PYTHON, str(DIRECTORY / f"{name}.py"), *map(str, arguments)]


def run_to_success(
    command, workers, timeout=TIMEOUT_SECONDS, may_complain=False, library=LIBRARY, variables=None
):
    """Runs a program in a session of its own; its standard output. Shows everything it said if it fails.

    libgreen has nothing to say on stderr, unless it may complain."""
    with subprocess.Popen(
        command,
        env=environment(workers, library) | (variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
            outcome = f"ended with status {process.returncode}"
        except subprocess.TimeoutExpired:
            # The session, since its children hold the pipes open as well.
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            outcome = f"still ran after {timeout} s"
    report = f"{command} {outcome}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
    assert outcome == "ended with status 0", report
    # A program that libgreen has given up on would pass as well.
    assert workers is None or may_complain or "libgreen: " not in stderr, report
    return stdout
