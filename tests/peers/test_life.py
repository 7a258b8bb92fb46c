"""The back-off of one peer that is kept, as its life waits for it."""

from types import SimpleNamespace

import pytest

from beam_actors.peers import PeersLimits
from beam_actors.peers.backoff import DialBackoff
from beam_actors.peers.life import Life
from beam_actors.peers.lifecycle import Input, State
from tests.peers.lab import STRANGER

HALF = SimpleNamespace(uniform=lambda: 0.5)


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class Bench:
    """A life whose dials and timers are written down; nothing rings by itself."""

    def __init__(self, routes):
        self.clock, self.timers, self.dials = Clock(), [], 0
        self.setting = SimpleNamespace(
            limits=PeersLimits(),
            clock=self.clock,
            entropy=HALF,
            backoff=DialBackoff(first=0.5, most=60.0, alone=15.0),
            routes=routes,
            dialler=None,
        )
        self.life = Life(
            STRANGER,
            self.setting,
            sessions=None,
            acquaintance=None,
            ref=None,
            spawn=self._spawn,
            send_after=self._send_after,
            end=lambda: None,
        )

    def _spawn(self, *_args, **_options):
        self.dials += 1

    def _send_after(self, seconds, _message):
        self.timers.append(seconds)
        return SimpleNamespace(cancel=lambda: None)

    def fails(self, times):
        """So many dials in a row failed, and the back-off begins."""
        self.life.state, self.life.dials.failures = State.DIALLING, times
        self.life.feed(Input.DIAL_FAILED_KEPT)

    def rings(self):
        self.clock.now += self.timers[-1]
        self.life.retry()


def test_a_long_back_off_is_waited_for_in_parts_while_there_are_other_peers():
    bench = Bench(routes={"somebody"})
    bench.fails(20)
    while bench.life.state is State.BACKING_OFF:
        bench.rings()
    assert bench.life.state is State.DIALLING
    assert sum(bench.timers) == pytest.approx(45)  # three quarters of the most
    assert max(bench.timers) <= 15
    assert bench.dials == 1


def test_who_has_no_other_peer_any_more_dials_at_the_next_part():
    routes = {"somebody"}
    bench = Bench(routes)
    bench.fails(20)
    bench.rings()
    assert bench.life.state is State.BACKING_OFF
    routes.clear()
    bench.rings()
    assert bench.life.state is State.DIALLING
    assert bench.clock.now < 30


@pytest.mark.parametrize(("seconds", "pause"), [(0.1, 45), (14, 45), (16, 0.375)])
def test_a_session_that_ends_at_once_counts_as_a_dial_that_failed(seconds, pause):
    bench = Bench(routes={"somebody"})
    bench.life.dials.failures = 20
    bench.life.dials.succeeded()
    bench.life.state = State.BACKING_OFF
    bench.clock.now += seconds
    bench.life.dials.succeeded()  # one more session beside
    bench.life._start_back_off()
    while bench.life.state is State.BACKING_OFF:
        bench.rings()
    assert sum(bench.timers) == pytest.approx(pause)


def test_what_rings_when_the_peer_is_up_begins_nothing():
    bench = Bench(routes={"somebody"})
    bench.fails(20)
    bench.life.state = State.UP
    before = len(bench.timers)
    bench.rings()
    assert (bench.life.state, len(bench.timers), bench.dials) == (State.UP, before, 0)
