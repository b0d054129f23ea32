"""OpenJDK: an echo server with a platform thread per connection."""

import subprocess
from contextlib import AbstractContextManager

from harness.contest import Program, Subject
from harness.process import RunningServer
from harness.programs import BENCHES, BenchError, Server
from harness.real import WORK
from harness.real.loads import echoes

CLASSES = WORK / "java"


def prepare() -> None:
    source = BENCHES / "programs" / "EchoServer.java"
    done = subprocess.run(
        ["javac", "-d", str(CLASSES), str(source)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"javac: {done.stderr.strip()}")


def open_server(subject: Subject) -> AbstractContextManager[RunningServer]:
    server = Server("Java", ("/usr/bin/java", "-cp", str(CLASSES), "EchoServer"))
    return RunningServer(server, subject.setting)


PROGRAM = Program(
    name="java",
    about="OpenJDK 17: `benches/programs/EchoServer.java`, a platform thread per connection.",
    packages=("openjdk-17-jdk-headless",),
    prepare=prepare,
    open=open_server,
    loads=[echoes(10), echoes(1000, in_quick=True)],
)
