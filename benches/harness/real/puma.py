"""puma, Ruby's threaded web server, behind the lock of its interpreter."""

from contextlib import AbstractContextManager

from harness.contest import Program, Subject
from harness.process import Service, free_port
from harness.programs import BENCHES
from harness.real.loads import http_get

THREADS = 100


def open_server(subject: Subject) -> AbstractContextManager[Service]:
    port = free_port()
    command = ["/usr/bin/ruby", "/usr/bin/puma", "-C", "-", "-e", "production", "--quiet"]
    command += ["-t", f"{THREADS}:{THREADS}", "-b", f"tcp://127.0.0.1:{port}"]
    command.append(str(BENCHES / "programs" / "hello.ru"))
    return Service("puma", command, subject.setting, port)


PROGRAM = Program(
    name="puma",
    about=f"puma, one process of {THREADS} Ruby threads.",
    packages=("puma", "wrk"),
    open=open_server,
    loads=[http_get(10, in_quick=True), http_get(100)],
)
