import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import (
    ActorUnavailable,
    ConnectionLost,
    ConnectionRefused,
    LocalProtocolError,
    TimedOut,
    Unreachable,
)
from beam_actors.flow import Accepted, Flow, Stream
from beam_actors.values import TcpAddress, UnixAddress
from tests.flow.rig import KINDS, LOOPBACK, FakeOwner, Rig, on_both, read_all, run, send_all, two_hosts, virtual_run


@on_both
async def test_dial_listen_read_write(rig: Rig) -> None:
    listener = rig.flow.listen(LOOPBACK, rig.owner)
    dialled = await rig.flow.dial(listener.local, rig.owner, timeout=5)
    accepted = await rig.owner.expect(Accepted)
    assert accepted.listener is listener
    assert accepted.stream.remote == dialled.local
    assert dialled.remote == accepted.stream.local == listener.local
    await dialled.write(b"hello")
    assert await accepted.stream.read() == b"hello"
    listener.close()
    await dialled.shutdown()
    assert await accepted.stream.read() == b""
    assert await accepted.stream.read() == b""
    await accepted.stream.write(b"half-closed")
    accepted.stream.close()
    assert await read_all(dialled) == b"half-closed"
    repr((listener, dialled, rig.flow, rig.pump, accepted))


@on_both
async def test_an_accepted_stream_that_nobody_takes_is_reset(rig: Rig) -> None:
    listener = rig.flow.listen(LOOPBACK, rig.owner)
    dialled = await rig.flow.dial(listener.local, rig.owner, timeout=5)
    (await rig.owner.expect(Accepted)).dispose()
    with pytest.raises(ConnectionLost):
        await dialled.read()


@on_both
async def test_refused(rig: Rig) -> None:
    listener = rig.flow.listen(LOOPBACK, rig.owner)
    listener.close()
    with pytest.raises(ConnectionRefused):
        await rig.flow.dial(listener.local, rig.owner, timeout=5)
    assert rig.pump.statistics().links == 0


def test_unreachable_and_late() -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        nobody = TcpAddress("10.9.9.9", 1)
        with pytest.raises(TimedOut):
            await a.flow.dial(nobody, a.owner, timeout=3)
        assert a.pump.statistics().links == 0
        with pytest.raises(Unreachable):
            await a.flow.dial(nobody, a.owner, timeout=300)

    virtual_run(two_hosts, case)


@pytest.mark.parametrize("kind", KINDS)
def test_unix_credentials(kind: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def case(rig: Rig) -> None:
        listener = rig.flow.listen(UnixAddress("s"), rig.owner)
        dialled = await rig.flow.dial(listener.local, rig.owner, timeout=5)
        accepted = (await rig.owner.expect(Accepted)).stream
        assert accepted.credentials is not None
        await dialled.write(b"x" * 10_000)
        dialled.close()
        assert await read_all(accepted) == b"x" * 10_000

    run(kind, case)


@on_both
async def test_unread_bytes_come_first(rig: Rig) -> None:
    a, b = await rig.streams()
    await send_all(a, b"GET / HTTP/1.1")
    head = await b.read(3)
    b.unread(head)
    b.unread(b">")
    assert await b.read(2) == b">G"
    assert await read_all(b) == b"ET / HTTP/1.1"


@on_both
async def test_writes_wait_for_room_and_bytes_arrive_in_order(rig: Rig) -> None:
    a, b = await rig.streams()
    data = bytes(range(256)) * (8 << 12)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, a, data)
        await trio.testing.wait_all_tasks_blocked(0.01 if rig.pump.driver.__class__.__name__ == "EpollDriver" else 0.0)
        assert await read_all(b) == data


@on_both
async def test_a_cancelled_read_loses_nothing(rig: Rig) -> None:
    a, b = await rig.streams()
    with trio.move_on_after(0.01) as scope:
        await b.read()
    assert scope.cancelled_caught
    await a.write(b"kept")
    assert await b.read() == b"kept"


@on_both
async def test_one_reader_at_a_time(rig: Rig) -> None:
    _a, b = await rig.streams()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(b.read)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await b.read()
        with pytest.raises(LocalProtocolError):
            b.detach()
        nursery.cancel_scope.cancel()


