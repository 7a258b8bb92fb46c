"""DNS over TCP: a two-byte length before each message (RFC 1035 section 4.2.2, RFC 7766 section 8).

Invariant: at most one message's worth of bytes is held. Knows nothing of what a message says.
"""

from beam_actors.errors import LocalProtocolError, RemoteProtocolError

_PREFIX = 2
MAX_MESSAGE = 0xFFFF


def frame(message: bytes) -> bytes:
    """The message with its length before it, in one piece: some clients read it only so (RFC 7766 section 8)."""
    if len(message) > MAX_MESSAGE:
        raise LocalProtocolError("A DNS message over TCP has at most 65,535 bytes.")
    return len(message).to_bytes(_PREFIX, "big") + message


class Deframer:
    """Bytes of a connection in, whole messages out.

    A message longer than `limit` bytes raises `RemoteProtocolError` as soon as its length is seen: no question of ours
    is that long, so nothing is held for it.
    """

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def __repr__(self) -> str:
        return f"<Deframer holding {len(self._buffer)} bytes>"

    @property
    def pending(self) -> bool:
        """Whether a message was begun and not ended."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> list[bytes]:
        """Take what was read; return the messages that are now complete, in order."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        offset = 0
        while len(buffer) - offset >= _PREFIX:
            size = int.from_bytes(buffer[offset : offset + _PREFIX], "big")
            if size > self._limit:
                raise RemoteProtocolError(f"A DNS question of {size} bytes came over TCP; {self._limit} are accepted.")
            if len(buffer) - offset - _PREFIX < size:
                break
            messages.append(bytes(buffer[offset + _PREFIX : offset + _PREFIX + size]))
            offset += _PREFIX + size
        del buffer[:offset]
        return messages
