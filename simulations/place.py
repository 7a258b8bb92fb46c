"""A place on the stage: one machine, what the plan says of it, what is done to it, and who sits there.

Invariants: whoever takes the machine down holds its lock until it is up again or gone for good; whoever waits for its
daemon (`while_up`) is cut off when that goes down; the invariants are told of each start and each end. It knows no
other place.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import BeamError, NetworkError
from beam_actors.node import Node
from beam_actors.testing.machine import Machine
from beam_actors.testing.network import NatBox
from beam_actors.testing.program import Program
from beam_actors.values import Multiaddr, OwnerId
from simulations import inside, owning
from simulations.model import Person
from simulations.traffic import APP

if TYPE_CHECKING:
    from simulations.stage import Stage

SERVICE_MANAGER = 2.0
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
        self.moved = False
        """Whether it ever changed networks, so that others may dial it where it was."""
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
                bootstrap, more = self._stage.bootstrap(self.index), self._stage.choices_of(self.index)
                node = await self.machine.boot(bootstrap=bootstrap, limits=self._stage.limits, **more)
            except BeamError as error:
                if not self.disk_in_trouble:
                    self._stage.invariants.does_not_start(self, error)
                    return
            else:
                break
            await trio.sleep(SERVICE_MANAGER)
        self.booted_at = trio.current_time()
        self._stage.calm.booted(self)
        self._address = self.machine.address_of(node)
        if not self.peers or self.peers[-1] != str(node.peers.us):
            self.peers.append(str(node.peers.us))
            self._stage.is_peer_of(self, node.peers.us)
        if self._program is None:
            await self._stage.nursery.start(self._run_program)
        known = inside.knowledge(node)
        if known is not None:
            self._is_owners(known.owner)
        self._stage.invariants.booted(self)

    def _is_owners(self, owner: OwnerId) -> None:
        """The daemon that has started is this owner's; who has made keys writes the phrase down."""
        if not self.owners or self.owners[-1] != owner:
            self.owners.append(owner)
            self._stage.is_owner_of(self, owner)
        self._stage.model.lineage.sits(self.person, owner)
        if owner not in self._stage.phrases:
            self._stage.phrases[owner] = owning.chain_of(self.machine)

    async def boot_in_vain(self) -> None:
        """Try to start the daemon on a disk that it must refuse."""
        try:
            await self.machine.boot(bootstrap=self._stage.bootstrap(self.index))
        except BeamError:
            return
        self._stage.invariants.opened_wrongly(self)
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
            self._stage.invariants.stopped(self, trio.current_time() - before)

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
        self._stage.invariants.goes_down(self, how)
        for scope in list(self._scopes):
            scope.cancel()

    def move(self, behind: NatBox | None) -> None:
        """See `Machine.move`."""
        self.moved = True
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
            self._stage.invariants.lost_memory(self)

    def wipe(self, *, keys: bool) -> None:
        """Lose the data, and the keys if `keys` is false."""
        self.machine.wipe(keep_keys=keys)
        if keys:
            self.person.lost_data()
        else:
            self.person.lost_keys()
        self._stage.invariants.lost_memory(self)

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
