"""One owner's hold on one name: whatever order its claims come in, one answer is made of them."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry, entry_of
from tests.naming.builders import claim, pool, proved, solved


def hold(one):
    return one.label, str(one.owner)


HOLDS = [
    tuple(said)
    for (label, _), said in groupby(sorted(pool(), key=hold), key=hold)
    if label  # a revocation is of no name
]


@st.composite
def said_of_one_name(draw):
    return draw(st.lists(st.sampled_from(draw(st.sampled_from(HOLDS))), min_size=1, max_size=8))


def joined(claims):
    entry = Entry(claims[0])
    for one in claims[1:]:
        entry = entry.join(one)
    return entry


@given(said_of_one_name(), st.randoms())
def test_the_order_in_which_claims_come_changes_nothing(said, random):
    again = [*said, random.choice(said)]
    random.shuffle(again)
    assert joined(again) == joined(said)


@given(said_of_one_name())
def test_the_greatest_counts_the_work_is_the_best_of_its_era_and_no_more_is_kept_than_proves_it(said):
    entry = joined(said)
    era = [one for one in said if one.era == max(one.era for one in said)]
    assert entry.claim == max(said, key=lambda one: one.order)
    assert entry.level == max(one.level or 0 for one in era)
    position = {one.id for one in said if one.position == entry.claim.position}
    assert (entry.rival is not None) == (len(position) > 1)
    assert len({one.id for one in entry.claims}) == len(entry.claims)


@given(said_of_one_name())
def test_what_is_known_already_changes_nothing(said):
    entry = joined(said)
    for one in said:
        assert entry.join(one) is entry


def test_work_outlives_the_claim_that_showed_it_until_the_next_era():
    worked, renewed, anew = proved(solved(claim(), 5)), claim(seq=2), claim(era=1)
    entry = Entry(worked).join(renewed)
    assert (entry.claim, entry.backer, entry.level) == (renewed, worked, 5)
    assert entry.join(anew) == Entry(anew)
    assert entry.join(anew).join(worked) == Entry(anew)


def test_a_hold_is_its_claim_or_the_entry_made_of_it():
    entry = Entry(claim(), claim(kind=Kind.TOMBSTONE))
    assert entry_of(claim()) == Entry(claim())
    assert entry_of(entry) is entry
