"""Random names for purposes: one for each, for as long as it can be had."""

from beam_actors.naming import Limits
from beam_actors.ports import Change
from beam_actors.testing.store import MemoryStore
from beam_actors.values import Name
from tests.naming.lab import lab, settle

ONE, TWO, THREE = Name("one-1"), Name("two-2"), Name("three-3")


async def test_random_names_differ(autojump_clock):
    async with lab(1) as (_, (one,)):
        making = one.naming.making
        assert str(making.random_name()).count("-") == 2
        assert making.random_name() != making.random_name()


async def test_a_name_made_for_a_purpose_is_made_once(autojump_clock):
    async with lab(1) as (_, (one,)):
        making = one.naming.making
        assert await making.made_before("127.0.0.1:3000") is None
        assert await making.made_for("127.0.0.1:3000", ONE) == ONE
        assert await making.made_before("127.0.0.1:3000") == ONE
        assert (await one.naming.resolve(str(ONE))).source == "own"
        assert await making.made_for("127.0.0.1:3000", TWO) == ONE
        assert await making.made_for("127.0.0.1:3001", TWO) == TWO
        one.disk.crash()
    async with one.run():
        making = one.naming.making
        assert await making.made_for("127.0.0.1:3000", THREE) == ONE
        await one.naming.release(str(ONE))
        assert await making.made_for("127.0.0.1:3000", THREE) == ONE  # claimed again: nobody took it meanwhile


async def test_a_made_name_that_somebody_else_took_meanwhile_is_replaced(autojump_clock):
    async with lab(2) as (wires, (one, other)):
        wires.connect(one, other)
        making = one.naming.making
        assert await making.made_for("app", ONE) == ONE
        await settle()
        await one.naming.release(str(ONE))
        await settle()
        await other.naming.register(str(ONE))
        await settle()
        assert await making.made_for("app", TWO) == TWO
        assert await making.made_for("app", THREE) == TWO


async def test_a_made_name_that_cannot_be_read_is_made_anew(autojump_clock):
    async with lab(1) as (_, (one,)):
        await one.naming.making.made_for("app", ONE)
        store = await MemoryStore.open(one.disk)
        await store.commit([Change("made-names", b"app", b"no name at all")])
    async with one.run():
        assert await one.naming.making.made_for("app", TWO) == TWO


async def test_what_was_asked_for_longest_ago_may_make_room(autojump_clock):
    async with lab(1, limits=Limits(names_per_owner=2)) as (_, (one,)):
        making = one.naming.making
        for purpose, name in (("a", ONE), ("b", TWO)):
            await making.made_for(purpose, name)
            one.clock.step(1)
        assert [await making.spare(used) for used in ((), (ONE,), (ONE, TWO))] == [ONE, TWO, None]
