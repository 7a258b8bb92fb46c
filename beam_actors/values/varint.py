"""Unsigned LEB128 integers as multiformats writes them: minimal, at most nine bytes, below 2**63.

Source: multiformats/unsigned-varint. Decoding tells "more bytes are needed" (None) from "this can never be one".
"""

from beam_actors.errors import InvalidValue

MAX_BYTES = 9
MAX_VALUE = 2**63 - 1


def encode_uvarint(value: int) -> bytes:
    """Encode `value` (0 to 2**63 - 1); raise `InvalidValue` outside that range."""
    if not 0 <= value <= MAX_VALUE:
        raise InvalidValue(f"An unsigned varint holds 0 to 2**63 - 1, not {value}.")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_uvarint(data: bytes | bytearray | memoryview, offset: int = 0) -> tuple[int, int] | None:
    """Decode the integer at `offset`: (value, offset after it), or None when it is cut short.

    Raises:
        InvalidValue: it runs beyond nine bytes or has a needless zero byte at its end.
    """
    value = 0
    end = min(len(data), offset + MAX_BYTES)
    for position in range(offset, end):
        byte = data[position]
        value |= (byte & 0x7F) << 7 * (position - offset)
        if byte < 0x80:
            if byte == 0 and position > offset:
                raise InvalidValue("A varint is not in its shortest form.")
            return value, position + 1
    if end - offset == MAX_BYTES:
        raise InvalidValue("A varint is longer than nine bytes.")
    return None
