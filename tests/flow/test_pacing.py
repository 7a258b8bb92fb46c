import os
from functools import partial

import pytest
import trio

from beam_actors.flow import FlowLimits, Splice, Stream
from beam_actors.flow.pacing import Pace
from tests.flow.rig import FakeOwner, Rig, digest, eventually, read_all, run, send_all
from tests.flow.sessions import channel, sessions
from tests.flow.test_tls import encrypted

LIMITS = FlowLimits()
BULK = 8 << 20
PACED = BULK / LIMITS.pace_bytes * LIMITS.pace_seconds
"""Seconds that so much takes where nothing takes time but rests."""


def virtual(case):
    """A test in a world in which nothing takes time but rests."""

    def test() -> None:
        run("virtual", case)

    test.__name__ = case.__name__
    return test


async def chain(rig: Rig) -> tuple[Stream, Stream, Splice]:
    """A client and a server, joined by two local connections."""
    (client, near), (far, server) = await rig.streams(), await rig.streams()
    return client, server, near.splice(far, "tag")


async def carry(source: Stream, sink: Stream, size: int = BULK) -> float:
    """Send so much, and as much as makes it bulk before: for how many seconds."""
    data = os.urandom(2 * LIMITS.bulk_bytes) + bytes(size)
    begin = 0.0

    async def send() -> None:
        nonlocal begin
        await source.write(data[: 2 * LIMITS.bulk_bytes])
        await trio.sleep(LIMITS.bulk_seconds / 2)  # others say something meanwhile
        begin = trio.current_time()
        await send_all(source, data[2 * LIMITS.bulk_bytes :])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        assert digest(await read_all(sink)) == digest(data)
    return trio.current_time() - begin


async def chat(client: Stream, server: Stream, every: float = 0.01) -> None:
    """Small requests and answers until cancelled; nobody waits for a rest."""
    while True:
        begin = trio.current_time()
        await client.write(b"?")
        assert await server.read() == b"?"
        await server.write(b"!")
        assert await client.read() == b"!"
        assert trio.current_time() == begin
        await trio.sleep(every)


@virtual
async def test_bulk_alone_never_rests(rig: Rig) -> None:
    client, server, splice = await chain(rig)
    await client.write(b"?")
    assert await server.read() == b"?"
    assert await carry(server, client) == 0
    assert rig.pump.pacer.rests == 0
    assert splice.bytes[1] == BULK + 2 * LIMITS.bulk_bytes


@virtual
async def test_many_streams_of_bulk_that_begin_with_requests_do_not_hold_each_other(rig: Rig) -> None:
    chains = [await chain(rig) for _ in range(8)]
    took: list[float] = []

    async def download(client: Stream, server: Stream) -> None:
        await client.write(b"?")
        assert await server.read() == b"?"
        took.append(await carry(server, client))

    async with trio.open_nursery() as nursery:
        for client, server, _splice in chains:
            nursery.start_soon(download, client, server)
    assert took == [0] * 8


@virtual
async def test_what_acknowledges_bulk_does_not_hold_it(rig: Rig) -> None:
    """The other direction of the same splice says little, as ssh's and rsync's do."""
    client, server, _splice = await chain(rig)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carry, server, client)

        async def acknowledge() -> None:
            for _ in range(50):
                await client.write(b"acknowledged")
                await server.read()
                await trio.sleep(0.002)

        nursery.start_soon(acknowledge)
    assert rig.pump.pacer.rests == 0


