import os

import pytest

from beam_actors.errors import WrongPeer
from beam_actors.wire import (
    Established,
    IdentifyInfo,
    PeerIdentified,
    Role,
    SessionEnded,
    SessionLimits,
    StreamAccepted,
    StreamData,
    StreamFinished,
    StreamOpened,
    StreamRefused,
    StreamReset,
    identify,
)
from beam_actors.wire.dialogs import PING_PROTOCOL
from beam_actors.wire.multistream import HEADER, encode_message
from tests.wire.support import (
    ACK,
    ALICE,
    BOB,
    DATA,
    ECHO,
    FIN,
    RST,
    SYN,
    WINDOW,
    RawPeer,
    data_frame,
    frame,
    make_session,
    opening,
)

NA = encode_message("na")


@pytest.fixture
def dialled():
    """A session that a hand-made peer dialled, with its own identify question answered by `na`."""
    peer = RawPeer(make_session(Role.RESPONDER))
    assert isinstance(peer.events[0], Established)
    assert peer.frames() == [(DATA, SYN, 2, 36, opening(identify.PROTOCOL))]
    assert peer.send(data_frame(2, encode_message(HEADER) + NA, ACK)) == []
    assert peer.frames() == [(WINDOW, RST, 2, 0, b"")]
    return peer


def test_a_proposal_with_payload_and_fin_in_one_frame(dialled):
    assert dialled.send(data_frame(1, opening() + b"payload", SYN | FIN)) == [
        StreamOpened(1, ECHO),
        StreamData(1, dialled.events[1].data),
        StreamFinished(1),
    ]
    assert bytes(dialled.events[1].data) == b"payload"
    assert dialled.frames() == [(DATA, ACK, 1, 34, opening())]


def test_a_protocol_is_negotiated_byte_by_byte(dialled):
    dialled.send(frame(WINDOW, SYN, 1, 0))
    events = [event for byte in opening() + b"!" for event in list(dialled.send(data_frame(1, bytes([byte]))))]
    assert [type(event) for event in events] == [StreamOpened, StreamData]


def test_an_unknown_protocol_is_declined_and_another_may_follow(dialled):
    assert dialled.send(data_frame(1, opening("/nothing"), SYN)) == []
    assert dialled.frames() == [(DATA, ACK, 1, 24, encode_message(HEADER) + NA)]
    assert dialled.send(data_frame(1, encode_message(ECHO))) == [StreamOpened(1, ECHO)]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff", b"GET / HTTP/1.1\r\n" + b"Host: x\r\n" * 9, encode_message(HEADER) + encode_message("/x") * 17],
)
def test_a_broken_negotiation_costs_the_stream_only(dialled, data):
    assert dialled.send(data_frame(1, data, SYN)) == []
    assert dialled.frames() == [(WINDOW, ACK | RST, 1, 0, b"")]
    assert dialled.send(data_frame(3, opening(), SYN)) == [StreamOpened(3, ECHO)]


@pytest.mark.parametrize("flags", [FIN, RST])
def test_a_stream_that_ends_before_it_is_agreed_was_never_there(dialled, flags):
    dialled.send(data_frame(1, encode_message(HEADER), SYN))
    assert dialled.send(frame(WINDOW, flags, 1, 0)) == []
    assert dialled.session.statistics().streams == 0


def test_negotiations_at_once_are_bounded():
    peer = RawPeer(make_session(Role.RESPONDER, limits=SessionLimits(unanswered_streams=2)))
    peer.frames()
    peer.send(*(frame(WINDOW, SYN, number, 0) for number in (1, 3, 5)))
    assert peer.frames() == [(WINDOW, RST, 5, 0, b"")]
    assert peer.send(data_frame(1, opening())) == [StreamOpened(1, ECHO)]
    peer.send(frame(WINDOW, SYN, 7, 0))
    assert [said[:3] for said in peer.frames()] == [(DATA, ACK, 1)]


def test_data_may_follow_a_proposal_at_once(dialled):
    stream = dialled.session.open(ECHO)
    assert dialled.session.send(stream, b"early") == 5
    assert dialled.frames() == [(DATA, SYN, 4, 39, opening() + b"early")]
    assert dialled.send(data_frame(4, opening() + b"reply", ACK)) == [
        StreamAccepted(4),
        StreamData(4, dialled.events[1].data),
    ]


