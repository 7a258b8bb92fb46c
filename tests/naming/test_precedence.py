"""Who comes first: more work, and else what nobody chooses."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.limits import DAY
from beam_actors.naming.precedence import place_of
from tests.naming.builders import NOW, claim, proved, solved

OWNERS, NAMES = st.integers(0, 3), st.sampled_from(["alice", "bob"])


@given(OWNERS, NAMES, OWNERS, NAMES)
def test_more_work_comes_before_less_whoever_shows_it_for_whatever(owner, name, other, another):
    assert place_of(proved(solved(claim(owner, name), 4))) < place_of(claim(other, another))


@given(OWNERS, NAMES, st.integers(1, 9), st.sampled_from([Kind.LIVE, Kind.TOMBSTONE]), st.integers(0, 20))
def test_what_is_said_and_when_moves_nobody(owner, name, seq, kind, days):
    later = claim(owner, name, seq, kind=kind, issued=NOW + days * DAY)
    assert place_of(later) == place_of(claim(owner, name)) == place_of(Entry(later))


def test_no_two_holds_have_one_place():
    places = {place_of(claim(owner, name)) for owner in range(4) for name in ("alice", "bob", "carol")}
    assert len(places) == 12


def test_an_entry_stands_where_its_best_work_puts_it():
    worked = proved(solved(claim(), 5))
    entry = Entry(worked).join(claim(seq=2))
    assert entry.claim.level != 5
    assert place_of(entry) == place_of(worked) < place_of(attrs.evolve(entry, backer=None))
