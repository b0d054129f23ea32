"""What `make bench` measures in sections of their own, as programs for scripts/compare."""

from contextlib import nullcontext

from harness import micro
from harness.contest import Load, Program, Unit
from harness.process import RunningServer
from harness.programs import Server, c_echo_server, python_echo_server
from harness.real.loads import echoes

NANOSECONDS = Unit("ns", higher_is_better=False)


def echo(name: str, server: Server) -> Program:
    return Program(
        name=name,
        about="",
        packages=(),
        open=lambda subject: RunningServer(server, subject.setting),
        loads=[echoes(10), echoes(100), echoes(1000, in_quick=True)],
    )


def operation(name: str) -> Load:
    return Load(
        name,
        NANOSECONDS,
        lambda setting, _times: {"value": micro.measure(name, setting)},
        in_quick=True,
    )


PROGRAMS = [
    echo("echo-c", c_echo_server()),
    echo("echo-python", python_echo_server()),
    Program(
        name="micro",
        about="",
        packages=(),
        open=lambda subject: nullcontext(subject.setting),
        loads=[operation(name) for name in micro.TITLES],
    ),
]
