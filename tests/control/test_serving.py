import functools
from contextlib import suppress

import attrs
import pytest
import trio

from beam_actors import __version__
from beam_actors.control.limits import ControlLimits
from beam_actors.control.serving import Service
from beam_actors.control.sharing import Shares
from beam_actors.errors import ActorUnavailable, ClaimRefused, NameNotFound, NameTaken, StorageError
from tests.control.connections import UID, pair
from tests.control.fakes import FakeNode

LIMITS = ControlLimits()


class World:
    """A service over a fake node, and its connections' tasks."""

    def __init__(self, nursery, node=None):
        self.node = node or FakeNode()
        self.shares = Shares(self.node, LIMITS)
        self.service = Service(self.node, uid=UID, limits=LIMITS, shares=self.shares)
        self.nursery = nursery
        self.ended = []

    def connect(self, uid=UID):
        server, client = pair(uid)
        self.nursery.start_soon(functools.partial(self._serve, server))
        client.server = server
        return client

    async def _serve(self, server):
        await self.service.serve(server)
        self.ended.append(server)


@pytest.fixture
async def world(nursery):
    return World(nursery)


async def test_requests_on_one_connection(world, autojump_clock):
    client = world.connect()
    for _ in range(3):
        status, answer = await client.ask("GET", "/v1/id")
        assert status == 200
        assert (answer["schema"], answer["version"]) == (1, __version__)
    assert world.service.statistics.requests == 3


@pytest.mark.parametrize("uid", [0, UID + 1, None])
async def test_a_stranger_is_not_heard(world, uid, autojump_clock):
    client = world.connect(uid)
    assert await client.stream.receive_some(1) == b""
    assert world.service.statistics.strangers == 1
    assert world.node.calls == []


@pytest.mark.parametrize("headers", [[("Host", "evil.test")], [("Host", "beam"), ("Origin", "http://evil.test")]])
async def test_a_browsers_request_has_no_effect(world, headers, autojump_clock):
    client = world.connect()
    status, answer = await client.ask("POST", "/v1/stop", headers=headers)
    assert status in {403, 421}
    assert answer["error"]["code"] == "not-allowed"
    assert not world.node.stopped
    assert world.node.calls == []
    assert world.service.statistics.refused == 1
    assert await client.stream.receive_some(1) == b""


async def test_an_error_of_the_node_is_answered(world, autojump_clock):
    world.node.failure = NameTaken("It is taken.")
    status, answer = await world.connect().ask("GET", "/v1/status")
    assert status == 409
    assert answer["error"] == {"code": "name-taken", "message": "It is taken.", "exit_code": 4}


async def test_a_bug_of_the_node_is_answered_and_counted(world, autojump_clock):
    world.node.failure = ZeroDivisionError("secret detail")
    client = world.connect()
    status, answer = await client.ask("GET", "/v1/status")
    assert status == 500
    assert "ZeroDivisionError" in answer["error"]["message"]
    assert "secret detail" not in answer["error"]["message"]
    assert world.service.statistics.failed == 1
    world.node.failure = None
    assert (await client.ask("GET", "/v1/status"))[0] == 200


async def test_a_node_that_hangs_is_a_time_out(world, autojump_clock):
    async def hang(target):
        await trio.sleep_forever()

    world.node.ping = hang
    status, answer = await world.connect().ask("POST", "/v1/ping", {"target": "x"})
    assert status == 504
    assert answer["error"]["exit_code"] == 5


async def test_an_unknown_command_is_one_sentence(world, autojump_clock):
    status, answer = await world.connect().ask("POST", "/v1/teleport")
    assert status == 404
    assert __version__ in answer["error"]["message"]


async def test_a_slow_request_is_cut_off(world, autojump_clock):
    client = world.connect()
    start = trio.current_time()
    data = b"GET /v1/id HTTP/1.1\r\nHost: beam\r\n" + b"X: y\r\n" * 1000
    sent = 0
    with suppress(trio.BrokenResourceError):
        while sent < len(data):
            await client.stream.send_all(data[sent : sent + 1])
            sent += 1
            await trio.sleep(0.5)
    assert sent < 40
    assert trio.current_time() - start <= LIMITS.request_seconds + 1


async def test_a_silent_connection_is_closed(world, autojump_clock):
    client = world.connect()
    start = trio.current_time()
    assert await client.stream.receive_some(1) == b""
    assert trio.current_time() - start == pytest.approx(LIMITS.idle_seconds)


async def test_garbage_is_answered_and_closed(world, autojump_clock):
    client = world.connect()
    await client.stream.send_all(b"\x00\x01\x02 garbage\r\n\r\n")
    answer = b""
    while data := await client.stream.receive_some(65536):
        answer += data
    assert answer.startswith(b"HTTP/1.1 400")


async def share(client, **body):
    assert await client.begin("POST", "/v1/share", {"target": "127.0.0.1:3000", **body}) == 200
    return await client.line()


async def test_a_foreground_tunnel_lives_as_long_as_its_connection(world, autojump_clock):
    client = world.connect()
    up = await share(client)
    assert up["event"] == "up"
    assert up["peers"] == 1
    assert up["tunnel"]["foreground"]
    assert up["tunnel"]["urls"] == ["https://swift-beam-7k2m9qxa.local"]
    assert list(world.node.tunnel_rows) == [up["tunnel"]["id"]]
    client.hang_up()
    await trio.sleep(5)
    assert world.node.tunnel_rows == {}
    assert world.ended == [client.server]


