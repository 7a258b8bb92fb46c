import pytest

from beam_actors.errors import RemoteProtocolError
from beam_actors.flow import read_frame
from beam_actors.wire import FrameReader, frame


class Pieces:
    """A stream that yields these pieces, cut to what is asked for, and then ends."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    async def read(self, limit=1 << 16):
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > limit:
            self.pieces.insert(0, piece[limit:])
        return piece[:limit]


async def test_messages_come_one_at_a_time_and_then_the_end():
    stream, reader = Pieces(frame(b"one") + frame(b"two")[:2], frame(b"two")[2:]), FrameReader(10)
    assert await read_frame(stream, reader) == b"one"
    assert await read_frame(stream, reader) == b"two"
    assert await read_frame(stream, reader) is None


async def test_an_end_within_a_message_is_an_error():
    with pytest.raises(RemoteProtocolError, match="within a message"):
        await read_frame(Pieces(frame(b"one")[:2]), FrameReader(10))


async def test_no_more_is_read_than_a_message_may_have():
    stream, reader = Pieces(frame(b"one") + bytes(100)), FrameReader(10)
    assert await read_frame(stream, reader) == b"one"
    assert len(reader.rest()) + sum(map(len, stream.pieces)) == 100
    assert sum(map(len, stream.pieces)) > 90
