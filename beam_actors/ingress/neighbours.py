"""What this room asks of the rooms below it, as small Protocols; `naming.Naming` and `tunnels.Tunnels` are such."""

from collections.abc import Sequence
from typing import Protocol

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


class Names(Protocol):
    """Finds out who holds a name."""

    async def resolve(self, text: str) -> Resolution:
        """Resolve `label` or `label.<owner id>`; NameNotFound, NameContested, InvalidName."""
        ...


class TunnelOpener(Protocol):
    """Opens tunnels."""

    async def open(self, destination: str, port: int, *, client: str) -> Stream:
        """A stream to the app behind a name's port. When it is cancelled, no stream is left open.

        Raises:
            NameNotFound, NameContested, PeerOffline, TunnelNotFound, TunnelRefused, TargetDown, TimedOut: as they say.
        """
        ...
