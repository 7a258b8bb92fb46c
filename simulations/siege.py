"""A gang in the DHT of whole nodes: hostile ones around the keys of some names, and a bystander whom they name.

Invariant: the gang knows what any node of the DHT could know, and is in place before the names are given out; what the
bystander hears is counted there, at a port where an ordinary server listens, whoever comes.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.flow import Stream
from beam_actors.peers import PeersLimits
from beam_actors.peers.kad.ids import distance, node_id
from beam_actors.testing.machine import Machine
from beam_actors.testing.world import World
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from simulations import inside
from simulations.hostile import KINDS, Lair
from simulations.hostile.poisoners import NEIGHBOURS

if TYPE_CHECKING:
    from beam_actors.wire import PeerRecord

_MINUTE = 60.0
_PORT = 8443
_ACQUAINTED = 12
"""Honest machines that each of the gang goes to: those that are nearest to it, in whose tables it wants to be."""


@attrs.define(slots=True)
class Bystander:
    """Somebody who has nothing to do with any of it, and counts who comes."""

    came: int = 0
    most: int = 0
    """In one minute, from everywhere."""
    most_of_one: int = 0
    """The same, from one machine."""
    _recent: deque[tuple[float, str]] = attrs.field(factory=deque)

    async def serve(self, stream: Stream) -> None:
        """Somebody connects; it is heard to its end."""
        now, remote = trio.current_time(), stream.remote
        self._recent.append((now, remote.ip if isinstance(remote, TcpAddress) else ""))
        while self._recent[0][0] <= now - _MINUTE:
            self._recent.popleft()
        self.came += 1
        self.most = max(self.most, len(self._recent))
        self.most_of_one = max(self.most_of_one, *Counter(ip for _, ip in self._recent).values())
        while await stream.read():
            pass
        stream.close()

    @staticmethod
    def bound(peers: PeersLimits) -> int:
        """How often one machine may come in any minute: by visits and by knocks, each with what it had saved up."""
        return 4 * peers.visits_per_network


class Siege:
    """Around the keys of `names`, so large a share of whom their neighbourhoods hold is hostile."""

    def __init__(self, world: World, kind: str, share: float, names: Sequence[str]) -> None:
        self._world = world
        self._kind = kind
        self._share = share
        self._names = names
        self._mates: list[PeerRecord] = []
        self.bystander = Bystander()
        self.tally: Counter[str] = Counter()
        self.members = 0

    @property
    def peers(self) -> set[PeerId]:
        """All of them."""
        return {record.peer for record in self._mates}

    def __repr__(self) -> str:
        return f"<Siege of {len(self._names)} names by {self.members} of kind {self._kind}>"

    async def run(
        self, honest: Sequence[Machine], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """All of them, until cancelled; started once they listen."""
        nodes = [(machine, machine.node) for machine in honest if machine.node is not None]
        known, network = [machine.address_of(node) for machine, node in nodes], inside.network(nodes[0][1])
        each = round(min(NEIGHBOURS, len(known)) * self._share / (1 - self._share))
        async with trio.open_nursery() as nursery:
            victim = self._world.machine("bystander")
            await nursery.start(self._stand_by, victim)
            for name in self._names:
                for _ in range(each):
                    self.members += 1
                    await nursery.start(self._member, name, network, known, TcpAddress(victim.ip, _PORT))
            task_status.started()

    async def _stand_by(self, machine: Machine, *, task_status: trio.TaskStatus[None]) -> None:
        async with machine.program() as program:
            program.serve(TcpAddress(machine.ip, _PORT), self.bystander.serve)
            task_status.started()
            await trio.sleep_forever()

    async def _member(
        self,
        name: str,
        network: str,
        known: Sequence[Multiaddr],
        bystander: TcpAddress,
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        machine = self._world.machine(f"x{self.members}")
        victims = list(known)
        lair = Lair(
            name=machine.name,
            ip=machine.ip,
            clock=machine.clock,
            entropy=self._world.entropy(f"siege {self.members}"),
            network=network,
            victims=lambda: victims,
            names=lambda: [name],
            signs=lambda _name, _owner: None,
            entered=lambda _peer, _name, _port: None,
            tally=self.tally,
            mates=self._mates,
            bystander=bystander,
            security=self._world.security,
        )
        attacker = KINDS[self._kind](lair)
        place = node_id(attacker.key.peer_id)
        near = sorted((distance(node_id(one.peer), place), one) for one in known if one.peer is not None)
        victims[:] = [one for _, one in near[:_ACQUAINTED]]
        async with machine.program() as program, trio.open_nursery() as nursery:
            nursery.start_soon(attacker.run, program)
            task_status.started()
