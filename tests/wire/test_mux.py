import pytest

from beam_actors.errors import LocalProtocolError, RemoteProtocolError, ResourceExhausted
from beam_actors.wire import (
    PeerLeaving,
    PongReceived,
    Role,
    SessionLimits,
    StreamData,
    StreamFinished,
    StreamReset,
    StreamWritable,
)
from beam_actors.wire.limits import INITIAL_WINDOW
from beam_actors.wire.windows import PROBE
from tests.wire.mux_stage import Stage, stage_with_stream
from tests.wire.support import ACK, DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW, data_frame, frame

BIG = 2**32 - 1


# --- opening ----------------------------------------------------------------------------------------------------------


def test_each_end_has_its_own_numbers():
    assert [Stage(Role.INITIATOR).mux.open().id, Stage(Role.RESPONDER).mux.open().id] == [1, 2]


def test_the_first_frame_carries_syn_or_ack():
    stage, stream = stage_with_stream()
    mine = stage.mux.open()
    stage.mux.send(mine, b"mine")
    stage.mux.send(stream, b"yours")
    stage.mux.send(mine, b"more")
    assert stage.said() == [(DATA, SYN, 2, 8, b"minemore"), (DATA, ACK, 1, 5, b"yours")]
    stage.mux.send(mine, b"!")
    assert stage.said() == [(DATA, 0, 2, 1, b"!")]


@pytest.mark.parametrize(
    "frames",
    [
        [frame(WINDOW, SYN, 2, 0)],  # our parity
        [frame(WINDOW, SYN, 0, 0)],
        [frame(WINDOW, SYN, 3, 0), frame(WINDOW, SYN, 3, 0)],  # twice
        [frame(WINDOW, SYN, 3, 0), frame(WINDOW, RST, 3, 0), frame(WINDOW, SYN, 3, 0)],  # again
        [frame(WINDOW, SYN, 3, 0), frame(WINDOW, SYN, 1, 0)],  # backwards
        [data_frame(1, b"x")],  # never opened
        [frame(WINDOW, 0, 2, 1)],  # never opened here
        [frame(WINDOW, RST, 1, 0)],
        [frame(DATA, SYN, 1, INITIAL_WINDOW + 1)],
        [frame(DATA, SYN, 1, BIG)],
        [frame(WINDOW, SYN, 1, 0), frame(DATA, 0, 1, INITIAL_WINDOW + 1)],
        [frame(PING, 0, 0, 1)],
        [frame(GO_AWAY, 0, 0, 1)],
        [frame(4, 0, 0, 0)],
        [frame(DATA, 16, 1, 0)],
        [b"\x01" + frame(PING, SYN, 0, 0)[1:]],
    ],
)
def test_what_ends_the_session(frames):
    with pytest.raises(RemoteProtocolError):
        Stage().receive(*frames)


def test_streams_of_the_peer_are_bounded_and_count_until_they_are_gone():
    stage = Stage(limits=SessionLimits(streams=2))
    stage.receive(*(frame(WINDOW, SYN, number, 0) for number in (1, 3, 5)), data_frame(5, b"lost"))
    assert stage.said() == [(WINDOW, RST, 5, 0, b"")]
    stage.receive(frame(WINDOW, RST, 1, 0), frame(WINDOW, SYN, 7, 0))
    assert stage.said() == []
    assert stage.mux.get(7) is not None
    assert stage.gone == [1]


def test_a_refused_streams_data_is_skipped():
    stage = Stage()
    stage.admits = False
    assert stage.receive(data_frame(1, b"x" * 100, SYN), data_frame(1, b"y"), frame(PING, SYN, 0, 9)) == []
    assert stage.said() == [(WINDOW, RST, 1, 0, b""), (PING, ACK, 0, 9, b"")]


def test_own_streams_are_bounded():
    stage = Stage(limits=SessionLimits(streams=2))
    stage.mux.open()
    stage.mux.open()
    with pytest.raises(ResourceExhausted):
        stage.mux.open()


def test_the_backlog_of_unanswered_streams_holds_back_syns():
    stage = Stage(Role.INITIATOR, SessionLimits(unanswered_streams=2))
    streams = [stage.mux.open() for _ in range(5)]
    for stream in streams:
        stage.mux.reply(stream, b"x")
    assert stage.mux.room(streams[4]) == 0
    assert [said[2] for said in stage.said()] == [1, 3]
    assert stage.receive(frame(WINDOW, ACK, 1, 0)) == []
    assert [said[2] for said in stage.said()] == [5]
    stage.mux.reset(streams[3])  # the peer never heard of it
    assert stage.said() == []
    assert stage.receive(frame(WINDOW, RST, 3, 0)) == [StreamReset(3), StreamWritable(9)]
    assert [said[:3] for said in stage.said()] == [(DATA, SYN, 9)]
    with pytest.raises(RemoteProtocolError):
        stage.receive(frame(WINDOW, 0, 7, 1), frame(WINDOW, 0, 11, 1))


def test_a_peer_cannot_speak_on_a_stream_before_its_syn():
    stage = Stage(Role.INITIATOR)
    stage.mux.open()
    with pytest.raises(RemoteProtocolError):
        stage.receive(frame(WINDOW, 0, 1, 1))


# --- data, halves, resets ---------------------------------------------------------------------------------------------


