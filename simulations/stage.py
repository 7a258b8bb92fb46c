"""The stage: the world of one run with its machines, people and programs, and the clock of its phases.

Invariants: a daemon that ends by itself is started again as a service manager would, and is held against the product
unless a fault explains it; the heal undoes everything that the plan did and nothing that the nodes did.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from beam_actors.identity import OwnerChain
from beam_actors.naming import Difficulty
from beam_actors.naming.limits import Limits as NamingLimits
from beam_actors.node import Bind, NodeConfig, NodeLimits
from beam_actors.testing.clock import EPOCH, SimClock
from beam_actors.testing.machine import CONTROL, Machine
from beam_actors.testing.network import NatBehaviour, NatBox, VirtualHost
from beam_actors.testing.world import World
from beam_actors.values import Multiaddr, OwnerId, PeerId, TcpAddress
from simulations import inside
from simulations.browsing import Browsing
from simulations.calm import Calm
from simulations.devices import Lan
from simulations.faults import Moot
from simulations.hostile.gang import Gang
from simulations.invariants import Invariants
from simulations.model import Model
from simulations.place import SERVICE_MANAGER, Place
from simulations.plan import Plan
from simulations.traffic import Traffic
from simulations.web_operations import Locate, Visit
from simulations.working import Work

_ALL_UP = 120.0
"""Virtual seconds after the heal by which every daemon runs: more than any start, even after a few failures."""
_WRONG = 0.1
"""Seconds by which a wall clock may be wrong after the heal."""

_WORK_KIB = 8
_HTTPS = 8443
_NOTICED = 0.2
"""Virtual seconds after which a node has noted on its disk that a person used a page that it served."""
_STOPPING = 1000
"""Daemons that are being stopped at one time. One that stops holds a tenth more."""


class Stage:
    """Everything of one run."""

    inside = inside
    network_id = NodeConfig(control=CONTROL).network

    def __init__(self, world: World, plan: Plan, nursery: trio.Nursery) -> None:
        self.world = world
        self.plan = plan
        self.nursery = nursery
        """For local programs and service managers; it is cancelled when the run is over."""
        self.started = trio.current_time()
        self.begin = self.started + plan.settle
        """When the safety phase begins."""
        self.healed = trio.Event()
        self.healed_at = 0.0
        self._peers: dict[PeerId, Place] = {}
        self._homes: dict[OwnerId, Place] = {}
        self.phrases: dict[OwnerId, OwnerChain] = {}
        """What people wrote down when a machine of theirs made its keys."""
        self.model = Model(plan.size, undisturbed=plan.undisturbed)
        self.limits = NodeLimits(naming=NamingLimits(settle_after=plan.settle_after))
        """Of every daemon."""
        world.difficulty = Difficulty(plan.work, _WORK_KIB)
        self.work = Work(plan.work, _WORK_KIB)
        self.counts: dict[str, Counter[str]] = {"operations": Counter(), "faults": Counter()}
        self.nats = [self._nat(index) for index in range(len(plan.nats))]
        self.lans = self._lans()
        """The LANs that have devices, by the routers' places in the plan."""
        self._browsers = {one.machine for one in plan.operations if isinstance(one, Visit | Locate)}
        self.places: list[Place] = []
        self.traffic = Traffic(self)
        self.browsing = Browsing(self)
        self.calm = Calm(self)
        self.gang = Gang(self)
        self.invariants = Invariants(self)
        for index, person in enumerate(self.model.people):
            machine = self._machine(index)
            machine.may_fail = True  # whether it might is the invariants' matter
            self.places.append(Place(self, index, machine, person))

    def __repr__(self) -> str:
        return f"<Stage of {self.plan.scenario} {self.plan.seed}: {len(self.places)} machines>"

    @property
    def core(self) -> list[Place]:
        """The machines that are there after the heal."""
        return [place for place in self.places if not place.gone]

    def hosts(self, *indices: int) -> list[VirtualHost]:
        """The hosts of machines."""
        return [self.places[index].machine.host for index in indices]

    @property
    def time(self) -> float:
        """Virtual seconds, as of all that is noted with a time."""
        return trio.current_time()

    async def noticed(self) -> None:
        """Until what a node tells itself about a page that it served has been heard, and is on its disk."""
        await trio.sleep(_NOTICED)

    def choices_of(self, index: int) -> dict[str, object]:
        """What else the person at the machine chose of the daemon: HTTPS for a browser, and whether LANs are asked."""
        https = Bind(TcpAddress("127.0.0.1", _HTTPS), fixed=True) if index in self._browsers else None
        return {"https": https, "mdns": https is not None and bool(self.lans)}

    def lan_of(self, place: Place) -> Lan | None:
        """The devices beside which the machine stands now."""
        return next((lan for lan in self.lans.values() if place.machine.host.realm is lan.box.lan), None)

    def count(self, what: str, word: str) -> None:
        """For the report."""
        self.counts[what][word] += 1

    def bootstrap(self, index: int) -> tuple[Multiaddr, ...]:
        """The addresses that a machine is given."""
        known = (self.places[other].address for other in self.plan.machines[index].bootstrap)
        return tuple(address for address in known if address is not None)

    def machine_of(self, peer: PeerId) -> Place | None:
        """Where a daemon with this id ever ran."""
        return self._peers.get(peer)

    def home_of(self, owner: OwnerId) -> Place | None:
        """Where the owner first sat."""
        return self._homes.get(owner)

    def is_owner_of(self, place: Place, owner: OwnerId) -> None:
        """An owner sits there."""
        self._homes.setdefault(owner, place)

    def is_peer_of(self, place: Place, peer: PeerId) -> None:
        """A daemon with this id runs there."""
        self._peers[peer] = place

    def former_holders(self, name: str) -> list[OwnerId]:
        """Owners who may have claimed the name, from a machine at which they sit no more."""
        claimants = self.model.claimants.get(name, ())
        return sorted(owner for owner in claimants if not self._sits(owner) or self._left(owner, name))

    def _sits(self, owner: OwnerId) -> bool:
        first = self._homes.get(owner)
        if first is not None and not first.gone and first.owners[-1:] == [owner]:
            return True  # nearly all sit where they first sat
        return any(place.owners[-1:] == [owner] for place in self.core)

    def _left(self, owner: OwnerId, name: str) -> bool:
        """Whether one of an owner's several machines went away that may have held the name."""
        estate = self.model.lineage.estates.get(owner)
        if estate is None or not estate.shared:
            return False
        return name in estate.left or any(self.places[seat.index].gone and name in seat.names for seat in estate.seats)

    def phrase_of(self, place: Place) -> OwnerChain | None:
        """What whoever sits there now wrote down."""
        return None if place.person.owner is None else self.phrases.get(place.person.owner)

    def seats_of(self, owner: OwnerId) -> list[Place]:
        """Where the owner ever sat."""
        estate = self.model.lineage.estates.get(owner)
        return [] if estate is None else [self.places[person.index] for person in estate.seats]

    async def hold(self, seconds: float) -> None:
        """Let a fault last so long, or until the heal."""
        with trio.move_on_after(seconds):
            await self.healed.wait()

    @asynccontextmanager
    async def taking_down(self, index: int) -> AsyncIterator[Place]:
        """Have a running machine for a fault that takes it down; raise `Moot` if it is gone."""
        place = self.places[index]
        async with place.lock:
            if place.gone or not place.up:
                raise Moot
            yield place

    async def keep_running(self) -> None:
        """The service manager of all machines: a daemon that ended by itself is started again."""
        while True:
            await trio.sleep(SERVICE_MANAGER)
            for place in self.places:
                if not place.up and not place.gone and place.machine.boots and not place.lock.locked():
                    async with place.lock:
                        place.gave_up()
                        self.invariants.ended_by_itself(place)
                        await place.boot()

    def heal(self) -> None:
        """Let all faults end; each undoes what it did."""
        self.world.trace.add("heal")
        self.healed_at = trio.current_time()
        self.healed.set()

    def tidy(self) -> None:
        """When all faults have ended: set right what was wrong from the beginning of the run."""
        self.world.network.heal_all()
        for place in self.places:
            if abs(wrong := place.machine.clock.wall() - EPOCH - (trio.current_time() - self.started)) > _WRONG:
                place.step(-wrong)
            if place.up:
                place.machine.resume()

    async def all_up(self) -> None:
        """Wait until every machine that is to be up is."""
        with trio.move_on_after(_ALL_UP):
            while any(not place.up for place in self.core):  # noqa: ASYNC110 (virtual time costs nothing)
                await trio.sleep(1.0)
            return
        for place in self.core:
            if not place.up:
                self.invariants.ended_by_itself(place)

    async def stop(self) -> None:
        """Stop every daemon in order: all at once, or as many as a run has memory for while they do."""
        room = trio.Semaphore(_STOPPING)
        async with trio.open_nursery() as nursery:
            for place in self.core:
                nursery.start_soon(self._stop, place, room)

    async def _stop(self, place: Place, room: trio.Semaphore) -> None:
        async with room, place.lock:
            place.gone = True
            await place.shutdown()

    def _machine(self, index: int) -> Machine:
        wanted = self.plan.machines[index]
        behind = None if wanted.nat is None else self.nats[wanted.nat]
        return self.world.machine(
            f"m{index}", region=wanted.region, behind=behind, offset=wanted.offset, drift=wanted.drift
        )

    def _lans(self) -> dict[int, Lan]:
        """Those that have devices, which answer from now on."""
        lans: dict[int, Lan] = {}
        for nat in sorted({device.nat for device in self.plan.devices}):
            names = tuple(dict.fromkeys(device.name for device in self.plan.devices if device.nat == nat))
            lans[nat] = lan = Lan(self.world, nat, self.nats[nat], names)
            lan.start(self.nursery, SimClock())
        return lans

    def _nat(self, index: int) -> NatBox:
        wanted = self.plan.nats[index]
        behaviour = NatBehaviour(
            mapping=wanted.mapping,
            filtering=wanted.filtering,
            expiry=wanted.expiry,
            hairpin=wanted.hairpin,
        )
        return self.world.network.nat(f"nat{index}", self.world.fresh_ip(), behaviour, region=wanted.region)
