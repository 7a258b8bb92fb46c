"""Messages on a stream: each behind its length, an unsigned varint (pure). How our own protocols and identify do it.

Source: libp2p/specs, "length-prefixed with an unsigned varint". The invariant: a length is checked before its bytes are
awaited, so a reader holds one message of the greatest size at most, and it ends in whole messages or in
`RemoteProtocolError`. What a message means is its protocol's business.
"""

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import decode_uvarint, encode_uvarint


def frame(body: bytes) -> bytes:
    """A message as it goes on the wire."""
    return encode_uvarint(len(body)) + body


class FrameReader:
    """Cuts the messages of one stream out of pieces of any size.

    Ask `next` until it says None before the next `feed`.
    """

    __slots__ = ("_held", "_limit", "_longest")

    def __init__(self, limit: int) -> None:
        self._held = bytearray()
        self._limit = limit
        self._longest = len(encode_uvarint(limit))

    def __repr__(self) -> str:
        return f"<FrameReader {len(self._held)} of at most {self._limit} bytes held>"

    @property
    def wanted(self) -> int:
        """How many more bytes may be read without holding more than the longest message."""
        return max(0, self._longest + self._limit - len(self._held))

    @property
    def held(self) -> int:
        """Bytes that are part of no message yet; 0 between two messages."""
        return len(self._held)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take what was read."""
        self._held += data

    def next(self) -> bytes | None:
        """The next message, or None until more was read.

        Raises:
            RemoteProtocolError: its length is malformed or beyond the limit.
        """
        try:
            prefix = decode_uvarint(self._held[: self._longest])
        except InvalidValue as error:
            raise RemoteProtocolError("A message has a malformed length.") from error
        if prefix is None:
            if len(self._held) >= self._longest:
                raise RemoteProtocolError(f"A message is longer than {self._limit} bytes.")
            return None
        size, start = prefix
        if size > self._limit:
            raise RemoteProtocolError(f"A message has {size} bytes; {self._limit} are allowed.")
        if len(self._held) < start + size:
            return None
        body = bytes(self._held[start : start + size])
        del self._held[: start + size]
        return body

    def rest(self) -> bytes:
        """Give up what follows the last message: it belongs to whatever the messages led to."""
        rest = bytes(self._held)
        self._held.clear()
        return rest
