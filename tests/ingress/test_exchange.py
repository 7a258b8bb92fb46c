import contextlib

import pytest
import trio

from beam_actors.errors import ConnectionLost, RemoteProtocolError, ResourceExhausted, TimedOut
from beam_actors.ingress.exchange import Exchange
from beam_actors.ingress.framing import frame
from beam_actors.ingress.limits import IngressLimits
from tests.ingress.streams import FakeStream

LIMITS = IngressLimits(dns_pipeline=2)


async def upper(data):
    """An answer that takes as many seconds as its question's first byte says; None for a question of nothing."""
    await trio.sleep(data[0] if data else 0)
    return data.upper() if data else None


async def test_several_questions_on_one_connection(autojump_clock):
    client, server = FakeStream.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(server, upper, LIMITS).run)
        await client.write(frame(b"\0one") + frame(b"\0two")[:3])
        await client.write(frame(b"\0two")[3:])
        await client.shutdown()
        assert await client.read_all() == frame(b"\0ONE") + frame(b"\0TWO")
    assert server.state == "closed"


async def test_a_slow_answer_does_not_hold_the_others(autojump_clock):
    client, server = FakeStream.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(server, upper, LIMITS).run)
        await client.write(frame(b"\x05slow") + frame(b"\x01fast"))
        assert await client.read() == frame(b"\x01FAST")
        assert await client.read() == frame(b"\x05SLOW")
        await client.shutdown()


async def test_no_more_than_the_pipeline_is_under_way(autojump_clock):
    running = most = 0

    async def answer(data):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1
        return data

    client, server = FakeStream.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(server, answer, LIMITS).run)
        await client.write(b"".join(frame(b"%d" % number) for number in range(6)))
        await client.shutdown()
        assert len(await client.read_all()) == 6 * 3
    assert most == 2


async def test_an_idle_client_is_closed(autojump_clock):
    client, server = FakeStream.pair()
    before = trio.current_time()
    await Exchange(server, upper, LIMITS).run()
    assert trio.current_time() - before == LIMITS.dns_idle_seconds
    assert await client.read() == b""


async def test_a_question_that_drips_is_closed_in_time(autojump_clock):
    client, server = FakeStream.pair()

    async def drip():
        with contextlib.suppress(ConnectionLost):
            await client.write(frame(b"\0x"))  # a whole one, after which the time begins anew
            await client.write(b"\x01\x00")
            while True:
                await trio.sleep(3)
                await client.write(b"a")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip)
        before = trio.current_time()
        await Exchange(server, upper, LIMITS).run()
        assert trio.current_time() - before == LIMITS.dns_idle_seconds


async def test_a_client_that_asks_slowly_but_in_whole_questions_is_served(autojump_clock):
    client, server = FakeStream.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(server, upper, LIMITS).run)
        for _ in range(5):
            await trio.sleep(LIMITS.dns_idle_seconds - 1)
            await client.write(frame(b"\0one")[:3])
            await trio.sleep(LIMITS.dns_idle_seconds - 1)
            await client.write(frame(b"\0one")[3:])
            assert await client.read() == frame(b"\0ONE")
        await client.shutdown()


async def test_an_evicted_exchange_says_so(autojump_clock):
    _, server = FakeStream.pair()
    exchange = Exchange(server, upper, LIMITS)
    exchange.evict()
    with pytest.raises(ResourceExhausted):
        await exchange.run()


@pytest.mark.parametrize("data", [frame(b""), b"\xff\xff"])
async def test_what_is_no_question_ends_the_connection(autojump_clock, data):
    client, server = FakeStream.pair()
    await client.write(data)
    with pytest.raises(RemoteProtocolError):
        await Exchange(server, upper, LIMITS).run()


async def test_a_client_that_does_not_read_is_cut(autojump_clock):
    client, server = FakeStream.pair(room=0)

    async def ask():
        with contextlib.suppress(ConnectionLost):  # which ends the loop, and so the test
            while True:
                await client.write(frame(b"\0x"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        with pytest.raises(TimedOut):
            await Exchange(server, upper, LIMITS).run()
        server.abort()


async def test_a_reset_is_reported(autojump_clock):
    client, server = FakeStream.pair()
    client.abort()
    with pytest.raises(ConnectionLost):
        await Exchange(server, upper, LIMITS).run()
