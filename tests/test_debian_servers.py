"""tinyproxy, microsocks and stunnel carry every byte, natively and on green threads."""

import asyncio
import signal

import pytest
from servers import microsocks, stunnel, tinyproxy
from servers.process import free_port, running
from servers.traffic import close, echo, exchange, http_echo, listening, payloads

ROUNDS = 3
# Only a hang takes longer.
CASE_SECONDS = 120
# What green threads may take, however many connections there are.
FEW_KERNEL_THREADS = 64

CREDENTIALS = ("user", "correct horse")


@pytest.fixture(params=[10, 500])
def connections(request):
    return request.param


def assert_threads(server, connections, workers):
    """With all connections open: a kernel thread each natively, few under libgreen."""
    if workers is None:
        assert server.kernel_threads() > connections
    else:
        assert server.kernel_threads() <= FEW_KERNEL_THREADS


async def gather(coroutines):
    """All at once; the first failure ends them all."""
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


async def drive_tunnels(server, connect, connections, workers):
    """Opens all tunnels to an echo server, checks the threads, then moves payloads."""
    all_open = asyncio.Barrier(connections)

    async def client(number):
        reader, writer = await connect(number)
        assert await exchange(reader, writer, b"open") == b"open"
        if await all_open.wait() == 0:
            assert_threads(server, connections, workers)
        # Nobody leaves before the threads have been counted.
        await all_open.wait()
        for payload in payloads(number, ROUNDS):
            assert await exchange(reader, writer, payload) == payload
        await close(writer)

    await gather(client(number) for number in range(connections))


def run(case):
    asyncio.run(asyncio.wait_for(case, CASE_SECONDS))


def test_tinyproxy_forwards_requests(tmp_path, connections, workers):
    async def case():
        gate = asyncio.Event()
        arrived = asyncio.Semaphore(0)
        handle = http_echo(gate)

        async def counted(reader, writer):
            arrived.release()
            await handle(reader, writer)

        port = free_port()
        command = tinyproxy.command(tmp_path, port)
        async with listening(counted) as target:
            with running(command, port, workers, tmp_path) as server:

                async def client(number):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    (body,) = payloads(number, 1)
                    assert await tinyproxy.post(reader, writer, target, body) == body
                    await close(writer)

                async def open_gate():
                    for _ in range(connections):
                        await arrived.acquire()
                    assert_threads(server, connections, workers)
                    gate.set()

                await gather([open_gate(), *(client(number) for number in range(connections))])
                server.assert_alive()
                assert server.terminate() == 0

    run(case())


def test_tinyproxy_tunnels(tmp_path, connections, workers):
    async def case():
        port = free_port()
        command = tinyproxy.command(tmp_path, port)
        async with listening(echo) as target:
            with running(command, port, workers, tmp_path) as server:

                def connect(_number):
                    return tinyproxy.connect(port, target)

                await drive_tunnels(server, connect, connections, workers)
                server.assert_alive()
                assert server.terminate() == 0

    run(case())


@pytest.mark.parametrize("credentials", [None, CREDENTIALS], ids=["open", "password"])
def test_microsocks_tunnels(tmp_path, connections, workers, credentials):
    async def case():
        port = free_port()
        command = microsocks.command(port, credentials)
        async with listening(echo) as target:
            with running(command, port, workers, tmp_path) as server:

                def connect(number):
                    return microsocks.connect(port, target, credentials, by_name=number % 2 == 1)

                await drive_tunnels(server, connect, connections, workers)
                server.assert_alive()
                # It has no handler.
                assert server.terminate() == -signal.SIGTERM

    run(case())


def test_microsocks_refuses_without_the_password(tmp_path, workers):
    async def case():
        port = free_port()
        command = microsocks.command(port, CREDENTIALS)
        with running(command, port, workers, tmp_path) as server:
            offer = microsocks.NO_AUTHENTICATION
            reader, writer, chosen = await microsocks.choose_method(port, offer)
            assert chosen == microsocks.NO_ACCEPTABLE_METHOD
            assert await reader.read() == b""
            await close(writer)

            offer = microsocks.PASSWORD
            reader, writer, chosen = await microsocks.choose_method(port, offer)
            assert chosen == microsocks.PASSWORD
            assert not await microsocks.log_in(reader, writer, ("user", "wrong"))
            await close(writer)
            server.assert_alive()

    run(case())


def test_stunnel_tunnels(tmp_path, connections, workers):
    async def case():
        port = free_port()
        async with listening(echo) as target:
            command = stunnel.command(tmp_path, port, target)
            with running(command, port, workers, tmp_path) as server:
                context = stunnel.client_context(tmp_path)

                def connect(_number):
                    return stunnel.connect(port, context)

                await drive_tunnels(server, connect, connections, workers)
                server.assert_alive()
                status = server.terminate()
                # On native threads stunnel itself now and then crashes as it
                # exits beside hundreds of them.
                assert status == 0 or workers is None

    run(case())
