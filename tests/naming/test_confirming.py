"""Long lists of what a peer holds too: in pieces, one list at a time, and not too often."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.confirming import Confirmer
from beam_actors.testing.clock import SimClock
from beam_actors.testing.seeded import run_seeded

PAUSE = 600.0


class Paper:
    """A ledger and its knowledge, of which every claim that is confirmed is to be written."""

    def __init__(self):
        self.pieces, self.written, self.commits, self.refuses = [], 0, 0, False
        self.known = self

    def confirm(self, ids, now, *, most):
        self.pieces.append(list(ids))
        written = min(most, len(ids))
        self.written += written
        return written

    def commit(self):
        self.commits += 1

    @property
    def walked(self):
        return [one for piece in self.pieces for one in piece]


@given(count=st.integers(0, 3000))
def test_all_of_a_list_is_walked_in_order_and_little_of_it_written(count):
    async def main():
        paper = Paper()
        await Confirmer(paper, SimClock()).confirm(range(count))
        assert paper.walked == list(range(count))
        assert all(len(piece) <= 128 for piece in paper.pieces)
        assert (paper.written, paper.commits) == (min(count, 256), 1)

    run_seeded(0, main)


async def test_between_two_pieces_others_have_a_turn_and_another_list_has_not(autojump_clock):
    paper, turns = Paper(), []
    confirmer = Confirmer(paper, SimClock())

    async def look_on():
        for _ in range(5):
            turns.append(len(paper.pieces))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(confirmer.confirm, ["first"] * 1000)
        nursery.start_soon(confirmer.confirm, ["second"] * 1000)
        nursery.start_soon(look_on)
    assert any(0 < count < 16 for count in turns)  # of sixteen pieces
    assert [len(list(piece)) for piece in paper.pieces] == [*[128] * 7, 104] * 2
    assert len({one for piece in paper.pieces[:8] for one in piece}) == 1


@pytest.mark.parametrize(
    ("length", "later", "again", "walked"),
    [
        (1025, 0, 1025, False),
        (1025, 0, 1026, True),
        (1025, PAUSE - 1, 1025, False),
        (1025, PAUSE, 1025, True),
        (1025, 0, 1024, True),
        (1024, 0, 1024, True),
    ],
)
async def test_a_long_list_is_passed_over_after_one_that_was_no_shorter(autojump_clock, length, later, again, walked):
    paper = Paper()
    confirmer = Confirmer(paper, SimClock())
    await confirmer.confirm(range(length))
    await trio.sleep(later)
    paper.pieces.clear()
    await confirmer.confirm(range(again))
    assert len(paper.walked) == (again if walked else 0)


async def test_nothing_is_changed_while_the_disk_refuses(autojump_clock):
    paper = Paper()
    paper.refuses = True
    await Confirmer(paper, SimClock()).confirm(range(500))
    assert (paper.pieces, paper.commits) == ([], 0)
