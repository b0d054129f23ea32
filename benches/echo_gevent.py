"""An echo server on gevent: a greenlet per connection."""

import argparse

from gevent import socket
from gevent.server import StreamServer


def serve(connection: socket.socket, _address: tuple[str, int]) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    server = StreamServer(("127.0.0.1", options.port), serve, backlog=1024)
    server.start()
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
