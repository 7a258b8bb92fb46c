from contextlib import asynccontextmanager

import pytest
import trio

from beam_actors.errors import ActorError, NameNotFound, NotAllowed
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.dns import DnsServer
from beam_actors.ingress.facade import Bound, Ingress, Server
from beam_actors.ingress.https import HttpsServer
from beam_actors.ingress.messages import RootCertificate
from beam_actors.ingress.resolver import Resolver
from beam_actors.ingress.zone import Zone
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from tests.ingress.rig import OWNER, FakeFlow, FakeNames, running
from tests.ingress.streams import FakeTunnels
from tests.ingress.test_questions import ask

ZONE = Zone(("beam", "local"))


@asynccontextmanager
async def node(names, flow):
    store = await MemoryStore.open(MemoryDisk())

    def resolver(system):
        return Resolver(names, store, SimClock(), servers={}, dns=system.ref("node/dns"), shared="127.0.0.1")

    def dns(system):
        binding = Binding(TcpAddress("127.0.0.1", 5354), fixed=True)
        return DnsServer(flow, system.ref("node/resolver"), SimClock(), zone=ZONE, binding=binding)

    def https(system):
        return HttpsServer(
            flow,
            FakeTunnels(),
            names,
            resolver=system.ref("node/resolver"),
            zone=ZONE,
            binding=Binding(TcpAddress("127.0.0.1", 8443), fixed=True),
            tls=None,
            files=SimFiles(MemoryDisk()),
            clock=SimClock(),
            entropy=SeededEntropy(1),
        )

    async with running(resolver=resolver, dns=dns, https=https) as system:
        yield system


def facade(system, **off):
    servers = {
        "dns": Server(system.ref("node/dns"), Binding(TcpAddress("127.0.0.1", 5354), fixed=True)),
        "https": Server(system.ref("node/https"), Binding(TcpAddress("127.0.0.1", 8443), fixed=True)),
        "http": None,
    }
    return Ingress(zone=ZONE, resolver=system.ref("node/resolver"), **servers | off)


async def test_what_the_rooms_above_see(autojump_clock):
    names = FakeNames("a")
    async with node(names, FakeFlow()) as system:
        ingress = facade(system)
        assert await ingress.bound() == Bound(
            dns=TcpAddress("127.0.0.1", 5354), https=TcpAddress("127.0.0.1", 8443), http=None
        )
        for text in ("a", "A.beam", "a.local."):
            assert (await ingress.locate(text)).address == "127.0.0.1"
        assert names.asked == ["a", "a", "a"]
        with pytest.raises(NameNotFound):
            await ingress.locate("b.local")
        root = await ingress.root_certificate()
        assert root == RootCertificate("/simulated/ca-root.pem", root.sha256, ("beam", "local", "localhost"))
        assert len(root.sha256) == 64


@pytest.mark.parametrize("text", ["a", "A.local", f"a.{OWNER}.beam"])
async def test_a_name_that_a_person_pinned_is_answered_anew(autojump_clock, text):
    flow, names = FakeFlow(), FakeNames("a")
    async with node(names, flow) as system:
        [socket] = flow.udp.values()
        for _ in range(2):
            await socket.ask(ask("a.local"))
        assert names.asked == ["a"]
        facade(system).forget(text)
        await trio.testing.wait_all_tasks_blocked()
        await socket.ask(ask("a.local"))
        assert names.asked == ["a", "a"]


async def test_without_https_there_is_no_authority(autojump_clock):
    async with node(FakeNames(), FakeFlow()) as system:
        with pytest.raises(NotAllowed):
            await facade(system, https=None).root_certificate()


async def test_a_server_that_restarts_is_said_to_be_where_it_was(autojump_clock):
    async with node(FakeNames(), FakeFlow()) as system:
        gone = Server(system.ref("node/none"), Binding(TcpAddress("127.0.0.1", 80), fixed=True))
        ingress = facade(system, http=gone, https=gone)
        assert (await ingress.bound()).http == TcpAddress("127.0.0.1", 80)
        with pytest.raises(ActorError):
            await ingress.root_certificate()
