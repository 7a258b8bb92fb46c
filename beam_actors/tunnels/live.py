"""How many connections live: those that the data plane carries, and those that are being opened to join them.

The invariant: what peers make this node hold is bounded for each of them, for each tunnel and in all, and always leaves
room for the programs of this machine. What lives is counted by the tags of splices, so that no actor that restarts, and
no pump, makes it forget or count twice. It decides nothing but whether there is room.
"""

from beam_actors.errors import ActorUnavailable
from beam_actors.flow import Flow
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.values import PeerId

Tags = tuple[str, ...]
"""What a connection is counted by, which the splice that it becomes must carry; none for one of a local program."""


class Live:
    """Places for connections. `take` before one is opened; `give` when it failed, or is spliced and counted there."""

    def __init__(self, flow: Flow, limits: TunnelsLimits, served: str) -> None:
        """`served` is the tag of all that peers have here."""
        self._flow = flow
        self._served = served
        self._most = limits.live
        self._bounds = (limits.live_of_peers, limits.live_per_tunnel, limits.live_per_peer)
        self._opening = 0
        self._opening_of: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Live({self._opening} being opened by {len(self._opening_of)} peers or tunnels, of {self._most} in all)"

    def tags(self, peer: PeerId, tunnel: str) -> Tags:
        """The tags of a peer's connection to the tunnel at a path."""
        return (self._served, tunnel, f"{self._served} of {peer}")

    def take(self, tags: Tags = ()) -> bool:
        """Take a place; False when there are as many as may be, or none can be opened while the pump restarts."""
        try:
            splices = self._flow.splices
        except ActorUnavailable:
            return False
        if len(splices) + self._opening >= self._most:
            return False
        for tag, bound in zip(tags, self._bounds, strict=False):
            if splices.count(tag) + self._opening_of.get(tag, 0) >= bound:
                return False
        self._opening += 1
        for tag in tags:
            self._opening_of[tag] = self._opening_of.get(tag, 0) + 1
        return True

    def give(self, tags: Tags = ()) -> None:
        """Give back what `take` took with these tags."""
        self._opening -= 1
        for tag in tags:
            left = self._opening_of.pop(tag) - 1
            if left:
                self._opening_of[tag] = left
