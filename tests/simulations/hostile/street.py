"""A street: an honest owner with a name and an app, an honest friend who uses it, and an attacker beside them."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import trio

from beam_actors.naming import Claim
from beam_actors.node import Node
from beam_actors.testing.program import Program
from beam_actors.testing.world import World, run_world
from beam_actors.tunnels import ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, Access, Multiaddr, Name, OwnerId, TcpAddress
from simulations import inside
from simulations.hostile import KINDS, Attacker, Lair

APP = TcpAddress("127.0.0.1", 3000)
LOCAL = TcpAddress("127.0.0.1", 8080)
NAME = "alice"
PORT, SECRET_PORT = 9000, 3000


@attrs.define
class Street:
    world: World
    owner: Node
    friend: Node
    attacker: Attacker
    client: Program
    program: Program
    addresses: tuple[Multiaddr, ...]
    signed: dict[str, set[OwnerId]] = attrs.field(factory=dict)
    entered: list[tuple] = attrs.field(factory=list)
    crashes: list[str] = attrs.field(factory=list)

    @property
    def tally(self) -> Counter:
        return self.attacker.lair.tally

    @property
    def nodes(self) -> tuple[Node, Node]:
        return self.owner, self.friend

    def registry(self, node: Node):
        return inside.knowledge(node).registry

    def owner_of(self, node: Node) -> OwnerId:
        return inside.knowledge(node).owner

    def strangers(self, node: Node) -> list[Claim]:
        """The attacker's claims in an honest registry."""
        honest = {self.owner_of(one) for one in self.nodes}
        return [claim for claim in self.registry(node) if claim.owner not in honest]

    async def refused(self, node: Node) -> dict[str, int]:
        return (await node.naming.statistics()).refused

    async def fetch(self) -> bytes:
        """Through the tunnel, by the name's full form."""
        with trio.fail_after(10):
            stream = await self.client.connect(LOCAL)
            await stream.write(b"hello")
            await stream.shutdown()
            data = b""
            while more := await stream.read():
                data += more
            stream.close()
        return data


@asynccontextmanager
async def street(world: World, kind: str, *, known_as: str = "") -> AsyncIterator[Street]:
    """`known_as`: the friend is given the attacker's address to begin with, as `itself` or as `owner`."""

    async def app(stream):
        while data := await stream.read():
            await stream.write(data.upper())
        await stream.shutdown()

    crashes: list[str] = []

    def watch(name):
        def note(event):
            if event.kind == "exited" and event.reason.abnormal:
                crashes.append(f"{name} {event.path} {event.reason}")

        return note

    machines = [world.machine(name) for name in ("owner", "friend", "attacker")]
    async with AsyncExitStack() as stack:
        owner = await machines[0].boot()
        server = await stack.enter_async_context(machines[0].program())
        server.serve(APP, app)
        made: list[Street] = []
        first = machines[0].address_of(owner)
        addresses = [first]
        lair = Lair(
            name="mallory",
            ip=machines[2].ip,
            clock=machines[2].clock,
            entropy=world.entropy("attacker"),
            network="beam",
            victims=lambda: addresses,
            names=lambda: [NAME],
            signs=lambda name, who: made[0].signed.setdefault(name, set()).add(who),
            entered=lambda *door: made[0].entered.append(door),
            tally=Counter(),
        )
        attacker = KINDS[kind](lair)
        bootstrap = [first]
        if known_as:
            bootstrap.append(attacker.address if known_as == "itself" else attacker.address_as(first.peer))
        friend = await machines[1].boot(bootstrap=tuple(bootstrap))
        addresses.append(machines[1].address_of(friend))
        for name, node in (("owner", owner), ("friend", friend)):
            node.system.observe(watch(name))
        client = await stack.enter_async_context(machines[1].program())
        await trio.sleep(3)
        await owner.naming.register(NAME)
        await owner.tunnels.expose(TunnelSpec(target=APP, name=Name(NAME), port=PORT, access=EVERYONE))
        only = Access(frozenset({friend.peers.us}))
        await owner.tunnels.expose(TunnelSpec(target=APP, name=Name(NAME), port=SECRET_PORT, access=only))
        program = await stack.enter_async_context(machines[2].program())
        one = Street(world, owner, friend, attacker, client, program, tuple(addresses), crashes=crashes)
        made.append(one)
        await trio.sleep(3)
        full = f"{NAME}.{one.owner_of(owner)}.local"
        await friend.tunnels.forward(ForwardSpec(destination=full, port=PORT, listen=LOCAL))
        yield one


def play(kind: str, scene, *, seconds: float = 20.0, seed: int = 7, known_as: str = ""):
    """Let the attacker do what it does for a while, then play the scene; the trace."""

    async def scenario(world: World) -> None:
        async with street(world, kind, known_as=known_as) as one, trio.open_nursery() as nursery:
            nursery.start_soon(one.attacker.run, one.program)
            await trio.sleep(seconds)
            await scene(one)
            nursery.cancel_scope.cancel()

    return run_world(seed, scenario)
