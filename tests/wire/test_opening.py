import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.wire import (
    AES,
    CHACHA,
    SUITES,
    Established,
    IdentifyInfo,
    PeerIdentified,
    PeerLeaving,
    Role,
    Security,
    SessionEnded,
)
from beam_actors.wire.multistream import HEADER, encode_message
from beam_actors.wire.phase import Phase
from tests.wire.support import ALICE, BOB, GO_AWAY, Line, RawPeer, frame, make_session, opening

BOTH_SUITES = pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])


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
    line.bob = make_session(Role.RESPONDER, BOB, security=Security(suites=(CHACHA,)))
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


def test_a_failed_handshake_has_no_last_words():
    session = make_session(Role.RESPONDER)
    session.receive(opening("/noise"))
    session.data_to_send()
    (ended,) = session.receive(b"\x00\x20" + bytes(32))
    assert isinstance(ended.error, RemoteProtocolError)
    assert session.data_to_send() == b""
    assert not session.has_output
