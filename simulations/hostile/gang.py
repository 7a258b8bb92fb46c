"""The gang: all attackers of a run, each on a machine of its own, and what the run must know of what they did.

Invariant: they learn what strangers could (the addresses and names that are in use) and no more; what they signed is in
the model, so that a name may lead to them only for that; when they leave, their machines are off.
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import BeamError
from beam_actors.identity import OwnerKey
from beam_actors.testing.security import LIGHT
from beam_actors.values import Multiaddr, OwnerId, PeerId
from beam_actors.wire import NOISE
from simulations.hostile import KINDS, Attacker, Impostor, Lair
from simulations.owning import key_of

if TYPE_CHECKING:
    from beam_actors.testing.machine import Machine
    from beam_actors.wire import PeerRecord
    from simulations.faults.attacks import Attack
    from simulations.place import Place
    from simulations.stage import Stage

_TRIES = 3


class Gang:
    """The attackers of one run."""

    def __init__(self, stage: "Stage") -> None:
        self.tally: Counter[str] = Counter()
        """What they spent and got, all together."""
        self._stage = stage
        self._entropy = stage.world.entropy("hostile")
        self._living: list[tuple[Machine, trio.CancelScope]] = []
        self._mates: list[PeerRecord] = []
        self._count = 0
        self.overflows = False
        """Whether one of them signs more than anybody keeps."""

    def __repr__(self) -> str:
        return f"<Gang of {len(self._living)}, {len(self.owners)} owners>"

    @property
    def owners(self) -> set[OwnerId]:
        """The owners that they signed for."""
        return self._stage.model.strangers

    def __len__(self) -> int:
        return len(self._living)

    async def run(self, attack: "Attack", *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One attacker, until it leaves; started once it listens."""
        stage = self._stage
        self._count += 1
        name = f"x{self._count}"
        machine = stage.world.machine(name)
        victims = [stage.places[index] for index in attack.victims or range(len(stage.places))]
        lair = Lair(
            name=name,
            ip=machine.ip,
            clock=machine.clock,
            entropy=self._entropy.fork(f"{self._count} {attack.kind}"),
            network=stage.network_id,
            victims=lambda: [place.address for place in victims],
            names=lambda: stage.model.wanted,
            signs=self._signs,
            copied=await self._copying(victims[0]),
            poses=stage.model.claims,
            entered=self._entered,
            tally=self.tally,
            mates=self._mates,
            security=LIGHT if stage.world.security is LIGHT else NOISE,
        )
        attacker = KINDS[attack.kind](lair)
        self.overflows = self.overflows or attacker.OVERFLOWS
        scope = trio.CancelScope()
        self._living.append((machine, scope))
        with scope:
            async with machine.program() as program, trio.open_nursery() as nursery:
                nursery.start_soon(attacker.run, program)
                for index in attack.introduced:
                    nursery.start_soon(self._introduce, attacker, index)
                task_status.started()

    def leave(self) -> None:
        """All of them go, and their machines lose power: nobody says goodbye."""
        for machine, scope in self._living:
            machine.host.kill()
            scope.cancel()
        self._living.clear()

    async def _introduce(self, attacker: Attacker, index: int) -> None:
        """Talk a person into connecting to the attacker and keeping it."""
        place = self._stage.places[index]
        for _ in range(_TRIES):
            if place.up and not place.machine.paused:
                try:
                    with place.while_up():
                        await place.node.peers.connect(self._shown(attacker, index), keep=True)
                        self.tally["kept as a peer"] += 1
                        return
                except BeamError as error:
                    self.tally[f"not kept as a peer: {error.code}"] += 1
            await trio.sleep(5.0)

    def _shown(self, attacker: Attacker, index: int) -> Multiaddr:
        """Where the person is told to connect; an impostor sits where another machine is said to be."""
        others = [place.address for place in self._stage.places if place.index != index and place.address is not None]
        if isinstance(attacker, Impostor) and others and others[0].peer is not None:
            return attacker.address_as(others[0].peer)
        return attacker.address

    async def _copying(self, place: "Place") -> Callable[[], tuple[OwnerKey, list[str]] | None]:
        """What a copy of the machine's keystore is worth, now and later."""
        person = place.person
        if person.owner is None or place.disk_in_trouble:
            return lambda: None
        key = await key_of(place.machine)

        def left() -> tuple[OwnerKey, list[str]] | None:
            latest = person.estate.latest
            if person.owner != key.owner_id or latest is None or latest <= key.era:
                return None
            self._stage.model.lineage.stolen.add((key.owner_id, key.era))
            return key, sorted(person.names)

        return left

    def _signs(self, name: str, owner: OwnerId) -> None:
        self.owners.add(owner)
        self._stage.model.claims(name, owner)

    def _entered(self, peer: PeerId, name: str | None, port: int) -> None:
        place = next((place for place in self._stage.places if str(peer) in place.peers), None)
        if place is not None:
            self._stage.invariants.entered(place, name, port)
