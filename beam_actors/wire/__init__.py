"""The wire: libp2p's protocols without I/O, and the session that stacks them.

Pure: no loop, no clock, no randomness; entropy comes as seeds. What each protocol says byte by byte: docs/wire.md.
"""

from beam_actors.wire.arrays import byte_strings, open_array
from beam_actors.wire.channel import MIN_FLUSH
from beam_actors.wire.events import (
    Established,
    Event,
    PeerIdentified,
    PeerLeaving,
    PongReceived,
    SessionEnded,
    StreamAccepted,
    StreamData,
    StreamFinished,
    StreamId,
    StreamOpened,
    StreamRefused,
    StreamReset,
    StreamWritable,
)
from beam_actors.wire.framing import FrameReader, frame
from beam_actors.wire.handshaking import Handshaking, Payload
from beam_actors.wire.identify import IdentifyInfo
from beam_actors.wire.limits import SessionLimits, WindowBudget
from beam_actors.wire.noise import AES, CHACHA, TAG_SIZE, Aead, CipherState, Role, Suite
from beam_actors.wire.peer_record import MAX_ADDRESSES, MAX_RECORD, PeerRecord, open_record, sign_record
from beam_actors.wire.security import NOISE, SUITES, Security
from beam_actors.wire.session import Session, SessionStatistics

__all__ = [
    "AES",
    "CHACHA",
    "MAX_ADDRESSES",
    "MAX_RECORD",
    "MIN_FLUSH",
    "NOISE",
    "SUITES",
    "TAG_SIZE",
    "Aead",
    "CipherState",
    "Established",
    "Event",
    "FrameReader",
    "Handshaking",
    "IdentifyInfo",
    "Payload",
    "PeerIdentified",
    "PeerLeaving",
    "PeerRecord",
    "PongReceived",
    "Role",
    "Security",
    "Session",
    "SessionEnded",
    "SessionLimits",
    "SessionStatistics",
    "StreamAccepted",
    "StreamData",
    "StreamFinished",
    "StreamId",
    "StreamOpened",
    "StreamRefused",
    "StreamReset",
    "StreamWritable",
    "Suite",
    "WindowBudget",
    "byte_strings",
    "frame",
    "open_array",
    "open_record",
    "sign_record",
]
