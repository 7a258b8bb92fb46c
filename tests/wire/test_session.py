import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, LocalProtocolError
from beam_actors.wire import (
    AES,
    CHACHA,
    MIN_FLUSH,
    PeerLeaving,
    PongReceived,
    Role,
    SessionEnded,
    SessionLimits,
    StreamAccepted,
    StreamData,
    StreamFinished,
    StreamOpened,
    StreamReset,
    WindowBudget,
)
from beam_actors.wire.limits import KIB, MIB
from beam_actors.wire.noise import LAST_NONCE
from beam_actors.wire.phase import PHASES, Phase
from tests.wire.support import ECHO, GO_AWAY, SYN, WINDOW, Line, RawPeer, data_frame, frame, make_session, opening

BOTH_SUITES = pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])


def test_phases_only_lead_forwards():
    order = list(Phase)
    for phase, following in PHASES.items():
        assert all(order.index(each) > order.index(phase) for each in following)
    session = make_session(Role.INITIATOR)
    with pytest.raises(LocalProtocolError):
        session._go(Phase.OPEN)


def test_nothing_works_before_it_is_established():
    session = make_session(Role.INITIATOR)
    for call in (lambda: session.open(ECHO), lambda: session.ping(1), session.leave):
        with pytest.raises(LocalProtocolError):
            call()
    assert session.has_output
    assert "nobody yet" in repr(session)


