import itertools

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.limits import HOUR, MINUTE
from beam_actors.naming.ranges import ID, Snapshot
from beam_actors.naming.unkept import Unkept


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


def item(number: int) -> bytes:
    return bytes([number]) * 40


def id_of(number: int) -> bytes:
    return item(number)[-ID:]


MINE = Snapshot(map(item, range(10)))


def book(room: int = 4) -> tuple[Unkept, Clock]:
    clock = Clock()
    return Unkept(room, MINUTE, clock), clock


def left_out(unkept: Unkept) -> set[bytes]:
    compared = unkept.compared(MINE)
    return {item(number) for number in range(10)} - {compared[place] for place in range(len(compared))}


def test_what_the_peer_has_meanwhile_is_not_given_any_more():
    unkept, _clock = book()
    with unkept.giving(map(id_of, range(4))) as left, unkept.giving([id_of(1)]) as other:
        unkept.kept([id_of(1), id_of(9)])
        assert list(left) == [id_of(0), id_of(2), id_of(3)]
        assert not other
        left.pop(id_of(0))
    unkept.kept([id_of(2)])
    assert list(left) == [id_of(2), id_of(3)]  # it is over


def test_what_was_given_once_is_compared():
    unkept, _clock = book()
    unkept.given([id_of(1)], MINE)
    assert unkept.compared(MINE) is MINE


def test_what_was_given_again_is_left_out_twice_as_long_each_time_but_for_an_hour_at_most():
    unkept, clock = book()
    unkept.given([id_of(1)], MINE)
    times = []
    while clock.now < 10 * HOUR:
        unkept.stirred()
        if not left_out(unkept):
            unkept.given([id_of(1)], MINE)
            times.append(clock.now)
        clock.now += MINUTE / 2
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[:6] == [2**turn * MINUTE for turn in range(1, 6)] + [HOUR]
    assert set(pauses[5:]) == {HOUR}


def test_what_was_given_again_is_left_out_for_an_hour_where_nothing_is_new():
    unkept, clock = book()
    for _ in range(2):
        unkept.given([id_of(1)], MINE)
    clock.now += HOUR - 1
    assert left_out(unkept) == {item(1)}
    clock.now += 1
    assert left_out(unkept) == set()
    unkept.given([id_of(1)], MINE)
    clock.now += 5 * MINUTE
    assert left_out(unkept) == {item(1)}
    unkept.stirred()
    assert left_out(unkept) == set()


def test_what_the_peer_has_is_compared_again():
    unkept, _clock = book()
    for _ in range(2):
        unkept.given([id_of(1), id_of(2)], MINE)
    assert left_out(unkept) == {item(1), item(2)}
    unkept.kept([id_of(1), id_of(7)])
    assert left_out(unkept) == {item(2)}
    unkept.given([id_of(1)], MINE)
    assert left_out(unkept) == {item(2)}


def test_what_is_here_no_longer_does_no_harm():
    unkept, _clock = book()
    for _ in range(2):
        unkept.given([id_of(1)], MINE)
    other = Snapshot([item(2)])
    assert unkept.compared(other) is other
    unkept.given([id_of(1), id_of(9)], other)
    unkept.given([id_of(9)], other)  # nobody knows its item any more: it can't be left out
    assert left_out(unkept) == {item(1)}


@given(st.lists(st.lists(st.integers(0, 9), max_size=5, unique=True), max_size=12), st.integers(0, 4))
def test_the_book_is_bounded_and_forgets_what_was_given_longest_ago(turns, room):
    unkept, _clock = book(room)
    for turn in turns:
        unkept.given([id_of(number) for number in turn], MINE)
        assert len(unkept) <= room
    given_last = list(dict.fromkeys(number for turn in reversed(turns) for number in reversed(turn)))[:room]
    assert left_out(unkept) <= {item(number) for number in given_last}
    assert repr(unkept) == f"<Unkept of {len(given_last)} given>"