async def test_status_lines_come_and_beat(world, autojump_clock):
    client = world.connect()
    await share(client)
    start = trio.current_time()
    first = await client.line()
    assert first["event"] == "status"
    await client.line()
    assert trio.current_time() - start == pytest.approx(10 * LIMITS.status_interval)


async def test_a_name_whose_work_goes_on_is_said_to_be_claimed_once_it_is(world, autojump_clock):
    world.node.unclaimed.add("swift-beam-7k2m9qxa")
    client = world.connect()
    assert (await share(client))["claimed"] is False
    assert (await client.line())["event"] == "status"
    world.node.unclaimed.clear()
    claimed = await client.line()
    assert (claimed["event"], claimed["name"], claimed["told"]) == ("claimed", "swift-beam-7k2m9qxa.local", 2)
    asked = len([call for call in world.node.calls if call[0] == "progress"])
    assert (await client.line())["event"] == "status"
    assert len([call for call in world.node.calls if call[0] == "progress"]) == asked
    client.hang_up()


async def test_a_name_that_was_claimed_before_is_no_event_and_one_that_is_lost_neither(world, autojump_clock):
    client = world.connect()
    assert (await share(client))["claimed"] is True
    for failure, claimed in (
        (NameNotFound("It is not yours."), None),
        (ClaimRefused("work"), False),
        (StorageError("The disk is full."), False),
    ):
        world.node.progress_failure = failure
        assert (await share(world.connect()))["claimed"] is claimed
    world.node.progress_failure = NameNotFound("It is not yours any more.")
    await trio.sleep(3)
    world.node.progress_failure = None
    assert {(await client.line())["event"] for _ in range(3)} == {"status"}


async def test_two_holders_share_one_tunnel(world, autojump_clock):
    one, two = world.connect(), world.connect()
    first, second = await share(one), await share(two)
    assert first["tunnel"]["id"] == second["tunnel"]["id"]
    assert (first["holders"], second["holders"]) == (1, 2)
    assert (await two.line())["holders"] == 2
    one.hang_up()
    assert (await two.line())["holders"] == 1
    await trio.sleep(5)
    assert len(world.node.tunnel_rows) == 1
    two.hang_up()
    await trio.sleep(5)
    assert world.node.tunnel_rows == {}


async def test_a_withdrawn_foreground_tunnel_ends_its_command(world, autojump_clock):
    client = world.connect()
    up = await share(client)
    await world.node.unexpose(up["tunnel"]["id"])
    while (line := await client.line())["event"] == "status":
        pass
    assert line["event"] == "ended"
    assert await client.line() is None


async def test_a_refused_foreground_tunnel_is_an_ordinary_error(world, autojump_clock):
    client = world.connect()
    status, answer = await client.ask("POST", "/v1/share", {"target": "nonsense"})
    assert status == 400
    assert answer["error"]["exit_code"] == 2


async def test_a_restarting_core_does_not_end_a_foreground_tunnel(world, autojump_clock):
    client = world.connect()
    await share(client)
    world.node.failure = ActorUnavailable("between two incarnations")
    await trio.sleep(3)
    world.node.failure = None
    assert (await client.line())["event"] == "status"
    assert len(world.node.tunnel_rows) == 1


async def test_a_crash_of_the_api_leaves_the_tunnel_for_a_sweep(world, autojump_clock):
    node = world.node
    async with trio.open_nursery() as nursery:
        first = World(nursery, node)
        await share(first.connect())
        nursery.cancel_scope.cancel()
    assert len(node.tunnel_rows) == 1
    back = world.connect()
    await share(back)
    await world.shares.sweep()
    assert len(node.tunnel_rows) == 1
    back.hang_up()
    await trio.sleep(5)
    assert node.tunnel_rows == {}


async def test_a_sweep_takes_orphans_and_leaves_what_is_kept(world, autojump_clock):
    client = world.connect()
    await client.ask("POST", "/v1/expose", {"target": "127.0.0.1:4000", "name": "kept"})
    async with trio.open_nursery() as nursery:
        crashed = World(nursery, world.node)
        await share(crashed.connect())
        nursery.cancel_scope.cancel()
    await world.shares.sweep()
    assert [row.name for row in world.node.tunnel_rows.values()] == ["kept"]


async def test_a_reader_that_stops_reading_is_given_up(world, autojump_clock):
    client = world.connect()
    await client.stream.send_all(b"GET /v1/id HTTP/1.1\r\nHost: beam\r\n\r\n")

    async def stuck(data):
        await trio.sleep_forever()

    client.server.write = stuck
    await trio.sleep(LIMITS.write_seconds + 1)
    assert world.ended == [client.server]


async def test_a_foreground_tunnel_that_was_made_to_stay_stays(world, autojump_clock):
    client = world.connect()
    up = await share(client)
    row = world.node.tunnel_rows[up["tunnel"]["id"]]
    world.node.tunnel_rows[row.id] = attrs.evolve(row, foreground=False)
    client.hang_up()
    await trio.sleep(5)
    assert list(world.node.tunnel_rows) == [row.id]
