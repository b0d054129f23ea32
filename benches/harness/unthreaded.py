"""What the preload costs programs that it has nothing to give: those without threads."""

from harness.batch import open_batch, starts, timed
from harness.contest import SECONDS, Load, Program, Unit
from harness.process import RunningServer
from harness.programs import BINARIES, DEBIAN_PYTHON, NATIVE, Server
from harness.real.loads import echoes
from harness.session import Session

MILLISECONDS = Unit("ms", higher_is_better=False)
PERL = 'my $sum = 0; for my $i (1 .. 5_000_000) { $sum += $i % 7 } print "$sum\\n"'
PYTHON = """import os
print(sum(len(line.split()) for _ in range(1000) for line in open(os.__file__)))"""
# One read and one write of a byte each, by the thousand: mostly calls that are hooked.
COPY = ("dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=500000", "status=none")


def settings(session: Session) -> list:
    return [NATIVE, session.green()]


def start(*command: str) -> Load:
    return Load(" ".join(command), MILLISECONDS, starts(*command), in_quick=True)


PROGRAMS = [
    Program(
        name="start",
        about="Starting a program and waiting for its end.",
        packages=("python3", "perl"),
        open=open_batch,
        loads=[
            start("/bin/true"),
            start("ls", "/etc"),
            start("perl", "-e", "1"),
            start(DEBIAN_PYTHON, "-c", "pass"),
        ],
        settings=settings,
    ),
    Program(
        name="single",
        about="Programs of one thread that go on for a while.",
        packages=("python3", "perl"),
        open=open_batch,
        loads=[
            Load("a loop in perl", SECONDS, timed("perl", "-e", PERL)),
            Load("a loop in Python", SECONDS, timed(DEBIAN_PYTHON, "-c", PYTHON)),
            Load("dd, a byte at a time", SECONDS, timed(*COPY), in_quick=True),
        ],
        settings=settings,
    ),
    Program(
        name="epoll-loop",
        about="The hand-written epoll server of the echo benchmark.",
        packages=(),
        open=lambda subject: RunningServer(
            Server("epoll", (str(BINARIES / "epoll_server"),)), subject.setting
        ),
        loads=[echoes(100, in_quick=True), echoes(1000)],
        settings=settings,
    ),
]
