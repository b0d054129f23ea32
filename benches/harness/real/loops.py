"""Python event loops beside one idle thread: the loop should not notice it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from harness.contest import Program, Subject
from harness.process import RunningServer
from harness.programs import BENCHES, DEBIAN_PYTHON, VENV_PYTHON, Server
from harness.real.loads import echoes


def opener(
    name: str, python: str, script: str, *arguments: str
) -> Callable[[Subject], AbstractContextManager[RunningServer]]:
    command = (python, str(BENCHES / script), "--beside-thread", *arguments)
    return lambda subject: RunningServer(Server(name, command), subject.setting)


def program(name: str, about: str, packages: tuple[str, ...], *command: str) -> Program:
    return Program(
        name=name,
        about=f"{about} beside one thread that waits.",
        packages=packages,
        open=opener(name, *command),
        loads=[echoes(100, in_quick=True)],
    )


PROTOCOL = "echo_asyncio_protocol.py"
PROGRAMS = [
    program("asyncio", "An asyncio protocol", (), str(VENV_PYTHON), PROTOCOL),
    program(
        "asyncio-poll", "The same, waiting by poll(2),", (), str(VENV_PYTHON), PROTOCOL, "--poll"
    ),
    program("uvloop", "A protocol on uvloop", (), str(VENV_PYTHON), PROTOCOL, "--uvloop"),
    program("tornado", "A tornado server", ("python3-tornado",), DEBIAN_PYTHON, "echo_tornado.py"),
]
