"""Attackers in the DHT: nodes of it that stand near a name's key, and answer as they like.

They make keys until one stands where they want it, as anybody can who has a second. They ask the honest for their own
place, so that these look at them, and listen where they say; so they are in tables like everybody. Whom they name is
themselves, their gang (`Lair.mates`), a third party (`Lair.bystander`), or nobody.
"""

import trio

from beam_actors.flow import read_frame
from beam_actors.identity import PeerKey
from beam_actors.naming.ranges import name_key
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.peers.kad.messages import (
    MAX_MESSAGE,
    MAX_NODES,
    PROTOCOL,
    Fate,
    Find,
    Message,
    Nodes,
    Store,
    Stored,
    Values,
    What,
    decode,
    encode,
)
from beam_actors.values import Multiaddr, Name, TcpAddress
from beam_actors.wire import FrameReader, PeerRecord, sign_record
from simulations.hostile.attacker import Attacker, Lair
from simulations.hostile.line import Line, Talk

NEIGHBOURS = 64
"""They stand among so many of the honest that are nearest to the key."""
_TRIES = 2048
_EVERY = 30.0
_TIMEOUT = 10.0
_SEQ = 1_700_000_000_000
_NOWHERE = ("127.0.0.1", "0.0.0.0", "10.255.255.1", "169.254.7.7", "224.0.0.1", "192.168.0.1")


def ground(lair: Lair) -> PeerKey:
    """A key whose node stands in the neighbourhood of a name that is worth something."""
    names = lair.names()
    known = [victim.peer for victim in lair.victims() if victim is not None and victim.peer is not None]
    if not names or not known:
        return lair.peer_key()
    wanted = name_key(lair.network, Name(names[int(lair.entropy.uniform() * len(names))]))
    within = sorted(distance(node_id(peer), wanted) for peer in known)[:NEIGHBOURS][-1]
    tried = (lair.peer_key() for _ in range(_TRIES))
    return next((key for key in tried if distance(node_id(key.peer_id), wanted) < within), lair.peer_key())


class Digger(Attacker):
    """A node of the DHT near a key; what it says is its kind's."""

    LISTENS = True
    PAUSE = 8.0

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.key = ground(lair)
        self.own = self.record()
        lair.mates.append(self.own)

    def record(self) -> PeerRecord:
        """Where it says that it is."""
        return sign_record(self.key, _SEQ, (self.address.without_peer,))

    async def attack(self, line: Line) -> None:
        """See `Attacker`: ask as an honest node does that looks for its own place."""
        while True:
            talk = line.open(PROTOCOL)
            await talk.write(encode(Find(What.NODES, node_id(self.key.peer_id))))
            with trio.move_on_after(_TIMEOUT):
                while await talk.read():
                    pass
            talk.close()
            self.lair.tally["places looked for"] += 1
            await trio.sleep(_EVERY)

    async def answer(self, talk: Talk, protocol: str) -> None:
        """See `Attacker`."""
        if protocol != PROTOCOL:
            talk.abort()
            return
        body = await read_frame(talk, FrameReader(MAX_MESSAGE))
        if body is None:
            return
        self.lair.tally["questions of the DHT"] += 1
        match decode(body):
            case Store(_, _, values):
                self.lair.tally["values taken and thrown away"] += len(values)
                said: list[Message] = [Stored((Fate.KEPT,) * len(values))]
            case Find(_, key):
                said = self.says(key)
            case _:
                said = []
        if not said:
            await trio.sleep_forever()
        for message in said:
            await talk.write(encode(message))
        talk.close()

    def says(self, key: bytes) -> list[Message]:
        """What it answers to whoever searches for a key; nothing at all, for ever, if that is empty."""
        raise NotImplementedError


class Eclipse(Digger):
    """Names those of its gang that are nearest to the key, and keeps nothing."""

    NAME = "eclipse"

    def says(self, key: bytes) -> list[Message]:
        """See `Digger`."""
        others = [mate for mate in self.lair.mates if mate.peer != self.key.peer_id]
        nearest = sorted(others, key=lambda mate: distance(node_id(mate.peer), key))[:MAX_NODES]
        return [Nodes(self.own.envelope, tuple((mate.envelope, 0) for mate in nearest))]


class Blackhole(Digger):
    """Takes what it is given, and answers with nothing, or not at all."""

    NAME = "blackhole"

    def says(self, key: bytes) -> list[Message]:  # noqa: ARG002
        """See `Digger`."""
        self.lair.tally["searches that got nothing"] += 1
        silent = self.lair.tally["searches that got nothing"] % 2
        return [] if silent else [Nodes(self.own.envelope, ())]


class Poisoner(Digger):
    """Names what there is not: private networks, no port, far too many, junk, and somebody who is no node at all."""

    NAME = "poisoner"

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self._false = self._records(*(TcpAddress(ip, 22) for ip in _NOWHERE), TcpAddress(lair.ip, 0))
        self._third = self._records(*[lair.bystander] * 4)

    def record(self) -> PeerRecord:
        """See `Digger`: it says that it is at the bystander's, too, before or after its own place."""
        both = [self.address.without_peer, Multiaddr.from_address(self.lair.bystander)]
        return sign_record(self.key, _SEQ, tuple(both if self.lair.entropy.uniform() < 0.5 else both[::-1]))

    def _records(self, *addresses: TcpAddress) -> tuple[tuple[bytes, int], ...]:
        """Of peers that nobody has ever seen, each at one of the addresses."""
        where = [Multiaddr.from_address(address) for address in addresses]
        return tuple((sign_record(self.lair.peer_key(), _SEQ, (one,)).envelope, 0) for one in where)

    def says(self, key: bytes) -> list[Message]:
        """See `Digger`."""
        own = self.own.envelope
        self.lair.tally["lies about who is where"] += 1
        match self.lair.tally["lies about who is where"] % 5:
            case 0:
                return [Nodes(own, self._false)]
            case 1:
                return [Nodes(own, (self._third + self._false) * 50)]
            case 2:
                return [Values((b"junk", key) * 20), Nodes(own, ((b"junk", 0),))]
            case 3:
                mates = sorted(self.lair.mates, key=lambda mate: distance(node_id(mate.peer), key))[:MAX_NODES]
                return [Nodes(own, tuple((mate.envelope, _place_of(mate, self.lair.bystander)) for mate in mates))]
            case _:
                return [Nodes(own, self._third)]


def _place_of(record: PeerRecord, address: TcpAddress) -> int:
    """Which address of the record that is, or the first."""
    return next((place for place, one in enumerate(record.addresses) if one.tcp == address), 0)


POISONERS: tuple[type[Attacker], ...] = (Eclipse, Blackhole, Poisoner)