@on_both
async def test_abort_here_is_loss_there_and_wakes_whoever_waits_here(rig: Rig) -> None:
    a, b = await rig.streams()
    async with trio.open_nursery() as nursery:

        async def waits() -> None:
            with pytest.raises(ConnectionLost):
                await a.read()

        nursery.start_soon(waits)
        await trio.testing.wait_all_tasks_blocked()
        a.abort()
        a.abort()
    with pytest.raises(ConnectionLost):
        await b.read()
    with pytest.raises(ConnectionLost):
        await a.write(b"x")


@on_both
async def test_a_spliced_handle_is_spent(rig: Rig) -> None:
    (a, b), (c, d) = await rig.streams(), await rig.streams()
    with pytest.raises(LocalProtocolError):
        b.splice(b, "self")
    b.splice(c, "tag")
    for use in (b.read(), b.write(b"x"), c.shutdown()):
        with pytest.raises(LocalProtocolError):
            await use
    b.abort()  # harmless: the splice has it
    await a.write(b"through")
    assert await d.read() == b"through"
    repr(b)


@on_both
async def test_a_splice_with_a_broken_stream_leaves_the_other_one_to_its_holder(rig: Rig) -> None:
    for turn in (lambda whole, broken: whole.splice(broken, "tag"), lambda whole, broken: broken.splice(whole, "tag")):
        (far, whole), (broken, _) = await rig.streams(), await rig.streams()
        broken.abort()
        with pytest.raises(ConnectionLost):
            turn(whole, broken)
        await whole.write(b"still here")
        assert await far.read() == b"still here"
        whole.abort()
        with pytest.raises(ConnectionLost), trio.fail_after(5):
            await far.read()


@on_both
async def test_a_tag_goes_with_the_stream_into_its_splice(rig: Rig) -> None:
    (_, b), (c, d) = await rig.streams(), await rig.streams()
    c.tag("where it comes from")
    splice = b.splice(c, "who joins it")
    assert splice.tag == ("who joins it", "where it comes from")
    assert rig.pump.splices.abort("where it comes from") == 1
    with pytest.raises(ConnectionLost):
        await d.read()


@on_both
async def test_a_listener_that_was_handed_over_tells_its_new_owner_and_ends_with_it(rig: Rig) -> None:
    heir = FakeOwner("heir")
    listener = rig.flow.listen(LOOPBACK, rig.owner)
    listener.adopt(heir)
    await rig.flow.dial(listener.local, rig.owner, timeout=5)
    assert (await heir.expect(Accepted)).listener is listener
    assert not rig.owner.inbox
    rig.pump.owner_ended("owner")
    await rig.flow.dial(listener.local, rig.owner, timeout=5)
    rig.pump.owner_ended("heir")
    with pytest.raises(ConnectionRefused):
        await rig.flow.dial(listener.local, rig.owner, timeout=5)


def test_adopting_a_stream_of_an_ended_link_does_nothing() -> None:
    async def case(rig: Rig) -> None:
        a, _b = await rig.streams()
        a.abort()
        a.adopt(FakeOwner("late"))
        assert rig.pump.owned_by("late") == 0

    run("virtual", case)


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=3000), max_size=30),
    limits=st.lists(st.integers(1, 4000), min_size=1, max_size=5),
    buffer=st.sampled_from([1, 7, 1000, 1 << 16]),
    seed=st.integers(0, 1 << 30),
)
def test_what_is_read_is_what_was_written(pieces, limits, buffer, seed) -> None:
    async def case(a: Rig, b: Rig, net, hosts) -> None:
        left, right = await a.streams(b, TcpAddress("10.0.0.2", 0))

        async def write() -> None:
            for piece in pieces:
                await left.write(piece)
            await left.shutdown()

        got = bytearray()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            turn = 0
            while part := await right.read(limits[turn % len(limits)]):
                assert len(part) <= limits[turn % len(limits)]
                got += part
                turn += 1
        assert bytes(got) == b"".join(pieces)

    virtual_run(lambda: two_hosts(case, buffer=buffer), seed=seed)


async def test_a_stream_has_no_life_without_its_pump() -> None:
    flow = Flow()
    with pytest.raises(ActorUnavailable):
        await flow.dial(LOOPBACK, FakeOwner(), timeout=1)
    with pytest.raises(ActorUnavailable):
        flow.listen(LOOPBACK, FakeOwner())


def test_streams_know_their_kind() -> None:
    assert Stream.dispose is Stream.abort
