"""`Tunnels`: what the rooms above ask of this room. A plain object over refs, so no restart makes it forget."""

from typing import Any

import attrs

from beam_actors.errors import ActorError
from beam_actors.flow import Stream
from beam_actors.runtime import Ref, System, ask_patiently
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.messages import (
    CheckOffer,
    Describe,
    Expose,
    Forward,
    ForwardStatus,
    ListForwards,
    ListLeft,
    ListTunnels,
    SelectForward,
    SelectTunnel,
    TunnelStatus,
    Unexpose,
    Unforward,
)
from beam_actors.tunnels.opening import Opener, Use
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec
from beam_actors.values import Name, PeerId

_PATIENCE = 10.0
_DESCRIBE = 1.0


class Tunnels:
    """Services offered by this node, and services of others opened here."""

    def __init__(
        self, system: System, *, catalogue: Ref, offered: Members, forwards: Ref, local: Members, opener: Opener
    ) -> None:
        self._system = system
        self._catalogue = catalogue
        self._offered = offered
        self._forwards = forwards
        self._local = local
        self._opener = opener

    def __repr__(self) -> str:
        return f"Tunnels({self._opener!r})"

    async def check(self, spec: TunnelSpec) -> None:
        """Raise what `expose` would, apart from what only the store can say."""
        await self._ask(self._catalogue, CheckOffer(spec))

    async def expose(self, spec: TunnelSpec) -> TunnelStatus:
        """Offer a tunnel; return once it is durable and runs. Asking again for what is offered returns that.

        Raises:
            NotAllowed: another tunnel has the port of the name, or the target is one of the daemon's own listeners.
            QuotaExceeded: there are too many.
            StorageError: it could not be stored, and isn't offered.
        """
        return await self._tunnel(await self._ask(self._catalogue, Expose(spec)))

    async def unexpose(self, selector: str) -> TunnelSpec:
        """Withdraw the tunnel of a key, name, target or port, and cut its connections; TunnelNotFound, UsageError."""
        spec: TunnelSpec = await self._ask(self._catalogue, SelectTunnel(selector))
        await self._ask(self._catalogue, Unexpose(spec))
        return spec

    async def list(self) -> tuple[TunnelStatus, ...]:
        """The offered tunnels, by key."""
        specs: tuple[TunnelSpec, ...] = await self._ask(self._catalogue, ListTunnels())
        return tuple([await self._tunnel(spec) for spec in specs])

    async def left(self) -> frozenset[Name]:
        """The names under which the run before offered what its commands may offer again.

        None any more once they had the time for that, or did.
        """
        names: frozenset[Name] = await self._ask(self._catalogue, ListLeft())
        return names

    async def open(
        self,
        destination: str | PeerId,
        port: int,
        *,
        client: str = "",
        owner: Ref | None = None,
        seen: Use | None = None,
    ) -> Stream:
        """Open a service elsewhere; see `Opener.open`."""
        return await self._opener.open(destination, port, client=client, owner=owner, seen=seen)

    async def forward(self, spec: ForwardSpec) -> ForwardStatus:
        """Let a local port lead elsewhere; return once that is durable and it listens. Port 0 means any free one.

        Raises:
            AddressInUse, AddressNotPermitted: the local address can't be bound.
            QuotaExceeded, StorageError: as of `expose`.
        """
        return await self._forward(await self._ask(self._forwards, Forward(spec)))

    async def unforward(self, selector: str) -> ForwardSpec:
        """Give up the forward of a key, local address or port, or destination; TunnelNotFound, UsageError."""
        spec: ForwardSpec = await self._ask(self._forwards, SelectForward(selector))
        await self._ask(self._forwards, Unforward(spec))
        return spec

    async def forwards(self) -> tuple[ForwardStatus, ...]:
        """The forwards, by key."""
        specs: tuple[ForwardSpec, ...] = await self._ask(self._forwards, ListForwards())
        return tuple([await self._forward(spec) for spec in specs])

    # --- inside ---

    async def _tunnel(self, spec: TunnelSpec) -> TunnelStatus:
        status: TunnelStatus | None = await self._describe(self._offered.path(spec.key))
        # The list's spec is the truth: its actor may have been started for one that differs in `kept`.
        return attrs.evolve(status, spec=spec) if status else TunnelStatus(spec=spec, running=False)

    async def _forward(self, spec: ForwardSpec) -> ForwardStatus:
        status: ForwardStatus | None = await self._describe(self._local.path(spec.key))
        return status or ForwardStatus(spec=spec, state="no-port")

    async def _describe(self, path: str) -> Any:
        ref = self._system.whereis(path)
        try:
            return None if ref is None else await ref.ask(Describe(), timeout=_DESCRIBE)
        except ActorError:
            return None

    @staticmethod
    async def _ask(ref: Ref, message: Any) -> Any:
        return await ask_patiently(ref, message, seconds=_PATIENCE)
