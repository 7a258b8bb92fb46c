"""The stage: the world of one run with its machines, people and programs, and the clock of its phases.

Invariants: whoever takes a machine down holds its lock until it is up again or gone for good; a daemon that ends by
itself is started again as a service manager would, and is held against the product unless a fault explains it; the heal
undoes everything that the plan did and nothing that the nodes did.
"""

import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from beam_actors.errors import BeamError, NetworkError
from beam_actors.node import Node, NodeConfig
from beam_actors.testing.clock import EPOCH
from beam_actors.testing.machine import CONTROL, Machine
from beam_actors.testing.network import Filtering, Mapping, NatBehaviour, NatBox, VirtualHost
from beam_actors.testing.program import Program
from beam_actors.testing.world import World
from beam_actors.values import Multiaddr, OwnerId, PeerId
from simulations import inside
from simulations.calm import Calm
from simulations.faults import Moot
from simulations.hostile.gang import Gang
from simulations.invariants import Invariants
from simulations.model import Model, Person
from simulations.plan import Plan
from simulations.traffic import APP, Traffic

_ALL_UP = 120.0
"""Virtual seconds after the heal by which every daemon runs: more than any start, even after a few failures."""
_WRONG = 0.1
"""Seconds by which a wall clock may be wrong after the heal."""
_SERVICE_MANAGER = 2.0
"""Seconds after which a daemon that ended, or did not start, is started again."""


