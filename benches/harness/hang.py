"""What the threads of a program that does not go on are doing, kept for whoever looks into it."""

import re
import shutil
import subprocess

from harness.programs import ROOT

DIRECTORY = ROOT / "target" / "bench-hangs"
LIMIT_SECONDS = 60
NAME_LENGTH = 120


def show(pid: int, title: str) -> None:
    """Writes every thread's backtrace to a file, if there is gdb and the process is there."""
    gdb = shutil.which("gdb")
    if gdb is None:
        return
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", title.lower())[:NAME_LENGTH]
    with (DIRECTORY / f"{name}.txt").open("w") as file:
        try:
            subprocess.run(
                [gdb, "-p", str(pid), "-batch", "-ex", "thread apply all bt"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            file.write(f"gdb was not done after {LIMIT_SECONDS} s\n")
