"""What this room asks of the rooms below it, as small Protocols; `naming.Naming` and `tunnels.Tunnels` are such."""

from collections.abc import Sequence
from typing import Literal, Protocol

from beam_actors.flow import Stream
from beam_actors.values import OwnerId, PeerId


class Resolution(Protocol):
    """Who holds a name and which machines serve it."""

    @property
    def owner(self) -> OwnerId:
        """The owner whose claim is used."""
        ...

    @property
    def peers(self) -> Sequence[PeerId]:
        """The machines that serve it, best first."""
        ...

    @property
    def source(self) -> str:
        """How it is known: `own`, `petname` and `pin` are this machine's own decisions."""
        ...


class Choice(Protocol):
    """One of the owners who hold a name."""

    @property
    def owner(self) -> OwnerId:
        """Who."""
        ...

    @property
    def since(self) -> float:
        """When this node first saw the owner hold it, in seconds since 1970."""
        ...

    @property
    def equivocates(self) -> bool:
        """Whether the owner is proven to have signed two claims at once."""
        ...

    @property
    def relation(self) -> str:
        """What the owner is to this node: `own`, `pin` (the one that is pinned for the name), or `other`."""
        ...


class Names(Protocol):
    """Finds out who holds a name."""

    async def recall(self, text: str) -> Resolution:
        """Resolve `label` or `label.<owner id>` from memory; NameNotFound, NameContested, InvalidName."""
        ...

    async def resolve(self, text: str) -> Resolution:
        """The same, and ask the peers if it is not known; `ResourceExhausted` when they can't be asked now."""
        ...

    async def is_decided(self, text: str) -> bool:
        """Whether a person owns or bound the name: then no device changes what it leads to, nor is asked for it."""
        ...

    async def is_petname(self, text: str) -> bool:
        """Whether a person let the name stand for somebody's, so that nothing can be offered under it here."""
        ...

    async def claimants(self, text: str) -> Sequence[Choice]:
        """The owners who hold a name now, however many; `TimedOut` when those who know do not come back."""
        ...


class TunnelOpener(Protocol):
    """Opens tunnels."""

    async def open(
        self, destination: str, port: int, *, client: str, seen: Literal["navigation"] | None = None
    ) -> Stream:
        """A stream to the app behind a name's port. When it is cancelled, no stream is left open.

        `seen` says that a person sees where the name leads, and means whoever holds it now.

        Raises:
            NameNotFound, NameContested, PeerOffline, TunnelNotFound, TunnelRefused, TargetDown, TimedOut: as they say.
        """
        ...