class Place:
    """A machine on the stage: what the plan says of it, what is done to it, and who sits there."""

    app = APP

    def __init__(self, stage: "Stage", index: int, machine: Machine, person: Person) -> None:
        self.index = index
        self.name = machine.name
        self.machine = machine
        self.person = person
        self.lock = trio.Lock()
        """Held by whoever takes the daemon down or starts it."""
        self.gone = False
        """It left for good."""
        self.downs = 0
        """How often the daemon has ended."""
        self.kills = 0
        """How often it was killed."""
        self.crashed_actors = 0
        """Actor crashes of the plan."""
        self._disk_troubles: list[list[float]] = []
        """When the disk began and ceased to refuse."""
        self.booted_at = 0.0
        """When the daemon last started."""
        self.stepped_at = -1.0
        """When the wall clock was last set."""
        self.owners: list[OwnerId] = []
        """All owners that ever sat here, the last one now."""
        self.peers: list[str] = []
        """The peer ids of all daemons that ever ran here, the last one now."""
        self._stage = stage
        self._address: Multiaddr | None = None
        self._scopes: dict[trio.CancelScope, None] = {}
        self._program: Program | None = None
        self._program_scope: trio.CancelScope | None = None
        self._snapshot: dict[str, bytes] | None = None

    def __repr__(self) -> str:
        return f"<Place {self.name}>"

    @property
    def node(self) -> Node:
        """The daemon that runs here; there must be one."""
        if self.machine.node is None:
            raise RuntimeError(f"{self.name} runs no daemon.")
        return self.machine.node

    @property
    def up(self) -> bool:
        """Whether a daemon runs."""
        return self.machine.node is not None

    @property
    def peer_text(self) -> str:
        """The peer id by which others reach it, also while it is down."""
        return self.peers[-1]

    @property
    def program(self) -> Program:
        """The local program."""
        if self._program is None:
            raise NetworkError(f"{self.name} has no power.")
        return self._program

    @property
    def address(self) -> Multiaddr | None:
        """Where its last daemon was reached, if one ever ran."""
        return self._address

    @contextmanager
    def while_up(self) -> Iterator[None]:
        """Cut the block off when the machine's daemon goes down: whoever waited for it will never hear."""
        with trio.CancelScope() as scope:
            self._scopes[scope] = None
            try:
                yield
            finally:
                del self._scopes[scope]

    # --- up and down --------------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Start the daemon, and again as long as it does not start while the disk is in trouble."""
        while True:
            try:
                node = await self.machine.boot(bootstrap=self._stage.bootstrap(self.index))
            except BeamError as error:
                if not self.disk_in_trouble:
                    self._stage.checks.does_not_start(self, error)
                    return
            else:
                break
            await trio.sleep(_SERVICE_MANAGER)
        self.booted_at = trio.current_time()
        self._stage.calm.booted(self)
        self._address = self.machine.address_of(node)
        if not self.peers or self.peers[-1] != str(node.peers.us):
            self.peers.append(str(node.peers.us))
            self._stage.is_peer_of(self, node.peers.us)
        if self._program is None:
            await self._stage.nursery.start(self._run_program)
        known = inside.knowledge(node)
        if known is not None and (not self.owners or self.owners[-1] != known.owner):
            self.owners.append(known.owner)
            self._stage.is_owner_of(self, known.owner)
            self.person.owner = known.owner
        self._stage.checks.booted(self)

    async def boot_in_vain(self) -> None:
        """Try to start the daemon on a disk that it must refuse."""
        try:
            await self.machine.boot(bootstrap=self._stage.bootstrap(self.index))
        except BeamError:
            return
        self._stage.checks.opened_wrongly(self)
        await self.machine.kill()

    async def kill(self) -> None:
        """See `Machine.kill`."""
        if self.up:
            self.kills += 1
            self._goes_down("kill")
            await self.machine.kill()

    async def shutdown(self) -> None:
        """See `Machine.shutdown`; how long it took is L6's matter."""
        if self.up:
            self.machine.resume()
            self._goes_down("shutdown")
            before = trio.current_time()
            await self.machine.shutdown()
            self._stage.checks.stopped(self, trio.current_time() - before)

    def crash(self, *, torn: bool) -> None:
        """See `Machine.crash`."""
        self._goes_down("crash")
        self._stop_program()
        self.machine.crash(torn=torn)

    def gave_up(self) -> None:
        """The daemon ended by itself."""
        self._goes_down("gave up")

    def _goes_down(self, how: str) -> None:
        self.downs += 1
        self._stage.calm.fault(self.index)
        self._stage.checks.goes_down(self, how)
        for scope in list(self._scopes):
            scope.cancel()

    def move(self, behind: NatBox | None) -> None:
        """See `Machine.move`."""
        self.machine.move(behind)
        if self.up:
            self._address = self.machine.address_of(self.node)

    # --- disk and clock -----------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Make a backup."""
        self._snapshot = self.machine.snapshot()
        self.person.save()

    def restore(self) -> None:
        """Go back to the backup."""
        if self._snapshot is not None:
            self.machine.restore(self._snapshot)
            self.person.restored()
            self._stage.checks.lost_memory(self)

    def wipe(self, *, keys: bool) -> None:
        """Lose the data, and the keys if `keys` is false."""
        self.machine.wipe(keep_keys=keys)
        if keys:
            self.person.lost_data()
        else:
            self.person.lost_keys()
        self._stage.checks.lost_memory(self)

    def step(self, seconds: float) -> None:
        """Set the wall clock."""
        self.stepped_at = trio.current_time()
        self.machine.clock.step(seconds)

    def disk_refuses(self) -> None:
        """The disk begins to refuse."""
        self._disk_troubles.append([trio.current_time(), math.inf])

    def disk_works(self) -> None:
        """It refuses no longer."""
        for trouble in self._disk_troubles:
            trouble[1] = min(trouble[1], trio.current_time())

    def disk_refused_around(self, when: float, seconds: float) -> bool:
        """Whether the disk refused at that time, give or take some seconds."""
        return any(begin - seconds <= when <= end + seconds for begin, end in self._disk_troubles)

    @property
    def disk_in_trouble(self) -> bool:
        """Whether it refuses now."""
        return self.machine.disk.broken or self.machine.disk.capacity is not None

    # --- the program --------------------------------------------------------------------------------------------------

    async def _run_program(self, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope() as self._program_scope:
            async with self.machine.program() as program:
                program.serve(APP, lambda stream: self._stage.traffic.serve(stream, self.index))
                self._program = program
                task_status.started()
                await trio.sleep_forever()

    def _stop_program(self) -> None:
        self._program = None
        if self._program_scope is not None:
            self._program_scope.cancel()


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
        self._peers: dict[PeerId, Place] = {}
        self._homes: dict[OwnerId, Place] = {}
        self.model = Model(plan.size)
        self.counts: dict[str, Counter[str]] = {"operations": Counter(), "faults": Counter()}
        self.nats = [self._nat(index) for index in range(len(plan.nats))]
        self.places: list[Place] = []
        self.traffic = Traffic(self)
        self.calm = Calm(self)
        self.gang = Gang(self)
        self.checks = Invariants(self)
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
        """Owners who may have claimed the name and sit at no machine any more."""
        present = {place.owners[-1].digest for place in self.core if place.owners}  # bytes: their hash is kept
        return sorted(owner for owner in self.model.claimants.get(name, ()) if owner.digest not in present)

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
            await trio.sleep(_SERVICE_MANAGER)
            for place in self.places:
                if not place.up and not place.gone and place.machine.boots and not place.lock.locked():
                    async with place.lock:
                        place.gave_up()
                        self.checks.ended_by_itself(place)
                        await place.boot()

    def heal(self) -> None:
        """Let all faults end; each undoes what it did."""
        self.world.trace.add("heal")
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
                self.checks.ended_by_itself(place)

    async def stop(self) -> None:
        """Stop every daemon in order, all at once."""
        async with trio.open_nursery() as nursery:
            for place in self.core:
                nursery.start_soon(self._stop, place)

    async def _stop(self, place: Place) -> None:
        async with place.lock:
            place.gone = True
            await place.shutdown()

    def _machine(self, index: int) -> Machine:
        wanted = self.plan.machines[index]
        behind = None if wanted.nat is None else self.nats[wanted.nat]
        return self.world.machine(
            f"m{index}", region=wanted.region, behind=behind, offset=wanted.offset, drift=wanted.drift
        )

    def _nat(self, index: int) -> NatBox:
        wanted = self.plan.nats[index]
        behaviour = NatBehaviour(
            mapping=Mapping(wanted.mapping),
            filtering=Filtering(wanted.filtering),
            expiry=wanted.expiry,
            hairpin=wanted.hairpin,
        )
        return self.world.network.nat(f"nat{index}", self.world.fresh_ip(), behaviour, region=wanted.region)
