"""The two sides against each other, against the difference of sets, against a second way to compute it, and misused."""

import hashlib
import itertools

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming import protocol
from beam_actors.naming.protocol import Compare, Ranges, Want
from beam_actors.naming.ranges import ABOVE, ITEM, TOP, Listing, Print, Settled, Snapshot
from beam_actors.naming.reconciling import LISTED, PARTS, Reconciliation
from tests.naming import fuzz
from tests.wire.support import unframed

SALT = bytes(range(16))
MOST = 50_000


def item(number: int) -> bytes:
    """Every eighth is a second claim to the name of the one before it, and some names are close."""
    place = hashlib.sha256(b"%d" % (number - (number % 8 == 7))).digest()[:8]
    if number % 16 == 3:
        place = bytes(6) + place[:2]
    return place + hashlib.sha256(b"claim %d" % number).digest()


ITEMS = tuple(item(number) for number in range(3500))


@attrs.define
class Side:
    machine: Reconciliation
    told: list[bytes] = attrs.Factory(list)  # ids of claims that the other pushed
    agreed: list[range] = attrs.Factory(list)
    turns: int = 0
    sent: int = 0  # bytes, without the claims
    listed: int = 0


def hear(side, turn, *, wire):
    """What one side says reaches the other, through the codec or at once."""
    side.told += turn.push
    if not wire:
        if turn.want:
            side.machine.wanted(turn.want)
        side.machine.hear(turn.ranges)
        return 0
    size = 0
    for message in (*protocol.wants(turn.want), *protocol.turns(turn.ranges)):
        frame = protocol.encode(message)
        size += len(frame)
        heard = protocol.decode(unframed(frame))
        if isinstance(heard, Want):
            side.machine.wanted(heard.ids)
        else:
            side.machine.hear(heard.ranges)
    return size


def reconcile(one, other, *, wire=True, **shape):
    """Run both sides to their end."""
    sides = opener, _ = [Side(Reconciliation(mine, SALT, most=MOST, **shape)) for mine in (one, other)]
    turn = opener.machine.begin()
    if wire:
        opener.sent = len(protocol.encode(Compare(SALT, bytes(8), TOP)))
    answer, speakers = None, itertools.cycle([sides, sides[::-1]])
    while not (answer is None and opener.turns):
        speaker, listener = next(speakers)
        speaker.turns += 1
        speaker.listed += sum(len(one.ids) for one in turn.ranges if isinstance(one, Listing))
        speaker.sent += hear(listener, turn, wire=wire)
        listener.agreed += listener.machine.agreed()
        answer = listener.machine.answer()
        assert turn.last == (answer is None)
        turn = answer
    return sides


def ids(items):
    return {one[8:] for one in items}


def judge(mine, theirs, sides):
    """Each side has what it lacked, once, and knows what both hold."""
    for one, has, other in zip(sides, (mine, theirs), (theirs, mine), strict=True):
        assert len(one.told) == len(set(one.told))
        assert set(one.told) == ids(other) - ids(has)
        ordered = sorted(has)
        both = [ordered[place] for places in one.agreed for place in places]
        assert len(both) == len(set(both))
        assert set(both) == set(mine) & set(theirs)


def test_all_pairs_of_subsets_of_seven_items():
    subsets = [frozenset(one for place, one in enumerate(ITEMS[:7]) if number >> place & 1) for number in range(1 << 7)]
    snapshots = {some: Snapshot(tuple(some)) for some in subsets}
    for mine, theirs in itertools.product(subsets, subsets):
        judge(mine, theirs, reconcile(snapshots[mine], snapshots[theirs], wire=False, parts=2, listed=1))


@st.composite
def pairs(draw, most=3000):
    """Two sets with much or little in common, of which either may lie in a small part of the other."""
    seed = draw(st.binary(min_size=1, max_size=2))
    rest = sorted(ITEMS, key=lambda one: hashlib.blake2b(one, key=seed).digest())
    few = st.integers(0, 5) | st.integers(0, 40)
    sizes = [draw(few | st.integers(0, most // 2)) for _ in range(3)]
    cuts = list(itertools.accumulate(sizes, initial=0))
    common, mine, theirs = (rest[start:stop] for start, stop in itertools.pairwise(cuts))
    if draw(st.booleans()):
        low = draw(st.sampled_from(common or ITEMS))
        mine = [one for one in mine if one < low]
    return frozenset(common + mine), frozenset(common + theirs)


shapes = st.sampled_from([{}, {"parts": 2, "listed": 1}, {"parts": 16, "listed": 1}, {"parts": 2, "listed": 32}])


@settings(max_examples=60, deadline=None)
@given(pairs(), shapes)
def test_each_side_learns_the_difference_and_nothing_else(pair, shape):
    one, other = (Snapshot(tuple(some)) for some in pair)
    judge(*pair, reconcile(one, other, **shape))


# --- a second way to compute it ---------------------------------------------------------------------------------------


def reference(said, answering, parts, listed):
    """How many ids are listed when one side said the print of `said` and the other holds `answering` there."""
    if said == answering:
        return 0
    if len(answering) <= listed:
        return len(answering)
    ordered = sorted(answering)
    held, count = len(ordered), min(parts, len(ordered))
    borders = [b""]
    for part in range(1, count):
        before, after = ordered[held * part // count - 1], ordered[held * part // count]
        borders.append(next(after[:size] for size in range(1, 41) if after[:size] > before))
    borders.append(b"\xff" * 41)
    return sum(
        reference(
            {one for one in answering if low <= one < high}, {one for one in said if low <= one < high}, parts, listed
        )
        for low, high in itertools.pairwise(borders)
    )


@settings(max_examples=60, deadline=None)
@given(pairs(), shapes)
def test_as_many_ids_are_listed_as_by_recursion(pair, shape):
    mine, theirs = pair
    sides = reconcile(Snapshot(tuple(mine)), Snapshot(tuple(theirs)), wire=False, **shape)
    expected = reference(mine, theirs, shape.get("parts", PARTS), shape.get("listed", LISTED)) if mine else 0
    assert sum(side.listed for side in sides) == expected


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_one_difference_in_twenty_thousand_costs_less_than_two_kilobytes():
    many = [item(number) for number in range(20_001)]
    everything = Snapshot(many)
    for lacking in many[:: 20_000 // 5]:
        less = Snapshot([one for one in many if one != lacking])
        for pair in (less, everything), (everything, less):
            sides = reconcile(*pair)
            assert sum(len(side.told) for side in sides) == 1
            assert sum(side.sent for side in sides) < 2_000
            assert sum(side.turns for side in sides) <= 7
    equal = reconcile(everything, everything)
    assert [side.sent for side in equal] == [56, 8]
    assert [side.turns for side in equal] == [1, 1]


def test_halves_that_have_nothing_in_common_take_a_few_turns():
    many = [item(number) for number in range(20_000)]
    sides = reconcile(Snapshot(many[::2]), Snapshot(many[1::2]))
    judge(many[::2], many[1::2], sides)
    assert sum(side.turns for side in sides) <= 8
    assert sum(side.sent for side in sides) < 2 * 10_000 * 34 + 200_000  # the lists, and how they were found


# --- a peer that does what it likes -----------------------------------------------------------------------------------

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
