"""Which actor serves what a request means: written by the catalogue, read by whoever has a request.

A question to the catalogue and its answer would cost each new connection two turns of the loop. Invariant: what stands
here are the offers of the catalogue that runs, or of the one whose successor has not read the store yet; the tunnels'
own actors go on meanwhile. It knows neither rules nor targets.
"""

from collections.abc import Callable

from beam_actors.errors import ActorUnavailable, TunnelNotFound
from beam_actors.flow import Stream
from beam_actors.runtime import Ref, System
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.offers import Offers
from beam_actors.values import Name, PeerId

Server = Callable[[PeerId, Stream, int], bool]
"""Serves a peer's stream, of which so many bytes are its request, without waiting; or leaves it alone and says so."""


class Directory:
    """The tunnels of one node, as those see it that lead somebody to one."""

    def __init__(self, system: System, offered: Members) -> None:
        self._system = system
        self._offered = offered
        self._offers: Offers | None = None
        self._servers: dict[str, Server] = {}

    def __repr__(self) -> str:
        return f"Directory({self._offers!r})"

    def publish(self, offers: Offers) -> None:
        """Answer from these offers, as they change, from now on."""
        self._offers = offers

    def find(self, name: Name | None, port: int) -> Ref:
        """The actor of the tunnel that is meant (see `Offers.find`).

        Raises:
            TunnelNotFound: nothing is offered there.
            ActorUnavailable: its actor restarts, or the store was not read yet.
        """
        if self._offers is None:
            raise ActorUnavailable("This node has not read yet what it offers; try again.")
        spec = self._offers.find(name, port)
        if spec is None:
            raise TunnelNotFound("This node offers nothing there.")
        tunnel = self._system.whereis(self._offered.path(spec.key))
        if tunnel is None or not tunnel.alive:
            raise ActorUnavailable(f"The tunnel {spec.key} is restarting; try again.")
        return tunnel

    def enter(self, key: str, server: Server) -> None:
        """This serves the tunnel of that key, in the pump, from now on."""
        self._servers[key] = server

    def leave(self, key: str, server: Server) -> None:
        """It serves no more; nothing happens if another one has come in its place."""
        if self._servers.get(key) == server:
            del self._servers[key]

    def server(self, name: Name | None, port: int) -> Server | None:
        """Who serves what is meant in the pump, if somebody does now."""
        spec = None if self._offers is None else self._offers.find(name, port)
        return None if spec is None else self._servers.get(spec.key)