def test_data_fin_and_what_is_left_of_a_stream():
    stage, stream = stage_with_stream()
    assert stage.receive(data_frame(1, b"one"), data_frame(1, b"two", FIN)) == [
        StreamData(1, b"one"),
        StreamData(1, b"two"),
        StreamFinished(1),
    ]
    stage.mux.send(stream, b"bye")
    stage.mux.finish(stream)
    stage.mux.finish(stream)
    assert stage.said() == [(DATA, ACK | FIN, 1, 3, b"bye")]
    assert stage.mux.get(1) is None
    assert stage.gone == [1]
    assert stage.receive(frame(WINDOW, 0, 1, 5), data_frame(1, b"late"), frame(WINDOW, RST, 1, 0)) == []


def test_fin_may_come_on_a_window_frame_and_twice():
    stage, _ = stage_with_stream()
    assert stage.receive(frame(WINDOW, FIN, 1, 0), frame(WINDOW, FIN, 1, 0)) == [StreamFinished(1)]


def test_data_after_fin_resets_the_stream():
    stage, _ = stage_with_stream()
    assert stage.receive(data_frame(1, b"x", FIN), data_frame(1, b"y")) == [
        StreamData(1, b"x"),
        StreamFinished(1),
        StreamReset(1),
    ]
    assert stage.said() == [(WINDOW, ACK | RST, 1, 0, b"")]


def test_frames_arrive_in_any_pieces():
    frames = b"".join(
        [frame(WINDOW, SYN, 1, 0), data_frame(1, b"hello"), frame(PING, ACK, 0, 5), data_frame(1, b"!", FIN)]
    )
    for cut in range(len(frames)):
        stage = Stage()
        events = stage.receive(frames[:cut]) + stage.receive(frames[cut:])
        assert b"".join(event.data for event in events if isinstance(event, StreamData)) == b"hello!"
        assert [event for event in events if not isinstance(event, StreamData)] == [PongReceived(5), StreamFinished(1)]


def test_a_reset_amid_a_payload_drops_the_rest():
    stage, stream = stage_with_stream()
    whole = data_frame(1, b"x" * 50)
    assert stage.receive(whole[:30]) == [StreamData(1, b"x" * 18)]
    stage.mux.reset(stream)
    assert stage.receive(whole[30:], frame(PING, ACK, 0, 1)) == [PongReceived(1)]


def test_a_reset_forgets_what_was_queued():
    stage, stream = stage_with_stream()
    stage.mux.send(stream, b"x" * 1000)
    stage.mux.reset(stream)
    assert stage.mux.outbox.queued == 0
    assert stage.said() == [(WINDOW, ACK | RST, 1, 0, b"")]


def test_sending_after_finish_is_a_bug():
    stage, stream = stage_with_stream()
    stage.mux.finish(stream)
    assert stage.mux.room(stream) == 0
    with pytest.raises(LocalProtocolError):
        stage.mux.send(stream, b"x")


# --- windows ----------------------------------------------------------------------------------------------------------


def test_sending_stops_at_the_peers_window_and_goes_on_with_it():
    stage, stream = stage_with_stream()
    assert stage.mux.send(stream, bytes(300_000)) == INITIAL_WINDOW
    assert sum(said[3] for said in stage.said()) == INITIAL_WINDOW
    assert stage.mux.room(stream) == 0
    assert stage.receive(frame(WINDOW, 0, 1, 10)) == [StreamWritable(1)]
    assert stage.receive(frame(WINDOW, 0, 1, 10)) == []
    assert stage.mux.send(stream, bytes(100)) == 20


def test_window_updates_saturate():
    stage, stream = stage_with_stream()
    stage.receive(*[frame(WINDOW, 0, 1, BIG)] * 3)
    assert stream.credit == BIG


# --- the session as a whole -------------------------------------------------------------------------------------------


def test_pings_are_answered_and_asked():
    stage = Stage()
    assert stage.receive(frame(PING, SYN, 0, 77)) == []
    stage.mux.ping(5)
    assert stage.said() == [(PING, ACK, 0, 77, b""), (PING, SYN, 0, 5, b"")]
    assert stage.receive(frame(PING, ACK, 0, 5)) == [PongReceived(5)]
    with pytest.raises(LocalProtocolError):
        stage.mux.ping(PROBE)


def test_a_peer_that_floods_and_does_not_read_is_cut():
    stage = Stage(limits=SessionLimits(control_buffer=1200))
    flood = frame(PING, SYN, 0, 0) * 100
    stage.receive(flood)
    with pytest.raises(RemoteProtocolError):
        stage.receive(flood)


def test_rapid_resets_leave_nothing_behind():
    stage = Stage()
    for number in range(1, 20_001, 2):
        stage.receive(frame(WINDOW, SYN, number, 0), frame(WINDOW, RST, number, 0))
        stage.mux.allowance.forgive()
    assert len(stage.mux) == 0
    assert stage.said() == []


def test_a_peer_that_leaves_and_a_node_that_leaves():
    stage, _ = stage_with_stream()
    assert stage.receive(*[frame(GO_AWAY, 0, 0, 0)] * 2) == [PeerLeaving()]
    stage.mux.go_away()
    stage.mux.go_away()
    stage.receive(frame(WINDOW, SYN, 3, 0), data_frame(1, b"goes on"))
    assert stage.said() == [(GO_AWAY, 0, 0, 0, b""), (WINDOW, RST, 3, 0, b"")]
