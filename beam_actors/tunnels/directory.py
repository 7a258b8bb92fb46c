"""Which actor serves what a request means: written by the catalogue, read by whoever has a request.

A question to the catalogue and its answer would cost each new connection two turns of the loop. Invariant: what stands
here are the offers of the catalogue that runs, or of the one whose successor has not read the store yet; the tunnels'
own actors go on meanwhile. It knows neither rules nor targets.
"""

from beam_actors.errors import ActorUnavailable, TunnelNotFound
from beam_actors.runtime import Ref, System
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.offers import Offers
from beam_actors.values import Name


class Directory:
    """The tunnels of one node, as those see it that lead somebody to one."""

    def __init__(self, system: System, offered: Members) -> None:
        self._system = system
        self._offered = offered
        self._offers: Offers | None = None

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
