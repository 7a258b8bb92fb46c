"""Whole nodes of this room over the virtual network, with local services behind them."""

from contextlib import asynccontextmanager

import attrs
import trio

from beam_actors.errors import NameNotFound, NetworkError, StorageError
from beam_actors.flow import Flow, Pump
from beam_actors.flow.messages import Accepted
from beam_actors.testing.clock import SimClock
from beam_actors.tunnels import PROTOCOL, Reception, TunnelSpec, acceptor_ref, compose_tunnels
from beam_actors.tunnels.opening import read_message
from beam_actors.tunnels.protocol import Request, decode_answer, encode_request
from beam_actors.values import Name, OwnerId, TcpAddress
from tests.peers.lab import SERVICES, until
from tests.peers.lab import Node as PeersNode
from tests.peers.lab import World as PeersWorld

HERE = "127.0.0.1"


def offer(target, *, name=None, **rest):
    """A tunnel as a person would ask for it: a port of this machine or an address, and a name."""
    address = TcpAddress(HERE, target) if isinstance(target, int) else TcpAddress.parse(target)
    return TunnelSpec.offer(address, name=None if name is None else Name(name), **rest)


WEB = offer(3000, name="web")
DATA = bytes(range(256)) * 4096
OWNER = OwnerId(bytes(32))
"""Who holds each name here."""


@attrs.frozen
class Resolution:
    name: Name
    peers: tuple
    owner: OwnerId = OWNER


class Names:
    """Names as a table: the part of naming that this room sees."""

    def __init__(self, table):
        self.table = table
        self.uses = []

    def used(self, text, owner, how):
        self.uses.append((text, owner, how))

    async def resolve(self, text):
        await trio.lowlevel.checkpoint()
        name = Name.parse(text.removesuffix(".local"))
        if name not in self.table:
            raise NameNotFound(f"{text} is not known.")
        return Resolution(name, tuple(self.table[name]))


class Store:
    """A node's store that lets a test act, or fail, just before each commit, and act just after."""

    def __init__(self, store, node):
        self.get = store.get
        self.scan = store.scan
        self._store = store
        self._node = node

    async def commit(self, changes):
        if self._node.on_commit is not None:
            await self._node.on_commit(changes)
        await self._store.commit(changes)
        if self._node.on_committed is not None:
            await self._node.on_committed(changes)


async def disk_full(_changes):
    """For `Node.on_commit`."""
    raise StorageError("The disk is full: free some space and try again.")


class Node(PeersNode):
    """A node with tunnels and forwards."""

    forbidden: tuple[TcpAddress, ...] = ()
    reserved = ()
    on_commit = None
    """Awaited with the changes before each commit of this room; raises what the disk would."""
    on_committed = None
    """The same once they are durable."""

    def serve(self):
        return {**super().serve(), PROTOCOL: acceptor_ref(self.system, SERVICES)}

    def takers(self):
        self.reception = Reception()

        def take(peer, stream):  # whichever a test put in its place
            return self.reception.take(peer, stream)

        return {PROTOCOL: take}

    async def children(self):
        below = await super().children()
        self.names = Names(self.world.names)
        room = compose_tunnels(
            self.system,
            SERVICES,
            flow=self.flow,
            peers=self.peers,
            resolver=self.names,
            store=Store(self.store, self),
            clock=self.clock,
            run=self.entropy.token(16),
            forbidden=lambda: self.forbidden,
            reserved=self.reserved,
            reception=self.reception,
            limits=self.world.limits,
        )
        self.tunnels = room.tunnels
        return [*below, room.tunnels_spec, room.forwards_spec]


class World(PeersWorld):
    """A network of such nodes; `limits` are the bounds of this room in each."""

    def __init__(self, limits=None, **options):
        super().__init__(Node, **options)
        self.names = {}
        self.limits = limits


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

    def listen(self, port, serve, ip=HERE):
        self._serve = serve
        return self.flow.listen(TcpAddress(ip, port), self)

    async def dial(self, port):
        return await self.flow.dial(TcpAddress(HERE, port), self, timeout=5)


async def echo(stream):
    """Send back what comes, and end when it ends."""
    while data := await stream.read():
        await stream.write(data)
    stream.close()


@asynccontextmanager
async def stage(world, *, serve=echo, port=3000, visitors=1):
    """An owner with a service on its machine, and visitors that are connected to it."""
    async with world.running(1 + visitors) as (owner, *others), Program(owner).running() as service:
        service.listen(port, serve)
        for visitor in others:
            await visitor.peers.connect(owner.address)
        await until(lambda: len(owner.events) == visitors)
        world.names[Name("web")] = (owner.id,)
        yield (owner, *others, service)


async def knock(visitor, owner, data=b""):
    """A stream to the owner's acceptor, on which `data` was sent."""
    stream = await visitor.peers.open(owner.id, PROTOCOL)
    await stream.write(data)
    return stream


async def ask_raw(visitor, owner, *, port=80, name="web", behind=b"", pause=0.0):
    """The answer to a request, with bytes right behind it, and perhaps a pause after its first."""
    request = encode_request(Request(name=Name(name), port=port)) + behind
    stream = await knock(visitor, owner, request[:1] if pause else request)
    if pause:
        await trio.sleep(pause)
        await stream.write(request[1:])
    answer = decode_answer(await read_message(stream))
    stream.abort()
    return answer


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
