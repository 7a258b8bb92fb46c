"""A tunnel through iroh's Python binding (QUIC on loopback, no relay server): `owner TARGET` or `visitor ADDRESS`.

The binding is asyncio's. An address is an endpoint's id and a socket address, with a blank between.
"""

import asyncio
import contextlib
import os
import sys

import iroh

ALPN = b"bench/forward/1"
PIECE = 1 << 16
STREAMS = 4096


async def out(reader, send) -> None:
    """From the local connection into the stream."""
    while data := await reader.read(PIECE):
        await send.write_all(data)
    await send.finish()


async def back(recv, writer) -> None:
    """From the stream to the local connection."""
    while data := await recv.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def join(reader, writer, stream) -> None:
    """Both directions, until both end or one breaks."""
    send, recv = stream.send(), stream.recv()
    forth, answers = asyncio.ensure_future(out(reader, send)), asyncio.ensure_future(back(recv, writer))
    await asyncio.wait([forth, answers], return_when=asyncio.FIRST_EXCEPTION)
    for task in (forth, answers):
        task.cancel()
    await asyncio.gather(forth, answers, return_exceptions=True)
    writer.close()
    for end in (send.reset, recv.stop):
        with contextlib.suppress(iroh.IrohError):  # it had ended by itself
            await end(0)


async def endpoint() -> iroh.Endpoint:
    return await iroh.Endpoint.bind(
        iroh.EndpointOptions(
            preset=iroh.preset_minimal(),
            relay_mode=iroh.RelayMode.disabled(),
            bind_addr="127.0.0.1:0",
            alpns=[ALPN],
        )
    )


async def own(target: int) -> None:
    mine = await endpoint()
    print(mine.id(), mine.bound_sockets()[0], flush=True)
    tasks = set()

    async def serve(stream) -> None:
        await join(*await asyncio.open_connection("127.0.0.1", target), stream)

    while (incoming := await mine.accept_next()) is not None:
        connection = await (await incoming.accept()).connect()
        connection.set_max_concurrent_bi_streams(STREAMS)
        while True:
            task = asyncio.ensure_future(serve(await connection.accept_bi()))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


async def visit(address: str) -> None:
    whom, where = address.split()
    mine = await endpoint()
    there = iroh.EndpointAddr(iroh.EndpointId.from_string(whom), None, [where])
    connection = await mine.connect(there, ALPN)

    async def accepted(reader, writer) -> None:
        await join(reader, writer, await connection.open_bi())

    listener = await asyncio.start_server(accepted, "127.0.0.1", 0, backlog=1024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


async def main(role: str, argument: str) -> None:
    work = asyncio.ensure_future(own(int(argument)) if role == "owner" else visit(argument))
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))
