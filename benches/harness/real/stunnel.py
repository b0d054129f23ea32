"""stunnel: both ends of a TLS tunnel to an echo server, a thread per connection each."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.contest import Program, Subject
from harness.process import RunningServer, Service, free_port
from harness.programs import BINARIES, NATIVE, BenchError, Server
from harness.real import WORK
from harness.real.loads import echoes

CERTIFICATE = WORK / "stunnel.pem"
CONFIGURATION = """
foreground = yes
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[in]
client = yes
accept = 127.0.0.1:{entrance}
connect = 127.0.0.1:{middle}
[out]
accept = 127.0.0.1:{middle}
connect = 127.0.0.1:{echo}
cert = {certificate}
"""


def prepare() -> None:
    if CERTIFICATE.exists():
        return
    WORK.mkdir(parents=True, exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
    command += ["-subj", "/CN=localhost", "-keyout", "-", "-out", "-"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"openssl: {done.stderr.strip()}")
    CERTIFICATE.write_text(done.stdout)


@contextmanager
def open_tunnel(subject: Subject) -> Iterator[Service]:
    epoll = Server("epoll", (str(BINARIES / "epoll_server"),))
    entrance, middle = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory, RunningServer(epoll, NATIVE) as echo:
        configuration = Path(directory) / "configuration"
        configuration.write_text(
            CONFIGURATION.format(
                entrance=entrance, middle=middle, echo=echo.port, certificate=CERTIFICATE
            )
        )
        command = ["/usr/bin/stunnel4", str(configuration)]
        with Service("stunnel", command, subject.setting, entrance) as service:
            service.beside.append(echo)
            yield service


PROGRAM = Program(
    name="stunnel",
    about="stunnel as both ends of a TLS tunnel to an echo server: two threads per connection,"
    " all of the encryption in one process.",
    packages=("stunnel4", "openssl"),
    prepare=prepare,
    open=open_tunnel,
    loads=[echoes(10, "TLS echo"), echoes(100, "TLS echo", in_quick=True)],
)
