"""tinyproxy: an HTTP proxy."""

import asyncio

from servers.traffic import read_http

CONFIGURATION = """\
Listen 127.0.0.1
Port {port}
Allow 127.0.0.1
MaxClients 1000
Timeout 60
LogLevel Warning
"""


def command(directory, port):
    configuration = directory / "tinyproxy.conf"
    configuration.write_text(CONFIGURATION.format(port=port))
    return ["/usr/bin/tinyproxy", "-d", "-c", configuration]


async def connect(port, target):
    """A tunnel through the proxy, by the CONNECT method."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"CONNECT 127.0.0.1:{target} HTTP/1.1\r\nHost: 127.0.0.1:{target}\r\n\r\n"
    writer.write(request.encode("ascii"))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.split(b"\r\n")[0].endswith(b"200 Connection established"), head
    return reader, writer


async def post(reader, writer, target, body):
    """Posts a body to the target's /echo through the proxy; the body of the reply."""
    head = (
        f"POST http://127.0.0.1:{target}/echo HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{target}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    writer.write(head.encode("ascii") + body)
    await writer.drain()
    status, reply = await read_http(reader)
    assert status.endswith("200 OK"), status
    return reply
