"""Keeps the tests off the system that they run on.

Run by root, a test may write to /etc, set the clock, or leave processes behind. So root runs them in
namespaces of their own, in which all but target/conformance and /tmp is read-only, and without the
capabilities that no namespace contains. Anybody else cannot do harm, and runs them as they are.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from conformance import ROOT, WORK

INSIDE = "CONFORMANCE_ISOLATED"

# linux/prctl.h and linux/capability.h
PR_CAPBSET_DROP = 24
CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYSLOG = 16, 17, 22, 25, 34


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def protect_files() -> None:
    mount("--bind", WORK, WORK)
    temporary = Path("/tmp")
    if temporary in ROOT.parents:
        mount("--bind", temporary, temporary)
    else:
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", temporary)
    mount("-o", "remount,bind,ro", "/")
    try:
        Path("/etc/conformance-probe").touch()
    except OSError:
        return
    sys.exit("conformance: could not make the system's files read-only")


def drop_capabilities() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYSLOG):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            sys.exit(f"conformance: could not drop capability {capability}")


def enter() -> None:
    """Returns where tests may run: at once for an ordinary user, in new namespaces for root."""
    WORK.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    if INSIDE not in os.environ:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc"]
        command += ["--uts", sys.executable, *sys.argv]
        os.execvpe(command[0], command, os.environ | {INSIDE: "1"})
    protect_files()
    drop_capabilities()