def test_an_answer_before_the_proposal_left_ends_the_session(dialled):
    stream = dialled.session.open(ECHO)
    (ended,) = dialled.send(data_frame(stream, encode_message(HEADER) + NA, ACK))
    assert isinstance(ended, SessionEnded)


def test_what_a_peer_may_answer_to_a_proposal(dialled):
    answers = {
        encode_message(HEADER) + NA: StreamRefused,
        encode_message(HEADER) + encode_message("/other"): StreamReset,
        b"\x02\xff\n": StreamReset,
    }
    for answer, kind in answers.items():
        stream = dialled.session.open(ECHO)
        dialled.frames()
        assert dialled.send(data_frame(stream, answer, ACK)) == [kind(stream)]
        assert dialled.frames() == [(WINDOW, RST, stream, 0, b"")]
        assert dialled.session.send(stream, b"x") == dialled.session.room(stream) == 0
    for flags in (FIN, RST):
        stream = dialled.session.open(ECHO)
        dialled.frames()
        assert dialled.send(frame(WINDOW, flags, stream, 0)) == [StreamReset(stream)]


def test_pings_are_echoed(dialled):
    ping = os.urandom(32)
    dialled.send(data_frame(1, opening(PING_PROTOCOL) + ping, SYN))
    assert dialled.frames() == [(DATA, ACK, 1, 70, opening(PING_PROTOCOL) + ping)]
    assert dialled.send(data_frame(1, ping[:10]), data_frame(1, ping[10:], FIN)) == []
    assert dialled.frames() == [(DATA, FIN, 1, 32, ping)]
    assert dialled.session.statistics().streams == 0


def test_a_ping_stream_that_sends_and_does_not_read_is_reset(dialled):
    dialled.send(data_frame(1, opening(PING_PROTOCOL), SYN), *[data_frame(1, bytes(1000))] * 6)
    assert dialled.frames() == [(WINDOW, ACK | RST, 1, 0, b"")]


def test_services_are_bounded():
    peer = RawPeer(make_session(Role.RESPONDER, limits=SessionLimits(service_streams=2)))
    peer.frames()
    peer.send(*(data_frame(number, opening(PING_PROTOCOL), SYN) for number in (1, 3, 5)))
    assert [said[:3] for said in peer.frames()] == [(WINDOW, ACK | RST, 5), (DATA, ACK, 1), (DATA, ACK, 3)]


def test_identify_is_answered_and_finished(dialled):
    dialled.send(data_frame(1, opening(identify.PROTOCOL), SYN | FIN))
    ((_, flags, number, _, payload),) = dialled.frames()
    assert (flags, number) == (ACK | FIN, 1)
    reader = identify.InfoReader(ALICE.peer_id)
    reader.receive(memoryview(payload[len(opening(identify.PROTOCOL)) :]))
    assert reader.info == IdentifyInfo(agent="test responder")


def test_a_push_is_heard(dialled):
    info = IdentifyInfo(agent="moved")
    push = opening(identify.PUSH_PROTOCOL) + identify.encode_info(info, BOB.peer_id)
    assert dialled.send(data_frame(1, push, SYN)) == []
    assert dialled.send(frame(WINDOW, FIN, 1, 0)) == [PeerIdentified(info)]
    assert [said[:3] for said in dialled.frames()] == [(DATA, ACK | FIN, 1)]


def test_a_malformed_push_costs_the_stream_only(dialled):
    assert dialled.send(data_frame(1, opening(identify.PUSH_PROTOCOL) + b"\xff\xff\xff", SYN)) == []
    assert not dialled.session.ended


def test_a_peer_that_lies_about_its_key_is_cut(dialled):
    lie = opening(identify.PUSH_PROTOCOL) + identify.encode_info(IdentifyInfo(), ALICE.peer_id)
    (ended,) = dialled.send(data_frame(1, lie, SYN))
    assert isinstance(ended, SessionEnded)
    assert isinstance(ended.error, WrongPeer)
