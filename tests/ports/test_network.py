"""One contract, two drivers: what the real network does, the virtual one does too."""

import functools
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
)
from beam_actors.ports import Endpoint, Listener, NetworkDriver, Pollable, Readiness
from beam_actors.testing.network import VirtualNetwork
from beam_actors.values import Address, TcpAddress, UnixAddress
from beam_actors.world.epoll import EpollDriver

LOOPBACK = TcpAddress("127.0.0.1", 0)
LOOPBACK_6 = TcpAddress("::1", 0)
NOT_OURS = TcpAddress("192.0.2.1", 0)
READ, WRITE = int(Readiness.READ), int(Readiness.WRITE)


class RealClock:
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class World:
    """A driver, and the few steps that every test takes."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.now = time.monotonic if kind == "epoll" else trio.current_time
        self.driver: NetworkDriver = (
            EpollDriver(RealClock()) if kind == "epoll" else VirtualNetwork().host("a", ["10.0.0.1"], uid=0).driver()
        )

    def unix(self, name: str = "s") -> UnixAddress:
        return UnixAddress(os.path.relpath(self.folder / name))

    async def until(self, pollable: Pollable, bits: int) -> int:
        """Want `bits` of it and wait until some of them are there."""
        pollable.want(read=bool(bits & READ), write=bool(bits & WRITE))
        while True:
            for ready, found in await self.driver.wait(None):
                if ready is pollable and found & bits:
                    pollable.want(read=False, write=False)
                    return found

    async def pair(self, address: Address = LOOPBACK) -> tuple[Endpoint, Endpoint]:
        """A dialled and an accepted endpoint."""
        listener = self.driver.listen(address)
        pair = await self.connect(listener)
        listener.close()
        return pair

    async def connect(self, listener: Listener) -> tuple[Endpoint, Endpoint]:
        dialled = self.driver.dial(listener.local)
        await self.until(listener, READ)
        accepted = listener.accept()
        assert accepted is not None
        await self.until(dialled, WRITE)
        assert dialled.connected()
        return dialled, accepted

    async def read(self, endpoint: Endpoint, size: int = 1 << 16) -> bytes:
        """What is there, once something is; b"" at the end."""
        buffer = memoryview(bytearray(size))
        while True:
            await self.until(endpoint, READ)
            taken = endpoint.recv_into(buffer)
            if taken is not None:
                return bytes(buffer[:taken])

    async def fill(self, endpoint: Endpoint) -> int:
        """Send until nothing is taken for a round trip: how many bytes were."""
        total, chunk = 0, bytes(1 << 16)
        while True:
            size = endpoint.send(chunk)
            total += size
            if not size:
                return total

    async def gone(self, endpoint: Endpoint) -> NetworkError:
        """The error with which it breaks; a clean end fails the test."""
        buffer = memoryview(bytearray(1 << 16))
        while True:
            await self.until(endpoint, READ)
            try:
                taken = endpoint.recv_into(buffer)
            except NetworkError as error:
                return error
            assert taken != 0, "a cut stream ended cleanly"


Case = Callable[[World], Awaitable[None]]


def contract(case: Case) -> Callable[..., None]:
    @pytest.mark.parametrize("kind", ["epoll", "virtual"])
    def test(kind: str, tmp_path: Path) -> None:
        async def main() -> None:
            world = World(kind, tmp_path)
            try:
                with trio.fail_after(20):
                    await case(world)
            finally:
                world.driver.close()

        clock = trio.testing.MockClock(autojump_threshold=0) if kind == "virtual" else None
        trio.run(main, clock=clock)

    functools.update_wrapper(test, case, updated=())
    del test.__wrapped__
    return test


@contract
async def test_bytes_and_clean_ends(world: World) -> None:
    a, b = await world.pair()
    assert a.send(b"question") == 8
    assert await world.read(b) == b"question"
    a.shutdown()
    assert await world.read(b) == b""
    assert b.recv_into(memoryview(bytearray(1))) == 0  # the end stays
    assert b.sendv([b"an", b"", b"swer"]) == 6  # half-closed: the other direction goes on
    assert await world.read(a) == b"answer"
    b.close()
    assert await world.read(a) == b""


@contract
async def test_addresses(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    assert isinstance(listener.local, TcpAddress)
    assert listener.local.port
    a, b = await world.connect(listener)
    assert a.remote == b.local == listener.local
    assert a.local == b.remote
    assert a.credentials is None
    repr(a), repr(listener)


@contract
async def test_ipv6(world: World) -> None:
    a, b = await world.pair(LOOPBACK_6)
    assert isinstance(a.remote, TcpAddress)
    assert a.remote.ip == "::1"
    b.send(b"six")
    assert await world.read(a) == b"six"


@contract
async def test_nothing_there_is_none_and_not_an_end(world: World) -> None:
    a, _b = await world.pair()
    assert a.recv_into(memoryview(bytearray(8))) is None


@contract
async def test_a_new_pollable_wants_nothing(world: World) -> None:
    a, b = await world.pair()
    b.send(b"x")
    await world.until(b, WRITE)
    assert all(ready is not a for ready, _bits in await world.driver.wait(world.now() + 0.01))


@contract
async def test_readiness_is_level_triggered_until_not_wanted(world: World) -> None:
    a, b = await world.pair()
    a.send(b"stays")
    b.want(read=True, write=False)
    for _ in range(3):
        while not (batch := await world.driver.wait(None)):
            pass
        assert batch == [(b, READ)]
    b.want(read=False, write=False)
    assert await world.driver.wait(world.now() + 0.01) == []
    b.want(read=True, write=True)
    assert await world.driver.wait(None) == [(b, READ | WRITE)]


@contract
async def test_a_batch_holds_each_pollable_once(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    pairs = [await world.connect(listener) for _ in range(5)]
    for a, b in pairs:
        a.send(b"x")
        await world.until(b, READ)
    for _a, b in pairs:
        b.want(read=True, write=True)
    batch = await world.driver.wait(None)
    assert sorted(id(ready) for ready, _bits in batch) == sorted(id(b) for _a, b in pairs)


@contract
async def test_back_pressure_is_real_and_room_wakes_the_writer(world: World) -> None:
    a, b = await world.pair()
    sent = await world.fill(a)
    assert 0 < sent < 64 << 20
    a.want(read=False, write=True)
    assert await world.driver.wait(world.now() + 0.05) == []
    received = 0
    buffer = memoryview(bytearray(1 << 20))
    a.want(read=False, write=False)
    while received < sent:
        await world.until(b, READ)
        received += b.recv_into(buffer) or 0
    assert await world.until(a, WRITE) == WRITE
    assert a.send(b"again") == 5


@contract
async def test_refused(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    address = listener.local
    listener.close()
    dialled = world.driver.dial(address)
    await world.until(dialled, WRITE)
    with pytest.raises(ConnectionRefused):
        dialled.connected()
    with pytest.raises(ConnectionRefused):  # it stays refused
        dialled.connected()


@contract
async def test_a_dial_under_way_takes_no_bytes(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    dialled = world.driver.dial(listener.local)
    try:
        up = dialled.connected()
    except NetworkError:
        pytest.fail("a listener is there")
    assert up or dialled.send(b"x") == 0


@contract
async def test_abort_is_a_reset_and_never_a_clean_end(world: World) -> None:
    a, b = await world.pair()
    a.send(b"partial")
    a.abort()
    a.abort()
    assert isinstance(await world.gone(b), ConnectionLost)
    with pytest.raises(ConnectionLost):
        b.recv_into(memoryview(bytearray(8)))
    with pytest.raises(ConnectionLost):
        b.send(b"x")
    b.shutdown()  # nothing to say, and nothing to raise


@contract
async def test_a_reset_met_by_send_is_a_reset_for_recv_too(world: World) -> None:
    a, b = await world.pair()
    a.abort()
    await world.until(b, READ)
    with pytest.raises(ConnectionLost):
        b.send(b"x")
    with pytest.raises(ConnectionLost):
        b.recv_into(memoryview(bytearray(8)))


@contract
async def test_a_reset_met_by_connected_is_a_reset_for_recv_too(world: World) -> None:
    a, b = await world.pair()
    a.abort()
    await world.until(b, READ)
    with pytest.raises(ConnectionLost):
        b.connected()
    with pytest.raises(ConnectionLost):
        b.recv_into(memoryview(bytearray(8)))


@contract
async def test_a_break_is_told_once_even_when_nothing_is_wanted(world: World) -> None:
    a, b = await world.pair()
    b.want(read=True, write=False)
    b.want(read=False, write=False)
    a.abort()
    while not (batch := await world.driver.wait(world.now() + 5)):
        pass
    assert batch == [(b, READ | WRITE)]
    assert await world.driver.wait(world.now() + 0.01) == []
    with pytest.raises(ConnectionLost):
        b.connected()


@contract
async def test_close_with_unread_bytes_resets(world: World) -> None:
    a, b = await world.pair()
    a.send(b"never read")
    await world.until(b, READ)
    b.close()
    assert isinstance(await world.gone(a), ConnectionLost)


@contract
async def test_silent_after_close(world: World) -> None:
    a, b = await world.pair()
    a.send(b"x")
    await world.until(b, READ)
    b.want(read=True, write=True)
    assert world.driver.is_open(b)
    b.close()
    b.close()
    assert not world.driver.is_open(b)
    assert all(ready is not b for ready, _bits in await world.driver.wait(world.now() + 0.01))
    for use in (
        lambda: b.send(b"x"),
        lambda: b.recv_into(memoryview(bytearray(1))),
        lambda: b.want(read=True, write=False),
    ):
        with pytest.raises(NetworkError):
            use()


@contract
async def test_addresses_in_use_and_not_ours(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    with pytest.raises(AddressInUse):
        world.driver.listen(listener.local)
    with pytest.raises(AddressNotPermitted):
        world.driver.listen(NOT_OURS)
    with pytest.raises(AddressNotPermitted):
        world.driver.datagrams(NOT_OURS)
    address = listener.local
    listener.close()
    world.driver.listen(address).close()


@contract
async def test_a_dial_from_a_bound_port(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    here = world.driver.listen(LOOPBACK, reuse_port=True)
    assert isinstance(here.local, TcpAddress)
    dialled = world.driver.dial(listener.local, bind=here.local, reuse_port=True)
    await world.until(listener, READ)
    accepted = listener.accept()
    assert accepted is not None
    assert accepted.remote == here.local
    await world.until(dialled, WRITE)
    assert dialled.connected()
    clash = world.driver.dial(listener.local, bind=here.local)
    await world.until(clash, WRITE)
    with pytest.raises(NetworkError):
        clash.connected()


@contract
async def test_two_listeners_share_a_port_when_both_say_so(world: World) -> None:
    first = world.driver.listen(LOOPBACK, reuse_port=True)
    second = world.driver.listen(first.local, reuse_port=True)
    with pytest.raises(AddressInUse):
        world.driver.listen(first.local)
    assert first.local == second.local


@contract
async def test_unix(world: World) -> None:
    address = world.unix()
    listener = world.driver.listen(address)
    with pytest.raises(AddressInUse):
        world.driver.listen(address)
    a, b = await world.connect(listener)
    assert a.remote == b.local == address
    credentials = b.credentials
    assert credentials is not None
    assert credentials.uid == (os.getuid() if world.kind == "epoll" else 0)
    assert credentials.pid > 0
    a.send(b"x" * 1000)
    assert await world.read(b) == b"x" * 1000
    b.close()
    assert await world.read(a) == b""
    listener.close()
    world.driver.listen(address).close()  # the path went with the listener


@contract
async def test_unix_close_with_unread_bytes_resets(world: World) -> None:
    a, b = await world.pair(world.unix())
    a.send(b"never read")
    await world.until(b, READ)
    b.abort()
    assert isinstance(await world.gone(a), ConnectionLost)


@contract
async def test_unix_refused(world: World) -> None:
    dialled = world.driver.dial(world.unix("nobody"))
    await world.until(dialled, WRITE)
    with pytest.raises(ConnectionRefused):
        dialled.connected()


@contract
async def test_datagrams(world: World) -> None:
    a, b = world.driver.datagrams(LOOPBACK), world.driver.datagrams(LOOPBACK)
    for number in range(100):
        assert a.send_to(b"%d" % number, b.local)
    received: list[bytes] = []
    while len(received) < 100:
        await world.until(b, READ)
        batch = b.receive(7)
        assert 0 < len(batch) <= 7
        assert all(sender == a.local for _data, sender in batch)
        received += [data for data, _sender in batch]
    assert received == [b"%d" % number for number in range(100)]
    assert b.receive() == []
    assert a.send_to(b"", b.local)
    await world.until(b, READ)
    assert b.receive() == [(b"", a.local)]
    assert a.send_to(b"nobody is there", TcpAddress("127.0.0.1", 1))
    with pytest.raises(AddressInUse):
        world.driver.datagrams(b.local)
    b.close()
    with pytest.raises(NetworkError):
        b.send_to(b"x", a.local)


@contract
async def test_wait_ends_at_its_deadline(world: World) -> None:
    start = world.now()
    assert await world.driver.wait(start + 0.02) == []
    assert world.now() >= start + 0.02 - 1e-6
    assert await world.driver.wait(start) == []


@contract
async def test_wake_ends_the_present_or_the_next_wait(world: World) -> None:
    world.driver.wake()
    assert await world.driver.wait(None) == []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.driver.wait, None)
        await trio.testing.wait_all_tasks_blocked(0.001 if world.kind == "epoll" else 0.0)
        world.driver.wake()


@contract
async def test_wanting_rouses_a_waiting_driver(world: World) -> None:
    a, b = await world.pair()
    a.send(b"x")
    await world.until(b, READ)
    batches: list[object] = []

    async def wait() -> None:
        while not batches:
            batches.extend(await world.driver.wait(None))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked(0.001 if world.kind == "epoll" else 0.0)
        b.want(read=True, write=False)
    assert batches == [(b, READ)]


@contract
async def test_closing_the_driver_closes_everything(world: World) -> None:
    a, b = await world.pair()
    listener = world.driver.listen(world.unix())
    sock = world.driver.datagrams(LOOPBACK)
    world.driver.close()
    world.driver.close()
    assert not any(world.driver.is_open(pollable) for pollable in (a, b, listener, sock))
    with pytest.raises(NetworkError):
        world.driver.dial(LOOPBACK)
    with pytest.raises(ConnectionLost):
        await world.driver.wait(None)


@contract
async def test_closing_the_driver_ends_a_wait(world: World) -> None:
    batches: list[object] = []

    async def wait() -> None:
        batches.append(await world.driver.wait(None))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked(0.001 if world.kind == "epoll" else 0.0)
        world.driver.close()
    assert batches == [[]]
