"""The seeded world: machines with disks on a virtual network, running production nodes and ordinary local programs.

Only the ports differ from a real node; actors, pump and protocols are the production ones. Invariant: the trace of a
world depends on its seed and on what the scenario does, and on nothing else of this process.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Accepted, Flow, Pump, Stream
from beam_actors.node import Node, NodeConfig, NodePorts, compose_node, open_home
from beam_actors.ports import NetworkDriver, Ready
from beam_actors.runtime import Event
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.network import VirtualDriver, VirtualNetwork
from beam_actors.testing.seeded import Trace, run_seeded
from beam_actors.testing.store import MemoryStore
from beam_actors.testing.tls import PlainTls
from beam_actors.values import Multiaddr, TcpAddress, UnixAddress

PEER_PORT = 4747
CONTROL = UnixAddress("/run/beam.sock")
_LISTEN = Multiaddr.parse(f"/ip4/0.0.0.0/tcp/{PEER_PORT}")


class World:
    """Everything of one run: the network, the machines, the trace."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.network = VirtualNetwork()
        self.trace = Trace()
        self._machines = 0

    def machine(self, name: str) -> "Machine":
        """A new machine with an address of its own and an empty disk."""
        self._machines += 1
        return Machine(self, name, f"10.0.0.{self._machines}")

    def __repr__(self) -> str:
        return f"<World {self.seed}: {self._machines} machines, {self.trace!r}>"


def run_world(seed: int, scenario: Callable[[World], Awaitable[None]]) -> Trace:
    """Run a scenario in a new world and return its trace; the same seed gives the same trace in any process."""

    async def main() -> Trace:
        world = World(seed)
        await scenario(world)
        return world.trace

    return run_seeded(seed, main)


class Machine:
    """A host with a disk that outlives its processes."""

    def __init__(self, world: World, name: str, ip: str) -> None:
        self.world = world
        self.name = name
        self.ip = ip
        self.host = world.network.host(name, [ip])
        self.disk = MemoryDisk()
        self.clock = SimClock()
        self._entropy = SeededEntropy(world.seed, name)
        self._runs = 0
        self.descriptors = 1 << 16
        """Sockets that one process may have open."""

    def __repr__(self) -> str:
        return f"<Machine {self.name} {self.ip}>"

    @asynccontextmanager
    async def node(self, **choices: object) -> AsyncIterator[Node]:
        """Run a daemon on this machine until the block ends; `choices` are fields of `NodeConfig`."""
        self._runs += 1
        quiet = NodeConfig(control=CONTROL, listen=(_LISTEN,), dns=None, https=None, http=None)
        config = attrs.evolve(quiet, **choices)  # type: ignore[arg-type]  # fields of NodeConfig, by their names
        ports = NodePorts(
            clock=self.clock,
            entropy=self._entropy.fork(f"run {self._runs}"),
            compute=InlineCompute(),
            files=SimFiles(self.disk),
            tls=PlainTls(),
            driver=self.driver,
            store=lambda: MemoryStore.open(self.disk),
            cpu_clock=lambda: 0.0,
            interfaces=lambda: self.host.addresses,
            descriptors=self.descriptors,
            uid=self.host.uid,
        )
        async with open_home(ports, None) as home:
            node = compose_node(config, home.ports, home.keys)
            node.system.observe(self._record)
            async with node.system.run(node.spec):
                yield node

    def address_of(self, node: Node) -> Multiaddr:
        """Where other machines reach the node that runs here."""
        return Multiaddr.from_address(TcpAddress(self.ip, PEER_PORT), node.peers.us)

    def driver(self) -> NetworkDriver:
        """A new process's network, whose readiness is part of the trace."""
        return TracedDriver(self.host.driver(descriptors=self.descriptors), self.name, self.world.trace)

    @asynccontextmanager
    async def program(self) -> AsyncIterator["Program"]:
        """An ordinary program on this machine, with a pump of its own; it ends with the block."""
        pump = Pump(self.driver(), self.clock)
        flow = Flow()
        flow.attach(pump)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            yield Program(f"{self.name}/program", flow, nursery)
            nursery.cancel_scope.cancel()

    def _record(self, event: Event) -> None:
        reason = event.reason.kind.value if event.reason is not None else ""
        self.world.trace.add(self.name, event.kind, event.path, event.incarnation, reason)


class Program:
    """A local program: it connects and serves on its machine, and owns its connections."""

    alive = True

    def __init__(self, path: str, flow: Flow, nursery: trio.Nursery) -> None:
        self.path = path
        self._flow = flow
        self._nursery = nursery
        self._serve: Callable[[Stream], Awaitable[None]] | None = None

    def tell(self, message: object) -> None:
        """As the owner of its listeners: a connection came in."""
        if isinstance(message, Accepted) and self._serve is not None:
            self._nursery.start_soon(self._run, self._serve, message.stream)

    def crash(self, reason: BaseException) -> None:
        """As the owner of its connections: a callback failed, which no scenario expects."""
        raise AssertionError(f"{self.path} failed") from reason

    async def connect(self, address: TcpAddress) -> Stream:
        """Connect; raises `NetworkError`."""
        return await self._flow.dial(address, self, timeout=30.0)

    def serve(self, address: TcpAddress, handler: Callable[[Stream], Awaitable[None]]) -> None:
        """Run `handler` for each connection to `address`."""
        self._serve = handler
        self._flow.listen(address, self)

    @staticmethod
    async def _run(handler: Callable[[Stream], Awaitable[None]], stream: Stream) -> None:
        try:
            await handler(stream)
        except NetworkError:
            stream.abort()


class TracedDriver:
    """A virtual driver that records what becomes ready, and when."""

    def __init__(self, driver: VirtualDriver, name: str, trace: Trace) -> None:
        self._driver = driver
        self._name = name
        self._trace = trace
        self.dial = driver.dial
        self.listen = driver.listen
        self.datagrams = driver.datagrams
        self.is_open = driver.is_open
        self.wake = driver.wake
        self.close = driver.close

    async def wait(self, until: float | None) -> list[Ready]:
        """As the port says."""
        batch = await self._driver.wait(until)
        if batch:
            self._trace.add(self._name, "ready", *(f"{type(item).__name__}:{int(bits)}" for item, bits in batch))
        return batch
