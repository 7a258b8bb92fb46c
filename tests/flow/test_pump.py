import pytest
import trio

from beam_actors.errors import ConnectionLost, NetworkError
from beam_actors.flow import FlowLimits, Stream
from beam_actors.flow.sockets import DatagramLink, ListenerLink, SocketLink
from beam_actors.ports import DatagramSocket
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualNetwork
from tests.flow.rig import KINDS, LOOPBACK, FakeOwner, Rig, eventually, on_both, on_virtual, run


@on_both
async def test_a_failing_callback_closes_its_link_and_crashes_its_owner_alone(rig: Rig) -> None:
    a, b = await rig.links()
    c, d = await rig.streams()
    culprit = FakeOwner("culprit")
    a.adopt(culprit)

    def broken(_bits: int) -> None:
        raise ZeroDivisionError("a bug")

    a.handler = broken
    a.want(read=True, write=False)
    b.send(b"x")
    with pytest.raises(ConnectionLost):
        await Stream(b).read()
    assert [type(crash) for crash in culprit.crashes] == [ZeroDivisionError]
    assert not a.is_open
    await c.write(b"still pumping")
    assert await d.read() == b"still pumping"


@on_both
async def test_a_failing_timer_or_queued_call_crashes_the_owner_to_blame(rig: Rig) -> None:
    a, _b = await rig.links()
    c, d = await rig.links()
    owners = FakeOwner("one"), FakeOwner("two")
    a.adopt(owners[0])
    c.adopt(owners[1])
    rig.pump.call_later(0.001, lambda: 1 // 0, a)
    rig.pump.call_soon(lambda: 1 // 0, c)
    with pytest.raises(ConnectionLost):
        await Stream(d).read()
    await eventually(lambda: bool(owners[0].crashes))
    assert not a.is_open
    assert not c.is_open
    assert rig.pump.is_open


def test_a_failing_call_that_nobody_answers_for_ends_the_pump() -> None:
    async def main() -> None:
        rig = Rig(VirtualNetwork().host("a").driver(), SimClock())
        rig.pump.call_soon(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await rig.pump.run()
        assert not rig.pump.is_open

    trio.run(main)


@on_both
async def test_links_die_with_their_owner_unless_handed_over(rig: Rig) -> None:
    mortal, heir = FakeOwner("mortal"), FakeOwner("heir")
    (a, b), (c, d) = await rig.streams(), await rig.streams()
    a.adopt(mortal)
    c.adopt(mortal)
    c.adopt(heir)
    async with trio.open_nursery() as nursery:

        async def waits() -> None:
            with pytest.raises(ConnectionLost):
                await a.read()

        nursery.start_soon(waits)
        await trio.testing.wait_all_tasks_blocked()
        rig.pump.owner_ended("mortal")
    with pytest.raises(ConnectionLost):
        await b.read()
    await c.write(b"inherited")
    assert await d.read() == b"inherited"
    assert rig.pump.owned_by("mortal") == 0
    assert mortal.crashes == mortal.inbox == []


@on_both
async def test_listeners_and_datagram_sockets_die_with_their_owner(rig: Rig) -> None:
    mortal = FakeOwner("mortal")
    listener = ListenerLink(rig.pump, rig.pump.driver.listen(LOOPBACK), lambda link: None, mortal)
    sock = DatagramLink(rig.pump, rig.pump.driver.datagrams(LOOPBACK), lambda socket, batch: None, mortal)
    local, bound = listener.local, sock.socket.local
    rig.pump.owner_ended("mortal")
    rig.pump.driver.listen(local).close()
    rig.pump.driver.datagrams(bound).close()


@on_both
async def test_a_handler_may_close_another_link_of_the_same_batch(rig: Rig) -> None:
    pairs = [await rig.links() for _ in range(8)]
    ready: list[int] = []

    def first_come(index: int) -> None:
        if not pairs[index][1].is_open:
            return  # told of its end, as every handler is
        pairs[index][1].want(read=False, write=False)
        ready.append(index)
        for other, (_a, b) in enumerate(pairs):
            if other != index:
                b.close()

    for index, (a, b) in enumerate(pairs):
        a.send(b"x")
        b.handler = lambda bits, index=index: first_come(index)
        b.want(read=True, write=False)
    await trio.sleep(0.05)
    assert len(set(ready)) == 1


@on_virtual
async def test_timers_run_in_order_on_time_and_once(rig: Rig) -> None:
    start, calls = trio.current_time(), []
    for delay in (0.3, 0.1, 0.2, 0.1, 0.0):
        rig.pump.call_later(delay, lambda delay=delay: calls.append((delay, round(trio.current_time() - start, 9))))
    gone = rig.pump.call_later(0.15, lambda: calls.append("cancelled"))
    gone.cancel()
    gone.cancel()
    await trio.sleep(1)
    assert calls == [(0.0, 0.0), (0.1, 0.1), (0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]
    assert rig.pump.statistics().timers == 0


@on_virtual
async def test_cancelled_timers_are_swept(rig: Rig) -> None:
    for _ in range(1000):
        rig.pump.call_later(1e6, lambda: None).cancel()
    assert len(rig.pump._timers._heap) < 200


@on_both
async def test_calls_queued_by_calls_run_in_the_next_round_and_starve_nobody(rig: Rig) -> None:
    rounds = 0
    a, b = await rig.streams()

    def again() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 100_000 and not done:
            rig.pump.call_soon(again)

    done = False
    rig.pump.call_soon(again)
    await a.write(b"through")
    assert await b.read() == b"through"
    done = True
    assert rounds < 100_000


@on_both
async def test_queued_calls_run_in_their_order_and_one_that_queues_itself_again_comes_after_them(rig: Rig) -> None:
    ran: list[str] = []

    def again() -> None:
        ran.append("again")
        if len(ran) < 10:
            rig.pump.call_soon(again)

    for name in "abc":
        rig.pump.call_soon(lambda name=name: ran.append(name))
    rig.pump.call_soon(again)
    rig.pump.call_soon(lambda: ran.append("d"))
    await eventually(lambda: len(ran) >= 10)
    assert ran[:6] == ["a", "b", "c", "again", "d", "again"]


class SlowClock:
    """Each reading costs a millisecond: callbacks that take time, as the pump sees them."""

    def __init__(self) -> None:
        self.readings = 0

    def monotonic(self) -> float:
        self.readings += 1
        return self.readings * 0.001

    wall = monotonic


def test_a_slice_is_cut_by_time_and_timers_stay_punctual() -> None:
    async def main() -> None:
        driver = VirtualNetwork().host("a").driver()
        clock = SlowClock()
        rig = Rig(driver, clock, FlowLimits(slice_callbacks=10_000, slice_bytes=1 << 30))
        busy = 0

        def spin() -> None:
            nonlocal busy
            busy += 1
            if busy < 5_000:
                rig.pump.call_soon(spin)

        for _ in range(500):
            rig.pump.call_soon(spin)
        rig.pump.call_later(0.5, lambda: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.pump.run)
            while busy < 5_000:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert rig.pump.statistics().latest_timer < 0.02  # a slice, not the 5,000 calls

    trio.run(main)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", [FlowLimits(slice_callbacks=1), FlowLimits(slice_bytes=1)])
def test_a_batch_cut_short_is_finished_before_the_next(kind: str, limits: FlowLimits) -> None:
    async def case(rig: Rig) -> None:
        pairs = [await rig.links() for _ in range(20)]
        counts = [0] * 20
        buffer = memoryview(bytearray(1))

        def reading(index: int) -> None:
            counts[index] += 1
            pairs[index][1].recv_into(buffer)  # one byte at a time: stays ready

        for index, (a, b) in enumerate(pairs):
            a.send(bytes(200))
            b.handler = lambda bits, index=index: reading(index)
            b.want(read=True, write=False)
        while min(counts) < 50:
            await trio.sleep(0.001)
            assert max(counts) - min(counts) <= 60

    run(kind, case, limits)


@on_virtual
async def test_out_of_descriptors_pauses_accepting_and_goes_on(outer: Rig) -> None:
    host = VirtualNetwork().host("a")
    server = Rig(host.driver(descriptors=3), SimClock())
    client = Rig(host.driver(), SimClock())
    accepted: list[SocketLink] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.pump.run)
        nursery.start_soon(client.pump.run)
        listener = ListenerLink(server.pump, server.pump.driver.listen(LOOPBACK), accepted.append, server.owner)
        for _ in range(4):
            await Stream(SocketLink(client.pump, client.pump.driver.dial(listener.local), client.owner)).connected()
        await trio.sleep(1)
        assert len(accepted) == 2
        before = server.pump.statistics().callbacks
        await trio.sleep(10)
        assert server.pump.statistics().callbacks - before < 300  # it rests between attempts
        accepted[0].close()
        await trio.sleep(1)
        assert len(accepted) == 3
        assert listener.pauses
        nursery.cancel_scope.cancel()


@on_both
async def test_the_callback_reads_the_datagrams_that_wait(rig: Rig) -> None:
    seen: list[bytes] = []
    echo = DatagramLink(
        rig.pump,
        rig.pump.driver.datagrams(LOOPBACK),
        lambda socket: [socket.send_to(data.upper(), sender) for data, sender in socket.receive()],
        rig.owner,
    )
    asker = DatagramLink(
        rig.pump,
        rig.pump.driver.datagrams(LOOPBACK),
        lambda socket: seen.extend(data for data, _sender in socket.receive()),
        rig.owner,
    )
    for name in (b"a", b"b", b"c"):
        asker.socket.send_to(name, echo.socket.local)
    await eventually(lambda: len(seen) >= 3)
    assert seen == [b"A", b"B", b"C"]


@on_both
async def test_datagrams_that_cannot_be_read_crash_their_owner(rig: Rig) -> None:
    """A socket has no stream whose end could tell of it: it would stay silent for ever."""

    def on_waiting(socket: DatagramSocket) -> None:
        raise ConnectionLost("as asked") if next(socket.receive())[0] == b"lost" else LookupError("as asked")

    for data, error in ((b"lost", ConnectionLost), (b"failed", LookupError)):
        mortal = FakeOwner("mortal")
        link = DatagramLink(rig.pump, rig.pump.driver.datagrams(LOOPBACK), on_waiting, mortal)
        rig.pump.driver.datagrams(LOOPBACK).send_to(data, link.socket.local)
        await eventually(lambda link=link: not link.is_open)
        assert [type(crash) for crash in mortal.crashes] == [error]


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_the_pump_fails_whoever_waits(kind: str) -> None:
    failures: list[NetworkError] = []

    async def case(rig: Rig) -> None:
        a, b = await rig.streams()

        async def waits(stream: Stream) -> None:
            try:
                await stream.read()
            except NetworkError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, a)
            nursery.start_soon(waits, b)
            await trio.testing.wait_all_tasks_blocked()
            rig.pump.close()
        with pytest.raises(ConnectionLost):
            await a.write(b"x")

    run(kind, case)
    assert len(failures) == 2


@on_virtual
async def test_what_is_left_of_a_batch_comes_first_and_loses_nothing_that_is_said_meanwhile(rig: Rig) -> None:
    pump, (a, b, c) = rig.pump, (object(), object(), object())
    pump._enter([(a, 1), (b, 1)])  # type: ignore[list-item]
    assert pump._batch.pop() == (a, 1)
    pump._enter([(c, 1), (b, 2)])  # type: ignore[list-item]
    assert [pump._batch.pop(), pump._batch.pop()] == [(b, 3), (c, 1)]
    assert not pump._batch
