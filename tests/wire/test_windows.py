import pytest

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.wire import WindowBudget
from beam_actors.wire.limits import INITIAL_WINDOW, MIB
from beam_actors.wire.windows import PROBE
from beam_actors.wire.yamux import GoAway
from tests.wire.mux_stage import stage_with_stream
from tests.wire.support import ACK, PING, SYN, WINDOW, data_frame, frame


def test_a_peer_that_overruns_its_window_is_cut():
    stage, _ = stage_with_stream()
    stage.receive(data_frame(1, bytes(INITIAL_WINDOW)))
    with pytest.raises(RemoteProtocolError):
        stage.receive(data_frame(1, b"x"))


def test_a_window_is_granted_again_when_half_of_it_was_taken():
    stage, stream = stage_with_stream()
    stage.receive(data_frame(1, bytes(INITIAL_WINDOW)))
    half = INITIAL_WINDOW // 2
    stage.mux.consumed(stream, half - 1)
    assert stage.said() == []
    stage.mux.consumed(stream, 1)
    assert stage.said() == [(WINDOW, ACK, 1, half, b""), (PING, SYN, 0, PROBE, b"")]
    stage.receive(data_frame(1, bytes(half)))
    with pytest.raises(RemoteProtocolError):
        stage.receive(data_frame(1, b"x"))


def test_taking_more_than_there_is_is_a_bug():
    stage, stream = stage_with_stream()
    stage.receive(data_frame(1, b"abc"))
    stage.mux.consumed(stream, 3)
    for size in (1, -1):
        with pytest.raises(LocalProtocolError):
            stage.mux.consumed(stream, size)


def half_in_flight(stage, stream):
    """Half of the window arrives and is taken; the other half arrives before the pong: the probe's value."""
    half = stream.window // 2
    stage.receive(data_frame(1, bytes(half)))
    stage.mux.consumed(stream, half)
    (probe,) = [said[3] for said in stage.said() if said[0] == PING]
    stage.receive(data_frame(1, bytes(half)))
    return probe


def test_a_window_that_was_used_up_doubles_up_to_its_limit():
    stage, stream = stage_with_stream()
    seen = [stream.window]
    for _ in range(8):
        stage.receive(data_frame(1, bytes(stream.granted)))
        stage.mux.consumed(stream, stream.held)
        seen.append(stream.window)
    assert seen == [INITIAL_WINDOW << min(step, 6) for step in range(9)]
    assert stage.budget.used == 16 * MIB - INITIAL_WINDOW
    stage.mux.reset(stream)
    assert stage.budget.used == 0


def test_a_window_that_was_in_flight_doubles():
    stage, stream = stage_with_stream()
    probe = half_in_flight(stage, stream)
    stage.receive(frame(PING, ACK, 0, probe))
    assert stream.window == 2 * INITIAL_WINDOW
    assert stage.said() == [(WINDOW, 0, 1, INITIAL_WINDOW, b"")]
    assert stream.granted == 3 * INITIAL_WINDOW // 2


class Timed:
    """A stream, and the clock by which its session measures round trips; at first they take a tenth of a second."""

    def __init__(self):
        self.now = 5.0
        self.stage, self.stream = stage_with_stream()
        self.stage.mux.windows.timed_by(lambda: self.now)
        self.probe(0.1)

    def probe(self, seconds):
        """Half a window comes and is taken, and the probe that this leads to is answered after so long."""
        self.stage.receive(data_frame(1, bytes(self.stream.window // 2)))
        self.stage.mux.consumed(self.stream, self.stream.held)
        (probe,) = [said[3] for said in self.stage.said() if said[0] == PING]
        self.now += seconds
        self.stage.receive(frame(PING, ACK, 0, probe))
        self.last = seconds

    @property
    def grows(self):
        """Whether the window grows when all of it was used up and taken at once."""
        before = self.stream.window
        self.stage.receive(data_frame(1, bytes(self.stream.granted)))
        self.stage.mux.consumed(self.stream, self.stream.held)
        grown = self.stream.window > before
        probes = [said[3] for said in self.stage.said() if said[0] == PING]
        self.now += self.last
        self.stage.receive(*(frame(PING, ACK, 0, probe) for probe in probes))
        return grown


@pytest.mark.parametrize(("trip", "grows"), [(0.05, True), (0.1, True), (0.2, True), (0.21, False), (0.9, False)])
def test_a_window_does_not_grow_while_bytes_wait_in_a_queue(trip, grows):
    timed = Timed()
    timed.probe(trip)
    assert timed.grows == grows
    timed.probe(0.1)  # the queue is gone
    assert timed.grows


def test_after_a_quiet_second_a_longer_round_trip_is_the_paths():
    timed = Timed()
    timed.probe(0.5)
    assert not timed.grows
    timed.now += 1.0
    timed.probe(0.5)
    assert timed.grows


def test_a_ping_of_somebody_elses_counts_as_well():
    timed = Timed()
    timed.stage.mux.windows.measured(0.5)
    assert not timed.grows
    timed.now += 2.0
    timed.stage.mux.windows.measured(0.5)
    assert timed.grows


def test_a_path_that_became_longer_is_believed_in_the_end():
    timed = Timed()
    timed.probe(0.5)
    tries = 1
    while not timed.grows:
        tries += 1
    assert 10 < tries < 100


def test_a_window_does_not_grow_with_a_forged_pong():
    stage, stream = stage_with_stream()
    probe = half_in_flight(stage, stream)
    stage.receive(frame(PING, ACK, 0, probe + 1), frame(PING, ACK, 0, 0))
    assert stream.window == INITIAL_WINDOW


def test_a_pong_after_the_stream_is_gone():
    stage, stream = stage_with_stream()
    probe = half_in_flight(stage, stream)
    stage.mux.reset(stream)
    stage.receive(frame(PING, ACK, 0, probe))
    assert stage.budget.used == 0


def test_a_slow_line_does_not_grow_the_window():
    stage, stream = stage_with_stream()
    stage.receive(data_frame(1, bytes(INITIAL_WINDOW // 2)))
    stage.mux.consumed(stream, INITIAL_WINDOW // 2)
    (probe,) = [said[3] for said in stage.said() if said[0] == PING]
    stage.receive(data_frame(1, bytes(1000)), frame(PING, ACK, 0, probe))
    assert stream.window == INITIAL_WINDOW


def test_a_slow_application_does_not_grow_the_window():
    stage, stream = stage_with_stream()
    for _ in range(20):
        stage.receive(data_frame(1, bytes(stream.granted)))
        stage.mux.consumed(stream, stream.held // 2)
        probes = [said[3] for said in stage.said() if said[0] == PING]
        stage.receive(data_frame(1, bytes(stream.granted)), *(frame(PING, ACK, 0, probe) for probe in probes))
    assert stream.window == INITIAL_WINDOW


def test_growth_stays_within_the_budget():
    stage, stream = stage_with_stream(budget=WindowBudget(INITIAL_WINDOW))
    for _ in range(3):
        stage.receive(data_frame(1, bytes(stream.granted)))
        stage.mux.consumed(stream, stream.held)
    assert stream.window == 2 * INITIAL_WINDOW
    stage.mux.abandon(GoAway.NORMAL)
    assert stage.budget.used == 0
