"""What an owner does by the recovery phrase while the daemon is stopped: the node's own functions, on a machine's disk.

Invariant: the steps are the node's (`node.owning`), as `beam rotate-key` and `beam transfer` take them; what differs is
where the files and the store are. No daemon may run on the machine.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from beam_actors.errors import StorageError
from beam_actors.identity import OwnerChain, OwnerKey
from beam_actors.node import KEYSTORE, Owning, begin_home, open_keys, take_owner_key
from beam_actors.node.keys import PHRASE
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.files import SimFiles
from beam_actors.testing.machine import Machine
from beam_actors.testing.process import SYNC_SECONDS
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name, OwnerId


def chain_of(machine: Machine) -> OwnerChain:
    """All keys of the owner whose phrase is on the machine's disk; raise `StorageError` if there is none."""
    words = SimFiles(machine.disk).read(PHRASE)
    if words is None:
        raise StorageError(f"There is no recovery phrase on {machine.name}.")
    return OwnerChain.from_phrase(words.decode().strip())


async def key_of(machine: Machine) -> OwnerKey:
    """The key of the era in which the machine signs, as its keystore has it."""
    files, entropy = SimFiles(machine.disk), machine.world.entropy(f"keystore of {machine.name}")
    return (await open_keys(files, entropy, InlineCompute(), None)).owner


async def recover(machine: Machine, chain: OwnerChain, era: int) -> None:
    """Give the machine the owner's key of this era, as `beam recover` does; in a home without keys, make them.

    Raises:
        NotAllowed: the home is another owner's, or its key is of a later era.
        StorageError: the disk refuses.
    """
    files, entropy = SimFiles(machine.disk), machine.world.entropy(f"boot {machine.boots} of {machine.name}, recovered")
    fresh = files.read(KEYSTORE) is None
    keys = await take_owner_key(files, entropy, InlineCompute(), None, chain.era_key(era))
    if fresh:
        store = await MemoryStore.open(machine.disk, sync_seconds=SYNC_SECONDS)
        try:
            await begin_home(store, keys)
        finally:
            await store.close()


async def open_era(machine: Machine, chain: OwnerChain | None = None) -> int:
    """Give the machine the key of the era after all that its owner is known there to have opened; which one that is.

    `chain` is the phrase on paper; None: it is on the machine's disk.

    Raises:
        NotAllowed: the owner has opened all eras.
        StorageError: the disk refuses.
    """
    async with _owning(machine, chain) as owner:
        return await owner.rotate()


async def transfer(machine: Machine, name: Name, successor: OwnerId, chain: OwnerChain | None = None) -> int:
    """Open an era, in which the machine's next daemon hands the name over; which one that is.

    Raises:
        NameNotFound: the owner did not register it there.
        NotAllowed, StorageError: as `open_era`.
    """
    async with _owning(machine, chain) as owner:
        return await owner.transfer(name, successor)


@asynccontextmanager
async def _owning(machine: Machine, chain: OwnerChain | None) -> AsyncIterator[Owning]:
    chain, before = chain or chain_of(machine), await key_of(machine)
    entropy = machine.world.entropy(f"the era after {before.era} of {machine.name}")  # each keystore with its own
    store = await MemoryStore.open(machine.disk, sync_seconds=SYNC_SECONDS)
    try:
        yield Owning(SimFiles(machine.disk), store, entropy, InlineCompute(), None, chain)
    finally:
        await store.close()
