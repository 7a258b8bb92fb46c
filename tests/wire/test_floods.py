"""A peer whose frames are small and many, or say nothing: what it may cost the others, and when it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire import Role, SessionEnded, SessionLimits, StreamData, StreamOpened, StreamReset
from beam_actors.wire.identify import PUSH_PROTOCOL
from tests.wire.support import (
    ACK,
    DATA,
    FIN,
    GO_AWAY,
    PING,
    RST,
    SYN,
    WINDOW,
    RawPeer,
    data_frame,
    frame,
    make_session,
    opening,
)

LIMITS = SessionLimits(waste=100)


def stranger(limits=LIMITS):
    return RawPeer(make_session(Role.RESPONDER, limits=limits))


class Heard:
    """What a session told, with data joined, since where it is cut says nothing."""

    def __init__(self):
        self.parts = []

    def add(self, events):
        for event in events:
            if isinstance(event, StreamData):
                if not self.parts or self.parts[-1][0] != event.stream:
                    self.parts.append((event.stream, b""))
                stream, before = self.parts[-1]
                self.parts[-1] = (stream, before + bytes(event.data))
            elif isinstance(event, SessionEnded):
                self.parts.append(("ended", str(event.error)))
            else:
                self.parts.append(("event", event))


def some_frames(draw):
    frames, opened = [], []
    for _ in range(draw(st.integers(1, 12))):
        match draw(st.sampled_from(["open", "data", "end", "reset", "ping", "window", "wrong"])):
            case "open":
                opened.append(2 * len(opened) + 1)
                frames.append(data_frame(opened[-1], opening(), SYN))
            case "ping":
                frames.append(frame(PING, SYN, 0, 7))
            case "wrong" if draw(st.integers(0, 9)) == 0:
                frames.append(frame(PING, 0, 0, 7))
            case kind if opened:
                number = draw(st.sampled_from(opened))
                payload = draw(st.binary(max_size=30))
                frames.append(
                    {
                        "data": data_frame(number, payload),
                        "end": frame(WINDOW, FIN, number, 0),
                        "reset": frame(WINDOW, RST, number, 0),
                    }.get(kind, frame(WINDOW, 0, number, 1))
                )
    return frames


@given(st.data(), st.integers(1, 200))
def test_work_in_turns_comes_to_the_same_as_work_at_once(data, work):
    frames = some_frames(data.draw)
    records = data.draw(st.integers(1, 3))
    outcomes = []
    for limit in (1 << 62, work):
        peer, heard = stranger(), Heard()
        sealed = b"".join(peer.seal(b"".join(frames[start::records])) for start in range(records))
        heard.add(peer.session.receive(bytearray(sealed), limit))
        while peer.session.backlog:
            assert limit == work
            heard.add(peer.session.resume(limit))
        outcomes.append((heard.parts, b"" if peer.session.ended else peer.plaintext()))
    assert outcomes[0] == outcomes[1]


def test_a_turn_opens_few_streams_and_leaves_the_rest_for_later():
    peer = stranger()
    sealed = peer.seal(b"".join(data_frame(number, opening(), SYN) for number in range(1, 41, 2)))
    opened = [event.stream for event in peer.session.receive(bytearray(sealed), 256) if isinstance(event, StreamOpened)]
    assert opened == [1, 3, 5, 7]
    turns = 1
    while peer.session.backlog:
        opened += [event.stream for event in peer.session.resume(256)]
        turns += 1
    assert opened == list(range(1, 41, 2))
    assert turns == 5


def test_records_are_work_however_small():
    peer = stranger()
    sealed = b"".join(peer.seal(b"") for _ in range(100)) + peer.seal(data_frame(1, opening(), SYN))
    assert peer.session.receive(bytearray(sealed), 10) == []
    turns = 1
    while peer.session.backlog:
        events = peer.session.resume(10)
        turns += 1
    assert [event.stream for event in events] == [1]
    assert turns == 11


def test_the_end_of_a_session_leaves_no_backlog():
    peer = stranger()
    sealed = peer.seal(frame(PING, SYN, 0, 1) + frame(PING, 0, 0, 1) + frame(PING, SYN, 0, 2) * 10)
    assert peer.session.receive(bytearray(sealed), 1) == []
    assert peer.session.backlog
    (ended,) = peer.session.resume(1)
    assert isinstance(ended, SessionEnded)
    assert not peer.session.backlog
    assert peer.session.resume() == []


FLOODS = {
    "window updates of nothing": (101, lambda number: [frame(WINDOW, 0, 1, 0)]),
    "data of nothing": (101, lambda number: [frame(DATA, 0, 1, 0)]),
    "pings": (101, lambda number: [frame(PING, SYN, 0, 1)]),
    "pongs that nobody asked for": (101, lambda number: [frame(PING, ACK, 0, 1)]),
    "good-byes": (101, lambda number: [frame(GO_AWAY, 0, 0, 0)]),
    "streams that are reset at once": (
        13,
        lambda number: [frame(WINDOW, SYN, number, 0), frame(WINDOW, RST, number, 0)],
    ),
    "streams that are reset before they are answered": (
        13,
        lambda number: [data_frame(number, opening() + b"data", SYN), frame(WINDOW, RST, number, 0)],
    ),
    "streams that end before they begin": (13, lambda number: [frame(WINDOW, SYN | FIN, number, 0)]),
    "streams that speak no protocol": (13, lambda number: [data_frame(number, b"\xff\xff\xff", SYN)]),
    "pushes of identify": (4, lambda number: [data_frame(number, opening(PUSH_PROTOCOL), SYN | FIN)]),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_what_says_nothing_is_borne_for_a_while_and_then_cut(flood):
    count, frames = FLOODS[flood]
    peer = stranger()
    peer.send(data_frame(1, opening(), SYN))
    for number in range(count - 1):
        assert not any(isinstance(event, SessionEnded) for event in peer.send(*frames(3 + 2 * number)))
    peer.session.forgive()
    for number in range(count - 1, 2 * count - 2):
        assert not any(isinstance(event, SessionEnded) for event in peer.send(*frames(3 + 2 * number)))
    *_, last = peer.send(*frames(3 + 2 * (2 * count - 2)))
    assert isinstance(last, SessionEnded)
    assert isinstance(last.error, RemoteProtocolError)
    assert "say nothing" in str(last.error)


def test_streams_that_were_answered_are_no_waste():
    peer = stranger()
    for number in range(1, 401, 2):
        events = peer.send(data_frame(number, opening() + b"data", SYN))
        assert isinstance(events[0], StreamOpened)
        assert peer.session.send(number, b"answer") == 6
        assert isinstance(peer.send(frame(WINDOW, RST, number, 0))[-1], StreamReset)
    assert not peer.session.ended


def test_streams_of_ours_that_the_peer_resets_are_no_waste():
    peer = stranger()
    for _ in range(200):
        stream = peer.session.open("/their/1")
        peer.frames()
        peer.send(frame(WINDOW, RST, stream, 0))
    assert not peer.session.ended


def test_who_moves_much_may_ask_much():
    peer = stranger()
    peer.send(data_frame(1, opening(), SYN))
    for _ in range(100):
        peer.send(data_frame(1, bytes(1 << 14)), frame(PING, SYN, 0, 7) * 5)
        peer.session.consumed(1, 1 << 14)
        assert peer.frames()
    assert not peer.session.ended
    for _ in range(20):
        peer.send(frame(PING, SYN, 0, 7) * 50)
        peer.frames()
    assert peer.session.ended


def test_more_streams_than_may_be_negotiated_are_waste():
    peer = stranger(SessionLimits(unanswered_streams=4, waste=100))
    peer.send(*[frame(WINDOW, SYN, number, 0) for number in range(1, 33, 2)])
    assert not peer.session.ended
    peer.send(frame(WINDOW, SYN, 33, 0))
    assert peer.session.ended
