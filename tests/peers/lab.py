"""Whole nodes of this room over the virtual network: a pump, the `network` subtree, and actors that look on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Flow, Taker
from beam_actors.flow.actor import PumpActor
from beam_actors.identity import PeerKey
from beam_actors.peers import (
    Bind,
    Custodian,
    InboundStream,
    KadLimits,
    PeerDown,
    PeersLimits,
    PeerUp,
    compose_peers,
)
from beam_actors.runtime import Actor, ChildSpec, Ref, Strategy, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network import VirtualNetwork
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Multiaddr, PeerId, TcpAddress

ECHO = "/test/echo/1"
SERVICES = "node/services"
STRANGER = PeerId(b"\x2a" * 32)


class EchoServer(Actor):
    """Sends back what it reads, and remembers who came."""

    def __init__(self, seen: list[PeerId]) -> None:
        super().__init__()
        self._seen = seen

    @receives(InboundStream)
    def inbound(self, message: InboundStream) -> None:
        self._seen.append(message.peer)
        self.spawn(self._echo, message)

    async def _echo(self, message: InboundStream) -> None:
        try:
            while data := await message.stream.read():
                await message.stream.write(data)
            message.stream.close()
        except NetworkError:
            message.stream.abort()


class Onlooker(Actor):
    """Writes down which peers came and went."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self._log = log

    @receives(PeerUp, PeerDown)
    def note(self, message: Any) -> None:
        self._log.append(message)


class Node:
    """One node. Its key, disk and host outlive `run`, as a machine outlives a daemon."""

    def __init__(
        self, world: "World", number: int, *, ip: str = "", port: int = 4747, limits: PeersLimits | None = None
    ) -> None:
        self.world = world
        self.ip = ip or f"10.0.0.{number}"
        self.name = f"node{number}"
        self.host = world.network.host(self.name, [self.ip])
        self.key = PeerKey.from_seed(bytes([number]) * 32)
        self.disk = MemoryDisk()
        self.port = port
        self.limits = limits
        self.visiting: tuple[str, ...] = ()
        self.kad: KadLimits | None = None
        self.custodian: Custodian | None = None
        self.runs = 0
        self.bootstrap: list[Multiaddr] = []
        self.seen: list[PeerId] = []
        self.events: list[Any] = []

    @property
    def id(self) -> PeerId:
        return self.key.peer_id

    @property
    def address(self) -> Multiaddr:
        return Multiaddr.from_address(TcpAddress(self.ip, self.port), self.id)

    def serve(self) -> dict[str, Ref]:
        return {ECHO: self.system.ref(f"{SERVICES}/echo")}

    def takers(self) -> dict[str, Taker]:
        """Who takes streams without a message."""
        return {}

    async def children(self) -> list[ChildSpec]:
        """What runs below the services, besides the pump."""
        self.room = compose_peers(
            self.system,
            SERVICES,
            key=self.key,
            flow=self.flow,
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            network="test",
            listen=[Bind(TcpAddress("::" if ":" in self.ip else "0.0.0.0", self.port))],
            bootstrap=self.bootstrap,
            serve=self.serve(),
            takers=self.takers(),
            subscribers=[self.system.ref(f"{SERVICES}/onlooker")],
            visiting=self.visiting,
            kad=self.kad,
            custodian=self.custodian,
            limits=self.limits,
        )
        self.peers = self.room.peers
        return [
            ChildSpec("echo", lambda: EchoServer(self.seen)),
            ChildSpec("onlooker", lambda: Onlooker(self.events)),
            self.room.spec,
        ]

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Node"]:
        self.runs += 1
        self.clock = SimClock()
        self.entropy = SeededEntropy(self.runs, self.name)
        self.store = await MemoryStore.open(self.disk)
        self.system = System(self.name, clock=trio.current_time)
        self.flow = Flow()
        services = await self.children()
        root = ChildSpec(
            "node",
            lambda: Supervisor(
                [
                    ChildSpec("pump", lambda: PumpActor(self.flow, self.host.driver, self.clock)),
                    ChildSpec("services", lambda: Supervisor(services)),
                ],
                strategy=Strategy.REST_FOR_ONE,
            ),
        )
        async with self.system.run(root):
            yield self
        await self.store.close()

    def crash(self, path: str) -> None:
        """Crash the actor at a path below the services."""
        ref = self.system.whereis(f"{SERVICES}/{path}")
        assert ref is not None, path
        ref.crash(RuntimeError("crashed on purpose"))

    def incarnations(self) -> dict[str, int]:
        """The incarnation of every actor by its path."""
        found: dict[str, int] = {}

        def walk(node: Any) -> None:
            found[node.path] = node.incarnation
            for child in node.children:
                walk(child)

        tree = self.system.tree()
        assert tree is not None
        walk(tree)
        return found

    def sessions(self, other: "Node") -> list[str]:
        """The paths of the sessions to another node."""
        prefix = f"{SERVICES}/network/peers/{other.id.short}/session-"
        return [path for path in self.incarnations() if path.startswith(prefix)]

    async def lose(self, other: "Node") -> None:
        """Have all connections with the other node reset, as by a router on the way that has forgotten them."""
        ends = [end for end in self.host._connections.values() if end.peer and end.peer.host is other.host]
        for end in ends:
            end.on_reset()
            end.peer.on_reset()
        await until(lambda: not self.sessions(other) and not other.sessions(self))

    async def echo(self, other: "Node", data: bytes = b"hello") -> bytes:
        """What comes back when `data` is sent to the other node's echo service, to the clean end."""
        stream = await self.peers.open(other.id, ECHO)
        await stream.write(data)
        await stream.shutdown()
        back = b""
        while piece := await stream.read():
            back += piece
        stream.close()
        return back


class World:
    """A network and its nodes."""

    def __init__(self, node: type[Node] = Node, **options: Any) -> None:
        self.network = VirtualNetwork(**options)
        self.nodes: list[Node] = []
        self._node = node

    def add(self, **options: Any) -> Node:
        node = self._node(self, len(self.nodes) + 1, **options)
        self.nodes.append(node)
        return node

    @asynccontextmanager
    async def running(self, count: int, **options: Any) -> AsyncIterator[list[Any]]:
        """So many nodes, running."""
        async with AsyncExitStack() as stack:
            nodes = [self.add(**options) for _ in range(count)]
            for node in nodes:
                await stack.enter_async_context(node.run())
            yield nodes


async def until(condition: Any, *, seconds: float = 30.0) -> None:
    """Wait in virtual time until the condition holds."""
    with trio.fail_after(seconds):
        while not condition():  # what is waited for is state of many actors, in virtual time
            await trio.sleep(0.01)


def changed(node: Node, before: dict[str, int]) -> set[str]:
    """The paths whose incarnation is not what it was, without the sessions of peers (they come and go)."""
    after = node.incarnations()
    return {path for path in before | after if before.get(path) != after.get(path) and "/session-" not in path}
