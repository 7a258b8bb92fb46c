import trio

from simulations.model import Model
from simulations.wishes import Call, Standing
from tests.naming.builders import owner_id


async def test_an_answer_is_what_the_model_learns():
    model = Model(2)
    person = model.people[0]
    person.owner = owner_id(0)
    with model.registering(person, "a") as wish:
        assert person.names["a"].standing is Standing.UNSURE
        wish.done()
    assert person.held == ["a"]
    with model.releasing(person, "a") as wish:
        wish.done()
    assert (person.held, person.given_up) == ([], ["a"])
    assert model.claimants["a"] == {owner_id(0)}


async def test_a_lost_answer_leaves_it_open_and_a_refusal_changes_nothing():
    model = Model(1)
    person = model.people[0]
    with model.registering(person, "a"):
        pass
    assert not model.is_sure("a")
    with model.registering(person, "b") as wish:
        wish.refused()
    assert model.is_sure("b")
    assert person.given_up == []


async def test_requests_that_cross_leave_it_open():
    model = Model(1)
    person = model.people[0]
    with model.registering(person, "a") as first, model.releasing(person, "a") as second:
        second.done()
        first.done()
    assert person.names["a"].standing is Standing.UNSURE


async def test_a_backup_brings_back_what_stood_then_and_makes_the_rest_doubtful():
    model = Model(1)
    person = model.people[0]
    for name in ("old", "new"):
        with model.registering(person, name) as wish:
            wish.done()
        if name == "old":
            person.save()
    person.restored()
    assert person.holds("old")
    assert person.names["new"].standing is Standing.UNSURE
    assert person.signs_again


async def test_lost_keys_are_another_person():
    model = Model(1)
    person = model.people[0]
    person.owner = owner_id(0)
    with model.registering(person, "a") as wish:
        wish.done()
    person.lost_keys()
    assert person.owner is None
    assert model.holders("a") == []
    assert model.names == ["a"]


async def test_who_holds_a_name_beside_another_may_claim_it_again(autojump_clock):
    model = Model(2)
    one, two = model.people
    one.owner, two.owner = owner_id(0), owner_id(1)
    for person in model.people:
        with model.registering(person, "a") as wish:
            wish.done()
        await trio.sleep(100)
        assert not model.is_taken(person, "a")
    assert not model.is_taken(one, "a")
    with model.releasing(two, "a") as wish:
        wish.done()
    await trio.sleep(100)
    assert model.is_taken(two, "a")


def test_a_petname_is_known_when_it_was_told_and_goes_before_a_pin():
    person = Model(1).people[0]
    person.pins["a"] = owner_id(1)
    Call(person.petnames, "b").done("a", owner_id(0))
    Call(person.petnames, "b").refused()
    Call(person.petnames, "c").refused()
    assert (person.bound("a"), person.bound("b"), person.bound("c")) == (
        ("a", owner_id(1)), ("a", owner_id(0)), None,
    )  # fmt: skip
    Call(person.petnames, "b")
    assert person.bound("b") is None
    assert person.petnames == {"b": None}
