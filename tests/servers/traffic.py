"""The two ends of the traffic: local servers behind a proxy, clients before it."""

import asyncio
import math
import random
from contextlib import asynccontextmanager

LARGEST = 256 * 1024
CHUNK = 64 * 1024


def payloads(connection, count):
    """Random bytes for one connection; small and large sizes equally likely.

    The first two connections begin with the smallest and the largest size, so
    that every case has both.
    """
    source = random.Random(connection)
    sizes = [int(math.exp(source.uniform(0, math.log(LARGEST)))) for _ in range(count)]
    if connection < 2:
        sizes[0] = (1, LARGEST)[connection]
    return [source.randbytes(size) for size in sizes]


async def close(writer):
    writer.close()
    await writer.wait_closed()


async def exchange(reader, writer, payload):
    """Sends a payload to an echoing peer and returns as many bytes as came back.

    Reads while it writes: a payload need not fit into the buffers on the way.
    """

    async def send():
        writer.write(payload)
        await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        received = group.create_task(reader.readexactly(len(payload)))
    return received.result()


@asynccontextmanager
async def listening(handle):
    """A local TCP server; gives its port."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def echo(reader, writer):
    """Sends back what comes."""
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    await close(writer)


async def read_http(reader):
    """One HTTP message: its first line and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    start, *fields = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    body = await reader.readexactly(int(headers["content-length"]))
    return start, body


def http_echo(gate):
    """An HTTP server that returns each request's body, once `gate` has opened."""

    async def handle(reader, writer):
        request, body = await read_http(reader)
        await gate.wait()
        status = "200 OK" if request.startswith("POST /echo ") else "404 Not Found"
        head = f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode("ascii") + body)
        await writer.drain()
        await close(writer)

    return handle
