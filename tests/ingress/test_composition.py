import pytest
import trio

from beam_actors.errors import ResourceExhausted
from beam_actors.ingress import Binding, Bound, Zone, compose_ingress
from beam_actors.runtime import System
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, FakeNames
from tests.ingress.streams import FakeTunnels


def at(port, *, fixed=True):
    return Binding(TcpAddress("127.0.0.1", port), fixed=fixed)


async def compose(flow, *, dns, https, http):
    system = System("test", clock=trio.current_time)
    flow.watch(system)
    spec, ingress = compose_ingress(
        system,
        "ingress",
        flow=flow,
        names=FakeNames("a"),
        tunnels=FakeTunnels(),
        store=await MemoryStore.open(MemoryDisk()),
        files=SimFiles(MemoryDisk()),
        tls=None,
        clock=SimClock(),
        entropy=SeededEntropy(1),
        zone=Zone(("local",)),
        dns=dns,
        https=https,
        http=http,
        interfaces=lambda: ["192.168.1.5"],
    )
    return system, spec, ingress


async def test_all_of_it(autojump_clock):
    system, spec, ingress = await compose(FakeFlow(), dns=at(53), https=at(443), http=at(80))
    async with system.run(spec):
        assert await ingress.bound() == Bound(
            dns=TcpAddress("127.0.0.1", 53), https=TcpAddress("127.0.0.1", 443), http=TcpAddress("127.0.0.1", 80)
        )
        assert (await ingress.locate("a.local")).address == "127.0.0.1"


async def test_servers_may_be_off(autojump_clock):
    system, spec, ingress = await compose(FakeFlow(), dns=None, https=None, http=at(80, fixed=False))
    async with system.run(spec):
        assert await ingress.bound() == Bound(dns=None, https=None, http=TcpAddress("127.0.0.1", 80))
        assert (await ingress.locate("a.local")).address.startswith("127.77.")
    system, spec, ingress = await compose(FakeFlow(), dns=None, https=None, http=None)
    async with system.run(spec):
        with pytest.raises(ResourceExhausted):
            await ingress.locate("a.local")


@pytest.mark.parametrize("name", ["resolver", "devices", "dns", "https", "http"])
async def test_a_crash_of_one_restarts_it_alone_at_the_same_address(autojump_clock, name):
    system, spec, ingress = await compose(FakeFlow(), dns=at(0), https=at(0, fixed=False), http=at(0, fixed=False))
    async with system.run(spec):
        bound = await ingress.bound()
        address = (await ingress.locate("a")).address
        system.ref(f"ingress/{name}").crash(RuntimeError("as asked"))
        await trio.sleep(5)
        incarnations = {
            path: system.ref(f"ingress/{path}").incarnation for path in ("resolver", "devices", "dns", "https", "http")
        }
        assert incarnations == dict.fromkeys(incarnations, 1) | {name: 2}
        assert await ingress.bound() == bound
        assert (await ingress.locate("a")).address == address
