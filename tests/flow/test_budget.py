from hypothesis import given
from hypothesis import strategies as st

from beam_actors.flow import Budget


class Holder:
    def __init__(self, budget: Budget, log: list) -> None:
        self.budget, self.log, self.size = budget, log, 0

    def hold(self, size: int) -> None:
        self.size = size
        self.budget.hold(self, size)

    def exhausted(self, error) -> None:
        self.log.append(self)
        self.hold(0)


def test_the_longest_without_progress_goes_first_and_only_as_many_as_needed() -> None:
    budget, log = Budget("node", 100), []
    first, second, third = (Holder(budget, log) for _ in range(3))
    for holder in (first, second, third):
        holder.hold(30)
    first.hold(29)  # progress: now second is the one
    third.hold(80)  # more is no progress
    assert budget.exceeded
    budget.enforce()
    assert log == [second, third]
    assert budget.total == 29
    assert not budget.exceeded
    assert budget.resets == 2
    assert budget.peak == 139
    repr(budget)


def test_a_sessions_bytes_count_for_the_node_too() -> None:
    node = Budget("node", 100)
    one, two = Budget("session", 80, node), Budget("session", 80, node)
    log: list = []
    a, b = Holder(one, log), Holder(two, log)
    a.hold(70)
    b.hold(70)
    assert not one.exceeded
    assert node.exceeded
    node.enforce()
    assert log == [a]
    assert (one.total, two.total, node.total) == (0, 70, 70)


def test_a_holder_that_keeps_its_bytes_can_not_hang_the_pump() -> None:
    budget = Budget("node", 1)

    class Stubborn:
        def exhausted(self, error) -> None:
            pass

    budget.hold(Stubborn(), 5)
    budget.enforce()
    assert budget.total == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50)), max_size=60), st.integers(0, 120))
def test_the_total_is_the_sum_and_enforcing_brings_it_below_the_cap(steps, cap) -> None:
    budget, log = Budget("node", cap), []
    holders = [Holder(budget, log) for _ in range(6)]
    for index, size in steps:
        holders[index].hold(size)
        assert budget.total == sum(holder.size for holder in holders)
    budget.enforce()
    assert budget.total == sum(holder.size for holder in holders) <= cap


def test_a_cap_is_not_exceeded_by_what_equals_it() -> None:
    budget = Budget("node", 5)
    Holder(budget, []).hold(5)
    assert not budget.exceeded
