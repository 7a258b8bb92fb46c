"""Whole nodes of this room, over streams in memory instead of `peers`, with disks that outlive them."""

from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from types import SimpleNamespace

import trio

from beam_actors.errors import ConnectionLost, PeerOffline
from beam_actors.naming import NO_WORK, Handing, Limits, compose_naming, custodian_of, hand_over, protocol, spread_ref
from beam_actors.naming.messages import GetHolding, Submit
from beam_actors.naming.protocol import PROTOCOL, Refuse
from beam_actors.peers import Fate, InboundStream, PeerDown, PeerUp
from beam_actors.runtime import ChildSpec, Intensity, ListMembers, Supervisor, System
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.store import MemoryStore
from tests.naming.bench import ALICE, ids_at
from tests.naming.builders import NETWORK, owner_key, peer

SERVICES = "services"


class Half:
    """What one side has sent and the other has not yet read. Holds 64 KiB, like a window."""

    ROOM = 1 << 16

    def __init__(self):
        self.data = bytearray()
        self.ended = self.cut = self.deaf = False
        self.changed = trio.Event()

    def touch(self):
        self.changed.set()
        self.changed = trio.Event()


class MemoryStream:
    """One end of a stream in memory, with the surface of `flow.Stream`."""

    def __init__(self, incoming: Half, outgoing: Half):
        self.incoming, self.outgoing = incoming, outgoing
        self.owner = None
        self.remote = None
        self.log = []

    @classmethod
    def pair(cls):
        one, other = Half(), Half()
        return cls(one, other), cls(other, one)

    @property
    def error(self):
        return ConnectionLost("The stream was cut.") if self.incoming.cut else None

    async def read(self, limit=1 << 16):
        await trio.lowlevel.checkpoint()
        half = self.incoming
        while not half.data:
            if half.cut:
                raise ConnectionLost("The stream was cut.")
            if half.ended:
                return b""
            await half.changed.wait()
        data = bytes(half.data[:limit])
        del half.data[:limit]
        half.touch()
        return data

    async def write(self, data):
        await trio.lowlevel.checkpoint()
        self.log.append(bytes(data))
        half = self.outgoing
        while data:
            while len(half.data) >= half.ROOM and not half.cut and not half.deaf:
                await half.changed.wait()
            if half.cut or half.ended or half.deaf:
                raise ConnectionLost("The stream was cut.")
            room = half.ROOM - len(half.data)
            half.data += data[:room]
            data = data[room:]
            half.touch()

    async def shutdown(self):
        self.outgoing.ended = True
        self.outgoing.touch()

    def close(self):
        self.outgoing.ended = self.incoming.deaf = True  # what the other side goes on to write is reset
        self.outgoing.touch()
        self.incoming.touch()

    def abort(self):
        for half in (self.incoming, self.outgoing):
            if not half.ended or half is self.incoming:
                half.cut = True
            half.touch()

    dispose = abort

    def adopt(self, owner):
        self.owner = owner


class Wires:
    """Who is connected to whom; the `PeerNetwork` of each node is a view of it."""

    def __init__(self):
        self.nodes: dict = {}
        self.links: set = set()
        self.opened: list = []
        self.sent: list[bytes] = []  # every frame that an opener wrote
        self.answered: list[bytes] = []  # and every one that the other side did

    def connect(self, one, other):
        self.links.add(frozenset((one.me, other.me)))
        one.spread.tell(PeerUp(other.me))
        other.spread.tell(PeerUp(one.me))

    def cut(self, one, other):
        self.links.discard(frozenset((one.me, other.me)))
        for stream, ends in self.opened:
            if ends == {one.me, other.me}:
                stream.abort()
        one.spread.tell(PeerDown(other.me))
        other.spread.tell(PeerDown(one.me))

    def neighbours(self, me):
        return sorted(other for link in self.links if me in link for other in link - {me})


class View:
    def __init__(self, wires: Wires, me):
        self.wires, self.me = wires, me

    async def open(self, to, protocol, *, owner=None):
        await trio.lowlevel.checkpoint()
        assert protocol == PROTOCOL
        if frozenset((self.me, to)) not in self.wires.links:
            raise PeerOffline(f"{to} is not connected.")
        mine, theirs = MemoryStream.pair()
        mine.adopt(owner)
        mine.log, theirs.log = self.wires.sent, self.wires.answered
        self.wires.opened.append((mine, {self.me, to}))
        self.wires.nodes[to].spread.tell(InboundStream(self.me, protocol, theirs))
        return mine

    async def connected(self):
        await trio.lowlevel.checkpoint()
        return tuple(self.wires.neighbours(self.me))


class Ring:
    """A DHT in memory: each key is kept by the nodes that are nearest to it, by their own custodians."""

    def __init__(self, count: int = 2):
        self.count = count
        self.nodes: dict[bytes, Node] = {}
        self.finds: list[bytes] = []
        self.stores: list[tuple[bytes, tuple[bytes, ...]]] = []
        self.delay = 0.01

    def join(self, node: "Node") -> "RingView":
        view = RingView(self, node)
        self.nodes[view.place] = node
        return view

    def nearest(self, key: bytes, without: "Node | None" = None) -> list["Node"]:
        places = sorted(self.nodes, key=lambda place: int.from_bytes(place, "big") ^ int.from_bytes(key, "big"))
        return [self.nodes[place] for place in places if self.nodes[place] is not without][: self.count]


