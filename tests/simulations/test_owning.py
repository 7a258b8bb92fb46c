import pytest

from beam_actors.errors import NameNotFound, NotAllowed, StorageError
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming.records import OWN, read_own
from beam_actors.testing.store import MemoryStore
from beam_actors.testing.world import run_world
from beam_actors.values import Name
from simulations import owning
from tests.naming.builders import owner_id


def play(scene):
    async def scenario(world):
        machine = world.machine("m0")
        node = await machine.boot()
        await node.naming.register("alice")
        await machine.shutdown()
        await scene(machine)

    run_world(1, scenario)


def test_the_machine_has_the_key_of_the_next_era_until_there_is_none():
    async def scene(machine):
        before = await owning.key_of(machine)
        assert [await owning.open_era(machine) for _ in range(REVOCATION_ERA - 1)] == list(range(1, REVOCATION_ERA))
        after = await owning.key_of(machine)
        assert (after.owner_id, after.era) == (before.owner_id, REVOCATION_ERA - 1)
        with pytest.raises(NotAllowed):
            await owning.open_era(machine)
        node = await machine.boot()
        assert (await node.naming.resolve("alice")).owner == before.owner_id

    play(scene)


def test_a_name_is_to_be_handed_over_in_the_era_that_was_opened_for_it():
    async def scene(machine):
        with pytest.raises(NameNotFound):
            await owning.transfer(machine, Name("bob"), owner_id(1))
        assert (await owning.key_of(machine)).era == 0
        assert await owning.transfer(machine, Name("alice"), owner_id(1)) == 1
        store = await MemoryStore.open(machine.disk)
        handing = read_own(b"alice", await store.get(OWN, b"alice")).handing
        await store.close()
        assert (handing.successor, handing.era) == (owner_id(1), 1)

    play(scene)


def test_a_second_machine_signs_for_the_owner_and_a_third_one_is_another_owners():
    async def scene(machine):
        chain = owning.chain_of(machine)
        second, third = (machine.world.machine(name) for name in ("m1", "m2"))
        await owning.recover(second, chain, 2)
        key = await owning.key_of(second)
        assert (key.owner_id, key.era) == (chain.owner_id, 2)
        node = await second.boot()
        assert (await node.naming.register("bob")).owner == chain.owner_id
        await second.shutdown()
        with pytest.raises(NotAllowed):
            await owning.recover(second, chain, 1)
        await owning.recover(second, chain, 3)
        assert (await owning.key_of(second)).era == 3
        await third.boot()
        await third.shutdown()
        with pytest.raises(NotAllowed):
            await owning.recover(third, chain, 2)

    play(scene)


def test_without_the_phrase_there_is_nothing_to_be_done():
    async def scene(machine):
        machine.wipe(keep_keys=False)
        with pytest.raises(StorageError):
            await owning.open_era(machine)

    play(scene)
