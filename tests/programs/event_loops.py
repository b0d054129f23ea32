"""asyncio and selectors work beside threads: streams, executors, subprocesses, calls from other threads."""

import asyncio
import selectors
import socket
import threading
import time


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def client(port, own):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for i in range(20):
        writer.write(f"client {own} line {i}\n".encode())
        assert await reader.readline() == f"CLIENT {own} LINE {i}\n".encode()
    writer.close()
    await writer.wait_closed()


async def use_asyncio():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await asyncio.gather(*(client(port, own) for own in range(50)))
    loop = asyncio.get_running_loop()
    start = time.monotonic()
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.1) for _ in range(5)))
    assert time.monotonic() - start >= 0.1
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert await process.communicate(b"through cat") == (b"through cat", None)
    called = asyncio.Event()
    threading.Timer(0.02, loop.call_soon_threadsafe, [called.set]).start()
    await asyncio.wait_for(called.wait(), 30)
    addresses = await loop.getaddrinfo("localhost", 80)
    assert addresses
    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.01)
    except TimeoutError:
        pass
    else:
        raise AssertionError("slept through the timeout")


def use_selectors():
    ours, theirs = socket.socketpair()
    with selectors.DefaultSelector() as selector, ours, theirs:
        selector.register(ours, selectors.EVENT_READ)
        assert selector.select(timeout=0.01) == []
        threading.Timer(0.02, theirs.sendall, [b"x"]).start()
        assert len(selector.select(timeout=30)) == 1
        assert ours.recv(10) == b"x"


use_selectors()
asyncio.run(use_asyncio())
# The same in a thread that is not the main one.
thread = threading.Thread(target=lambda: (use_selectors(), asyncio.run(use_asyncio())))
thread.start()
thread.join()
