import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, WrongPeer
from beam_actors.wire import (
    AES,
    CHACHA,
    MIN_FLUSH,
    SUITES,
    Established,
    IdentifyInfo,
    PeerIdentified,
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
    StreamWritable,
    WindowBudget,
)
from beam_actors.wire.limits import KIB, MIB
from beam_actors.wire.multistream import HEADER, encode_message
from beam_actors.wire.noise import LAST_NONCE
from beam_actors.wire.phase import PHASES, Phase
from tests.wire.support import (
    ALICE,
    BOB,
    ECHO,
    GO_AWAY,
    SYN,
    WINDOW,
    Line,
    RawPeer,
    data_frame,
    frame,
    make_session,
    opening,
)

BOTH_SUITES = pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])


# --- beginning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suites", "agreed"), [(SUITES, AES), ((CHACHA,), CHACHA), ((CHACHA, AES), CHACHA)])
@given(chunk=st.integers(1, 400))
def test_two_nodes_meet(suites, agreed, chunk):
    line = Line(suites=suites).settle(chunk=chunk)
    assert line.pop(line.alice) == [
        Established(BOB.peer_id, agreed),
        PeerIdentified(IdentifyInfo(agent="test responder")),
    ]
    assert line.pop(line.bob) == [
        Established(ALICE.peer_id, agreed),
        PeerIdentified(IdentifyInfo(agent="test initiator")),
    ]
    assert (line.alice.peer, line.alice.suite, line.alice.phase) == (BOB.peer_id, agreed, Phase.OPEN)


@BOTH_SUITES
@pytest.mark.parametrize("role", list(Role))
def test_a_peer_that_does_not_inline_the_muxer(role, suite):
    session = make_session(role)
    peer = RawPeer(session, suite=suite, muxers=())
    assert session.phase is Phase.MUXER
    assert peer.plaintext() == (opening("/yamux/1.0.0") if role is Role.INITIATOR else b"")
    peer.feed(peer.seal(opening("/yamux/1.0.0") + frame(GO_AWAY, 0, 0, 0)))
    assert peer.events == [Established(BOB.peer_id, suite), PeerLeaving()]


def test_a_peer_without_yamux():
    peer = RawPeer(make_session(Role.INITIATOR), muxers=("/mplex/6.7.0",))
    assert peer.plaintext() == opening("/yamux/1.0.0")
    peer.feed(peer.seal(encode_message(HEADER) + encode_message("na")))
    assert isinstance(peer.events[-1], SessionEnded)
    assert peer.hear() == b""


def test_no_common_suite():
    line = Line(suites=(AES,))
    line.bob = make_session(Role.RESPONDER, BOB, suites=(CHACHA,))
    line.events[line.bob], line.data[line.bob], line.bytes[line.bob] = [], {}, 0
    line.settle()
    (ended,) = line.pop(line.alice)
    assert isinstance(ended.error, RemoteProtocolError)


def test_another_peer_than_expected():
    line = Line()
    line.alice = make_session(Role.INITIATOR, expected=ALICE.peer_id)
    line.events[line.alice], line.data[line.alice], line.bytes[line.alice] = [], {}, 0
    line.settle()
    (ended,) = line.pop(line.alice)
    assert isinstance(ended.error, WrongPeer)
    assert line.pop(line.bob) == []
    assert line.bob.phase is Phase.HANDSHAKE


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


# --- tampering --------------------------------------------------------------------------------------------------------


def record_handshake(suites):
    """Each flush of a meeting, in order: (whether Alice said it, bytes)."""
    line, flushes = Line(suites=suites), []
    for turn in range(8):
        sender = line.alice if turn % 2 == 0 else line.bob
        out = bytes(sender.data_to_send())
        flushes.append((sender is line.alice, out))
        line.other(sender).receive(out)
    return [flush for flush in flushes if flush[1]]


