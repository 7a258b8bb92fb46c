from collections import Counter
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from beam_actors.naming.hearsay import Hearsay
from tests.naming.builders import peer

PATIENCE = 2.0
PEERS = [peer(number) for number in range(10)]
IDS = [bytes([number]) for number in range(12)]


def book(room=64):
    return Hearsay(room, PATIENCE)


def test_the_first_that_names_a_claim_is_asked_at_once_and_each_other_a_while_later():
    hearsay = book()
    for one in PEERS[:3]:
        assert hearsay.said(one, [b"a"], 10.0)
    assert [hearsay.due(one) for one in PEERS[:3]] == [10.0, 12.0, 14.0]
    assert [hearsay.take(one, 11.9, 48) for one in PEERS[:3]] == [(b"a",), (), ()]
    assert hearsay.take(PEERS[1], 12.0, 48) == (b"a",)
    assert hearsay.due(PEERS[1]) == inf


def test_what_was_taken_in_is_asked_of_nobody():
    hearsay = book()
    hearsay.said(PEERS[0], [b"a", b"b"], 0.0)
    hearsay.said(PEERS[1], [b"a"], 0.0)
    hearsay.came([b"a", b"c"])
    assert hearsay.take(PEERS[1], 9.0, 48) == ()
    assert hearsay.unsettled([b"a", b"b", b"c", b"d"]) == (b"b", b"d")
    hearsay.said(PEERS[2], [b"a", b"c"], 0.0)
    assert hearsay.due(PEERS[2]) == inf
    assert hearsay.take(PEERS[0], 0.0, 48) == (b"b",)


def test_who_names_a_claim_again_and_again_delays_it_once():
    hearsay = book()
    for second in range(9):
        hearsay.said(PEERS[0], [b"a"], float(second) / 10)
        hearsay.take(PEERS[0], float(second) / 10, 48)
    hearsay.said(PEERS[1], [b"a"], 1.0)
    assert hearsay.due(PEERS[1]) == PATIENCE


def test_a_peer_that_went_is_asked_for_nothing_and_its_turn_passes():
    hearsay = book()
    hearsay.said(PEERS[0], [b"a"], 0.0)
    hearsay.said(PEERS[1], [b"a"], 0.0)
    hearsay.gone(PEERS[0])
    assert hearsay.due(PEERS[0]) == inf
    assert hearsay.take(PEERS[1], PATIENCE, 48) == (b"a",)


def test_so_many_are_asked_for_at_once():
    hearsay = book()
    hearsay.said(PEERS[0], [b"a", b"b", b"c"], 0.0)
    assert hearsay.take(PEERS[0], 0.0, 2) == (b"a", b"b")
    assert hearsay.take(PEERS[0], 0.0, 2) == (b"c",)


def test_one_peer_fills_an_eighth_of_the_book_and_no_more():
    hearsay = book(16)
    assert hearsay.said(PEERS[0], [b"a"], 0.0)
    assert not hearsay.said(PEERS[0], [b"b", b"c"], 0.0)
    assert hearsay.said(PEERS[1], [b"c"], 0.0)
    assert hearsay.take(PEERS[0], 0.0, 48) == (b"a", b"b")
    assert not hearsay.said(PEERS[0], [b"d"], 0.0)  # what it was asked for still counts
    hearsay.came([b"a"])
    assert hearsay.said(PEERS[0], [b"d"], 0.0)


def test_a_peer_that_gave_what_was_refused_owes_it_no_longer_and_is_not_asked_again():
    hearsay = book(16)
    hearsay.said(PEERS[0], [b"a", b"b"], 0.0)
    hearsay.take(PEERS[0], 0.0, 48)
    hearsay.gave(PEERS[0], [b"a", b"b", b"never named"])
    assert hearsay.said(PEERS[0], [b"a", b"c"], 0.0)
    assert hearsay.take(PEERS[0], 99.0, 48) == (b"c",)
    hearsay.said(PEERS[1], [b"a"], 5.0)
    assert hearsay.take(PEERS[1], 5.0, 48) == (b"a",)


class Book(RuleBasedStateMachine):
    """Any order of what peers say, what comes and what is asked, in a small book."""

    ROOM = 16

    def __init__(self):
        super().__init__()
        self.hearsay = book(self.ROOM)
        self.now = 0.0
        self.asked = Counter()
        self.taken_in = set()

    @rule(who=st.sampled_from(PEERS), ids=st.lists(st.sampled_from(IDS), max_size=4))
    def named(self, who, ids):
        self.hearsay.said(who, ids, self.now)

    @rule(ids=st.lists(st.sampled_from(IDS), max_size=3))
    def comes(self, ids):
        self.hearsay.came(ids)
        self.taken_in |= set(ids)

    @rule(who=st.sampled_from(PEERS), ids=st.lists(st.sampled_from(IDS), max_size=3))
    def is_given_in_vain(self, who, ids):
        self.hearsay.gave(who, ids)
        assert not set(ids) & set(self.hearsay._wanted.get(who, {}))

    @rule(who=st.sampled_from(PEERS), most=st.integers(1, 3))
    def ask(self, who, most):
        due = self.hearsay.due(who)
        taken = self.hearsay.take(who, self.now, most)
        assert bool(taken) == (due <= self.now)
        assert len(taken) <= most
        for one in taken:
            self.asked[one, who] += 1

    @rule(who=st.sampled_from(PEERS))
    def goes(self, who):
        self.hearsay.gone(who)
        assert self.hearsay.take(who, inf, 99) == ()

    @rule(seconds=st.sampled_from([0.5, 2.0, 60.0]))
    def passes(self, seconds):
        self.now += seconds

    @invariant()
    def nobody_is_asked_twice_and_nothing_that_came(self):
        # All ids have room in this book, so nothing is forgotten: of a claim each peer is asked once, at most.
        assert all(count == 1 for count in self.asked.values())
        wanted = {one for who in PEERS for one in self.hearsay._wanted.get(who, {})}
        assert not wanted & self.taken_in
        assert self.hearsay.unsettled(IDS) == tuple(one for one in IDS if one not in self.taken_in)

    @invariant()
    def it_is_bounded(self):
        assert len(self.hearsay._named) <= self.ROOM
        assert len(self.hearsay) <= self.ROOM * 8
        assert all(0 < count <= self.ROOM // 8 for count in self.hearsay._owed.values())


class SmallBook(Book):
    """The same when the book forgets: bounds hold, and what is counted stays right."""

    ROOM = 8

    @invariant()
    def nobody_is_asked_twice_and_nothing_that_came(self):
        owed = Counter(who for named in self.hearsay._named.values() for who in named.owing)
        assert owed == self.hearsay._owed
        assert all(set(named.owing) <= set(named.peers) for named in self.hearsay._named.values())
        wanted = [(who, one) for who in PEERS for one in self.hearsay._wanted.get(who, {})]
        assert all(who in self.hearsay._named[one].owing for who, one in wanted)


TestBook = Book.TestCase
TestSmallBook = SmallBook.TestCase
TestBook.settings = TestSmallBook.settings = settings(max_examples=60, stateful_step_count=30)
