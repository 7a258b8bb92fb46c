"""The two sides against each other, against the difference of sets and against a second way to compute it."""

import hashlib
import itertools

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.naming import protocol
from beam_actors.naming.protocol import Compare, Want
from beam_actors.naming.ranges import TOP, Listing, Snapshot
from beam_actors.naming.reconciling import LISTED, PARTS, Reconciliation
from tests.naming.differing import ITEMS, MOST, SALT, item
from tests.wire.support import unframed


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
