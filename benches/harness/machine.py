"""Facts about this machine, and what else it is busy with while we measure."""

import os
import platform
import resource
from datetime import date
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def raise_file_limit() -> int:
    """Lets this process and its children open as many files as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def facts() -> dict[str, object]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 1024 / 1024, 1),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "pid_limit": int(Path("/proc/sys/kernel/pid_max").read_text()),
        "date": date.today().isoformat(),
    }


def busy_seconds() -> float:
    """CPU seconds spent in processes, or stolen by the hypervisor, since boot.

    Interrupts are left out: those of loopback traffic are charged to nobody.
    """
    user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + steal) / TICKS_PER_SECOND
