"""The bytes of `/beam/tunnel/1` (pure): one request, one reply, then the tunnel's own bytes (docs/tunnels.md).

Both messages are one canonical CBOR map of at most `MAX_MESSAGE` bytes in a frame of `wire`. The invariant: a body ends
in a message or in `RemoteProtocolError`. What a status leads to, and who may ask for what, stand elsewhere.
"""

import enum
from functools import lru_cache

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import Name, Record, check_port, encode_record
from beam_actors.wire import frame

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


@lru_cache(maxsize=256)  # a forward asks for the same with each connection
def encode_request(request: Request) -> bytes:
    """The request as it goes on the wire; remembered."""
    name = "" if request.name is None else request.name.label
    return frame(encode_record({"v": VERSION, "name": name, "port": request.port, "client": request.client}))


def encode_answer(answer: Answer) -> bytes:
    """The reply as it goes on the wire."""
    return frame(encode_record({"v": VERSION, "status": answer.status.value, "message": answer.message}))


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


@lru_cache(maxsize=256)  # 127 bytes each at most, the reception's bound; what is refused is not remembered
def decode_request_cached(body: bytes) -> Request:
    """`decode_request` of a short body that may come again, remembered."""
    return decode_request(body)


def decode_answer(body: bytes | bytearray | memoryview) -> Answer:
    """Read the body of a reply; raises like `decode_request`."""
    record = _record(body)
    try:
        status = record.text("status", limit=_MAX_STATUS)
        message = record.text("message", limit=MAX_TEXT)
    except InvalidValue as error:
        raise RemoteProtocolError(f"A tunnel reply is not acceptable: {error}") from error
    return Answer(status=_STATUSES.get(status, Status.FAILED), message=message)


OK = encode_answer(Answer(status=Status.OK))
"""The whole reply that lets a visitor in."""
_STATUSES = {status.value: status for status in Status}


def _record(body: bytes | bytearray | memoryview) -> Record:
    try:
        record = Record.decode(body, limit=MAX_MESSAGE)
        version = record.integer("v")
    except InvalidValue as error:
        raise RemoteProtocolError(f"A tunnel message is not acceptable: {error}") from error
    if version != VERSION:
        raise UnsupportedVersion(f"The other side speaks version {version} of the tunnel protocol, not {VERSION}.")
    return record
