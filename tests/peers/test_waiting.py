import pytest

from beam_actors.errors import PeerOffline, ResourceExhausted, TimedOut
from beam_actors.peers.waiting import Waiter, Waiting
from beam_actors.runtime import Future, Reply
from tests.peers.lab import STRANGER


class Queue:
    """Two places at most, a clock that is set by hand, and what each of those who wait was told."""

    def __init__(self):
        self.now = 100.0
        self.waiting = Waiting(STRANGER, most=2, clock=self)
        self.served = []

    def monotonic(self):
        return self.now

    def enter(self, *, deadline=110.0):
        future = Future()
        reply = Reply(future, lambda _reply: None)
        waiter = Waiter(deadline, reply, self.served.append)
        return waiter, future, self.waiting.enter(waiter)


def test_all_are_served_once_and_in_order():
    queue = Queue()
    order = []
    for number in (1, 2):
        reply = Reply(Future(), lambda _reply: None)
        queue.waiting.enter(Waiter(110.0, reply, lambda live, number=number: order.append((number, live))))
    queue.waiting.serve("session")
    queue.waiting.serve("another")
    assert order == [(1, "session"), (2, "session")]
    assert not queue.waiting


def test_there_are_no_more_places_than_that():
    queue = Queue()
    assert queue.enter()[2]
    assert queue.enter()[2]
    _waiter, future, entered = queue.enter()
    assert not entered
    with pytest.raises(ResourceExhausted):
        future.get()
    assert len(queue.waiting) == 2


def test_a_session_that_comes_too_late_is_not_given():
    queue = Queue()
    _waiter, late, _entered = queue.enter(deadline=101.0)
    queue.enter()
    queue.now = 101.0
    queue.waiting.serve("session")
    assert queue.served == ["session"]
    with pytest.raises(TimedOut):
        late.get()


def test_all_hear_why_the_peer_is_offline():
    queue = Queue()
    futures = [queue.enter()[1] for _ in range(2)]
    queue.waiting.fail("nobody is there.")
    for future in futures:
        with pytest.raises(PeerOffline, match="nobody is there"):
            future.get()
    assert repr(queue.waiting) == f"Waiting(0 for {STRANGER.short})"
