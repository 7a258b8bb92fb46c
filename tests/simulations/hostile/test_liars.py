"""What each liar achieves: the claims are judged, refused for the right reason, and what is genuine is bounded."""

import pytest
import trio

from beam_actors.errors import NameContested
from beam_actors.naming import Kind
from beam_actors.naming.limits import Limits
from simulations import inside
from tests.simulations.hostile.street import NAME, play


@pytest.mark.parametrize(
    ("kind", "reasons"),
    [
        ("forger", {"signature"}),
        ("foreigner", {"network"}),
        ("revenant", {"expired"}),
        ("prophet", {"future"}),
        ("dialect", {"form", "version", "name"}),
        ("hoarder", {"quota"}),
    ],
)
def test_lies_are_refused_for_what_they_are(kind, reasons):
    async def scene(one):
        for node in one.nodes:
            refused = await one.refused(node)
            assert refused.keys() == reasons, refused
            assert all(refused.values())
            if kind != "hoarder":
                assert one.strangers(node) == []

    play(kind, scene)


def test_who_names_what_it_does_not_give_fills_its_part_of_the_book_and_no_more():
    async def scene(one):
        assert one.tally["claims named"] > 1000
        for number in range(5):
            await one.owner.naming.register(f"new-{number}")
            began = trio.current_time()
            while len(one.registry(one.friend)) < 2 + number:
                await trio.sleep(0.01)
            assert trio.current_time() - began < 0.5
        for node in one.nodes:
            assert 200 < inside.named(node) <= Limits().named // 8 + 10
        assert one.crashes == []

    play("boaster", scene)


def test_claims_from_the_near_future_wait_in_bounded_number():
    async def scene(one):
        waiting = (await one.owner.naming.statistics()).waiting
        assert 50 <= waiting <= Limits().waiting

    play("prophet", scene, seconds=25)


def test_a_thief_contests_a_name_and_gets_nobody_who_pinned_it_or_named_its_owner():
    async def scene(one):
        with pytest.raises(NameContested):
            await one.friend.naming.resolve(NAME)
        (conflict,) = await one.friend.naming.conflicts(NAME)
        assert {choice.owner for choice in conflict.choices} == one.signed[NAME] | {one.owner_of(one.owner)}
        await one.friend.naming.pin(NAME, one.owner_of(one.owner))
        await trio.sleep(10)
        assert (await one.friend.naming.resolve(NAME)).peers == (one.owner.peers.us,)
        assert (await one.owner.naming.resolve(NAME)).source == "own"

    play("thief", scene)


def test_an_equivocator_is_told_everywhere_by_its_proof():
    async def scene(one):
        (name,) = one.signed
        await trio.sleep(6)
        for node in one.nodes:
            (conflict,) = await node.naming.conflicts(name)
            assert [choice.equivocates for choice in conflict.choices] == [True]
            assert len(one.strangers(node)) == 2

    play("equivocator", scene)


def test_what_is_replayed_changes_nothing_after_a_release():
    async def scene(one):
        await one.owner.naming.release(NAME)
        await trio.sleep(20)
        assert one.tally["claims said"] > 0
        for node in one.nodes:
            assert [held.kind for held in one.registry(node).held_by(one.owner_of(one.owner))] == [Kind.TOMBSTONE]

    play("replayer", scene, seconds=10)


@pytest.mark.parametrize(
    ("kind", "dead", "most"),
    [("undertaker", Kind.TOMBSTONE, Limits().holds_per_owner), ("hoarder", Kind.LIVE, Limits().holds_per_owner)],
)
def test_what_one_owner_may_leave_behind_is_bounded(kind, dead, most):
    async def scene(one):
        (owner,) = {who.owner_id for who in [one.attacker.owner]}
        for node in one.nodes:
            held = [held.kind for held in one.registry(node).held_by(owner)]
            assert held == [dead] * most
            assert (await one.refused(node))["quota"] > 0

    play(kind, scene, seconds=40)


def test_the_key_of_a_former_era_claims_nothing():
    async def scene(one):
        owner = one.attacker.chain.owner_id
        for node in one.nodes:
            assert [(held.name, held.era) for held in one.registry(node).held_by(owner)] == [(one.attacker.name, 1)]
        assert one.tally["claims said"] > 20

    play("pickpocket", scene, seconds=40)


def test_revocations_of_strangers_are_kept_and_take_no_claims_place():
    async def scene(one):
        for node in one.nodes:
            registry = one.registry(node)
            assert registry.revocations == len(one.strangers(node)) > 0
            assert registry.claims == 1

    play("suicide", scene)
