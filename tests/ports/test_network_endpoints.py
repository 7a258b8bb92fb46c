"""The network's contract: connections, from the dial to the end."""

import os

import pytest

from beam_actors.errors import AddressInUse, ConnectionLost, ConnectionRefused, NetworkError
from beam_actors.values import TcpAddress
from tests.ports.network import LOOPBACK, READ, WRITE, World, contract

LOOPBACK_6 = TcpAddress("::1", 0)


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
async def test_close_with_unread_bytes_resets(world: World) -> None:
    a, b = await world.pair()
    a.send(b"never read")
    await world.until(b, READ)
    b.close()
    assert isinstance(await world.gone(a), ConnectionLost)


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
async def test_bytes_and_then_the_end_of_a_close_arrive_whole(world: World) -> None:
    a, b = await world.pair()
    a.send(b"last words")
    a.close()
    assert await world.read(b) == b"last words"
    assert await world.read(b) == b""
    b.send(b"to a closed end")
    await world.driver.wait(world.now() + 5)  # told unasked
    with pytest.raises(ConnectionLost):
        b.send(b"once more")


@contract
async def test_a_closed_listener_resets_what_it_had_not_accepted(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    dialled = world.driver.dial(listener.local)
    await world.until(dialled, WRITE)
    await world.until(listener, READ)
    listener.close()
    assert isinstance(await world.gone(dialled), ConnectionLost)


@contract
async def test_a_dial_that_is_closed_before_it_is_accepted_is_an_ended_connection(world: World) -> None:
    listener = world.driver.listen(LOOPBACK)
    dialled = world.driver.dial(listener.local)
    await world.until(dialled, WRITE)
    dialled.send(b"short")
    dialled.close()
    await world.until(listener, READ)
    accepted = listener.accept()
    assert accepted is not None
    assert await world.read(accepted) == b"short"
    assert await world.read(accepted) == b""


@contract
async def test_a_small_read_leaves_the_rest(world: World) -> None:
    a, b = await world.pair()
    a.send(b"0123456789")
    await world.until(b, READ)
    assert await world.read(b, 4) == b"0123"
    assert await world.read(b, 100) == b"456789"
