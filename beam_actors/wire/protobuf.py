"""The little of protocol buffers that libp2p's messages need: varints and length-delimited fields, bounded.

Source: protobuf.dev/programming-guides/encoding. The reader never recurses, copies only what a field holds, and checks
every length before it reads. Fixed-width fields are skipped, groups are refused. It knows no message.
"""

from collections.abc import Iterator

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import decode_uvarint, encode_uvarint

MAX_FIELDS = 256
"""A message of ours has ten fields; repeated ones (addresses, protocols) are bounded by this."""

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}

Value = int | bytes


def field(number: int, value: Value | str) -> bytes:
    """Encode one field: an int as a varint, bytes and text as length-delimited."""
    if isinstance(value, int):
        return encode_uvarint(number << 3 | _VARINT) + encode_uvarint(value)
    data = value.encode() if isinstance(value, str) else value
    return encode_uvarint(number << 3 | _DELIMITED) + encode_uvarint(len(data)) + data


def read_fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Yield (number, value) for each varint and length-delimited field, in the order of the wire.

    Raises:
        RemoteProtocolError: the message is cut short, holds a group or a malformed number, or has too many fields.
    """
    offset = 0
    for _ in range(MAX_FIELDS):
        if offset == len(data):
            return
        tag, offset = _uvarint(data, offset)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise RemoteProtocolError("A protobuf field has the number 0.")
        if kind == _VARINT:
            value, offset = _uvarint(data, offset)
            yield number, value
            continue
        if kind == _DELIMITED:
            size, offset = _uvarint(data, offset)
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise RemoteProtocolError(f"The protobuf wire type {kind} is not used by libp2p.")
        if size > len(data) - offset:
            raise RemoteProtocolError("A protobuf field is cut short.")
        if kind == _DELIMITED:
            yield number, data[offset : offset + size]
        offset += size
    if offset != len(data):
        raise RemoteProtocolError(f"A protobuf message has more than {MAX_FIELDS} fields.")


def want_bytes(value: Value) -> bytes:
    """Return the value of a field that must be length-delimited, or raise `RemoteProtocolError`."""
    if isinstance(value, int):
        raise RemoteProtocolError("A protobuf field holds a number where bytes belong.")
    return value


def want_int(value: Value) -> int:
    """Return the value of a field that must be a varint, or raise `RemoteProtocolError`."""
    if isinstance(value, int):
        return value
    raise RemoteProtocolError("A protobuf field holds bytes where a number belongs.")


def _uvarint(data: bytes, offset: int) -> tuple[int, int]:
    try:
        decoded = decode_uvarint(data, offset)
    except InvalidValue as error:
        raise RemoteProtocolError("A protobuf message holds a malformed number.") from error
    if decoded is None:
        raise RemoteProtocolError("A protobuf message is cut short.")
    return decoded
