import contextlib
import os

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost
from beam_actors.flow import FlowLimits, Splice, Stream
from beam_actors.flow.link import READ
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualNetwork
from tests.flow.rig import (
    KINDS,
    LOOPBACK,
    FakeOwner,
    Rig,
    eventually,
    exchange,
    on_both,
    on_virtual,
    read_all,
    run,
    send_all,
    settled,
    virtual_run,
)


async def chain(rig: Rig, tag: str = "tag") -> tuple[Stream, Stream, Splice]:
    """client - (b spliced to c) - server."""
    (client, b), (c, server) = await rig.streams(), await rig.streams()
    return client, server, b.splice(c, tag)


@on_both
async def test_both_directions_and_half_close(rig: Rig) -> None:
    client, server, splice = await chain(rig)
    ended: list[Splice] = []
    splice.on_end = ended.append
    await send_all(client, b"request")
    assert await read_all(server) == b"request"
    assert rig.pump.splices.find("tag") == [splice]
    await send_all(server, b"a longer response")
    assert await read_all(client) == b"a longer response"
    await eventually(lambda: bool(ended))
    assert ended == [splice]
    assert splice.error is None
    assert splice.bytes == (7, 17)
    assert len(rig.pump.splices) == 0
    assert rig.pump.splices.total == 1
    repr((splice, rig.pump.splices))


@on_both
async def test_bytes_put_back_go_first(rig: Rig) -> None:
    (client, b), (c, server) = await rig.streams(), await rig.streams()
    await client.write(b"CONNECT rest")
    await server.write(b"status body")
    b.unread(await b.read())
    c.unread((await c.read())[7:])
    b.splice(c, ("tunnel", "ingress"))
    await client.shutdown()
    await server.shutdown()
    assert await read_all(server) == b"CONNECT rest"
    assert await read_all(client) == b"body"
    assert rig.pump.budget.total == 0


@on_both
async def test_a_reset_at_one_end_is_a_reset_at_the_other_and_crashes_nobody(rig: Rig) -> None:
    client, server, splice = await chain(rig)
    await client.write(b"partial")
    assert await server.read() == b"partial"
    client.abort()
    with pytest.raises(ConnectionLost):
        await server.read()
    assert isinstance(splice.error, ConnectionLost)
    assert rig.owner.crashes == []


@on_both
async def test_a_reset_of_a_source_whose_sink_is_stalled_is_noticed(rig: Rig) -> None:
    client, server, splice = await chain(rig)
    with trio.move_on_after(0.2):
        await send_all(client, bytes(64 << 20))
    client.abort()
    await eventually(lambda: bool(splice.ended))
    with pytest.raises(ConnectionLost):
        await read_all(server)
    assert rig.pump.budget.total == 0


@on_both
async def test_abort_by_tag_cuts_both_ends(rig: Rig) -> None:
    client, server, _splice = await chain(rig, "doomed")
    other_client, other_server, _other = await chain(rig, "other")
    assert rig.pump.splices.abort("doomed") == 1
    for end in (client, server):
        with pytest.raises(ConnectionLost):
            await end.read()
    await other_client.write(b"x")
    assert await other_server.read() == b"x"


@on_both
async def test_a_splice_outlives_the_owners_of_its_links(rig: Rig) -> None:
    (client, b), (c, server) = await rig.streams(), await rig.streams()
    mortal = FakeOwner("mortal")
    b.adopt(mortal)
    c.adopt(mortal)
    b.splice(c, "tag")
    rig.pump.owner_ended("mortal")
    await send_all(client, b"on it goes")
    assert await read_all(server) == b"on it goes"


@on_both
async def test_a_failing_on_end_crashes_the_owner_and_not_the_pump(rig: Rig) -> None:
    (client, b), (c, server) = await rig.streams(), await rig.streams()
    culprit = FakeOwner("culprit")
    b.adopt(culprit)
    b.splice(c, "tag").on_end = lambda splice: 1 // 0
    await client.shutdown()
    await server.shutdown()
    await eventually(lambda: bool(culprit.crashes))
    assert rig.pump.is_open


@on_both
async def test_bulk_both_ways_at_once(rig: Rig) -> None:
    client, server, splice = await chain(rig)
    forth, back = os.urandom(3 << 20), os.urandom(2 << 20)
    await exchange(client, server, forth, back)
    assert splice.bytes == (len(forth), len(back))


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_stalled_readers_hold_bounded_memory_delay_nobody_and_resume(kind: str) -> None:
    stalled, size = 200, 1 << 19 if kind == "virtual" else 6 << 20

    async def case(rig: Rig) -> None:
        chains = [await chain(rig, "stalled") for _ in range(stalled)]
        received = [0] * stalled

        async def read(index: int, stream: Stream) -> None:
            while part := await stream.read():
                received[index] += len(part)

        async with trio.open_nursery() as nursery:
            # One write each that the path can't hold: all splices end up waiting for room.
            payload = bytes(size)
            for client, _server, _splice in chains:
                nursery.start_soon(send_all, client, payload)
            await eventually(lambda: all(splice.bytes[0] for _c, _s, splice in chains))
            await settled(rig)
            assert 0 < rig.pump.budget.total <= stalled * rig.pump.limits.splice_read_size
            assert all(splice.bytes[0] < size for _c, _s, splice in chains)
            idle = rig.pump.statistics().callbacks
            await trio.sleep(0.01)
            assert rig.pump.statistics().callbacks - idle < 50  # they wait, they don't spin
            client, server, _splice = await chain(rig, "lively")
            await send_all(client, b"through at once")
            assert await read_all(server) == b"through at once"
            for index, (_client, server, _splice) in enumerate(chains):
                nursery.start_soon(read, index, server)
        assert received == [size] * stalled
        assert rig.pump.budget.total == 0

    run(kind, case)


