"""A small system of this room's actors over a flow in memory."""

from contextlib import asynccontextmanager

import attrs
import trio

from beam_actors.errors import AddressInUse, NameNotFound, NetworkError
from beam_actors.flow import Accepted
from beam_actors.runtime import ChildSpec, Supervisor, System
from beam_actors.values import OwnerId, PeerId, TcpAddress
from tests.ingress.streams import FakeStream


class FakeListener:
    def __init__(self, flow, local, owner):
        self._flow, self.local, self.owner = flow, local, owner

    def close(self):
        self._flow.listeners.pop(self.local, None)


class FakeDatagrams:
    """A UDP socket that keeps what is sent; the handle and the socket of the port in one."""

    def __init__(self, flow, local, on_waiting, owner):
        self._flow, self.local, self._on_waiting, self.owner = flow, local, on_waiting, owner
        self._waiting = []
        self.sent = []
        self.broken = False
        self.arrived = trio.Event()

    def send_to(self, data, address):
        if self.broken:
            raise NetworkError(f"Sending to {address} failed.")
        self.sent.append((bytes(data), address))
        self.arrived.set()
        return True

    def arrive(self, *datagrams):
        self._waiting += datagrams
        self._on_waiting(self)

    def receive(self):
        while self._waiting:
            yield self._waiting.pop(0)

    def answer(self, reply_to):
        for data, sender in self.receive():
            reply = reply_to(data, sender)
            if reply is None:
                yield data, sender
            elif not self.broken:
                self.send_to(reply, sender)

    def close(self):
        self._flow.udp.pop(self.local, None)

    async def ask(self, data, sender=None):
        """Send one question and wait for its reply."""
        self.arrived = trio.Event()
        self.arrive((data, sender or TcpAddress("127.0.0.1", 40404)))
        await self.arrived.wait()
        return self.sent.pop()[0]


class FakeFlow:
    """Listeners by address. `refuse` maps a port to the error that binding it raises."""

    def __init__(self, refuse=None):
        self.listeners = {}
        self.udp = {}
        self.refuse = refuse or {}
        self._next = 40000

    def _bind(self, address, taken):
        if address.port in self.refuse:
            raise self.refuse[address.port]
        if address.port == 0:
            free = (TcpAddress(address.ip, port) for port in range(self._next + 1, 1 << 16))
            address = next(one for one in free if one not in taken)
            self._next = address.port
        if address in taken:
            raise AddressInUse(f"{address} is taken.")
        return address

    def listen(self, address, owner):
        local = self._bind(address, self.listeners)
        self.listeners[local] = FakeListener(self, local, owner)
        return self.listeners[local]

    def datagrams(self, address, on_waiting, owner):
        local = self._bind(address, self.udp)
        self.udp[local] = FakeDatagrams(self, local, on_waiting, owner)
        return self.udp[local]

    def tls(self, stream, engine):
        return stream

    def watch(self, system):
        """Give up the sockets of an actor that ended, as the pump does."""

        def on_event(event):
            if event.kind == "exited":
                for sockets in (self.listeners, self.udp):
                    for socket in [one for one in sockets.values() if one.owner.path == event.path]:
                        socket.close()

        system.observe(on_event)

    def connect(self, address, *, remote=None):
        """The client's end of a connection to a listener."""
        client, server = FakeStream.pair(remote=remote)
        listener = self.listeners[address]
        listener.owner.tell(Accepted(server, listener))
        return client, server


@attrs.frozen
class Resolution:
    owner: OwnerId
    peers: tuple[PeerId, ...]
    source: str = "registry"


OWNER = OwnerId(bytes(range(32)))
PEER = PeerId(bytes(range(1, 33)))


@attrs.frozen
class Choice:
    owner: OwnerId
    since: float = 1_800_000_000.0
    equivocates: bool = False
    relation: str = "other"


class FakeNames:
    """Everybody in `known` resolves; a value that is an exception is raised; `delay` is in seconds."""

    def __init__(self, *known, delay=0.0, **faults):
        self.known = dict.fromkeys(known, Resolution(OWNER, (PEER,))) | faults
        self.delay = delay
        self.asked = []
        self.remote = set()
        """Those that only peers know."""
        self.contested = {}
        self.petnames = set()
        self.decided = set()
        """Those that a person owns or bound, whether they resolve or not."""

    async def is_decided(self, text):
        await trio.lowlevel.checkpoint()
        return text in self.decided

    async def is_petname(self, text):
        await trio.sleep(self.delay)
        if isinstance(self.petnames, Exception):
            raise self.petnames
        return text in self.petnames

    async def claimants(self, text):
        await trio.sleep(self.delay)
        found = self.contested.get(text, ())
        if isinstance(found, Exception):
            raise found
        return found

    async def recall(self, text):
        await trio.lowlevel.checkpoint()
        if text in self.remote or text not in self.known:
            raise NameNotFound(f"{text} is not known here.")
        return await self.resolve(text)

    async def resolve(self, text):
        self.asked.append(text)
        await trio.sleep(self.delay)
        found = self.known.get(text)
        if found is None:
            raise NameNotFound(f"Nobody is known to hold {text}.")
        if isinstance(found, Exception):
            raise found
        return found


@asynccontextmanager
async def running(**factories):
    """A system `node` whose children are made by these factories; a factory is given the system."""
    system = System("test", clock=trio.current_time)
    children = [ChildSpec(name, lambda make=make: make(system)) for name, make in factories.items()]
    async with system.run(ChildSpec("node", lambda: Supervisor(children))):
        yield system
