"""What only the virtual network can show: distance, cuts, dead machines and privileges."""

import pytest
import trio

from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    ConnectionLost,
    ConnectionRefused,
    ResourceExhausted,
    Unreachable,
)
from beam_actors.ports import Endpoint, Readiness
from beam_actors.testing.network import Conditions, VirtualDriver, VirtualHost, VirtualNetwork
from beam_actors.values import TcpAddress, UnixAddress

READ, WRITE = int(Readiness.READ), int(Readiness.WRITE)
ANY = TcpAddress("0.0.0.0", 0)


class Net:
    def __init__(self, **options) -> None:
        self.network = VirtualNetwork(**options)
        self.a = self.network.host("a", ["10.0.0.1", "fd00::1"])
        self.b = self.network.host("b", ["10.0.0.2", "fd00::2"])
        self.da, self.db = self.a.driver(), self.b.driver()

    async def connect(self) -> tuple[Endpoint, Endpoint]:
        listener = self.db.listen(ANY)
        dialled = self.da.dial(TcpAddress("10.0.0.2", listener.local.port))
        dialled.want(read=False, write=True)
        assert await self.da.wait(None) == [(dialled, WRITE)]
        assert dialled.connected()
        listener.want(read=True, write=False)
        assert await self.db.wait(None) == [(listener, READ)]
        accepted = listener.accept()
        assert accepted is not None
        listener.close()
        dialled.want(read=True, write=False)
        accepted.want(read=True, write=False)
        return dialled, accepted


async def fail(driver: VirtualDriver, endpoint: Endpoint) -> float:
    """Wait until a dial or connection fails; seconds since now. The error is raised by `connected`."""
    start = trio.current_time()
    try:
        up = endpoint.connected()
    except OSError:
        return 0.0
    endpoint.want(read=False, write=not up)  # a break is told unasked
    while True:
        await driver.wait(None)
        try:
            endpoint.connected()
        except OSError:
            return trio.current_time() - start


async def test_latency_counts_once_each_way(autojump_clock) -> None:
    net = Net(conditions=Conditions(latency=0.05))
    start = trio.current_time()
    dialled, accepted = await net.connect()
    assert trio.current_time() - start == pytest.approx(0.15)  # the handshake's three packets
    assert dialled.local is not None
    assert accepted.remote == dialled.local
    dialled.send(b"x")
    await net.db.wait(None)
    assert trio.current_time() - start == pytest.approx(0.2)
    net.network.between(net.a, net.b, Conditions(latency=1.0))
    dialled.send(b"slow")
    net.network.between(net.a, net.b, Conditions(latency=0.01))
    dialled.send(b"fast")  # does not overtake
    accepted.recv_into(memoryview(bytearray(1)))
    await net.db.wait(None)
    buffer = memoryview(bytearray(100))
    assert accepted.recv_into(buffer) == 8
    assert bytes(buffer[:8]) == b"slowfast"
    repr((net.network, net.a, net.da, dialled))


async def test_hosts_have_loopbacks_of_their_own(autojump_clock) -> None:
    net = Net()
    one = net.da.listen(TcpAddress("127.0.0.1", 8080))
    other = net.db.listen(TcpAddress("127.0.0.1", 8080))
    dialled = net.da.dial(TcpAddress("127.0.0.1", 8080))
    dialled.want(read=False, write=True)
    await net.da.wait(None)
    assert one.accept() is not None
    assert other.accept() is None
    second = net.a.driver()  # another process on the same machine
    with pytest.raises(AddressInUse):
        second.listen(TcpAddress("0.0.0.0", 8080))
    second.dial(TcpAddress("127.0.0.1", 8080))
    await second.wait(trio.current_time())
    assert one.accept() is not None
    path = UnixAddress("run/control.sock")
    net.da.listen(path)
    net.db.listen(path)
    with pytest.raises(AddressInUse):
        second.listen(path)


async def test_a_loopback_listener_is_not_reached_from_outside(autojump_clock) -> None:
    net = Net()
    net.db.listen(TcpAddress("127.0.0.1", 80 * 100))
    dialled = net.da.dial(TcpAddress("10.0.0.2", 8000))
    await fail(net.da, dialled)
    with pytest.raises(ConnectionRefused):
        dialled.connected()


async def test_privileged_ports_need_uid_0(autojump_clock) -> None:
    network = VirtualNetwork()
    user, root = network.host("user", uid=1000).driver(), network.host("root", uid=0).driver()
    with pytest.raises(AddressNotPermitted):
        user.listen(TcpAddress("127.0.0.1", 443))
    root.listen(TcpAddress("127.0.0.1", 443))


async def test_nobody_there_and_no_route(autojump_clock) -> None:
    net = Net(patience=30)
    dialled = net.da.dial(TcpAddress("10.0.0.99", 1))
    assert await fail(net.da, dialled) == pytest.approx(30)
    with pytest.raises(Unreachable):
        dialled.connected()
    lonely = net.network.host("lonely").driver()
    dialled = lonely.dial(TcpAddress("10.0.0.1", 1))
    with pytest.raises(Unreachable):
        dialled.connected()
    with pytest.raises(Unreachable):
        lonely.datagrams(ANY).send_to(b"x", TcpAddress("10.0.0.1", 1))


