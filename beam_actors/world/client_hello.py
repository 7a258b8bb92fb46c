"""The client's hello of a TLS connection: gathered from its records, and read for the one thing we need, the host name.

It is read before OpenSSL sees a byte, because CPython decodes the name on its way to an SNI callback and prints a
traceback when that fails: any local program could fill our log. Invariant: what comes out is a host name in ASCII, or
that there is none; all else is a `BadHello` with the alert to send. Bounded by `MAX_HELLO`; linear in what is fed.

Sources: RFC 8446 sections 4.1.2, 4.2, 5.1 and 6; RFC 6066 section 3.
"""

import attrs

from beam_actors.errors import RemoteProtocolError

MAX_HELLO = 1 << 15
"""Bytes of a hello with its records. Browsers send under 4 KiB, post-quantum key shares included."""
UNEXPECTED_MESSAGE = 10
ILLEGAL_PARAMETER = 47
DECODE_ERROR = 50
INTERNAL_ERROR = 80
UNRECOGNIZED_NAME = 112

_RECORD_HEAD = 5
_MAX_RECORD = 1 << 14
_RECORD_START = b"\x16\x03"  # a handshake record, of whatever version 3.x
_HANDSHAKE_HEAD = 4
_CLIENT_HELLO = 1
_VERSION_AND_RANDOM = 2 + 32
_SERVER_NAME = 0
_HOST_NAME = 0
_MAX_HOST_NAME = 255


class BadHello(RemoteProtocolError):
    """The client does not speak TLS, or says its host name in a way that RFC 6066 does not permit."""

    def __init__(self, reason: str, alert: int) -> None:
        super().__init__(f"The client's TLS failed: {reason}.")
        self.alert = alert


@attrs.frozen(slots=True)
class ClientHello:
    """What the hello says, and the bytes to hand to OpenSSL."""

    server_name: str | None
    """In ASCII, lower-case, as SNI has it; whether it is a host name of ours is for others to judge."""
    received: bytes
    """All that was fed so far, unchanged."""


class HelloReader:
    """Bytes in until the hello is complete."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._unread = 0  # where the next record begins
        self._message = bytearray()

    def __repr__(self) -> str:
        return f"<HelloReader holding {len(self._received)} bytes>"

    def feed(self, data: bytes | bytearray | memoryview) -> ClientHello | None:
        """Take what was read: the hello once it is complete, None while it is not; raise `BadHello`."""
        self._received += data
        while not self._is_complete():
            record = self._next_record()
            if record is None:
                return None
            self._message += record
            if self._message[0] != _CLIENT_HELLO:
                raise BadHello("it does not begin with a hello", UNEXPECTED_MESSAGE)
        end = _HANDSHAKE_HEAD + self._length()
        name = _server_name(bytes(self._message[_HANDSHAKE_HEAD:end]))
        return ClientHello(name, bytes(self._received))

    def _length(self) -> int:
        return int.from_bytes(self._message[1:_HANDSHAKE_HEAD], "big")

    def _is_complete(self) -> bool:
        if len(self._message) < _HANDSHAKE_HEAD:
            return False
        if self._length() > MAX_HELLO:
            raise BadHello("its hello is too long", DECODE_ERROR)
        return len(self._message) >= _HANDSHAKE_HEAD + self._length()

    def _next_record(self) -> bytes | None:
        head = bytes(self._received[self._unread : self._unread + _RECORD_HEAD])
        if not _RECORD_START.startswith(head[: len(_RECORD_START)]):
            raise BadHello("this is not TLS", UNEXPECTED_MESSAGE)
        if len(head) < _RECORD_HEAD:
            return None
        size = int.from_bytes(head[3:], "big")
        if not 0 < size <= _MAX_RECORD:
            raise BadHello("a record of its hello has no acceptable length", DECODE_ERROR)
        start = self._unread + _RECORD_HEAD
        if start + size > MAX_HELLO:
            raise BadHello("its hello is too long", DECODE_ERROR)
        if len(self._received) < start + size:
            return None
        self._unread = start + size
        return bytes(self._received[start : start + size])


def alert(number: int) -> bytes:
    """The record of a fatal alert before any key is agreed (RFC 8446 section 6)."""
    return bytes([21, 3, 3, 0, 2, 2, number])


class _Fields:
    """Length-prefixed fields, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, size: int) -> bytes:
        if size > len(self._data):
            raise BadHello("its hello is cut short", DECODE_ERROR)
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """What a length of `size` bytes stands before."""
        return self.take(self.number(size))

    def end(self) -> None:
        if self._data:
            raise BadHello("its hello has bytes too many", DECODE_ERROR)


def _server_name(body: bytes) -> str | None:
    fields = _Fields(body)
    fields.take(_VERSION_AND_RANDOM)
    fields.vector(1)  # session id
    fields.vector(2)  # cipher suites
    fields.vector(1)  # compression methods
    if not fields:
        return None
    extensions = _Fields(fields.vector(2))
    fields.end()
    lists = []
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            lists.append(content)
    if len(lists) > 1:
        raise BadHello("it names its host twice", ILLEGAL_PARAMETER)
    return _host_name(lists[0]) if lists else None


def _host_name(content: bytes) -> str:
    """The one name of the extension: only one type is defined, and none may come twice (RFC 6066 section 3)."""
    extension = _Fields(content)
    names = _Fields(extension.vector(2))
    extension.end()
    kind, name = names.number(1), names.vector(2)
    names.end()
    text = name.decode("latin-1")
    if kind != _HOST_NAME or not 0 < len(name) <= _MAX_HOST_NAME or not text.isascii() or not text.isprintable():
        raise BadHello("the name of its host is not one", ILLEGAL_PARAMETER)
    return text.lower()
