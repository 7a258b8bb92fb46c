import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire import FrameReader, frame
from tests.wire.fuzz import fuzz_frames

LIMIT = 300


def read(data, sizes):
    """All messages of `data`, fed in pieces of these sizes, and what follows them."""
    reader, position, turn, messages = FrameReader(LIMIT), 0, 0, []
    while True:
        while (message := reader.next()) is not None:
            messages.append(message)
        if position == len(data):
            return messages, reader.rest()
        size = min(sizes[turn % len(sizes)], reader.wanted)
        assert size > 0
        reader.feed(data[position : position + size])
        position = min(len(data), position + size)
        turn += 1


@given(
    st.lists(st.binary(max_size=LIMIT), max_size=5), st.lists(st.integers(1, LIMIT), min_size=1), st.integers(0, LIMIT)
)
def test_messages_arrive_however_they_are_cut(bodies, sizes, cut):
    whole = b"".join(map(frame, bodies))
    assert read(whole, sizes) == (bodies, b"")
    beginning = frame(bytes(LIMIT))[:cut]
    assert read(whole + beginning, sizes) == (bodies, beginning)


@pytest.mark.parametrize("head", [b"\xad\x02", b"\xff\xff", b"\x80\x00", b"\x80\x80\x01"])
def test_a_length_beyond_the_limit_is_refused_before_its_bytes_come(head):
    reader = FrameReader(LIMIT)
    reader.feed(head)
    with pytest.raises(RemoteProtocolError):
        reader.next()


def test_a_length_that_may_still_be_acceptable_is_waited_for():
    reader = FrameReader(LIMIT)
    reader.feed(b"\x80")
    assert reader.next() is None
    reader.feed(b"\x01")
    assert reader.next() is None
    reader.feed(bytes(128))
    assert reader.next() == bytes(128)


def test_a_reader_asks_for_no_more_than_a_message():
    reader = FrameReader(LIMIT)
    assert reader.wanted == LIMIT + 2
    reader.feed(b"\xac\x02" + bytes(LIMIT - 1))
    assert reader.next() is None
    assert reader.wanted == 1
    reader.feed(b"\0")
    assert reader.wanted == 0
    assert reader.next() == bytes(LIMIT)
    assert (reader.wanted, reader.held) == (LIMIT + 2, 0)


@given(st.binary(max_size=400))
def test_any_bytes_end_in_messages_or_a_protocol_error(data):
    fuzz_frames(data)
