"""yamux's frames: twelve bytes of header, and for data frames a payload behind it.

Source: libp2p/specs yamux, hashicorp/yamux spec.md. Version 0; all numbers big-endian. The length of a data frame
counts its payload, that of a window update is the increment, that of a ping its opaque value, that of a go-away its
code. A frame may straddle Noise messages, those written here never do.
"""

import enum
from struct import Struct
from typing import Final

HEADER_SIZE: Final = 12

_HEADER: Final = Struct(">BBHII")
pack_header = _HEADER.pack
unpack_header = _HEADER.unpack_from


class Kind(enum.IntEnum):
    """The type of a frame."""

    DATA = 0
    WINDOW_UPDATE = 1
    PING = 2
    GO_AWAY = 3


class Flag(enum.IntFlag):
    """The flags of a frame."""

    SYN = 1
    ACK = 2
    FIN = 4
    RST = 8


class GoAway(enum.IntEnum):
    """Why an end takes no more streams."""

    NORMAL = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
