"""An echo server on tornado: a coroutine per connection."""

import argparse
import asyncio

from beside_thread import start_idle_thread
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.tcpserver import TCPServer


class EchoServer(TCPServer):
    async def handle_stream(self, stream, _address):
        stream.set_nodelay(True)
        try:
            while True:
                await stream.write(await stream.read_bytes(65536, partial=True))
        except StreamClosedError:
            pass


async def run(port: int) -> None:
    [listener] = bind_sockets(port, "127.0.0.1", backlog=1024)
    EchoServer().add_socket(listener)
    print(f"listening on {listener.getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--beside-thread", action="store_true", help="have an idle thread as well")
    options = parser.parse_args()
    if options.beside_thread:
        start_idle_thread()
    asyncio.run(run(options.port))


if __name__ == "__main__":
    main()
