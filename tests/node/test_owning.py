"""What an owner does by the recovery phrase, on a home where no node runs."""

from contextlib import asynccontextmanager

import attrs
import pytest

from beam_actors.errors import NameNotFound, NotAllowed, StorageError
from beam_actors.identity import REVOCATION_ERA, OwnerChain, new_phrase
from beam_actors.naming import Acquaintance, Claim, EraNames, Handing, claim_rows, owned
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.records import Own, put_own
from beam_actors.node.keys import PHRASE, open_keys
from beam_actors.node.owning import Owning, Prospect
from beam_actors.ports import Change
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.builders import claim, owner_id, revocation

ALICE, BOB = Name("alice"), Name("bob")


class FullStore(MemoryStore):
    """A store that can be read, and written no more when `full`."""

    full = False

    async def commit(self, changes):
        if self.full:
            raise StorageError("The disk is full.")
        await super().commit(changes)


@attrs.frozen
class Place:
    """A home that was made and whose name is alice."""

    owning: Owning
    files: SimFiles
    store: FullStore
    chain: OwnerChain

    async def era(self):
        return (await keys(self.files)).owner.era

    async def handing(self):
        return (await owned(self.store, self.chain.owner_id, ALICE)).handing

    async def hear(self, era, name):
        """Another machine of the owner spoke in an era."""
        terms = attrs.evolve(claim(0, name).terms, keyset=self.chain.keyset(era))
        spoken = Claim.sign(terms, self.chain.era_key(era))
        await self.store.commit([claim_rows.put_entry(Entry(spoken), Seen(1, 1))])


async def keys(files):
    return await open_keys(files, SeededEntropy(1), InlineCompute(), None)


@asynccontextmanager
async def place():
    disk = MemoryDisk()
    files = SimFiles(disk)
    await keys(files)
    chain = OwnerChain.from_phrase(files.read(PHRASE).decode())
    store = await FullStore.open(disk)
    await store.commit([put_own(Own(ALICE, 1, chain.owner_id))])
    yield Place(Owning(files, store, SeededEntropy(2), InlineCompute(), None, chain), files, store, chain)
    await store.close()


async def test_each_rotation_opens_the_next_era_until_there_is_none():
    async with place() as home:
        for era in range(1, REVOCATION_ERA):
            assert await home.owning.rotate() == await home.era() == era
        with pytest.raises(NotAllowed, match="all its eras"):
            await home.owning.rotate()
        with pytest.raises(NotAllowed, match="all its eras"):
            await home.owning.transfer(ALICE, owner_id(2))
        assert (await home.era(), await home.handing()) == (REVOCATION_ERA - 1, None)


async def test_an_era_that_another_machine_was_heard_to_open_is_not_opened_again():
    async with place() as home:
        await home.hear(2, "bob")
        assert await home.owning.rotate() == await home.era() == 3
        await home.hear(5, "carol")
        assert await home.owning.transfer(ALICE, owner_id(2)) == await home.era() == 6
        assert await home.handing() == Handing(owner_id(2), 6)


async def test_the_latest_era_that_is_known_is_that_of_the_key_or_of_what_was_heard():
    async with place() as home:
        assert await home.owning.heard_era() == 0
        await home.owning.rotate()
        assert await home.owning.heard_era() == 1
        await home.hear(3, "bob")
        assert await home.owning.heard_era() == 3


async def test_a_look_at_a_transfer_changes_nothing():
    async with place() as home:
        await home.store.commit([put_own(Own(BOB, 1, home.chain.owner_id))])
        seen = await home.owning.prospect(ALICE, owner_id(2))
        assert seen == Prospect(Acquaintance((), ()), 1, EraNames((BOB,)))
        assert (await home.era(), await home.handing()) == (0, None)
        assert await home.owning.transfer(ALICE, owner_id(2), shown=seen.era) == await home.era() == 1
        assert await home.handing() == Handing(owner_id(2), 1)


async def test_a_name_that_is_on_its_way_opens_no_second_era_for_the_same_heir():
    async with place() as home:
        assert await home.owning.transfer(ALICE, owner_id(2)) == 1
        for step in (home.owning.prospect, home.owning.transfer):
            with pytest.raises(NotAllowed, match="alice is on its way to that owner"):
                await step(ALICE, owner_id(2))
        assert await home.era() == 1
        seen = await home.owning.prospect(ALICE, owner_id(1))
        assert seen.replaces == owner_id(2)
        assert await home.owning.transfer(ALICE, owner_id(1), shown=seen.era) == 2
        assert await home.handing() == Handing(owner_id(1), 2)


async def test_a_transfer_that_was_shown_in_another_era_changes_nothing():
    async with place() as home:
        seen = await home.owning.prospect(ALICE, owner_id(2))
        await home.owning.rotate()
        with pytest.raises(NotAllowed, match="era 1 was opened meanwhile"):
            await home.owning.transfer(ALICE, owner_id(2), shown=seen.era)
        assert (await home.era(), await home.handing()) == (1, None)


async def test_a_name_that_is_not_ones_own_opens_no_era():
    async with place() as home:
        for step in (home.owning.prospect, home.owning.transfer):
            with pytest.raises(NameNotFound, match="not one of your names"):
                await step(Name("bob"), owner_id(2))
        assert await home.era() == 0


async def test_a_name_does_not_go_to_whoever_revoked_all_keys():
    async with place() as home:
        await home.store.commit([claim_rows.put_revocation(revocation(2))])
        for step in (home.owning.prospect, home.owning.transfer):
            with pytest.raises(NotAllowed, match=f"{owner_id(2)} has revoked all keys"):
                await step(ALICE, owner_id(2))
        assert (await home.era(), await home.handing()) == (0, None)


async def test_whoever_was_revoked_opens_no_era():
    async with place() as home:
        damaged = Change(claim_rows.REVOKED, home.chain.owner_id.digest, b"rubbish")
        for revoked in (claim_rows.put_revocation(Claim.revoke("test", home.chain.era_key(REVOCATION_ERA))), damaged):
            await home.store.commit([revoked])
            for step in (
                home.owning.rotate(),
                home.owning.prospect(ALICE, owner_id(2)),
                home.owning.transfer(ALICE, owner_id(2)),
            ):
                with pytest.raises(NotAllowed, match="This owner was revoked"):
                    await step
            assert (await home.era(), await home.handing()) == (0, None)


async def test_the_phrase_of_somebody_else_opens_no_era():
    async with place() as home:
        stranger = OwnerChain.from_phrase(new_phrase(bytes(32)))
        await home.store.commit([put_own(Own(ALICE, 1, stranger.owner_id))])
        other = Owning(home.files, home.store, SeededEntropy(3), InlineCompute(), None, stranger)
        with pytest.raises(NotAllowed, match="belongs to"):
            await other.rotate()
        with pytest.raises(NotAllowed, match="belongs to"):
            await other.transfer(ALICE, owner_id(2))
        assert await home.era() == 0


async def test_a_transfer_that_cannot_be_written_down_leaves_an_era_that_is_open_alone():
    async with place() as home:
        home.store.full = True
        with pytest.raises(StorageError):
            await home.owning.transfer(ALICE, owner_id(2))
        assert (await home.era(), await home.handing()) == (1, None)
        home.store.full = False
        assert await home.owning.transfer(ALICE, owner_id(2)) == 2
