"""The network's contract: who may have which address, and datagrams."""

import pytest

from beam_actors.errors import AddressInUse, AddressNotPermitted, NetworkError
from beam_actors.values import TcpAddress
from tests.ports.network import LOOPBACK, READ, WRITE, World, contract

NOT_OURS = TcpAddress("192.0.2.1", 0)


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
async def test_one_bound_port_dials_several(world: World) -> None:
    listeners = [world.driver.listen(LOOPBACK) for _ in range(2)]
    here = world.driver.listen(LOOPBACK, reuse_port=True)
    assert isinstance(here.local, TcpAddress)
    for listener in listeners:
        dialled = world.driver.dial(listener.local, bind=here.local, reuse_port=True)
        await world.until(dialled, WRITE)
        assert dialled.connected()
        await world.until(listener, READ)
        accepted = listener.accept()
        assert accepted is not None
        assert accepted.remote == here.local
    again = world.driver.dial(listeners[0].local, bind=here.local, reuse_port=True)
    await world.until(again, WRITE)
    with pytest.raises(NetworkError):  # the four numbers of a connection that is there
        again.connected()


@contract
async def test_two_listeners_share_a_port_when_both_say_so(world: World) -> None:
    first = world.driver.listen(LOOPBACK, reuse_port=True)
    second = world.driver.listen(first.local, reuse_port=True)
    with pytest.raises(AddressInUse):
        world.driver.listen(first.local)
    assert first.local == second.local


@contract
async def test_datagrams(world: World) -> None:
    a, b = world.driver.datagrams(LOOPBACK), world.driver.datagrams(LOOPBACK)
    for number in range(100):
        assert a.send_to(b"%d" % number, b.local)
    received: list[bytes] = []
    while len(received) < 100:
        await world.until(b, READ)
        batch = list(b.receive(7))
        assert 0 < len(batch) <= 7
        assert all(sender == a.local for _data, sender in batch)
        received += [data for data, _sender in batch]
    assert received == [b"%d" % number for number in range(100)]
    assert list(b.receive()) == []
    assert a.send_to(b"", b.local)
    await world.until(b, READ)
    assert list(b.receive()) == [(b"", a.local)]
    assert a.send_to(b"nobody is there", TcpAddress("127.0.0.1", 1))
    with pytest.raises(AddressInUse):
        world.driver.datagrams(b.local)
    b.close()
    with pytest.raises(NetworkError):
        b.send_to(b"x", a.local)


@contract
async def test_what_has_a_reply_is_answered_and_the_rest_comes_out(world: World) -> None:
    a, b = world.driver.datagrams(LOOPBACK), world.driver.datagrams(LOOPBACK)
    for number in range(100):
        assert a.send_to(b"%d" % number, b.local)
    asked: list[TcpAddress] = []

    def reply_to(data: bytes, sender: TcpAddress) -> bytes | None:
        asked.append(sender)
        return b"re " + data if int(data) % 3 else None

    rest: list[tuple[bytes, TcpAddress]] = []
    while len(asked) < 100:
        await world.until(b, READ)
        before = len(asked)
        rest += b.answer(reply_to, 40)
        assert before < len(asked) <= before + 40
    assert asked == [a.local] * 100
    assert rest == [(b"%d" % number, a.local) for number in range(0, 100, 3)]
    replies: list[tuple[bytes, TcpAddress]] = []
    while len(replies) < 66:
        await world.until(a, READ)
        replies += a.receive()
    assert replies == [(b"re %d" % number, b.local) for number in range(100) if number % 3]
    assert list(b.answer(reply_to)) == []
    assert a.send_to(b"1", b.local)
    await world.until(b, READ)
    assert list(b.answer(lambda _data, _sender: bytes(70_000))) == []  # too long to be sent: lost without an error
    assert list(a.receive()) == []
    b.close()
    with pytest.raises(NetworkError):
        next(b.answer(reply_to))