class RingView:
    """The ring as one node sees it."""

    def __init__(self, ring: Ring, node: "Node"):
        self.ring, self.node = ring, node
        self.place = sha256(node.me.multihash).digest()

    async def find(self, key, owner, take):
        self.ring.finds.append(key)
        near = self.ring.nearest(key, self.node)
        for other in near:
            await trio.sleep(self.ring.delay)
            if values := await custodian_of(other.system, SERVICES, NETWORK).find(key):
                await take(other.me, values)
        return SimpleNamespace(closest=tuple(near))

    async def store(self, key, values, owner):
        self.ring.stores.append((key, tuple(values)))
        kept = []
        for other in self.ring.nearest(key, self.node):
            await trio.sleep(self.ring.delay)
            said = await custodian_of(other.system, SERVICES, NETWORK).keep(key, tuple(values), self.node.me, near=True)
            if all(fate in {Fate.KEPT, Fate.KNOWN} for fate in said.fates):
                kept.append(other.me)
        return tuple(kept)


class Node:
    """One machine: its disk and clock outlive `run`."""

    def __init__(
        self,
        wires: Wires,
        number: int,
        *,
        owner: int | None = None,
        limits: Limits | None = None,
        difficulty=NO_WORK,
        compute=None,
        ring: "Ring | None" = None,
    ):
        self.wires, self.number, self.limits, self.difficulty = wires, number, limits, difficulty
        self.compute = compute or InlineCompute()
        self.ring = ring
        self.me = peer(number)
        self.key = owner_key(number if owner is None else owner)
        self.owner = self.key.owner_id
        self.disk = MemoryDisk()
        self.clock = SimClock()
        wires.nodes[self.me] = self

    @asynccontextmanager
    async def run(self):
        self.system = System(f"node{self.number}", clock=self.clock.monotonic)
        self.spread = spread_ref(self.system, SERVICES)
        self.registrar = self.system.ref(f"{SERVICES}/registry")
        self.store = store = await MemoryStore.open(self.disk, sync_seconds=0.01)
        room = compose_naming(
            self.system,
            SERVICES,
            owner=self.key,
            me=self.me,
            network=NETWORK,
            peers=View(self.wires, self.me),
            store=store,
            clock=self.clock,
            entropy=SeededEntropy(bytes([self.number])),
            limits=self.limits,
            compute=self.compute,
            difficulty=self.difficulty,
            dht=None if self.ring is None else self.ring.join(self),
        )
        self.naming = room.naming
        root = ChildSpec(SERVICES, lambda: Supervisor(room.specs, intensity=Intensity(restarts=20, period=10.0)))
        async with self.system.run(root):
            yield self

    async def hand_over(self, name, heir, *, era, by=None):
        """Let it hand a name over as soon as it has the key of that era, as a command does while it does not run."""
        store = await MemoryStore.open(self.disk)
        try:
            await hand_over(store, by or self.owner, name, Handing(heir, era))
        finally:
            await store.close()


class Silent:
    """Stands where a peer's `spread` would, takes each stream and says nothing."""

    def __init__(self):
        self.messages = []

    def tell(self, message):
        self.messages.append(message)


class Busy:
    """Stands where a peer's `spread` would, and refuses each stream."""

    def __init__(self):
        self.times = []

    def tell(self, message):
        if isinstance(message, InboundStream):
            self.times.append(trio.current_time())
            message.stream.outgoing.data += protocol.encode(Refuse("Come again later."))
            message.stream.outgoing.touch()


@asynccontextmanager
async def lab(count: int, **options):
    """`count` running nodes, not connected."""
    wires = Wires()
    async with AsyncExitStack() as stack:
        yield wires, [await stack.enter_async_context(Node(wires, number, **options).run()) for number in range(count)]


def two_machines(**options):
    """Two machines of one owner, which do not run yet, and the wires between them."""
    wires = Wires()
    return wires, Node(wires, 0, owner=0, **options), Node(wires, 1, owner=0, **options)


async def settle(seconds: float = 3.0):
    """Let everybody finish what they are about; the mock clock jumps."""
    await trio.sleep(seconds)


async def ids(node) -> set[bytes]:
    """The ids of all claims at the node."""
    return await ids_at(node.registrar)


async def entry(node, name=ALICE):
    """What the node knows of this owner's hold on a name, or of another's whom a person here bound to it."""
    return (await node.registrar.ask(GetHolding(name))).entry


async def members(node):
    """The names that have an actor at the node."""
    return set(await node.system.ref(f"{SERVICES}/names").ask(ListMembers()))


async def give(node, *claims):
    """Submit claims as a peer would."""
    await node.registrar.ask(Submit(tuple(one.encoded for one in claims), peer(99)))


def visit(node, number=50, *, remote=None) -> MemoryStream:
    """A stream that a peer opens to the node, from an address if it has one."""
    mine, theirs = MemoryStream.pair()
    theirs.remote = remote
    node.spread.tell(InboundStream(peer(number), PROTOCOL, theirs))
    return mine


def at_work(node) -> int:
    """How many workers the node's spread has now."""
    return node.system.cell(node.spread.path).actor.worker_count
