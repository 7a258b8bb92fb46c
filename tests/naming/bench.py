"""A registrar alone, with its ledger and a disk that outlives them."""

import attrs
import trio

from beam_actors.errors import StorageError
from beam_actors.naming.limits import Limits
from beam_actors.naming.messages import Changed, GetItems, Submit
from beam_actors.naming.proving import Proving
from beam_actors.naming.registrar import Registrar
from beam_actors.naming.tending import Keep
from beam_actors.naming.work import NO_WORK, Levels
from beam_actors.runtime import Actor, ChildSpec, Intensity, Supervisor, System, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.builders import NETWORK, owner_id, peer

ALICE = Name("alice")


class Onlooker(Actor):
    """Stands where `spread` would, and remembers whether what it hears of is durable already."""

    def __init__(self, heard: list, disk: MemoryDisk) -> None:
        super().__init__()
        self.heard, self.disk = heard, disk

    @receives(Changed)
    def note(self, message):
        self.heard.append(message)


class Keepers(Actor):
    """Stands where `Names` would, and remembers which names it was to look after."""

    def __init__(self, kept: list) -> None:
        super().__init__()
        self.kept = kept

    @receives(Keep)
    def note(self, message):
        self.kept.append(message.name)


class MoodyStore(MemoryStore):
    """A store that refuses what is named in `refuses`, after the ten milliseconds that a disk takes to say so."""

    refuses = frozenset()

    async def commit(self, changes):
        await self._think("commit")
        await super().commit(changes)

    async def scan(self, table, prefix=b""):
        await self._think("scan")
        return await super().scan(table, prefix)

    async def _think(self, call):
        if call in self.refuses:
            await trio.sleep(0.01)
            raise StorageError("The disk is full.")


@attrs.define
class Bench:
    registrar: object
    heard: list
    clock: SimClock
    store: MoodyStore
    system: System
    kept: list


class bench:  # noqa: N801 - used like a function
    """A registrar alone, on a store whose syncs take ten milliseconds."""

    def __init__(self, disk=None, clock=None, *, difficulty=NO_WORK, compute=None, limits=None):
        self.disk = disk or MemoryDisk()
        self.clock = clock
        self.difficulty = difficulty
        self.limits = limits or Limits()
        self.compute = compute or InlineCompute()

    async def __aenter__(self):
        clock = self.clock or SimClock()
        store = await MoodyStore.open(self.disk, sync_seconds=0.01)
        system = System("bench", clock=clock.monotonic)
        proving = Proving(Levels(NETWORK, self.difficulty), self.compute, self.limits)
        spread, names, heard, kept = system.ref("root/spread"), system.ref("root/names"), [], []
        specs = [
            ChildSpec(
                "registry",
                lambda: Registrar(
                    store, clock, spread, names, network=NETWORK, owner=owner_id(3), me=peer(3), proving=proving
                ),
            ),
            ChildSpec("spread", lambda: Onlooker(heard, self.disk)),
            ChildSpec("names", lambda: Keepers(kept)),
        ]
        self.running = system.run(ChildSpec("root", lambda: Supervisor(specs, intensity=Intensity(restarts=10))))
        await self.running.__aenter__()
        return Bench(system.ref("root/registry"), heard, clock, store, system, kept)

    async def __aexit__(self, *args):
        await self.running.__aexit__(*args)


def submit(*claims):
    return Submit(tuple(one.encoded for one in claims), peer(9))


async def ids_at(registrar) -> set[bytes]:
    """The ids of all claims that the registrar would tell a peer of."""
    snapshot = await registrar.ask(GetItems())
    return set(snapshot.ids(range(len(snapshot))))
