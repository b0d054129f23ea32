"""microsocks: a SOCKS5 proxy (RFC 1928, RFC 1929)."""

import asyncio
import socket

VERSION = 5
NO_AUTHENTICATION, PASSWORD, NO_ACCEPTABLE_METHOD = 0, 2, 0xFF
CONNECT = 1
IPV4_ADDRESS, DOMAIN_NAME = 1, 3
PASSWORD_VERSION = 1


def command(port, credentials=None):
    options = ["-u", credentials[0], "-P", credentials[1]] if credentials else []
    return ["/usr/bin/microsocks", "-i", "127.0.0.1", "-p", str(port), *options]


async def choose_method(port, method):
    """Opens a connection and offers one method; the one that the server chose."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes([VERSION, 1, method]))
    version, chosen = await reader.readexactly(2)
    assert version == VERSION
    return reader, writer, chosen


async def log_in(reader, writer, credentials):
    """Sends user and password; whether the server takes them."""
    request = bytes([PASSWORD_VERSION])
    for text in credentials:
        request += bytes([len(text)]) + text.encode("ascii")
    writer.write(request)
    _, status = await reader.readexactly(2)
    return status == 0


async def connect(port, target, credentials=None, by_name=False):
    """A tunnel through the proxy; `by_name` has the proxy resolve the address."""
    method = PASSWORD if credentials else NO_AUTHENTICATION
    reader, writer, chosen = await choose_method(port, method)
    assert chosen == method
    if credentials:
        assert await log_in(reader, writer, credentials)

    if by_name:
        name = b"127.0.0.1"
        address = bytes([DOMAIN_NAME, len(name)]) + name
    else:
        address = bytes([IPV4_ADDRESS]) + socket.inet_aton("127.0.0.1")
    writer.write(bytes([VERSION, CONNECT, 0]) + address + target.to_bytes(2, "big"))
    # It answers with an IPv4 address whatever it was asked with.
    version, status, *_ = await reader.readexactly(10)
    assert (version, status) == (VERSION, 0)
    return reader, writer
