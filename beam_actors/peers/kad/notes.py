"""What the actor of the DHT is told and asked within this node."""

import attrs

from beam_actors.values import PeerId, TcpAddress
from beam_actors.wire import PeerRecord


@attrs.frozen(slots=True)
class Start:
    """Somebody searches for the key. Reply: tuple of `KadNode` with which to begin, empty if nobody is known."""

    key: bytes


@attrs.frozen(slots=True)
class Met:
    """A peer answered, and gave this record as its own."""

    record: PeerRecord
    dialled: TcpAddress | None
    """Where this node dialled it under its key; None if it came by itself, and may not be there for others."""


@attrs.frozen(slots=True)
class Missed:
    """A peer did not answer at an address that it is, or was, said to be at."""

    peer: PeerId
    address: TcpAddress
    cut: bool = False
    """Whether it cut the stream of the question."""


@attrs.frozen(slots=True)
class Doubted:
    """A peer had not answered when a search was over that did not wait for it: it may be gone, or far away."""

    peer: PeerId
    address: TcpAddress


@attrs.frozen(slots=True)
class Join:
    """From its own timer: look for this node's own place."""


@attrs.frozen(slots=True)
class LookAround:
    """From its own timer: see what has not been searched for long."""
