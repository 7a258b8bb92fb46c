"""An address that a person gave: it leads to the peer or it does not, whatever else is known, under way or stands.

The invariants: the answer is about that very address; one that fails changes nothing, and is told beside the way by
which the peer is connected all the same. What works is remembered by others (`book`).
"""

from collections.abc import Callable

from beam_actors.errors import PeerOffline
from beam_actors.peers.dials import Dials
from beam_actors.peers.live import LiveSessions
from beam_actors.peers.messages import DialledAt
from beam_actors.peers.pings import Pings
from beam_actors.runtime import Ref, Reply, Worker
from beam_actors.values import Multiaddr, PeerId

ENDED_AT_ONCE = "the session ended at once."
_GOOD_ADDRESS = "Nothing was remembered; that machine's own `id` command prints the addresses that work."


class GivenAddresses:
    """Tries addresses in workers of the peer's actor, which `spawn` starts; `ref` is told `DialledAt` after each.

    It keeps nothing, so it is made when somebody asks.
    """

    def __init__(
        self,
        peer: PeerId,
        *,
        sessions: LiveSessions,
        pings: Pings,
        dials: Dials,
        spawn: Callable[..., Worker],
        ref: Ref,
    ) -> None:
        self._peer = peer
        self._sessions = sessions
        self._pings = pings
        self._dials = dials
        self._spawn = spawn
        self._ref = ref

    def __repr__(self) -> str:
        return f"GivenAddresses(of {self._peer.short})"

    def ask(self, address: Multiaddr, reply: Reply) -> None:
        """Dial the address, unless a session stands that came about so and answers."""
        self._spawn(self._run, address, reply, name="given")

    async def _run(self, address: Multiaddr, reply: Reply) -> None:
        standing = self._sessions.dialled(address)
        failure: str | None = None
        if standing is None or not await self._pings.stands(standing):
            failure = await self._dials.at(address)
        self._ref.tell(DialledAt(address, reply, failure))

    def ended(self, message: DialledAt) -> None:
        """Answer, now that a session that was dialled is taken in."""
        best = self._sessions.best
        if message.failure is None and best is not None:
            message.reply.set(None)
            return
        why = message.failure or ENDED_AT_ONCE
        standing = f"It is connected by another way, and stays so: {best.why}" if best is not None else _GOOD_ADDRESS
        message.reply.fail(PeerOffline(f"{self._peer} cannot be reached at {message.address}: {why} {standing}"))
