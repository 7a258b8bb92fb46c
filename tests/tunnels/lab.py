"""Whole nodes of this room over the virtual network, with local services behind them."""

from contextlib import asynccontextmanager

import attrs
import trio

from beam_actors.errors import NameNotFound, NetworkError
from beam_actors.flow import Flow, Pump
from beam_actors.flow.messages import Accepted
from beam_actors.testing.clock import SimClock
from beam_actors.tunnels import PROTOCOL, TunnelsLimits, compose_tunnels, gate_ref
from beam_actors.values import Name, TcpAddress
from tests.peers.lab import SERVICES
from tests.peers.lab import Node as PeersNode
from tests.peers.lab import World as PeersWorld


@attrs.frozen
class Resolution:
    name: Name
    peers: tuple


class Names:
    """Names as a table: the part of naming that this room sees."""

    def __init__(self, table):
        self.table = table

    async def resolve(self, text):
        await trio.lowlevel.checkpoint()
        name = Name.parse(text.removesuffix(".local"))
        if name not in self.table:
            raise NameNotFound(f"{text} is not known.")
        return Resolution(name, tuple(self.table[name]))


class Node(PeersNode):
    """A node with tunnels and forwards."""

    forbidden: tuple[TcpAddress, ...] = ()
    bounds: TunnelsLimits | None = None

    def serve(self):
        return {**super().serve(), PROTOCOL: gate_ref(self.system, SERVICES)}

    async def children(self):
        below = await super().children()
        room = compose_tunnels(
            self.system,
            SERVICES,
            flow=self.flow,
            peers=self.peers,
            resolver=Names(self.world.names),
            store=self.store,
            run=self.entropy.token(16),
            forbidden=lambda: self.forbidden,
            limits=self.bounds,
        )
        self.tunnels = room.tunnels
        return [*below, room.tunnels_spec, room.forwards_spec]


class World(PeersWorld):
    def __init__(self, **options):
        super().__init__(Node, **options)
        self.names = {}


class Program:
    """A process of its own on a node's machine: it listens, or dials what listens there."""

    path = "program"
    alive = True

    def __init__(self, node):
        self.node = node
        self.flow = Flow()
        self.came = 0
        self._pump = Pump(node.host.driver(), SimClock())
        self.flow.attach(self._pump)
        self._nursery = None
        self._serve = None

    def tell(self, message):
        if isinstance(message, Accepted):
            self.came += 1
            self._nursery.start_soon(self._guarded, message.stream)

    def crash(self, reason):
        raise reason

    async def _guarded(self, stream):
        try:
            await self._serve(stream)
        except NetworkError:
            stream.abort()

    @asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._pump.run)
            yield self
            self._nursery.cancel_scope.cancel()

    def listen(self, port, serve):
        self._serve = serve
        return self.flow.listen(TcpAddress("127.0.0.1", port), self)

    async def dial(self, port):
        return await self.flow.dial(TcpAddress("127.0.0.1", port), self, timeout=5)


async def echo(stream):
    """Send back what comes, and end when it ends."""
    while data := await stream.read():
        await stream.write(data)
    stream.close()


async def read_all(stream):
    data = b""
    while piece := await stream.read():
        data += piece
    return data


async def exchange(stream, data):
    """Send `data`, end, and read to the clean end."""
    back = []

    async def reader():
        back.append(await read_all(stream))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await stream.write(data)
        await stream.shutdown()
    stream.close()
    return back[0]
