"""`Dht`: what the rooms above ask of the DHT. A plain object: it holds nothing that a restart forgets."""

from collections.abc import Sequence

from beam_actors.peers.kad.ids import node_id
from beam_actors.peers.kad.messages import What
from beam_actors.peers.kad.walking import Take, Walked, Walker
from beam_actors.runtime import Ref
from beam_actors.values import PeerId


class Dht:
    """Values under keys of 32 bytes, kept by those nodes that are nearest to each."""

    def __init__(self, us: PeerId, walker: Walker) -> None:
        self._walker = walker
        self._place = node_id(us)

    def __repr__(self) -> str:
        return f"Dht({self._walker!r})"

    @property
    def place(self) -> bytes:
        """Where this node stands, in 32 bytes: what is near is kept here."""
        return self._place

    async def find(self, key: bytes, owner: Ref, take: Take) -> Walked:
        """Search for what is kept under the key: `take` gets what each node says, unchecked, while the search goes on.

        For an actor to which the streams belong. It ends within `KadLimits.search_timeout`, or when it is cancelled.

        Raises:
            ActorError: the room restarts.
        """
        return await self._walker.walk(key, What.VALUES, owner, take)

    async def store(self, key: bytes, values: Sequence[bytes], owner: Ref) -> tuple[PeerId, ...]:
        """Have the nodes nearest to the key keep the values, at most 16: who keeps all of them. Raises as `find`."""
        return await self._walker.store(key, What.VALUES, values, owner)
