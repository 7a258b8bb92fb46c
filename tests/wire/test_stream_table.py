import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from beam_actors.errors import RemoteProtocolError, ResourceExhausted
from beam_actors.wire import Role, SessionLimits
from beam_actors.wire.outbox import Outbox
from beam_actors.wire.stream import Step, Stream
from beam_actors.wire.stream_table import StreamTable

LIMITS = SessionLimits(streams=4, unanswered_streams=2)


def table(role=Role.INITIATOR, limits=LIMITS):
    return StreamTable(role, limits, Outbox(limits, lambda _: None))


def gone(streams, stream):
    stream.step(Step.RESET)
    streams.forget(stream)


@pytest.mark.parametrize(("role", "ours", "theirs"), [(Role.INITIATOR, 1, 2), (Role.RESPONDER, 2, 1)])
def test_each_end_has_its_own_numbers_and_gives_none_twice(role, ours, theirs):
    streams = table(role)
    first = streams.open()
    gone(streams, first)
    assert [first.id, streams.open().id] == [ours, ours + 2]
    assert streams.meet(theirs + 2).id == theirs + 2
    for wrong in (0, ours, ours + 2, ours + 4, theirs, theirs + 2):  # ours, or not beyond the last
        with pytest.raises(RemoteProtocolError):
            streams.meet(wrong)


def test_what_was_used_is_remembered_when_it_is_gone():
    streams = table()
    gone(streams, streams.open())
    streams.meet(4)
    assert [number for number in range(-2, 8) if streams.was_used(number)] == [1, 2, 4]


def test_who_is_met_and_not_admitted_takes_no_place():
    streams = table()
    for number in range(2, 100, 2):
        assert not streams.is_full
        streams.meet(number)
    assert len(streams) == 0


def test_when_the_session_is_over_there_are_none_of_either_end():
    streams = table()
    for _ in range(LIMITS.streams):  # two of which are withheld
        streams.open()
        streams.admit(streams.meet(2 * len(streams)))
    streams.clear()
    assert repr(streams) == "<StreamTable streams=0 inbound=0 unanswered=0 withheld=0>"
    assert not streams.is_full


@settings(max_examples=60, stateful_step_count=40)
class AnyOrder(RuleBasedStateMachine):
    """Two ends open, answer and end streams in any order."""

    def __init__(self):
        super().__init__()
        self.table = table()
        self.outbound: list[Stream] = []
        self.inbound: list[Stream] = []
        self.next_of_theirs = 2

    def waiting(self):
        return [stream for stream in self.outbound if stream.announced and not stream.acknowledged]

    @rule()
    def open(self):
        if len(self.outbound) < LIMITS.streams:
            self.outbound.append(self.table.open())
        else:
            with pytest.raises(ResourceExhausted):
                self.table.open()

    @rule(skipped=st.integers(0, 2))
    def meet(self, skipped):
        self.next_of_theirs += 2 * skipped
        stream = self.table.meet(self.next_of_theirs)
        self.next_of_theirs += 2
        assert self.table.is_full == (len(self.inbound) == LIMITS.streams)
        if not self.table.is_full:
            self.table.admit(stream)
            self.inbound.append(stream)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def answer(self, data):
        self.table.answered(data.draw(st.sampled_from(self.waiting())))

    @precondition(lambda self: self.outbound or self.inbound)
    @rule(data=st.data())
    def end(self, data):
        stream = data.draw(st.sampled_from(self.outbound + self.inbound))
        (self.outbound if stream in self.outbound else self.inbound).remove(stream)
        gone(self.table, stream)
        assert self.table.was_used(stream.id)

    @invariant()
    def those_that_are_there_are_found(self):
        there = self.outbound + self.inbound
        assert self.table.streams == {stream.id: stream for stream in there}
        assert len(self.table) == len(there)

    @invariant()
    def as_many_are_announced_as_may_be_and_in_order(self):
        withheld = [stream for stream in self.outbound if not stream.announced]
        assert len(self.waiting()) <= LIMITS.unanswered_streams
        assert not withheld or len(self.waiting()) == LIMITS.unanswered_streams
        announced = [stream.id for stream in self.outbound if stream.announced]
        assert all(number < stream.id for number in announced for stream in withheld)


TestAnyOrder = AnyOrder.TestCase
