from contextlib import suppress

import trio

from beam_actors.errors import NotAllowed, StorageError
from simulations.model import Model
from tests.naming.builders import owner_id


async def test_what_is_handed_over_is_held_by_nobody_and_leads_to_the_heirs():
    model = Model(1)
    person = model.people[0]
    person.owner = owner_id(0)
    with model.registering(person, "a") as wish:
        wish.done()
    with model.lineage.handing_over(person, "a", owner_id(1)) as wish, model.lineage.opening_era(person) as opened:
        opened(1)
        wish.done()
    assert (person.held, person.given_up, person.handed_over, person.era) == ([], [], ["a"], 1)
    assert model.is_sure("a")
    model.lineage.heirs["a", owner_id(1)] = {owner_id(2)}
    assert model.lineage.led_to("a", owner_id(0)) == {owner_id(0), owner_id(1), owner_id(2)}
    assert model.lineage.led_to("b", owner_id(0)) == {owner_id(0)}


async def test_an_era_that_was_refused_was_not_opened_and_one_that_was_cut_short_may_have_been():
    person = Model(1).people[0]
    model = Model(1)
    with suppress(NotAllowed), model.lineage.opening_era(person):
        raise NotAllowed("all are open")
    assert person.era == 0
    with suppress(StorageError), model.lineage.opening_era(person):
        raise StorageError("the disk")
    assert person.era is None


def sit_down(model, *, at, of):
    """Somebody sits down at a machine as the owner of another one, with the key of now."""
    place, home = model.people[at], model.people[of]
    place.lost_keys()
    with model.lineage.recovering(place, home.owner, home.estate.latest) as recovered:
        recovered()
    return place


def sharing_a_name(**options):
    """One owner at two machines, which both hold `a`."""
    model = Model(2, **options)
    for person in model.people:
        model.lineage.sits(person, owner_id(person.index))
    sit_down(model, at=1, of=0)
    for person in model.people:
        with model.registering(person, "a") as wish:
            wish.done()
    return model, *model.people


async def test_an_owner_at_two_machines_holds_at_each_what_was_told_there_until_an_era_is_opened_at_the_other():
    model = Model(2)
    one, other = model.people
    for person in model.people:
        model.lineage.sits(person, owner_id(person.index))
    sit_down(model, at=1, of=0)
    assert one.estate is other.estate
    assert one.estate.shared
    for person in model.people:
        with model.registering(person, "a") as wish:
            wish.done()
    assert model.holders("a") == [one, other]
    assert one.shares("a")
    assert not model.leads_to("a", one)  # it may be the other machine
    assert not model.is_taken(other, "a")
    with model.lineage.opening_era(one) as opened:
        assert not model.is_sure("a")
        opened(1)
    assert model.is_sure("a")
    assert (other.outdated, model.holders("a")) == (True, [one])
    sit_down(model, at=1, of=0)
    assert (other.era, other.outdated, other.held) == (1, False, [])


async def test_what_one_machine_hands_over_is_held_by_none_of_its_owner():
    model, one, other = sharing_a_name()
    with model.lineage.handing_over(one, "a", owner_id(2)) as wish, model.lineage.opening_era(one) as opened:
        opened(1)
        wish.done()
    assert one.handed_over == other.handed_over == ["a"]
    assert model.is_sure("a")
    with model.registering(other, "a") as wish:
        wish.done()
    assert not model.is_sure("a")


async def test_a_backup_of_another_owner_is_that_owner_again():
    model = Model(2)
    for person in model.people:
        model.lineage.sits(person, owner_id(person.index))
    other = model.people[1]
    with model.registering(other, "a") as wish:
        wish.done()
    other.save()
    sit_down(model, at=1, of=0)
    assert (other.owner, other.held) == (owner_id(0), [])
    other.restored()
    assert other.owner == owner_id(1)
    assert not model.is_sure("a")


async def test_a_revoked_owner_holds_nothing_and_until_that_is_known_nobody_knows():
    model = Model(1)
    person = model.people[0]
    for name in ("a", "b"):
        with model.registering(person, name) as wish:
            wish.done()
    with model.releasing(person, "b") as wish:
        wish.done()
    with model.lineage.revoking(person) as revoked:
        assert not model.is_sure("a")
        revoked()
    assert model.is_sure("a")
    assert (person.held, person.given_up) == ([], [])


async def test_an_era_that_was_opened_at_a_machine_which_is_lost_may_have_been_heard_of_by_nobody():
    model, one, other = sharing_a_name()
    with model.lineage.handing_over(one, "a", owner_id(2)) as wish, model.lineage.opening_era(one) as opened:
        opened(1)
        wish.done()
    assert other.astray
    one.lost_keys()
    assert not model.is_sure("a")
    assert (other.outdated, other.handed_over) == (False, [])


async def test_whether_a_name_is_held_that_is_given_up_elsewhere_while_it_is_asked_for_nobody_knows():
    model, one, other = sharing_a_name()
    with model.registering(other, "a") as asked:
        with model.releasing(one, "a") as wish:
            wish.done()
        asked.done()
    assert not model.is_sure("a")
    with model.registering(other, "a") as wish:
        wish.done()
    assert model.holders("a") == [other]


async def test_what_one_machine_gives_up_is_held_by_none_of_its_owner_unless_it_may_be_claimed_later(autojump_clock):
    for undisturbed in (True, False):
        model, one, _other = sharing_a_name(undisturbed=undisturbed)
        await trio.sleep(10)
        with model.releasing(one, "a") as wish:
            wish.done()
        assert model.holders("a") == []
        assert model.is_sure("a") is undisturbed
        assert one.shares("a") is not undisturbed


async def test_whether_a_name_is_held_that_is_asked_for_again_before_it_is_heard_that_it_was_given_up_nobody_knows(
    autojump_clock,
):
    for undisturbed in (True, False):
        model, one, other = sharing_a_name(undisturbed=undisturbed)
        await trio.sleep(10)
        with model.releasing(one, "a") as wish:
            wish.done()
        for seconds, sure in ((1, False), (10, undisturbed)):
            await trio.sleep(seconds)
            with model.registering(other, "a") as wish:
                wish.done()
            assert model.is_sure("a") is sure


async def test_what_a_machine_without_the_latest_key_gives_up_may_be_claimed_anew(
    autojump_clock,
):
    model, one, other = sharing_a_name(undisturbed=True)
    await trio.sleep(10)
    with model.lineage.opening_era(one) as opened:
        opened(1)
    with model.releasing(other, "a") as wish:
        wish.done()
    assert (one.given_up, other.given_up) == ([], ["a"])
    assert not model.is_sure("a")


async def test_what_one_machine_gave_up_may_be_claimed_anew_by_another_one_in_the_next_era(autojump_clock):
    model, one, other = sharing_a_name(undisturbed=True)
    await trio.sleep(10)
    with model.releasing(one, "a") as wish:
        wish.done()
    assert other.given_up == ["a"]
    with model.lineage.opening_era(one) as opened:
        opened(1)
    assert (one.given_up, other.given_up) == (["a"], [])
    assert not model.is_sure("a")
