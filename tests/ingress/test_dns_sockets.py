"""The sockets of the DNS server: connections over TCP, and the port that UDP and TCP share."""

import pytest
import trio
from dnslib import RCODE

from beam_actors.errors import StartFailed
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.framing import frame
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import WhereBound
from beam_actors.values import TcpAddress
from tests.ingress.dns_rig import AT, Dns, read
from tests.ingress.rig import FakeFlow, FakeNames
from tests.ingress.test_questions import ask


async def test_over_tcp(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run():
        client, server = dns.flow.connect(AT)
        await client.write(frame(ask("a.local")) + frame(ask("local", "SOA")) + frame(ask("b.local")))
        await client.shutdown()
        replies = await client.read_all()
        assert server.state == "closed"
    sizes = []
    while replies:
        size = int.from_bytes(replies[:2], "big")
        sizes.append(read(replies[2 : 2 + size]).header.rcode)
        replies = replies[2 + size :]
    assert sorted(sizes) == [RCODE.NOERROR, RCODE.NOERROR, RCODE.NXDOMAIN]


async def test_tcp_connections_are_bounded_and_garbage_is_cut(autojump_clock):
    dns = Dns(FakeNames(), limits=IngressLimits(dns_connections=1))
    async with dns.run() as system:
        _, before_end = dns.flow.connect(AT)
        first, first_end = dns.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert (before_end.state, first_end.state) == ("aborted", "open")
        await first.write(b"\xff\xff")
        await trio.testing.wait_all_tasks_blocked()
        assert first_end.state == "aborted"
        third, third_end = dns.flow.connect(AT)
        await third.write(frame(b"\x12\x34\x80\0" + bytes(8)))
        await trio.testing.wait_all_tasks_blocked()
        assert third_end.state == "aborted"
        assert system.ref("node/dns").incarnation == 1


async def test_the_tcp_connection_that_asked_nothing_for_longest_gives_its_place(autojump_clock):
    dns = Dns(FakeNames("a", delay=3), limits=IngressLimits(dns_connections=3))
    async with dns.run():
        asks, asks_end = dns.flow.connect(AT)
        await trio.sleep(1)
        drips, drips_end = dns.flow.connect(AT)
        await trio.sleep(1)
        _, idle_end = dns.flow.connect(AT)
        await asks.write(frame(ask("a.local")))  # the oldest connection, but it is being answered
        await drips.write(b"\0")
        await trio.testing.wait_all_tasks_blocked()
        _, third_end = dns.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert [end.state for end in (asks_end, drips_end, idle_end, third_end)] == ["open", "aborted", "open", "open"]
        await trio.sleep(1)
        _, fourth_end = dns.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert [end.state for end in (asks_end, idle_end, third_end, fourth_end)] == ["open", "aborted", "open", "open"]
        assert await asks.read()


async def test_when_every_tcp_connection_is_being_answered_a_newcomer_is_refused(autojump_clock):
    dns = Dns(FakeNames("a", delay=3), limits=IngressLimits(dns_connections=1))
    async with dns.run():
        asks, asks_end = dns.flow.connect(AT)
        await asks.write(frame(ask("a.local")))
        await trio.testing.wait_all_tasks_blocked()
        _, second_end = dns.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert (asks_end.state, second_end.state) == ("open", "aborted")


async def test_udp_and_tcp_share_a_port_and_keep_it_over_a_restart(autojump_clock):
    dns = Dns(FakeNames(), binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with dns.run() as system:
        where = await system.ref("node/dns").ask(WhereBound(), timeout=1)
        assert where.port
        assert set(dns.flow.udp) == set(dns.flow.listeners) == {where}
        dns.flow.watch(system)
        system.ref("node/dns").crash(RuntimeError("as asked"))
        await trio.sleep(5)
        assert await system.ref("node/dns").ask(WhereBound(), timeout=1) == where
        assert read(await dns.socket.ask(ask("local", "SOA"))).rr


async def test_a_server_waits_for_its_old_sockets_without_holding_up_its_start(autojump_clock):
    dns = Dns(FakeNames(), binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with dns.run() as system:
        server = system.ref("node/dns")
        where = await server.ask(WhereBound(), timeout=1)
        server.crash(RuntimeError("as asked"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.incarnation == 2
        assert await server.ask(WhereBound(), timeout=0.01) == where  # it answers meanwhile
        dns.flow.udp.pop(where)
        await trio.sleep(0.5)
        assert set(dns.flow.udp) == set()  # TCP is still taken, and one without the other is nothing
        dns.flow.listeners.pop(where)
        await trio.sleep(0.2)
        assert set(dns.flow.udp) == set(dns.flow.listeners) == {where}
        assert server.incarnation == 2


async def test_a_port_that_is_taken_over_udp_is_given_up(autojump_clock):
    flow = FakeFlow()
    taken = flow.datagrams(TcpAddress("127.0.0.1", 40001), None, owner=None)
    dns = Dns(FakeNames(), flow=flow, binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with dns.run():
        assert dns.binding.local.port == 40002
        assert set(flow.udp) == {taken.local, dns.binding.local}
        assert set(flow.listeners) == {dns.binding.local}


async def test_what_the_os_chooses_over_tcp_is_tried_over_udp_a_few_times_only(autojump_clock):
    """Over TCP a busy machine may have a third of all ports, and the OS knows which; over UDP nearly all are free."""
    flow = FakeFlow()
    for port in range(40001, 40100):
        flow.datagrams(TcpAddress("127.0.0.1", port), None, owner=None)
    dns = Dns(FakeNames(), flow=flow, binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    with pytest.raises(StartFailed):
        async with dns.run():
            pass
    assert not flow.listeners
    assert flow.listen(TcpAddress("127.0.0.1", 0), owner=None).local.port <= 40010


async def test_a_start_beside_many_connections_finds_a_port_at_once(autojump_clock):
    flow = FakeFlow()
    for port in range(40001, 40020):
        flow.listen(TcpAddress("127.0.0.1", port), owner=None)
    dns = Dns(FakeNames(), flow=flow, binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with dns.run():
        assert dns.binding.local.port == 40020
