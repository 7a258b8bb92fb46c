"""Which addresses the web servers of a home listen on: all of them on one, or none."""

import ipaddress
from contextlib import asynccontextmanager

import pytest
import trio

from beam_actors.errors import AddressInUse, AddressNotPermitted
from beam_actors.ingress.addresses import AddressBook
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.http import HttpServer
from beam_actors.ingress.messages import Lookup, Served
from beam_actors.ingress.resolver import Resolver
from beam_actors.ingress.serving import ServedAddresses
from beam_actors.ingress.zone import Zone
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, FakeNames, running
from tests.ingress.streams import FakeTunnels

FIRST = AddressBook(10).allocate("a").ip
PORTS = {"https": 443, "http": 80}


class PlainHttps(HttpServer):
    """The HTTPS server without its TLS."""

    kind = "https"
    port = 443


def after(ip, step):
    return str(ipaddress.IPv4Address(ip) + step)


@asynccontextmanager
async def home(flow, *, number=0):
    """The resolver and two web servers of one home, over the addresses of a machine."""
    store = await MemoryStore.open(MemoryDisk())

    def server(make, port):
        binding = Binding(TcpAddress("127.0.0.1", port + number), fixed=False)
        return lambda system: make(
            flow,
            FakeTunnels(),
            FakeNames(),
            resolver=system.ref("node/resolver"),
            zone=Zone(("local",)),
            binding=binding,
        )

    def resolver(system):
        servers = {kind: system.ref(f"node/{kind}") for kind in PORTS}
        return Resolver(FakeNames("a", "b"), store, SimClock(), servers=servers, shared=None)

    async with running(https=server(PlainHttps, 8443), http=server(HttpServer, 8480), resolver=resolver) as system:
        yield system


async def look_up(system, text):
    return (await system.ref("node/resolver").ask(Lookup(text), timeout=20)).address


def served(flow):
    """The ports that are listened at, by each name's address."""
    found = {}
    for address in sorted(flow.listeners, key=str):
        if address.ip.startswith("127.77."):
            found.setdefault(address.ip, set()).add(address.port)
    return found


@pytest.mark.parametrize("kind", PORTS)
async def test_where_one_server_finds_its_port_taken_the_other_leaves_the_address(autojump_clock, kind):
    """Whoever has the one port there is to have the other one, too: it may be the daemon of another home."""
    flow = FakeFlow()
    flow.listen(TcpAddress(FIRST, PORTS[kind]), None)
    async with home(flow) as system:
        assert await look_up(system, "a") == after(FIRST, 1)
        await trio.testing.wait_all_tasks_blocked()
        assert served(flow) == {FIRST: {PORTS[kind]}, after(FIRST, 1): {80, 443}}


async def test_two_homes_that_look_one_name_up_at_once_each_serve_it_at_an_address(autojump_clock):
    flow = FakeFlow()
    found = set()
    async with home(flow) as one, home(flow, number=1) as other:

        async def ask(system):
            found.add(await look_up(system, "a"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, one)
            nursery.start_soon(ask, other)
        await trio.testing.wait_all_tasks_blocked()
        assert found == {FIRST, after(FIRST, 1)}
        assert served(flow) == {FIRST: {80, 443}, after(FIRST, 1): {80, 443}}


async def test_where_one_server_has_no_right_to_its_port_the_other_keeps_no_address(autojump_clock):
    flow = FakeFlow({80: AddressNotPermitted("No privilege.")})
    async with home(flow) as system:
        assert await look_up(system, "a") == "127.0.0.1"
        await trio.testing.wait_all_tasks_blocked()
        assert served(flow) == {}


async def test_an_address_that_was_given_out_is_kept_by_the_server_that_can(autojump_clock):
    """Programs have it in their caches; it was this home's, and is again when its own port is free."""
    flow = FakeFlow()
    async with home(flow) as system:
        assert await look_up(system, "a") == FIRST
        flow.watch(system)
        flow.refuse[80] = AddressInUse("Somebody was faster.")
        system.ref("node/http").crash(RuntimeError("as asked"))
        await trio.sleep(5)
        assert await look_up(system, "a") == "127.0.0.1"
        assert served(flow) == {FIRST: {443}}
        flow.refuse.clear()
        assert await look_up(system, "a") == FIRST
        assert served(flow) == {FIRST: {80, 443}}


async def test_a_look_up_that_is_given_up_leaves_the_address_unless_another_one_asks_for_it(autojump_clock):
    flow = FakeFlow()
    async with home(flow) as system:
        addresses = ServedAddresses({kind: system.ref(f"node/{kind}") for kind in PORTS}, 2)
        answers = []

        async def ask(ip):
            answers.append(await addresses.serve(ip))

        async with trio.open_nursery() as patient, trio.open_nursery() as hurried:
            hurried.start_soon(ask, FIRST)
            hurried.start_soon(ask, after(FIRST, 1))
            patient.start_soon(ask, FIRST)
            await trio.lowlevel.checkpoint()  # all have asked
            hurried.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert answers == [Served.YES]
        assert served(flow) == {FIRST: {80, 443}}


async def test_the_addresses_used_last_are_remembered(autojump_clock):
    async with home(FakeFlow()) as system:
        addresses = ServedAddresses({kind: system.ref(f"node/{kind}") for kind in PORTS}, 2)
        for step in (0, 1, 0, 2):
            assert await addresses.serve(after(FIRST, step)) is Served.YES
        assert list(addresses) == [FIRST, after(FIRST, 2)]
        addresses.leave(FIRST)
        assert FIRST not in addresses


async def test_no_servers_serve_nothing():
    assert await ServedAddresses({}, 2).serve(FIRST) is Served.NO