@on_virtual
async def test_above_the_nodes_cap_those_longest_without_progress_are_reset(outer: Rig) -> None:
    limits = FlowLimits(node_bytes=4 << 16)
    host = VirtualNetwork(buffer=1 << 15).host("a")
    rig = Rig(host.driver(), SimClock(), limits)
    ends = Rig(host.driver(), SimClock())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.pump.run)
        nursery.start_soon(ends.pump.run)
        chains = []
        for index in range(12):
            client, b = await ends.streams(rig, LOOPBACK)
            c, server = await rig.streams(ends, LOOPBACK)
            chains.append((client, server, b.splice(c, f"{index}")))

        async def push(stream: Stream) -> None:
            with contextlib.suppress(ConnectionLost):
                await stream.write(bytes(1 << 20))

        for client, _server, _splice in chains:
            nursery.start_soon(push, client)
            await trio.sleep(0.1)
            assert rig.pump.budget.total <= limits.node_bytes
        reset = [index for index, (_c, _s, splice) in enumerate(chains) if splice.ended]
        assert reset == list(range(len(reset)))  # the oldest went first
        assert 0 < len(reset) < 12
        assert rig.pump.statistics().resets_for_budget == len(reset)
        nursery.cancel_scope.cancel()


class Script:
    """One side's behaviour: what it writes in which pieces, how it reads, how it ends."""

    @staticmethod
    def strategy() -> st.SearchStrategy[tuple[list[bytes], list[float], bool]]:
        return st.tuples(
            st.lists(st.binary(min_size=1, max_size=5000), max_size=12),
            st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.01]), min_size=1, max_size=6),
            st.booleans(),
        )


@settings(max_examples=60, deadline=None)
@given(
    forth=Script.strategy(),
    back=Script.strategy(),
    buffer=st.sampled_from([1, 100, 4096, 1 << 16]),
    read_size=st.sampled_from([1, 50, 4096, 1 << 16]),
    slice_callbacks=st.sampled_from([1, 3, 256]),
    seed=st.integers(0, 1 << 20),
)
def test_the_output_is_the_input_and_an_abort_never_looks_like_an_end(  # noqa: C901  # one conversation, told in order
    forth, back, buffer, read_size, slice_callbacks, seed
) -> None:
    async def main() -> None:  # noqa: C901  # as above
        host = VirtualNetwork(buffer=buffer).host("a")
        rig = Rig(host.driver(), SimClock(), FlowLimits(splice_read_size=read_size, slice_callbacks=slice_callbacks))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.pump.run)
            client, server, splice = await chain(rig)
            outcome: dict[str, tuple[bytes, bool]] = {}

            async def write(stream: Stream, script) -> None:
                pieces, pauses, aborts = script
                try:
                    for turn, piece in enumerate(pieces):
                        await stream.write(piece)
                        await trio.sleep(pauses[turn % len(pauses)])
                    if not aborts:
                        await stream.shutdown()
                    else:
                        stream.abort()
                except ConnectionLost:
                    pass  # the other end aborted

            async def read(name: str, stream: Stream, pauses: list[float]) -> None:
                got, turn = bytearray(), 0
                try:
                    while part := await stream.read(1 + 37 * (turn % 100)):
                        got += part
                        turn += 1
                        if turn < 50:
                            await trio.sleep(pauses[turn % len(pauses)])
                    outcome[name] = bytes(got), True
                except ConnectionLost:
                    outcome[name] = bytes(got), False

            async with trio.open_nursery() as ends:
                ends.start_soon(write, client, forth)
                ends.start_soon(write, server, back)
                ends.start_soon(read, "server", server, back[1])
                ends.start_soon(read, "client", client, forth[1])
            for name, script, other in (("server", forth, back), ("client", back, forth)):
                got, clean = outcome[name]
                whole = b"".join(script[0])
                assert whole.startswith(got)
                if clean:
                    assert got == whole
                    assert not script[2]
                if not script[2] and not other[2]:
                    assert clean
            if not forth[2] and not back[2]:
                assert splice.bytes == (len(b"".join(forth[0])), len(b"".join(back[0])))
            await trio.sleep(1)  # the splice hears of a double abort a few rounds after both ends
            assert rig.pump.budget.total == 0
            nursery.cancel_scope.cancel()

    virtual_run(main, seed=seed)


@on_both
async def test_a_splice_whose_end_was_told_before_it_began_wants_nothing_of_it(rig: Rig) -> None:
    (left, a), (b, right) = await rig.streams(), await rig.streams()
    await left.write(b"all of it")
    await left.shutdown()
    link = a.on_ready(None)
    await trio.sleep(0.01)
    splice = a.splice(b, "early")
    assert link.handler is not None
    for _ in range(3):
        link.handler(READ)
    assert await read_all(right) == b"all of it"
    await trio.sleep(0.01)
    before = rig.pump.statistics().callbacks
    await trio.sleep(0.05)
    assert rig.pump.statistics().callbacks - before < 5
    right.close()
    left.close()
    await eventually(lambda: splice.ended)
