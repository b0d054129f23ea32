"""Large programs that do to threads and signals whatever can be done, as far as they are installed.

`make test-runtimes` installs them.
"""

import shutil
import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from launcher import ROOT
from programs import run_to_success
from servers import uwsgi, varnish
from servers.process import EXIT_SECONDS, free_port, running

PROGRAMS = ROOT / "tests/programs"
REQUESTS = 200
CLIENTS = 40


def find(name):
    """The path of an installed program."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    return path or pytest.skip(f"{name} is not installed")


def get(url):
    with urllib.request.urlopen(url, timeout=EXIT_SECONDS) as reply:
        return reply.read()


def get_many(url):
    """The replies to many requests, many at a time."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(get, [url] * REQUESTS))


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("classes")
    subprocess.run([find("javac"), "-d", directory, PROGRAMS / "Runtime.java"], check=True)
    return directory


def test_java(classes, workers):
    output = run_to_success([find("java"), "-cp", classes, "Runtime"], workers)
    assert output == "child\n0 1000 502\n"


@pytest.fixture(scope="module")
def go_program(tmp_path_factory):
    path = tmp_path_factory.mktemp("go") / "runtime"
    subprocess.run([find("go"), "build", "-o", path, PROGRAMS / "runtime.go"], check=True)
    return path


def test_go_with_c(go_program, workers):
    assert run_to_success([go_program], workers) == "child\n160 50\n"


BODY = b"x" * 100_000


class Backend(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def test_varnish(tmp_path, workers):
    program, port = find("varnishd"), free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as backend:
        Thread(target=backend.serve_forever).start()
        command = varnish.command(program, tmp_path, port, backend.server_port)
        with running(command, port, workers, tmp_path) as server:
            assert set(get_many(f"http://127.0.0.1:{port}/")) == {BODY}
            assert server.terminate() == 0
        backend.shutdown()


def served_by(url):
    """Who serves a request while uWSGI reloads, None if it is dropped.

    With native threads too, in one of a hundred reloads, the master kills a process that is about
    to end ("NO MERCY"), or a process ends between its accept and the note that it has a request."""
    try:
        return get(url)
    except (RemoteDisconnected, ConnectionResetError):
        return None


def await_others(url, processes):
    """Waits until none of these processes serves any more."""
    deadline = time.monotonic() + EXIT_SECONDS
    while served_by(url) in processes | {None}:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_uwsgi_reload(tmp_path, workers):
    port = free_port()
    command = uwsgi.command(find("uwsgi-core"), tmp_path, port)
    url = f"http://127.0.0.1:{port}/"
    with running(command, port, workers, tmp_path) as server:
        for _ in range(2):
            processes = set(get_many(url))
            server.process.send_signal(signal.SIGHUP)
            await_others(url, processes)
        get_many(url)
        assert server.terminate() == 0
