"""Debian packages that a measured program needs, installed on demand."""

import subprocess
import sys

from harness.programs import ROOT, BenchError

INSTALL = ROOT / "scripts" / "install-packages"
LIMIT_SECONDS = 900


class UnavailableError(BenchError):
    """A package cannot be had, so what needs it is left out."""


def require(packages: tuple[str, ...]) -> None:
    """Installs those of the packages that are missing."""
    if not packages:
        return
    try:
        done = subprocess.run(
            [str(INSTALL), *packages],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"installing {' '.join(packages)} takes too long") from error
    if done.returncode:
        said = done.stdout.strip().splitlines()[-1:] or ["nothing"]
        raise UnavailableError(f"{' '.join(packages)} cannot be installed: {said[0]}")
    if done.stdout:
        print(f"  {done.stdout.splitlines()[0]}", file=sys.stderr, flush=True)
