"""Processes that do not wait, wait long, or are many; what they wait for is in tests/ports/test_network.py."""

import pytest
import trio

from beam_actors.errors import AddressNotPermitted, ConnectionLost
from beam_actors.testing.network import VirtualNetwork
from beam_actors.values import TcpAddress, UnixAddress
from tests.testing.network.rig import READ, WRITE, Machine, pair, simulated


@simulated
async def test_a_process_that_does_not_wait_reads_nothing_while_its_kernel_does():
    _network, a, b = pair(buffer=10_000)
    dialled, accepted = await a.connect(b)
    accepted.want(read=True, write=False)
    sent = 0
    while size := dialled.send(bytes(3000)):
        sent += size
    assert sent == 10_000
    dialled.want(read=False, write=True)
    assert await a.driver.wait(trio.current_time() + 600) == [], "the buffers are full, and nobody breaks"
    assert await b.driver.wait(None) == [(accepted, READ)]
    assert accepted.recv_into(memoryview(bytearray(1 << 16))) == 10_000
    assert await a.driver.wait(None) == [(dialled, WRITE)]


@simulated
async def test_the_kernel_of_a_process_that_does_not_wait_answers_dials():
    _network, a, b = pair()
    listener = b.driver.listen(b.at(4000), backlog=2)
    listener.want(read=True, write=False)
    dials = [a.driver.dial(listener.local) for _ in range(3)]
    await trio.sleep(10)
    assert [dial.connected() for dial in dials] == [True, True, False]
    assert await b.driver.wait(None) == [(listener, READ)]


@simulated
async def test_closing_ends_the_wait():
    _network, a, _b = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.driver.wait, None)
        await trio.sleep(1)
        a.driver.close()
    with pytest.raises(ConnectionLost):
        await a.driver.wait(None)


@simulated
async def test_waits_of_all_lengths_leave_few_entries_in_the_agenda():
    network = VirtualNetwork()
    machines = [Machine(network, f"m{n}", [f"10.0.0.{n}"]) for n in range(1, 11)]

    async def idle(machine: Machine) -> None:
        for round_ in range(200):
            now = trio.current_time()
            assert await machine.driver.wait(now + (3600 if round_ % 3 else 0.1) / (1 + round_ % 7)) == []

    async with trio.open_nursery() as nursery:
        for machine in machines:
            nursery.start_soon(idle, machine)
        for _ in range(100):
            await trio.sleep(100)
            assert len(network.fabric.agenda) <= 8 * len(machines)
            for machine in machines:
                machine.driver.wake()


@simulated
async def test_a_wait_that_is_cancelled_loses_nothing():
    _network, a, b = pair()
    dialled, accepted = await a.connect(b)
    accepted.want(read=True, write=False)
    with trio.move_on_after(1):
        await b.driver.wait(None)
    dialled.send(b"x")
    await trio.sleep(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await b.driver.wait(None)
    assert await b.driver.wait(None) == [(accepted, READ)]


@simulated
async def test_a_large_batch_comes_in_turns():
    _network, a, _b = pair()
    socks = [a.driver.datagrams(TcpAddress("127.0.0.1", 0)) for _ in range(600)]
    for sock in socks:
        sock.want(read=False, write=True)
    first, second, third = [await a.driver.wait(None) for _ in range(3)]
    assert [sock for sock, _bits in first] == socks[:512]
    assert [sock for sock, _bits in second] == socks[512:] + socks[: 512 - 88]
    assert len(third) == 512


@simulated
async def test_a_process_that_ended_is_not_the_machine_s_any_more():
    _network, a, _b = pair()
    a.driver.close()
    assert not a.host._drivers
    a.host.kill()
    a.host.revive()
    repr(a.host.driver())


@simulated
async def test_a_process_of_another_user_says_so_and_may_bind_what_that_user_may():
    _network, a, _b = pair()
    socket = UnixAddress("/run/control.sock")
    listener = a.driver.listen(socket)
    other, root = a.host.driver(uid=4242), a.host.driver(uid=0)
    for driver, uid in ((other, 4242), (root, 0), (a.driver, a.host.uid)):
        driver.dial(socket)
        await a.until(listener, READ)
        credentials = listener.accept().credentials
        assert (credentials.uid, credentials.pid) == (uid, driver.pid)
    with pytest.raises(AddressNotPermitted):
        other.listen(TcpAddress("127.0.0.1", 80))
    root.listen(TcpAddress("127.0.0.1", 80))
