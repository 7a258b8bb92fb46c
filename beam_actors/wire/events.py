"""What a session tells its caller: frozen values, in the order in which the bytes arrived.

Invariant: `StreamData.data` borrows. It is valid until the caller reuses the buffer that it gave to `Session.receive`.
"""

import attrs

from beam_actors.errors import BeamError
from beam_actors.values import PeerId
from beam_actors.wire.identify import IdentifyInfo
from beam_actors.wire.noise import Suite

StreamId = int
"""yamux's number of a stream within its session: odd ones were opened by the initiator, even ones by the responder."""


@attrs.frozen(slots=True)
class Established:
    """The peer proved its identity, the muxer is agreed; streams may be opened now."""

    peer: PeerId
    suite: Suite


@attrs.frozen(slots=True)
class StreamOpened:
    """The peer opened a stream and both ends agreed to its protocol."""

    stream: StreamId
    protocol: str


@attrs.frozen(slots=True)
class StreamAccepted:
    """The peer agreed to the protocol of a stream that was opened here."""

    stream: StreamId


@attrs.frozen(slots=True)
class StreamRefused:
    """The peer doesn't speak the protocol of a stream that was opened here; the stream is gone."""

    stream: StreamId


@attrs.frozen(slots=True)
class StreamData:
    """Bytes of a stream, never empty; borrowed. Answer with `Session.consumed` as the application takes them."""

    stream: StreamId
    data: memoryview


@attrs.frozen(slots=True)
class StreamWritable:
    """`Session.send` would take bytes again, after it took fewer than it was offered."""

    stream: StreamId


@attrs.frozen(slots=True)
class StreamFinished:
    """The peer sends no more on this stream. If this end has finished too, the stream is gone."""

    stream: StreamId


@attrs.frozen(slots=True)
class StreamReset:
    """The peer aborted the stream, or broke its negotiation; it is gone, and bytes in flight are lost."""

    stream: StreamId


@attrs.frozen(slots=True)
class PongReceived:
    """The peer answered `Session.ping(opaque)`."""

    opaque: int


@attrs.frozen(slots=True)
class PeerIdentified:
    """What the peer says about itself; claims, not proofs. May come again when it changes."""

    info: IdentifyInfo


@attrs.frozen(slots=True)
class PeerLeaving:
    """The peer takes no new streams; those that exist go on until they end."""


@attrs.frozen(slots=True)
class SessionEnded:
    """The last event. Flush `data_to_send`, then close. None means that an end closed it in order."""

    error: BeamError | None


Event = (
    Established
    | StreamOpened
    | StreamAccepted
    | StreamRefused
    | StreamData
    | StreamWritable
    | StreamFinished
    | StreamReset
    | PongReceived
    | PeerIdentified
    | PeerLeaving
    | SessionEnded
)
