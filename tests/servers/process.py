"""A server process of the tests: started, watched and ended by its id."""

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "target/release/libgreen.so"

# Bounds that only a hang exceeds.
START_SECONDS = 30
EXIT_SECONDS = 30

REPORTED_CHARACTERS = 4000


def environment(workers, library=LIBRARY):
    """The environment for so many workers, as many as help with 0, or native threads with None."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name != "LD_PRELOAD" and not name.startswith("GREEN_")
    }
    if workers is None:
        return clean
    number = {"GREEN_WORKERS": str(workers)} if workers else {}
    return clean | {"LD_PRELOAD": str(library)} | number


def free_port():
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server."""

    def __init__(self, process, output):
        self.process = process
        self.output = output

    def kernel_threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def assert_alive(self):
        status = self.process.poll()
        assert status is None, f"exited with {status}: {self.output.read_text()}"

    def wait_until_listening(self, port):
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.assert_alive()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.output.read_text()
                time.sleep(0.01)

    def terminate(self):
        """Ends the server the way a service manager does; the exit status."""
        self.process.terminate()
        return self.process.wait(EXIT_SECONDS)


@contextmanager
def running(command, port, workers, directory):
    """Runs a server in the foreground until the block ends, at the latest.

    What it has said last goes with the report of a failure."""
    output = directory / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(workers),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, output)
    try:
        server.wait_until_listening(port)
        yield server
    except BaseException:
        print(output.read_text(errors="replace")[-REPORTED_CHARACTERS:])
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
