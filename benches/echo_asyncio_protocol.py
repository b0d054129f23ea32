"""An echo server on asyncio protocols: callbacks, no coroutine per connection."""

import argparse
import asyncio
import selectors

from beside_thread import start_idle_thread


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def run(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", port, backlog=1024)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    loops = parser.add_mutually_exclusive_group()
    loops.add_argument("--uvloop", action="store_true", help="run on uvloop's event loop")
    loops.add_argument("--poll", action="store_true", help="wait by poll(2), not by epoll(7)")
    parser.add_argument("--beside-thread", action="store_true", help="have an idle thread as well")
    options = parser.parse_args()
    if options.beside_thread:
        start_idle_thread()
    if options.uvloop:
        import uvloop

        uvloop.run(run(options.port))
    elif options.poll:
        loop = asyncio.SelectorEventLoop(selectors.PollSelector())
        loop.run_until_complete(run(options.port))
    else:
        asyncio.run(run(options.port))


if __name__ == "__main__":
    main()
