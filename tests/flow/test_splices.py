from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.flow.splices import Splices, Traffic
from tests.flow.rig import Rig, on_both
from tests.flow.test_splice import chain


class Moved:
    """As much of a splice as is booked."""

    def __init__(self, tag: tuple[str, ...]) -> None:
        self.tag = tag
        self.bytes = (0, 0)


TAGS = ("a", "b", "c")
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(st.sampled_from(TAGS), max_size=4).map(tuple)),
    st.tuples(st.just("move"), st.integers(0, 9), st.integers(0, 1000), st.integers(0, 1000)),
    st.tuples(st.just("remove"), st.integers(0, 9)),
    st.tuples(st.just("open"), st.sampled_from(TAGS)),
    st.tuples(st.just("close"), st.sampled_from(TAGS)),
)


@given(st.lists(STEPS, max_size=60))
def test_an_account_is_the_sum_of_what_lives_and_what_ended_since_it_was_opened(steps: list[tuple]) -> None:
    splices, alive = Splices(), []
    opened: Counter[str] = Counter()
    ended: dict[str, list[tuple[int, int]]] = {}
    for what, *details in steps:
        if what == "add":
            alive.append(splices.add(Moved(*details)))
            opened.update(tag for tag in set(alive[-1].tag) if tag in ended)
        elif what == "open":
            splices.open_account(details[0])
            ended.setdefault(details[0], [])
        elif what == "close":
            splices.close_account(details[0])
            ended.pop(details[0], None)
            del opened[details[0]]
        elif details[0] < len(alive) and what == "move":
            splice = alive[details[0]]
            splice.bytes = (splice.bytes[0] + details[1], splice.bytes[1] + details[2])
        elif details[0] < len(alive):
            splice = alive.pop(details[0])
            for _ in range(2):  # the second time changes nothing
                splices.remove(splice)
            for tag in set(splice.tag) & set(ended):
                ended[tag].append(splice.bytes)
        for tag in TAGS:
            carry = [splice for splice in alive if tag in splice.tag]
            moved = [splice.bytes for splice in carry] + ended.get(tag, [])
            sums = (sum(forth for forth, _ in moved), sum(back for _, back in moved))
            assert splices.traffic(tag) == Traffic(len(carry), opened[tag], *sums)
            assert splices.find(tag) == carry
            assert splices.count(tag) == len(carry)
        assert list(splices) == alive
        assert len(splices) == len(alive)


@on_both
async def test_splices_are_counted_by_tag(rig: Rig) -> None:
    splices = rig.pump.splices
    *_, first = await chain(rig, "a")
    (_client, b), (c, _server) = await rig.streams(), await rig.streams()
    c.tag("a")  # by whoever made it, too
    second = b.splice(c, ("a", "b"))
    assert [splices.count(tag) for tag in ("a", "b", "c")] == [2, 1, 0]
    for splice, left in ((second, [1, 0]), (second, [1, 0]), (first, [0, 0])):
        splice.abort()
        assert [splices.count(tag) for tag in ("a", "b")] == left
