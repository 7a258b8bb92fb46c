from contextlib import suppress

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