@BOTH_SUITES
def test_every_flipped_bit_of_a_record_fails_closed(suite):
    line = Line(suites=(suite,)).settle()
    stream = line.alice.open(ECHO)
    line.settle()
    line.alice.send(stream, b"secret")
    sealed = bytes(line.alice.data_to_send())
    for position in range(16, len(sealed) * 8):
        other = Line(suites=(suite,)).settle()
        other.alice.open(ECHO)
        other.settle()
        wrong = bytearray(sealed)
        wrong[position // 8] ^= 1 << position % 8
        events = other.bob.receive(wrong)
        assert [type(event) for event in events] == [SessionEnded]
        assert other.bob.data_to_send() == b""
        assert other.bob.receive(sealed) == []


def test_wrong_frames_are_answered_by_a_go_away_and_what_came_before_them_counts():
    peer = RawPeer(make_session(Role.RESPONDER))
    peer.frames()
    events = peer.send(data_frame(1, opening() + b"hi", SYN), frame(WINDOW, SYN, 2, 0), data_frame(1, b"unheard"))
    assert [type(event) for event in events] == [StreamOpened, StreamData, SessionEnded]
    assert peer.frames()[-1] == (GO_AWAY, 0, 0, 1, b"")
    assert peer.send(data_frame(1, b"unheard")) == []


def test_used_up_nonces_end_the_session():
    line = Line().settle()
    line.alice._channel._sending.nonce = LAST_NONCE + 1
    line.alice.ping(1)
    assert line.alice.data_to_send() == b""
    (ended,) = line.alice.take_events()
    assert isinstance(ended.error, LocalProtocolError)


# --- streams ----------------------------------------------------------------------------------------------------------


@BOTH_SUITES
def test_a_conversation_with_half_closes(suite):
    line = Line(suites=(suite,)).settle()
    line.pop(line.alice), line.pop(line.bob)
    stream = line.alice.open(ECHO)
    assert line.alice.send(stream, b"request") == 7
    line.alice.finish(stream)
    line.settle()
    assert line.pop(line.bob) == [StreamOpened(stream, ECHO), StreamFinished(stream)]
    assert line.pop(line.alice) == [StreamAccepted(stream)]
    line.bob.send(stream, b"response")
    line.bob.finish(stream)
    line.settle()
    assert line.pop(line.alice) == [StreamFinished(stream)]
    assert line.data[line.bob][stream] == b"request"
    assert line.data[line.alice][stream] == b"response"
    assert line.alice.statistics().streams == line.bob.statistics().streams == 0


def test_a_reset_reaches_the_other_end_and_calls_for_a_gone_stream_do_nothing():
    line = Line().settle()
    stream = line.alice.open(ECHO)
    line.settle()
    line.alice.reset(stream)
    line.settle()
    assert line.pop(line.bob)[-1] == StreamReset(stream)
    for session in (line.alice, line.bob):
        assert session.send(stream, b"x") == session.room(stream) == 0
        session.consumed(stream, 10**9)
        session.finish(stream)
        session.reset(stream)
        assert not session.has_output


def test_pings():
    line = Line().settle()
    line.alice.ping(42)
    line.settle()
    assert line.pop(line.alice)[-1] == PongReceived(42)


def test_a_leaving_node_takes_no_new_streams():
    line = Line().settle()
    stream = line.bob.open(ECHO)
    line.settle()
    line.alice.leave()
    line.settle()
    assert line.pop(line.bob)[-1] == PeerLeaving()
    with pytest.raises(ConnectionLost):
        line.bob.open(ECHO)
    line.bob.send(stream, b"goes on")
    line.settle()
    assert line.data[line.alice][stream] == b"goes on"


def test_closing_in_order():
    line = Line().settle()
    line.alice.open(ECHO)
    line.alice.close()
    line.alice.close()
    assert line.alice.take_events() == [SessionEnded(None)]
    line.settle()
    assert line.pop(line.bob)[-1] == PeerLeaving()
    assert line.bob.receive_eof() == [SessionEnded(None)]
    assert line.alice.statistics().streams == 0
    line.alice.ping(1)
    line.alice.leave()
    with pytest.raises(ConnectionLost):
        line.alice.open(ECHO)


def test_a_connection_that_ends_amid_a_stream_is_lost():
    line = Line().settle()
    line.alice.open(ECHO)
    (ended,) = line.alice.receive_eof()
    assert isinstance(ended.error, ConnectionLost)
    assert line.alice.data_to_send() == b""


def test_beam_nodes_get_more_streams_than_others():
    limits = SessionLimits(streams=3, beam_streams=10)
    for suite, count in ((AES, 10), (CHACHA, 3)):
        line = Line(suites=(suite,), limits=limits).settle()
        streams = [line.alice.open(ECHO) for _ in range(count)]
        line.settle()
        assert [event.stream for event in line.pop(line.bob)[2:]] == streams
        with pytest.raises(Exception, match="as many streams"):
            line.alice.open(ECHO)


def test_read_only_buffers_are_copied_and_writable_ones_opened_in_place():
    line = Line().settle()
    stream = line.alice.open(ECHO)
    line.settle()
    line.alice.send(stream, b"hello")
    sealed = bytearray(line.alice.data_to_send())
    (event,) = line.bob.receive(sealed)
    assert event.data.obj is sealed
    assert bytes(event.data) == b"hello"


@given(st.integers(MIN_FLUSH, 1500))
def test_a_flush_keeps_to_its_limit(limit):
    line = Line().settle()
    stream = line.alice.open(ECHO)
    line.alice.send(stream, bytes(2_000))
    sizes = []
    while size := line.carry(line.alice, limit=limit):
        sizes.append(size)
    assert max(sizes) <= limit
    assert line.data[line.bob][stream] == bytes(2_000)


def test_bulk_shares_records_and_windows_grow_under_the_nodes_budget():
    budget = WindowBudget(4 * MIB)
    line = Line(budget=budget, limits=SessionLimits(send_buffer=8 * MIB, stream_buffer=8 * MIB)).settle()
    stream = line.alice.open(ECHO)
    line.settle()
    block, left = bytes(MIB), 40 * MIB
    before = line.alice.statistics()
    while left or line.alice.has_output:
        left -= line.alice.send(stream, block[: min(left, MIB)])
        line.carry(line.alice, limit=16 * MIB)
        line.carry(line.bob)
    after = line.alice.statistics()
    assert len(line.data[line.bob][stream]) == 40 * MIB
    assert MIB < budget.used <= 4 * MIB
    assert (after.sent - before.sent) / (after.records_sent - before.records_sent) > 60 * KIB
    line.bob.close()
    assert budget.used == 0
