"""What this room needs of `peers` and its streams, as Protocols, and the failures that end one stream.

A peer, or this node's own disk, that fails in one of these ways costs the stream that it happened on, never the actor
that held it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from beam_actors.errors import (
    ActorError,
    NetworkError,
    PeerOffline,
    ProtocolError,
    ResourceExhausted,
    StorageError,
    TimedOut,
)
from beam_actors.peers import Walked
from beam_actors.runtime import Ref
from beam_actors.values import Address, PeerId

FAILURES: Final = (NetworkError, ProtocolError, PeerOffline, TimedOut, ResourceExhausted, ActorError, StorageError)


Take = Callable[[PeerId, tuple[bytes, ...]], Awaitable[None]]
"""Is given what a node of the DHT keeps, unchecked, and whose word that is."""


class ByteStream(Protocol):
    """What this room needs of `flow.Stream`."""

    @property
    def error(self) -> NetworkError | None:
        """Why it ended, None while it lives."""
        ...

    @property
    def remote(self) -> Address | None:
        """The other end's address, when there is one."""
        ...

    async def read(self, limit: int = ...) -> bytes:
        """Some bytes, or b"" at the clean end."""
        ...

    async def write(self, data: bytes) -> None:
        """Return when all of them were taken."""
        ...

    async def shutdown(self) -> None:
        """Say that nothing more follows; reading goes on."""
        ...

    def close(self) -> None:
        """End cleanly, delivering what was written."""
        ...

    def abort(self) -> None:
        """End with a reset."""
        ...

    def adopt(self, owner: Ref) -> None:
        """Hand it to the actor whose end is its end from now on."""
        ...


class KeyValues(Protocol):
    """What this room needs of `peers.Dht`."""

    @property
    def place(self) -> bytes:
        """Where this node stands, in 32 bytes."""
        ...

    async def find(self, key: bytes, owner: Ref, take: Take) -> Walked:
        """Search for what is kept under the key; `take` gets what each node says."""
        ...

    async def store(self, key: bytes, values: Sequence[bytes], owner: Ref) -> tuple[PeerId, ...]:
        """Have the nodes nearest to the key keep the values; who does."""
        ...


class PeerNetwork(Protocol):
    """What this room needs of `peers.Peers`."""

    async def open(self, peer: PeerId, protocol: str, *, owner: Ref | None = None) -> ByteStream:
        """A new stream to the peer, for `owner`; `PeerOffline`, `TimedOut` or a `NetworkError` when there is none."""
        ...

    async def connected(self) -> tuple[PeerId, ...]:
        """Those with a session now."""
        ...
