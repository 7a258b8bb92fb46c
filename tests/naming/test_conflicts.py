"""Who else holds a name, and what decides between them."""

import pytest

from beam_actors.errors import NameUnheld
from beam_actors.naming.answering import resolve
from beam_actors.naming.conflicts import claimants, conflicts
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY
from beam_actors.naming.pins import Pin
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id
from tests.naming.tables import knowledge

ALICE = Name("alice")


def test_an_older_claim_of_the_pinned_owner_is_no_claim_of_somebody_else():
    """Its row was lost, or somebody replays what the owner said before the pin heard more."""
    known = knowledge(claim(0, seq=1), claim(1))
    known.bindings.pins[ALICE] = Pin(ALICE, owner_id(0), NOW).raised(claim(0, seq=5))
    with pytest.raises(NameUnheld, match="no present claim"):
        resolve(known, Query(ALICE), NOW)
    found = {choice.owner: (choice.relation, choice.used) for choice in claimants(known, ALICE, NOW)}
    assert found == {owner_id(0): ("pin", False), owner_id(1): ("other", False)}


def choices(known, now=NOW):
    (conflict,) = conflicts(known, now, ALICE)
    return {choice.owner: (choice.relation, choice.used) for choice in conflict.choices}


def test_each_choice_of_a_contested_name_says_whose_it_is_and_whether_it_is_used():
    known = knowledge(claim(0), claim(1), claim(3))
    other = ("other", False)
    assert choices(known) == {owner_id(0): other, owner_id(1): other, owner_id(3): ("own", False)}
    known.bindings.pin(ALICE, owner_id(0), NOW)
    assert choices(known) == {owner_id(0): ("pin", True), owner_id(1): other, owner_id(3): ("own", False)}
    known.reserve(ALICE, contest=True, now=NOW)
    assert choices(known) == {owner_id(0): ("pin", False), owner_id(1): other, owner_id(3): ("own", True)}


def test_no_choice_is_used_while_the_pinned_owner_holds_the_name_no_longer():
    known = knowledge(claim(0, valid=DAY), claim(1), claim(2))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    assert choices(known, NOW + DAY + 1) == {owner_id(1): ("other", False), owner_id(2): ("other", False)}


def test_an_owner_who_equivocates_alone_is_used():
    known = knowledge(claim(1, variant=1), claim(1, variant=2))
    assert choices(known) == {owner_id(1): ("other", True)}


def test_a_conflict_has_several_owners_or_one_who_equivocates():
    known = knowledge(claim(0), claim(1), claim(1, "bob", variant=1), claim(1, "bob", variant=2), claim(2, "carol"))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    contested = conflicts(known, NOW)
    assert [(one.name.label, len(one.choices), one.settled_by) for one in contested] == [
        ("alice", 2, "pin"),
        ("bob", 1, None),
    ]
    assert contested[1].choices[0].equivocates
    assert conflicts(known, NOW, Name("carol")) == ()
