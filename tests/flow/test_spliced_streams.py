"""Streams of a session spliced to connections: a tunnel, but for the actors."""

import os
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost
from beam_actors.flow import FlowLimits, IncomingStream, Stream
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualNetwork
from tests.flow.rig import Rig, exchange, on_both, virtual_run
from tests.flow.sessions import ECHO, channel, sessions


@on_both
async def test_bulk_through_a_splice_at_each_end(rig: Rig) -> None:
    """client - splice - stream over the session - splice - server: a tunnel, but for the actors."""
    ends = await sessions(rig)
    (client, local), (remote, server) = await rig.streams(), await rig.streams()
    here, there = await channel(ends)
    local.splice(here, "ingress")
    there.splice(remote, "tunnel")
    forth, back = os.urandom(3 << 20), os.urandom(2 << 20)
    await exchange(client, server, forth, back)
    assert rig.pump.budget.total == 0


@on_both
async def test_a_reset_travels_through_the_whole_tunnel(rig: Rig) -> None:
    ends = await sessions(rig)
    (client, local), (remote, server) = await rig.streams(), await rig.streams()
    here, there = await channel(ends)
    local.splice(here, "ingress")
    there.splice(remote, "tunnel")
    await client.write(b"partial")
    assert await server.read() == b"partial"
    server.abort()
    with pytest.raises(ConnectionLost):
        await client.read()


@settings(max_examples=25, deadline=None)
@given(
    streams=st.lists(
        st.tuples(st.lists(st.integers(1, 90_000), max_size=5), st.sampled_from([1000, 65536]), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    buffer=st.sampled_from([1500, 1 << 16]),
    slice_callbacks=st.sampled_from([1, 256]),
    seed=st.integers(0, 1 << 20),
)
def test_every_stream_carries_its_own_bytes_through_splices(  # noqa: C901, PLR0915  # one conversation, told in order
    streams, buffer, slice_callbacks, seed
) -> None:
    async def main() -> None:  # noqa: C901, PLR0915  # as above
        host = VirtualNetwork(buffer=buffer).host("a")
        limits = FlowLimits(slice_callbacks=slice_callbacks)
        rig, ends_rig = Rig(host.driver(), SimClock(), limits), Rig(host.driver(), SimClock())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.pump.run)
            nursery.start_soon(ends_rig.pump.run)
            ends = await sessions(rig)

            async def tunnel(number: int, sizes: list[int], read_size: int, *, aborts: bool) -> None:
                client, local = await ends_rig.streams(rig)
                here = ends.a.open(ECHO)
                local.splice(here, f"{number}")
                whole = b"".join(bytes([number + 1]) * size for size in sizes)
                await client.write(b"%c" % number)

                async def write() -> None:
                    try:
                        for size in sizes:
                            await client.write(bytes([number + 1]) * size)
                        if aborts:
                            client.abort()
                        else:
                            await client.shutdown()
                    except ConnectionLost:
                        pass

                got = bytearray()
                try:
                    async with trio.open_nursery() as both:
                        both.start_soon(write)
                        while part := await client.read(read_size):
                            got += part
                except* ConnectionLost:
                    assert aborts
                assert whole.startswith(got)
                assert aborts or got == whole

            async def serve() -> None:
                while True:
                    stream = (await ends.owner_b.expect(IncomingStream)).stream
                    nursery.start_soon(echo, stream)

            async def echo(stream: Stream) -> None:
                try:
                    await stream.read(1)
                    while part := await stream.read():
                        await stream.write(part)
                    await stream.shutdown()
                except ConnectionLost:
                    pass

            nursery.start_soon(serve)
            async with trio.open_nursery() as tunnels:
                for number, (sizes, read_size, aborts) in enumerate(streams):
                    tunnels.start_soon(partial(tunnel, number, sizes, read_size, aborts=aborts))
            await trio.sleep(1)  # resets are still on their way
            assert rig.pump.budget.total == 0
            assert rig.pump.splices.total == len(streams)
            assert len(rig.pump.splices) == 0
            nursery.cancel_scope.cancel()

    virtual_run(main, seed=seed)