@pytest.mark.parametrize("suites", [(AES,), (CHACHA,)], ids=["aes", "chacha"])
def test_every_flipped_bit_of_a_meeting_fails_closed(suites):
    """Of the long flushes with signatures every third bit, of all others each."""
    flushes = record_handshake(suites)
    for index, (by_alice, flush) in enumerate(flushes[:4]):
        for position in range(0, len(flush) * 8, 3 if len(flush) > 120 else 1):
            line = Line(suites=suites)
            for earlier_by_alice, earlier in flushes[:index]:
                sender = line.alice if earlier_by_alice else line.bob
                assert bytes(sender.data_to_send()) == earlier
                line.other(sender).receive(earlier)
            sender = line.alice if by_alice else line.bob
            wrong = bytearray(sender.data_to_send())
            wrong[position // 8] ^= 1 << position % 8
            line.other(sender).receive(wrong)
            line.settle()
            assert {line.alice.phase, line.bob.phase} != {Phase.OPEN}, (index, position)


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


def test_a_failed_handshake_has_no_last_words():
    session = make_session(Role.RESPONDER)
    session.receive(opening("/noise"))
    session.data_to_send()
    (ended,) = session.receive(b"\x00\x20" + bytes(32))
    assert isinstance(ended.error, RemoteProtocolError)
    assert session.data_to_send() == b""
    assert not session.has_output


def test_wrong_frames_are_answered_by_a_go_away_and_what_came_before_them_counts():
    peer = RawPeer(make_session(Role.RESPONDER))
    peer.frames()
    events = peer.send(data_frame(1, opening() + b"hi", SYN), frame(WINDOW, SYN, 2, 0), data_frame(1, b"unheard"))
    assert [type(event) for event in events] == [StreamOpened, StreamData, SessionEnded]
    assert peer.frames()[-1] == (GO_AWAY, 0, 0, 1, b"")
    assert peer.send(data_frame(1, b"unheard")) == []


def test_used_up_nonces_end_the_session():
    line = Line().settle()
    line.alice._cipher.nonce = LAST_NONCE + 1
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


# --- anything in any order --------------------------------------------------------------------------------------------


SIDES = st.booleans()
STEPS = st.one_of(
    st.tuples(st.just("open"), SIDES),
    st.tuples(st.just("send"), SIDES, st.integers(0, 5), st.sampled_from([1, 100, 5000, 70_000, 400_000])),
    st.tuples(st.just("finish"), SIDES, st.integers(0, 5)),
    st.tuples(st.just("reset"), SIDES, st.integers(0, 5)),
    st.tuples(st.just("take"), SIDES, st.integers(0, 5), st.sampled_from([1, 5000, 1 << 20])),
    st.tuples(
        st.just("carry"),
        SIDES,
        st.sampled_from([MIN_FLUSH, 1000, 100_000, 1 << 20]),
        st.sampled_from([None, 1000, 9000]),
    ),
)


class Model:
    """What two applications did on a line, against what must come of it."""

    def __init__(self):
        self.line = Line(consume=False, limits=SessionLimits(send_buffer=300_000, stream_buffer=200_000)).settle()
        self.streams: list[int] = []
        self.sent: dict[tuple[bool, int], bytearray] = {}
        self.taken: dict[tuple[bool, int], int] = {}
        self.finished: set[tuple[bool, int]] = set()
        self.reset: set[int] = set()
        self.waiting: set[tuple[bool, int]] = set()
        self.counter = 0

    def session(self, side):
        return self.line.alice if side else self.line.bob

    def listen(self):
        for side in (True, False):
            for event in self.line.pop(self.session(side)):
                if isinstance(event, StreamWritable):
                    assert (side, event.stream) in self.waiting, "told though nobody waits"
                    self.waiting.discard((side, event.stream))
                elif isinstance(event, StreamFinished):
                    assert (not side, event.stream) in self.finished
                elif isinstance(event, StreamReset):
                    assert event.stream in self.reset
                assert not isinstance(event, SessionEnded), event

    def apply(self, name, side, *arguments):
        session = self.session(side)
        if name == "open":
            self.streams.append(session.open(ECHO))
        elif name == "carry":
            limit, chunk = arguments
            self.line.carry(session, limit=limit, chunk=chunk)
            self.listen()
        elif self.streams:
            index, *rest = arguments
            getattr(self, name)(side, self.streams[index % len(self.streams)], *rest)

    def send(self, side, stream, size):
        if (side, stream) in self.finished or not self.knows(side, stream):
            return
        self.counter += 1
        data = (self.counter % 251).to_bytes(1, "big") * size
        room = self.session(side).room(stream)
        taken = self.session(side).send(stream, data)
        assert taken == min(size, room)
        self.sent.setdefault((side, stream), bytearray()).extend(data[:taken])
        if not room or taken < size:
            self.waiting.add((side, stream))

    def knows(self, side, stream):
        """Whether the application at that end has the stream: it opened it, or was told of it; and it isn't gone."""
        books = self.session(side)._mux.get(stream)
        return books is not None and ((stream % 2 == 1) == side or books.dialog is None)

    def finish(self, side, stream):
        if self.knows(side, stream):
            self.session(side).finish(stream)
            self.finished.add((side, stream))

    def reset_stream(self, side, stream):
        if self.knows(side, stream):
            self.session(side).reset(stream)
            self.reset.add(stream)

    def take(self, side, stream, size):
        books = self.session(side)._mux.get(stream)
        got = len(self.line.data[self.session(side)].get(stream, b""))
        size = min(size, got - self.taken.get((side, stream), 0))
        if books is not None and books.dialog is None:
            self.session(side).consumed(stream, size)
            self.taken[side, stream] = self.taken.get((side, stream), 0) + size

    def check(self):
        for side in (True, False):
            session = self.session(side)
            held = 0
            for stream in self.streams:
                books = session._mux.get(stream)
                if books is not None:
                    assert 0 <= books.held <= books.window
                    assert 0 <= books.granted <= books.window
                    assert books.credit >= 0
                    held += books.queued
            assert session._mux.outbox.queued >= held
            for stream, got in self.line.data[session].items():
                assert self.sent.get((not side, stream), b"").startswith(got), "mixed, reordered or invented"

    def end(self):
        """Take all until nothing moves: what was sent and not reset has arrived, nobody waits in vain."""
        while True:
            moved = self.line.carry(self.line.alice) + self.line.carry(self.line.bob)
            self.listen()
            for side in (True, False):
                for stream in self.streams:
                    self.take(side, stream, 1 << 30)
            if not moved and not (self.line.alice.has_output or self.line.bob.has_output):
                break
        for (side, stream), sent in self.sent.items():
            if stream not in self.reset:
                assert self.line.data[self.session(not side)].get(stream, b"") == sent
        for side, stream in self.waiting - self.finished:
            assert stream in self.reset or self.session(side)._mux.get(stream) is None, "waits for ever"


@given(st.lists(STEPS, max_size=40))
def test_any_interleaving(steps):
    model = Model()
    for name, *arguments in steps:
        model.apply("reset_stream" if name == "reset" else name, *arguments)
        model.check()
    model.end()
