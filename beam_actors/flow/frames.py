"""Reading messages behind their length off a stream, with awaiting (`wire.FrameReader` cuts them)."""

from typing import Protocol

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire import FrameReader


class Readable(Protocol):
    """What is needed of `Stream`."""

    async def read(self, limit: int = ...) -> bytes:
        """1 to `limit` bytes, or b"" at the clean end."""
        ...


async def read_frame(stream: Readable, reader: FrameReader) -> bytes | None:
    """The next message, or None at the clean end between two; what was read beyond it stays in `reader`.

    Raises:
        RemoteProtocolError: the stream ended within a message, or a length is not acceptable.
        NetworkError: the stream broke.
    """
    while (body := reader.next()) is None:
        data = await stream.read(reader.wanted)
        if not data:
            if reader.held:
                raise RemoteProtocolError("The stream ended within a message.")
            return None
        reader.feed(data)
    return body
