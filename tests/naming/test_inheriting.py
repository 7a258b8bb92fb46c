"""A name between two owners: whose it is to take, and what everybody else is told."""

import pytest

from beam_actors.errors import NameHandedOver, NameTaken
from beam_actors.naming.claim import Kind
from beam_actors.naming.inheriting import check_name, check_unpromised, is_given
from tests.naming.bench import ALICE
from tests.naming.builders import NOW, claim, owner_id
from tests.naming.tables import knowledge

GIFT = claim(0, era=1, kind=Kind.TRANSFER, to=1)


def may_take(known, now=NOW):
    """Whether this node's owner may register the name without a contest."""
    try:
        check_unpromised(known, ALICE, now)
    except NameTaken:
        return False
    return True


@pytest.mark.parametrize(("owner", "given", "taken"), [(0, False, True), (1, True, True), (2, False, False)])
def test_the_giver_and_the_heir_may_take_what_waits_and_nobody_else(owner, given, taken):
    known = knowledge(GIFT, owner=owner)
    assert is_given(known, ALICE, NOW) is given
    assert may_take(known) is taken
    with pytest.raises(NameHandedOver):
        check_name(known, ALICE, NOW)


@pytest.mark.parametrize(
    "answer", [claim(1), claim(1, kind=Kind.TOMBSTONE), claim(1, era=1, kind=Kind.TRANSFER, to=0)], ids=str
)
def test_whatever_the_heir_says_then_ends_the_waiting_for_them(answer):
    known = knowledge(GIFT, owner=1)
    known.take(answer.encoded, NOW)
    assert not is_given(known, ALICE, NOW)


def test_a_transfer_that_is_over_holds_nothing_up():
    known = knowledge(GIFT, owner=2)
    late = GIFT.not_after + 1
    assert may_take(known, late)
    check_name(known, ALICE, late)


def test_of_several_gifts_one_s_own_is_told():
    known = knowledge(GIFT, claim(2, era=1, kind=Kind.TRANSFER, to=3), owner=3)
    with pytest.raises(NameHandedOver, match=f"^{owner_id(2)} says that alice is yours now"):
        check_name(known, ALICE, NOW)
    assert is_given(known, ALICE, NOW)
    assert may_take(known)


def test_a_name_that_nobody_gave_away_is_nobody_s_to_inherit():
    known = knowledge(claim(0), owner=2)
    assert not is_given(known, ALICE, NOW)
    assert may_take(known)
    check_name(known, ALICE, NOW)
