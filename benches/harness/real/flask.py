"""Flask's own threaded server: a thread per connection, a connection per request."""

from contextlib import AbstractContextManager

from harness.contest import Program, Subject
from harness.process import Service, free_port
from harness.programs import BENCHES, DEBIAN_PYTHON
from harness.real.loads import http_get


def open_server(subject: Subject) -> AbstractContextManager[Service]:
    port = free_port()
    command = [DEBIAN_PYTHON, str(BENCHES / "programs" / "hello_flask.py"), str(port)]
    return Service("Flask", command, subject.setting, port)


PROGRAM = Program(
    name="flask",
    about="Flask on werkzeug's threaded server, which starts a thread for each request.",
    packages=("python3-flask", "wrk"),
    open=open_server,
    loads=[http_get(10, in_quick=True), http_get(100)],
)
