"""The bytes of `/beam/tunnel/1` (pure): one request, one reply, then the tunnel's own bytes (docs/tunnels.md).

Both messages are a length as an unsigned varint and that many bytes of one canonical CBOR map. The invariant: a
reader never holds more than `MAX_MESSAGE` bytes and two of length, never reads past the message, and ends in a
message or in `RemoteProtocolError`. What a status leads to, and who may ask for what, stand elsewhere.
"""

import enum

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import Name, Record, check_port, decode_uvarint, encode_record, encode_uvarint

PROTOCOL = "/beam/tunnel/1"
VERSION = 1
MAX_MESSAGE = 1024
MAX_CLIENT = 64
MAX_TEXT = 200
_MAX_STATUS = 32


class Status(enum.Enum):
    """How a request for a tunnel ended. A status that this version does not know reads as FAILED."""

    OK = "ok"
    REFUSED = "refused"
    NOT_FOUND = "not-found"
    TARGET_DOWN = "target-down"
    TIMED_OUT = "timed-out"
    BUSY = "busy"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


def _client(value: str) -> str:
    return "".join(char for char in value if char.isprintable())[:MAX_CLIENT]


def clean_text(text: str) -> str:
    """At most 200 printable characters of `text`: it comes from another machine and goes to a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_TEXT]


@attrs.frozen(slots=True, kw_only=True)
class Request:
    """What the visitor asks for: a service of `name` (None: of the peer itself) on `port`."""

    name: Name | None
    port: int = attrs.field(converter=check_port)
    client: str = attrs.field(default="", converter=_client)
    """Which way the visitor came (`https`, `forward`, …), for people to read; never a ground to allow anything."""


@attrs.frozen(slots=True, kw_only=True)
class Answer:
    """What the owner's daemon answers; the tunnel's bytes follow only after OK."""

    status: Status
    message: str = attrs.field(default="", converter=clean_text)


class UnsupportedVersion(RemoteProtocolError):
    """The request is of a version that this program does not speak; it is answered in words."""


def encode_request(request: Request) -> bytes:
    """The request as it goes on the wire."""
    name = "" if request.name is None else request.name.label
    return _framed({"v": VERSION, "name": name, "port": request.port, "client": request.client})


def encode_answer(answer: Answer) -> bytes:
    """The reply as it goes on the wire."""
    return _framed({"v": VERSION, "status": answer.status.value, "message": answer.message})


def decode_request(body: bytes | bytearray | memoryview) -> Request:
    """Read the body of a request.

    Raises:
        UnsupportedVersion: it is a record of another version.
        RemoteProtocolError: it is anything else.
    """
    record = _record(body)
    try:
        label = record.text("name", limit=MAX_CLIENT)
        return Request(
            name=Name(label) if label else None,
            port=record.integer("port", least=1, most=65535),
            client=record.text("client", limit=MAX_CLIENT),
        )
    except InvalidValue as error:
        raise RemoteProtocolError(f"A tunnel request is not acceptable: {error}") from error


def decode_answer(body: bytes | bytearray | memoryview) -> Answer:
    """Read the body of a reply; raises like `decode_request`."""
    record = _record(body)
    try:
        status = record.text("status", limit=_MAX_STATUS)
        message = record.text("message", limit=MAX_TEXT)
    except InvalidValue as error:
        raise RemoteProtocolError(f"A tunnel reply is not acceptable: {error}") from error
    return Answer(status=_STATUSES.get(status, Status.FAILED), message=message)


_STATUSES = {status.value: status for status in Status}


def _framed(fields: dict[str, int | str]) -> bytes:
    body = encode_record(dict(fields))
    return encode_uvarint(len(body)) + body


def _record(body: bytes | bytearray | memoryview) -> Record:
    try:
        record = Record.decode(body, limit=MAX_MESSAGE)
        version = record.integer("v")
    except InvalidValue as error:
        raise RemoteProtocolError(f"A tunnel message is not acceptable: {error}") from error
    if version != VERSION:
        raise UnsupportedVersion(f"The other side speaks version {version} of the tunnel protocol, not {VERSION}.")
    return record


class MessageReader:
    """Collects one framed message from pieces of any size; what follows it is in `rest`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body: bytes | None = None

    def __repr__(self) -> str:
        state = "complete" if self._body is not None else f"{len(self._buffer)} bytes so far"
        return f"MessageReader({state})"

    @property
    def wanted(self) -> int:
        """How many more bytes may be read without holding more than a message; 0 once it is complete."""
        return 0 if self._body is not None else MAX_MESSAGE + 2 - len(self._buffer)

    @property
    def rest(self) -> bytes:
        """The bytes after the message."""
        return bytes(self._buffer) if self._body is not None else b""

    def feed(self, data: bytes) -> bytes | None:
        """Take what was read; return the message's body once it is whole.

        Raises:
            RemoteProtocolError: the length is none, or beyond `MAX_MESSAGE`.
        """
        self._buffer += data
        try:
            decoded = decode_uvarint(self._buffer)
        except InvalidValue as error:
            raise RemoteProtocolError("A tunnel message has no valid length.") from error
        if decoded is None:
            if len(self._buffer) > 1:
                raise RemoteProtocolError(f"A tunnel message is longer than {MAX_MESSAGE} bytes.")
            return None
        size, start = decoded
        if size > MAX_MESSAGE:
            raise RemoteProtocolError(f"A tunnel message is longer than {MAX_MESSAGE} bytes.")
        if len(self._buffer) < start + size:
            return None
        self._body = bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return self._body