async def test_a_partition_holds_a_connection_back_and_heals(autojump_clock) -> None:
    net = Net()
    dialled, accepted = await net.connect()
    net.network.partition(net.a, net.b)
    dialled.send(b"held")
    assert await net.db.wait(trio.current_time() + 60) == []
    net.network.heal(net.a, net.b)
    dialled.send(b" back")
    assert await net.db.wait(None) == [(accepted, READ)]
    await net.db.wait(trio.current_time() + 1)
    buffer = memoryview(bytearray(100))
    assert accepted.recv_into(buffer) == 9


async def test_a_partition_longer_than_patience_breaks_who_spoke(autojump_clock) -> None:
    net = Net(patience=100)
    dialled, accepted = await net.connect()
    net.network.partition(net.a, net.b)
    dialled.send(b"never answered")
    assert await fail(net.da, dialled) == pytest.approx(100)
    assert accepted.connected()  # who only listens doesn't know


async def test_a_partition_between_two_lets_a_third_through(autojump_clock) -> None:
    net = Net()
    third = net.network.host("c", ["10.0.0.3"]).driver()
    net.network.partition(net.a, net.b)
    listener = net.db.listen(TcpAddress("10.0.0.2", 4000))
    dialled = third.dial(listener.local)
    dialled.want(read=False, write=True)
    assert await third.wait(None) == [(dialled, WRITE)]


async def test_a_process_that_ends_resets_or_ends_its_connections(autojump_clock) -> None:
    net = Net()
    dialled, accepted = await net.connect()
    net.db.close()
    await net.da.wait(None)
    assert dialled.recv_into(memoryview(bytearray(1))) == 0
    dialled.send(b"to nobody")
    await fail(net.da, dialled)
    with pytest.raises(ConnectionLost):
        dialled.recv_into(memoryview(bytearray(1)))
    assert not net.db.is_open(accepted)


async def test_a_dead_machine_says_nothing_and_a_revived_one_resets(autojump_clock) -> None:
    net = Net()
    dialled, _accepted = await net.connect()
    net.b.kill()
    dialled.send(b"hello?")
    assert await net.da.wait(trio.current_time() + 60) == []
    dial = net.da.dial(TcpAddress("10.0.0.2", 1))
    dial.want(read=False, write=True)
    assert await net.da.wait(trio.current_time() + 10) == []
    dial.close()
    net.b.revive()
    await fail(net.da, dialled)
    with pytest.raises(ConnectionLost):
        dialled.recv_into(memoryview(bytearray(1)))
    again = net.b.driver()
    assert again.listen(TcpAddress("10.0.0.2", 4000)).local.port == 4000


async def test_a_dead_machine_takes_no_part(autojump_clock) -> None:
    net = Net()
    net.b.kill()
    with trio.move_on_after(100) as scope:
        await net.db.wait(trio.current_time() + 1)
    assert not scope.cancelled_caught
    with pytest.raises(ConnectionLost):
        net.db.listen(ANY)


async def test_datagrams_cross_and_are_lost_in_a_partition(autojump_clock) -> None:
    net = Net(conditions=Conditions(latency=0.02))
    a, b = net.da.datagrams(ANY), net.db.datagrams(TcpAddress("10.0.0.2", 53 * 100))
    b.want(read=True, write=False)
    start = trio.current_time()
    a.send_to(b"query", b.local)
    await net.db.wait(None)
    assert trio.current_time() - start == pytest.approx(0.02)
    assert list(b.receive()) == [(b"query", TcpAddress("10.0.0.1", a.local.port))]
    net.network.partition(net.a, net.b)
    assert a.send_to(b"lost", b.local)
    net.network.heal(net.a, net.b)
    assert await net.db.wait(trio.current_time() + 10) == []
    for number in range(1000):
        a.send_to(b"%d" % number, b.local)
    await net.db.wait(None)
    assert len(list(b.receive(10_000))) == 256  # the rest found no room


async def test_a_full_backlog_makes_dials_wait(autojump_clock) -> None:
    net = Net()
    listener = net.db.listen(TcpAddress("10.0.0.2", 4000), backlog=1)
    dials = [net.da.dial(listener.local) for _ in range(2)]
    assert await net.da.wait(trio.current_time() + 5) == []
    assert [dial.connected() for dial in dials] == [True, False]
    assert listener.accept() is not None
    await net.da.wait(trio.current_time() + 5)
    assert dials[1].connected()


async def test_ports_come_from_a_counter_and_return(autojump_clock) -> None:
    net = Net()
    first = net.da.listen(ANY)
    second = net.da.listen(ANY)
    assert (first.local.port, second.local.port) == (32768, 32769)
    first.close()
    net.da.listen(TcpAddress("0.0.0.0", 32768))
    with pytest.raises(ValueError, match="exists already"):
        net.network.host("c", ["10.0.0.1"])


async def test_descriptors_run_out(autojump_clock) -> None:
    net = Net()
    small = net.a.driver(descriptors=1)
    small.listen(ANY)
    with pytest.raises(ResourceExhausted):
        small.dial(TcpAddress("10.0.0.2", 1))
    with pytest.raises(ResourceExhausted):
        small.datagrams(ANY)


def test_a_host_speaks() -> None:
    host = VirtualNetwork().host("a", ["10.0.0.1"])
    assert isinstance(host, VirtualHost)
    assert "10.0.0.1" in repr(host)
