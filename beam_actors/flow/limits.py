"""The limits of the data plane, each with its unit and its reason."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class FlowLimits:
    """Bounds of one pump."""

    slice_callbacks: int = 256
    """Callbacks in a row before the actors and the timers get their turn."""
    slice_bytes: int = 1 << 20
    """The same in bytes moved."""
    slice_seconds: float = 0.001
    """The same in seconds of the clock: what timers may be late by."""
    slice_frames: int = 512
    """Frames of one session in a row before others get their turn; a stream that a peer opens counts as 64."""
    read_size: int = 1 << 18
    """Bytes of the shared read buffer: the most that one read takes."""
    splice_read_size: int = 1 << 16
    """Bytes read at once for a sink that can't say what it accepts: the most that a splice holds per direction."""
    small_move: int = 4096
    """Bytes moved at once by a splice that look like a request, or an answer, for which somebody waits."""
    bulk_bytes: int = 1 << 17
    """Bytes in larger moves, within `bulk_seconds`, above which a splice is bulk; so much is never held."""
    bulk_seconds: float = 0.1
    """For how long bytes are added up to see what is bulk."""
    pace_bytes: int = 1 << 17
    """Bytes of all bulk together between two rests, while small requests go on beside it: 0.3 ms of a processor."""
    pace_seconds: float = 0.001
    """How long bulk rests then. With `pace_bytes` it leaves bulk some 120 MB/s: what a line of 1 Gbit/s carries."""
    pace_linger: float = 0.25
    """Seconds for which bulk is held after a small move: requests that follow one another, or a person who types."""
    node_bytes: int = 256 << 20
    """Bytes held by all links of a node; above it the streams longest without progress are reset."""
    session_bytes: int = 32 << 20
    """The same for the streams of one session."""
    accept_batch: int = 64
    """Connections accepted per readiness of a listener."""
    accept_pause: float = 0.1
    """Seconds without accepting after the process ran out of descriptors."""
    handshake_seconds: float = 10.0
    """From a TLS link's first byte to its established state; sessions with peers have `handshake_timeout` there."""
    ping_seconds: float = 5.0
    """Without a byte from the peer, or to it, before it is asked for one; up to half as much more, so that an idle node
    asks all its peers at one time. Of two beam nodes, the one that dialled asks."""
    silence_seconds: float = 11.0
    """Without a byte from the peer before it counts as down."""
