"""The network's contract: readiness, waiting, and the end of a driver."""

import pytest
import trio
import trio.testing

from beam_actors.errors import ConnectionLost, NetworkError
from tests.ports.network import LOOPBACK, READ, WRITE, World, contract


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
