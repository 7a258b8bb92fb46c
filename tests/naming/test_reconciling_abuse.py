"""A peer that says what it likes while two sides find out what each lacks."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming import protocol
from beam_actors.naming.protocol import Ranges
from beam_actors.naming.ranges import ABOVE, ITEM, TOP, Listing, Print, Settled, Snapshot
from beam_actors.naming.reconciling import PARTS, Reconciliation
from tests.naming import fuzz
from tests.naming.differing import ITEMS, MOST, SALT

FEW, MANY = Snapshot(ITEMS[:20]), Snapshot(ITEMS[:1000])
UNEQUAL = bytes(16)
ONE = ITEMS[3000][8:]


def answered(mine, *turns):
    """A side that heard and answered these turns of ranges, as the answerer."""
    machine = Reconciliation(mine, SALT, most=MOST)
    for ranges in turns:
        machine.hear(ranges)
        assert machine.answer() is not None
    return machine


@pytest.mark.parametrize(
    ("before", "ranges", "said"),
    [
        ([], [Print(b"b", UNEQUAL), Settled(b"a")], "overlap or go back"),
        ([], [Print(b"a", UNEQUAL), Settled(b"a")], "overlap or go back"),
        ([], [Settled(TOP), Settled(TOP)], "goes on after"),
        ([], [Listing(b"a", (ONE, ONE)), Settled(TOP)], "lists a claim twice"),
        ([[Listing(TOP, ())]], [Print(TOP, UNEQUAL)], "settled, or"),  # it was pushed everything, and asks again
        ([[Listing(TOP, ())]], [Listing(TOP, (ONE,))], "settled, or"),
        ([[Settled(b"\x80"), Print(TOP, UNEQUAL)]], [Print(b"\x20", UNEQUAL)], "settled, or"),
        ([[Print(TOP, UNEQUAL)]], [Print(b"\xf0", UNEQUAL)], "settled, or"),  # over the borders of what was said
        ([[Print(TOP, UNEQUAL)]], [Listing(TOP, ())], "settled, or"),
    ],
)  # fmt: skip
def test_ranges_that_break_a_rule_are_refused(before, ranges, said):
    machine = answered(MANY, *before)
    with pytest.raises(RemoteProtocolError, match=said):
        machine.hear(ranges)


def test_a_list_is_settled_as_a_whole_and_not_answered():
    for ranges, said in (([Settled(b"\x80")], "a part of a list"), ([Print(b"\x80", UNEQUAL)], "settled, or")):
        machine = answered(FEW, [Print(TOP, UNEQUAL)])
        with pytest.raises(RemoteProtocolError, match=said):
            machine.hear(ranges)


def test_only_what_was_listed_in_the_last_turn_can_be_wanted_and_once():
    with pytest.raises(RemoteProtocolError, match="not offered"):
        answered(FEW).wanted([FEW.id(0)])
    machine = answered(FEW, [Print(b"\x80", UNEQUAL), Settled(TOP)])
    machine.wanted([FEW.id(0)])
    for one, said in ((FEW.id(0), "twice"), (FEW.id(len(FEW) - 1), "not offered")):
        with pytest.raises(RemoteProtocolError, match=said):
            machine.wanted([one])
    machine.hear([Settled(TOP)])
    assert machine.answer().push == (FEW.id(0),)
    with pytest.raises(RemoteProtocolError, match="not offered"):
        machine.wanted([FEW.id(1)])


def test_who_began_with_its_ranges_wants_nothing_more():
    machine = answered(FEW, [Print(TOP, UNEQUAL)])
    machine.hear([Settled(TOP)])
    with pytest.raises(RemoteProtocolError, match="after it began"):
        machine.wanted([ITEMS[0][8:]])


def test_too_many_ids_and_too_many_ranges_are_refused():
    machine = Reconciliation(FEW, SALT, most=100)
    machine.hear([Listing(b"\x10", tuple(one[8:] for one in ITEMS[:100]))])
    with pytest.raises(RemoteProtocolError, match="more claims than anybody keeps"):
        machine.hear([Listing(b"\x20", (ONE,))])
    machine = Reconciliation(FEW, SALT, most=100)
    machine.hear([Listing(bytes([number]), ()) for number in range(1, 101)])
    with pytest.raises(RemoteProtocolError, match="more ranges than anybody needs"):
        machine.hear([Settled(TOP)])


@pytest.mark.parametrize("cut", [True, False])
def test_a_peer_that_never_agrees_comes_to_an_end(cut):
    """It answers each print with another one, of the same range or of one that is hardly smaller."""
    machine, turns, ranges = answered(MANY), 0, (Print(TOP, UNEQUAL),)
    while any(isinstance(one, Print) for one in ranges):
        turns += 1
        for one in ranges:
            if isinstance(one, Print) and cut and one.end != TOP:
                machine.hear([Print(one.end[:-1] + bytes([one.end[-1] - 1]) + b"\xff", UNEQUAL)])
            machine.hear([Settled(one.end) if isinstance(one, Listing) else Print(one.end, UNEQUAL)])
        ranges = machine.answer().ranges
    assert turns == 3  # it has a thousand open, sixty-two, four


ends = st.lists(st.binary(min_size=1, max_size=2) | st.sampled_from(ITEMS[:50]), max_size=8, unique=True).map(sorted)
says = st.sampled_from(["settled", "print", "true", "list"])


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([Snapshot(), FEW, MANY]), st.booleans())
def test_whatever_a_peer_says_it_is_answered_or_refused_within_bounds(data, mine, opens):
    machine = Reconciliation(mine, SALT, most=200)
    ours = {mine.id(place) for place in range(len(mine))}
    last = machine.begin() if opens else None
    try:
        for _ in range(5):  # two in which it splits, one in which it lists, one in which it gives what was wanted
            if last is not None and data.draw(st.booleans()):
                upper = [one.end for one in last.ranges]  # near what would be right
            else:
                upper = [*data.draw(ends), TOP]
            offered = [one for said in last.ranges if isinstance(said, Listing) for one in said.ids] if last else []
            wanted = data.draw(st.lists(st.sampled_from(offered), unique=True, max_size=3)) if offered else []
            machine.wanted(wanted)
            lower, ranges = b"", []
            for end in upper:
                match data.draw(says):
                    case "settled":
                        ranges.append(Settled(end))
                    case "print":
                        ranges.append(Print(end, data.draw(st.binary(min_size=16, max_size=16))))
                    case "true":
                        places = range(mine.place(lower), mine.place(end or ABOVE))
                        ranges.append(Print(end, mine.fingerprint(SALT, places)))
                    case "list":
                        ranges.append(
                            Listing(
                                end,
                                tuple(
                                    data.draw(st.lists(st.sampled_from(sorted(ours) or [ONE]), unique=True, max_size=5))
                                ),
                            )
                        )
                lower = end
            work = machine.weigh(ranges)
            machine.hear(ranges)
            assert work.hashed <= 2 * len(mine)
            assert work.compared <= len(mine) + 200
            last = machine.answer()
            if last is None or last.last:
                return
            assert set(last.push) <= ours
            assert len(last.ranges) <= len(mine) + len(ranges)
            assert last.ranges[-1].end == TOP
            assert all(one.end < other.end for one, other in itertools.pairwise(last.ranges[:-1]))
    except RemoteProtocolError:
        return
    pytest.fail("it went on")


def test_a_turn_is_answered_when_it_was_heard_to_its_end():
    machine = answered(MANY)
    machine.hear([Print(b"\x80", UNEQUAL)])
    assert not machine.heard
    with pytest.raises(ValueError, match="to its end"):
        machine.answer()
    machine.hear([Settled(TOP)])
    assert machine.heard


def test_equal_under_another_salt_is_not_equal():
    machine = answered(MANY)
    machine.hear([Print(TOP, MANY.fingerprint(bytes(16), range(len(MANY))))])
    assert len(machine.answer().ranges) == PARTS
    assert len(ITEMS[0]) == ITEM


@given(st.binary(max_size=200))
def test_fuzz(data):
    fuzz.fuzz_exchange(data)


@given(
    st.lists(
        st.sampled_from([Settled, lambda end: Print(end, UNEQUAL), lambda end: Listing(end, (ONE,))]), max_size=12
    ),
    st.data(),
)
def test_fuzz_near_turns(says, data):
    frames = bytearray()
    for say in says:
        end = data.draw(st.sampled_from([TOP, b"\x20", b"\x40", b"\x50", b"\x60"]))
        frames += protocol.encode(Ranges((say(end),)))
    if frames and data.draw(st.booleans()):
        frames[data.draw(st.integers(0, len(frames) - 1))] = data.draw(st.integers(0, 255))
    fuzz.fuzz_exchange(bytes(frames))
