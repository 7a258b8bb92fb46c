"""Whole nodes of this room with the DHT, each with a custodian that takes all."""

from beam_actors.flow import read_frame
from beam_actors.peers import Fate, KadLimits, Kept, PeersLimits
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    PROTOCOL,
    decode,
)
from beam_actors.wire import FrameReader
from tests.peers.lab import SERVICES, Node

KEY = bytes(range(32))
QUICK = KadLimits(join_growth=5.0)
SMALL = KadLimits(join_growth=5.0, bucket=6)
"""A table of few, so that a few nodes are more than each of them knows."""
FREE = PeersLimits(visits_per_network=100)  # what is asked by hand comes more often than a table asks


class Shelf:
    """A custodian that takes all it is given, and finds so many of it bad."""

    def __init__(self):
        self.kept = {}
        self.near = []
        self.bad = 0

    async def keep(self, key, values, source, *, near):
        self.near.append(near)
        if not near:
            return Kept((Fate.NOT_MINE,) * len(values))
        self.kept[key] = values
        return Kept((Fate.KEPT,) * len(values), self.bad)

    async def find(self, key):
        return self.kept.get(key, ())


class KadNode(Node):
    """A node with a DHT."""

    def __init__(self, *args, kad=QUICK, **options):
        super().__init__(*args, **options)
        self.kad = kad
        self.shelf = self.custodian = Shelf()

    @property
    def dht(self):
        return self.system._cells[f"{SERVICES}/network/dht"].actor

    @property
    def owner(self):
        return self.system.ref(f"{SERVICES}/onlooker")

    def table(self):
        return {contact.peer for contact in self.dht._contacts}

    async def find(self, key=KEY):
        found = []

        async def take(peer, values):
            found.append((peer, values))

        return await self.room.dht.find(key, self.owner, take), found

    async def ask(self, other, data):
        """What another node says to one message, which need not be one."""
        stream = await self.peers.open(other.id, PROTOCOL)
        await stream.write(data)
        body = await read_frame(stream, FrameReader(MAX_MESSAGE))
        stream.abort()
        return None if body is None else decode(body)


async def meet(hub, *others):
    for other in others:
        await other.peers.connect(hub.address)