@pytest.mark.parametrize("upward", [True, False])
def test_bulk_rests_beside_small_requests_which_never_wait(upward: bool) -> None:  # noqa: FBT001  # one of two ways
    async def case(rig: Rig) -> None:
        (client, server, _), (asker, answerer, _) = await chain(rig), await chain(rig)
        ends = (client, server) if upward else (server, client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(chat, asker, answerer)
            assert await carry(*ends) == pytest.approx(PACED, rel=0.1)
            nursery.cancel_scope.cancel()
        assert rig.pump.pacer.resting == 0
        assert "holding" in repr(rig.pump.pacer)

    run("virtual", case)


@virtual
async def test_bulk_is_held_for_a_moment_after_the_last_small_request(rig: Rig) -> None:
    (client, server, _), (asker, answerer, _) = await chain(rig), await chain(rig)
    with trio.move_on_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(carry, server, client, 200 << 20)
            await trio.sleep(LIMITS.bulk_seconds / 4)
            await asker.write(b"?")
            assert await answerer.read() == b"?"
            said = trio.current_time()
    over = trio.current_time() - said
    assert over == pytest.approx(LIMITS.pace_linger, abs=2 * LIMITS.pace_seconds)


@virtual
async def test_all_that_rest_take_turns(rig: Rig) -> None:
    asker, answerer, _ = await chain(rig)
    chains = [await chain(rig) for _ in range(4)]
    took: list[float] = []

    async def download(client: Stream, server: Stream) -> None:
        took.append(await carry(server, client))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        async with trio.open_nursery() as downloads:
            for client, server, _splice in chains:
                downloads.start_soon(download, client, server)
        nursery.cancel_scope.cancel()
    assert took == pytest.approx([4 * PACED] * 4, rel=0.1)


@virtual
async def test_however_many_ask_bulk_gets_its_share_and_who_asked_is_forgotten(rig: Rig) -> None:
    client, server, _ = await chain(rig)
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            asker, answerer, _ = await chain(rig)
            nursery.start_soon(partial(chat, asker, answerer, every=0.005))
        assert await carry(server, client) == pytest.approx(PACED, rel=0.1)
        nursery.cancel_scope.cancel()
    pacer = rig.pump.pacer
    assert len(pacer.small) == 50
    pace = Pace(rig.pump)
    await trio.sleep(LIMITS.pace_linger * 0.9)
    rig.pump.slice_at = trio.current_time()
    for _ in range(3):  # two go for each that comes
        await trio.sleep(LIMITS.pace_linger * 0.05)
        rig.pump.slice_at = trio.current_time()
        pacer.note_small(pace)
    assert len(pacer.small) <= 50 - 2
    await trio.sleep(10)
    rig.pump.slice_at = trio.current_time()
    pacer.note_small(pace)
    assert (len(pacer.small), pacer.is_holding, pacer.least) == (0, False, LIMITS.small_move)


@virtual
async def test_an_upload_by_tls_rests_and_comes_whole(rig: Rig) -> None:
    client, ingress = await encrypted(rig, "plain")
    near, app = await rig.streams()
    asker, answerer, _ = await chain(rig)
    ingress.splice(near, "https")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        assert await carry(client, app) == pytest.approx(PACED, rel=0.1)
        nursery.cancel_scope.cancel()
    assert rig.pump.pacer.rests < 1.1 * BULK / LIMITS.pace_bytes  # what rests already asks no more
    assert rig.pump.budget.total == 0


@virtual
async def test_what_rests_is_queued_once_however_often_more_is_offered(rig: Rig) -> None:
    client, ingress = await encrypted(rig, "plain")
    near, app = await rig.streams()
    asker, answerer, _ = await chain(rig)
    splice = ingress.splice(near, "https")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        nursery.start_soon(carry, client, app)
        await eventually(lambda: rig.pump.pacer.resting == 1)
        assert [splice._forth.offer(memoryview(b"more")) for _ in range(3)] == [0] * 3
        assert rig.pump.pacer.resting == 1
        nursery.cancel_scope.cancel()


@virtual
async def test_a_tunnel_rests_where_its_bulk_comes_from(rig: Rig) -> None:
    """What comes over a session is not held: it would wait here by the megabyte, and its sender rests by itself."""
    ends = await sessions(rig)
    (client, near), (far, server) = await rig.streams(), await rig.streams()
    asker, answerer, _ = await chain(rig)
    here, there = await channel(ends)
    visiting, offering = near.splice(here, "ingress"), there.splice(far, "tunnel")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        assert await carry(server, client) == pytest.approx(PACED, rel=0.1)
        nursery.cancel_scope.cancel()
    await client.shutdown()
    assert await server.read() == b""
    await trio.sleep(1)
    assert visiting.bytes == offering.bytes
    assert rig.pump.budget.peak < LIMITS.node_bytes / 100


@virtual
async def test_a_splice_that_ends_while_it_rests_leaves_nothing(rig: Rig) -> None:
    asker, answerer, _ = await chain(rig)
    chains = [await chain(rig) for _ in range(8)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        for client, server, _splice in chains:
            nursery.start_soon(carry, server, client)
        await trio.sleep(LIMITS.bulk_seconds / 2 + LIMITS.pace_seconds * 2.5)
        assert rig.pump.pacer.resting >= 7
        for _client, _server, splice in chains:
            splice.abort()
        nursery.cancel_scope.cancel()
    await trio.sleep(1)
    assert rig.pump.pacer.resting == 0
    assert rig.pump.statistics().timers == 0


@virtual
async def test_a_failure_on_waking_is_its_owners_and_the_others_go_on(rig: Rig) -> None:
    mortal = FakeOwner("mortal")
    bad, _end = await rig.links()
    bad.adopt(mortal)

    class Failing:
        source = bad

        def resume(self) -> None:
            raise RuntimeError("on waking")

    (client, server, _), (asker, answerer, _) = await chain(rig), await chain(rig)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, asker, answerer)
        nursery.start_soon(carry, server, client)
        await trio.sleep(LIMITS.bulk_seconds / 2 + LIMITS.pace_seconds * 2.5)
        assert rig.pump.pacer.allow(1, Failing()) == 0
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert [str(crash) for crash in mortal.crashes] == ["on waking"]
    assert not bad.is_open
    assert rig.pump.pacer.resting == 0


@pytest.mark.parametrize(
    ("spent", "linger", "first"),
    [(0, 0.25, 3), (LIMITS.pace_bytes, 0.25, 1), (1, 0.25, 3), (LIMITS.pace_bytes, LIMITS.pace_seconds / 2, 20)],
)
def test_all_that_rest_are_resumed_in_their_order_whatever_they_do_then(spent: int, linger: float, first: int) -> None:
    async def case(rig: Rig) -> None:
        pacer, resumed = rig.pump.pacer, []
        link, _end = await rig.links()

        class Sleeper:
            source = link

            def __init__(self, number: int) -> None:
                self.number = number

            def resume(self) -> None:
                resumed.append(self.number)
                pacer.spend(spent)

        def begin() -> None:
            pacer.note_bulk(Pace(rig.pump))
            pacer.note_small(Pace(rig.pump))
            pacer.spend(LIMITS.pace_bytes)
            assert [pacer.allow(1, Sleeper(number)) for number in range(20)] == [0] * 20

        rig.pump.call_soon(begin)
        await trio.sleep(LIMITS.pace_seconds * 1.5)
        assert resumed == list(range(first))
        await trio.sleep(1)
        assert resumed == list(range(20))
        assert rig.pump.statistics().timers == 0

    run("virtual", case, FlowLimits(slice_callbacks=3, pace_linger=linger))


@pytest.mark.parametrize(
    ("moves", "bulk"),
    [
        ([(0.0, LIMITS.bulk_bytes)], False),
        ([(0.0, LIMITS.bulk_bytes), (0.01, LIMITS.small_move + 1)], True),
        ([(0.0, LIMITS.bulk_bytes), (0.01, LIMITS.small_move)], False),
        ([(0.0, LIMITS.bulk_bytes), (0.1, LIMITS.bulk_bytes)], False),
        ([(0.0, LIMITS.bulk_bytes + 1), (0.11, 1)], True),
        ([(0.0, LIMITS.bulk_bytes + 1), (0.21, 1)], False),
        ([(0.01 * step, LIMITS.small_move) for step in range(100)], False),
    ],
)
def test_what_is_bulk(moves: list[tuple[float, int]], bulk: bool) -> None:  # noqa: FBT001  # what is expected
    async def case(rig: Rig) -> None:
        pace, begin = Pace(rig.pump), trio.current_time()
        for at, size in moves:
            rig.pump.slice_at = begin + at
            pace.moved(size)
        assert pace.is_bulk is bulk
        assert ("not bulk" in repr(pace)) is not bulk

    run("virtual", case)
