"""The programs that are measured, where they are, and how their threads are run."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ROOT / "benches"
BINARIES = ROOT / "target" / "benches"
C_ECHO_SERVER = ROOT / "target" / "c-tests" / "echo_server"
LIBGREEN = ROOT / "target" / "release" / "libgreen.so"
# The interpreter that Debian's packages of Python modules are for.
DEBIAN_PYTHON = "/usr/bin/python3"
VENV_PYTHON = ROOT / "target" / "venv" / "bin" / "python"


class BenchError(Exception):
    """Something that the person at the terminal has to know, in one line."""


@dataclass(frozen=True)
class Setting:
    """Native threads, or green ones from a given library with a number of workers and a resolver."""

    name: str
    library: Path | None = None
    workers: int | None = None
    resolver: str | None = None

    def environment(self) -> dict[str, str]:
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("LD_PRELOAD", "GREEN_WORKERS", "GREEN_RESOLVER")
        }
        if self.library is not None:
            environment["LD_PRELOAD"] = str(self.library)
        if self.workers is not None:
            environment["GREEN_WORKERS"] = str(self.workers)
        if self.resolver is not None:
            environment["GREEN_RESOLVER"] = self.resolver
        return environment


NATIVE = Setting("native")


@dataclass(frozen=True)
class Server:
    """A program that prints `listening on PORT` and echoes."""

    name: str
    command: tuple[str, ...]


def interpreter() -> str:
    """The Python binary itself: a preload into a shell script that finds it is in vain."""
    path = os.path.realpath(sys.executable)
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            raise BenchError(f"{path} is not an ELF program, so nothing can be preloaded into it")
    return path


def python_server(name: str, script: str, *arguments: str, python: str | None = None) -> Server:
    return Server(name, (python or interpreter(), str(BENCHES / script), *arguments))


def c_echo_server() -> Server:
    return Server("C", (str(C_ECHO_SERVER),))


def line_server() -> Server:
    return Server("C, stdio", (str(BINARIES / "line_server"),))


def python_echo_server() -> Server:
    return python_server("Python", "echo_threading.py")


def require_built(library: Path) -> None:
    for path, target in [
        (library, "build"),
        (C_ECHO_SERVER, "c-tests"),
        (BINARIES / "load", "benches"),
    ]:
        if not path.exists():
            raise BenchError(f"{path} is not built: run `make {target}` first")
