"""Python servers with a thread per connection: every byte, all clients at once, and Ctrl-C."""

import http.client
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from programs import PYTHON, TIMEOUT_SECONDS, python_program
from servers.process import EXIT_SECONDS, environment, free_port, running

CLIENTS, MESSAGES = 500, 20
# What green threads may take, however many connections there are.
FEW_KERNEL_THREADS = 64

REQUESTS, HANDLER_SECONDS = 60, 0.25


def test_talk_server_answers_500_client_threads(tmp_path, workers):
    port = free_port()
    with (
        running(python_program("talk", port), port, workers, tmp_path) as server,
        subprocess.Popen(
            python_program("talk_clients", port, CLIENTS, MESSAGES),
            env=environment(workers),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as clients,
    ):
        try:
            connected = clients.stdout.readline()
            threads = server.kernel_threads()
            _, errors = clients.communicate("go on\n", timeout=TIMEOUT_SECONDS)
        finally:
            clients.kill()
        assert (connected, clients.returncode) == ("connected\n", 0), errors
        server.assert_alive()
        if workers is None:
            assert threads > CLIENTS
        else:
            assert threads <= FEW_KERNEL_THREADS
        assert server.terminate() == -signal.SIGTERM
        assert server.output.read_text() == ""


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        # Two requests: the second one on a connection that is kept alive.
        for _ in range(2):
            connection.request("POST", "/", body)
            response = connection.getresponse()
            assert response.status == 200
            assert response.read() == body[::-1]
    finally:
        connection.close()


def test_http_server_handles_requests_at_the_same_time(tmp_path, workers):
    port = free_port()
    with running(
        python_program("http_sleeper", port, HANDLER_SECONDS), port, workers, tmp_path
    ) as server:
        start = time.monotonic()
        with ThreadPoolExecutor(max_workers=REQUESTS) as pool:
            bodies = [bytes([i]) * (1 + i * 1000) for i in range(REQUESTS)]
            list(pool.map(lambda body: post(port, body), bodies))
        # One after the other they would take thrice as long.
        assert time.monotonic() - start < REQUESTS * 2 * HANDLER_SECONDS / 3
        server.assert_alive()


def interrupted(command, port, workers, directory):
    """The exit status and the output of a server that gets SIGINT while clients are connected."""
    # A shell's background job, which the tests may be, ignores SIGINT.
    with_interrupts = ["env", "--default-signal=INT", *command]
    with running(with_interrupts, port, workers, directory) as server, ExitStack() as clients:
        for _ in range(5):
            idle = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        # An answer shows that the server has come as far as its main loop.
        idle.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert idle.recv(1) != b""
        server.process.send_signal(signal.SIGINT)
        return server.process.wait(EXIT_SECONDS), server.output.read_text()


def test_ctrl_c_stops_a_server_of_threads(tmp_path, workers):
    port = free_port()
    status, output = interrupted(python_program("talk", port), port, workers, tmp_path)
    assert status == -signal.SIGINT
    assert output.endswith("KeyboardInterrupt\n")


def test_ctrl_c_stops_http_server(tmp_path, workers):
    port = free_port()
    command = [PYTHON, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    status, output = interrupted(command, port, workers, tmp_path)
    assert status == 0
    assert "Keyboard interrupt received, exiting." in output
