"""Frames of yamux by hand, for whoever says what the production's multiplexer would not: possible ones and others."""

from beam_actors.wire.multistream import HEADER, encode_message
from beam_actors.wire.yamux import Flag, Kind, pack_header


def yamux(kind: int, flags: int, stream: int, value: int, payload: bytes = b"", version: int = 0) -> bytes:
    """A frame with these fields; none of them is checked."""
    return pack_header(version, kind, flags, stream, value) + payload


def opened(stream: int, proposed: str, payload: bytes = b"", flags: int = 0) -> bytes:
    """A frame that opens a stream, proposes a protocol and says something at once."""
    said = encode_message(HEADER) + encode_message(proposed) + payload
    return yamux(Kind.DATA, Flag.SYN | flags, stream, len(said), said)
