"""Apache httpd with its two threaded modules, one process of 128 threads each."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from harness.contest import Program, Subject
from harness.process import Service, free_port
from harness.real.loads import http_get

THREADS = 128
CONFIGURATION = """
ServerRoot {directory}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {directory}/pid
ErrorLog {directory}/errors
User www-data
Group www-data
LoadModule mpm_{module}_module /usr/lib/apache2/modules/mod_mpm_{module}.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
DocumentRoot {directory}/htdocs
DirectoryIndex index.html
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
MinSpareThreads {threads}
MaxSpareThreads {threads}
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
"""


def opener(module: str) -> Callable[[Subject], AbstractContextManager[Service]]:
    @contextmanager
    def open_server(subject: Subject) -> Iterator[Service]:
        with tempfile.TemporaryDirectory(prefix="green-bench-") as name:
            directory, port = Path(name), free_port()
            directory.chmod(0o755)  # its processes are www-data
            (directory / "htdocs").mkdir()
            (directory / "htdocs" / "index.html").write_text("<p>It works.</p>\n" * 50)
            configuration = directory / "configuration"
            configuration.write_text(
                CONFIGURATION.format(directory=name, port=port, module=module, threads=THREADS)
            )
            command = ["/usr/sbin/apache2", "-f", str(configuration), "-DFOREGROUND"]
            with Service(f"httpd, {module}", command, subject.setting, port, forks=True) as service:
                yield service

    return open_server


def program(module: str, about: str) -> Program:
    return Program(
        name=f"httpd-{module}",
        about=f"Apache httpd with mpm_{module}, one process of {THREADS} threads, a file of"
        f" 850 bytes, connections kept alive: {about}",
        packages=("apache2-bin", "wrk"),
        open=opener(module),
        loads=[http_get(8), http_get(64, in_quick=True)],
    )


PROGRAMS = [
    program("worker", "a thread per connection."),
    program("event", "a thread per request, and one that listens."),
]
