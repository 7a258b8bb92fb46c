import functools

import attrs
import pytest
import trio

from beam_actors.control import RuntimeFeed
from beam_actors.control.limits import ControlLimits
from beam_actors.runtime import Actor, ChildSpec, Supervisor, System, receives
from beam_actors.values import PeerId
from tests.control.fakes import PEER
from tests.control.test_serving import World

LIMITS = ControlLimits()


@pytest.fixture
async def world(nursery):
    return World(nursery)


async def begin(world, **body):
    client = world.connect()
    status = await client.begin("POST", "/v1/trace", {"actor": "node/a", **body})
    assert status == 200
    first = await client.line()
    return client, first, world.node.feeds[-1]


async def test_records_come_as_lines_and_the_end_says_why(world, autojump_clock):
    client, first, feed = await begin(world, subtree=True, limit=7, rate=3)
    assert {key: first[key] for key in ("event", "actor", "subtree", "limit", "rate")} == {
        "event": "tracing", "actor": "node/a", "subtree": True, "limit": 7, "rate": 3,
    }  # fmt: skip
    feed.put(missed=5)
    line = await client.line()
    assert (line["event"], line["message"], line["took_s"], line["missed"]) == ("record", "Say", 0.25, 5)
    feed.missed = 5
    feed.end("limit")
    line = await client.line()
    assert (line["event"], line["why"], line["recorded"], line["missed"]) == ("ended", "limit", 1, 5)
    assert await client.line() is None
    assert feed.closed


async def test_a_quiet_trace_beats(world, autojump_clock):
    client, _, _ = await begin(world)
    start = trio.current_time()
    for _ in range(3):
        assert (await client.line())["event"] == "beat"
    assert trio.current_time() - start == pytest.approx(3 * LIMITS.beat_seconds)


async def test_it_ends_with_its_client(world, autojump_clock):
    client, _, feed = await begin(world)
    client.hang_up()
    await trio.sleep(1)
    assert feed.closed
    assert world.ended == [client.server]


async def test_a_client_that_reads_nothing_is_given_up(world, autojump_clock):
    client, _, feed = await begin(world)

    async def stuck(data):
        await trio.sleep_forever()

    client.server.write = stuck
    feed.put()
    await trio.sleep(LIMITS.write_seconds + 1)
    assert feed.closed
    await trio.sleep(LIMITS.write_seconds)  # the end of the answer gets its time, too
    assert world.ended == [client.server]


async def test_a_crash_of_the_api_ends_it(autojump_clock):
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        _, _, feed = await begin(world)
        nursery.cancel_scope.cancel()
    assert feed.closed


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"actor": "nobody"}, 404),
        ({}, 400),
        ({"actor": "a", "limit": 0}, 400),
        ({"actor": "a", "limit": 100_001}, 400),
        ({"actor": "a", "rate": 1_001}, 400),
        ({"actor": "a", "rate": True}, 400),
        ({"actor": "a", "rate": 1.5}, 400),
        ({"actor": "a", "subtree": 1}, 400),
        ({"actor": "a", "level": 1}, 400),
    ],
)
async def test_what_is_refused_is_an_ordinary_answer(world, body, status, autojump_clock):
    client = world.connect()
    got, answer = await client.ask("POST", "/v1/trace", body)
    assert got == status
    assert answer["error"]["message"]
    assert world.node.feeds == []


@attrs.frozen
class Serve:
    peer: PeerId
    key: bytes


class Server(Actor):
    @receives(Serve)
    def serve(self, message):
        return message.key


async def test_the_runtimes_records_become_rows_with_the_time_of_day(autojump_clock):
    here = System("node", clock=trio.current_time, public=(PeerId,))
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Server)]))):
        offset = 1_800_000_000 - trio.current_time()
        with RuntimeFeed(here.trace("node/a", limit=1), lambda at: at + offset) as feed:
            await here.ref("node/a").ask(Serve(PeerId.parse(PEER), b"secret"))
            row = await feed.next()
            assert await feed.next() is None
    assert (row.time, row.path, row.outcome, row.detail) == (1_800_000_000, "node/a", "replied", "bytes[6]")
    assert row.shown == f"peer={PEER}, key=bytes[6]"
    assert (feed.ended, feed.recorded, feed.missed, feed.actor) == ("limit", 1, 0, "node/a")


async def test_leaving_a_feed_ends_the_trace(autojump_clock):
    here = System("node", clock=trio.current_time)
    async with here.run(ChildSpec("node", functools.partial(Supervisor, [ChildSpec("a", Server)]))):
        with RuntimeFeed(here.trace("node/a"), float) as feed:
            assert here.cell("node/a").tracer is not None
        assert here.cell("node/a").tracer is None
        assert feed.ended == "closed"
