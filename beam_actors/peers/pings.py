"""Pings on the sessions of one peer: for whoever asks, to greet a new session, and to probe one that may be dead.

The invariants: those who ask while a ping is under way share its answer, since a session allows few at once; a session
is cut only because its peer did not answer, and never because it could not be asked. It chooses no session.
"""

from collections.abc import Callable
from contextlib import suppress

import structlog
import trio

from beam_actors.errors import BeamError, ConnectionLost, ResourceExhausted, TimedOut
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.live import Live
from beam_actors.peers.messages import Ping
from beam_actors.runtime import Reply, Worker
from beam_actors.values import PeerId

_log = structlog.get_logger(__name__)


class Pings:
    """Measures in workers, which `spawn` starts; `measured` is called when a round trip became known."""

    __slots__ = ("_limits", "_measured", "_peer", "_spawn")

    def __init__(
        self, peer: PeerId, limits: PeersLimits, *, spawn: Callable[..., Worker], measured: Callable[[], None]
    ) -> None:
        self._peer = peer
        self._limits = limits
        self._spawn = spawn
        self._measured = measured

    def __repr__(self) -> str:
        return f"Pings({self._peer.short})"

    def ask(self, live: Live, reply: Reply) -> None:
        """Ping the session, or join the ping that is under way."""
        if len(live.pinging) >= self._limits.opens_waiting:
            reply.fail(ResourceExhausted(f"Too many wait for {self._peer} already."))
            return
        live.pinging.append(reply)
        if len(live.pinging) == 1:
            self._spawn(self._answer, live, name="ping")

    def greet(self, live: Live) -> None:
        """Find out how far away a new session's peer is; that it can't be found out now harms nobody."""
        self._spawn(self._greet, live, name="greet")

    def probe(self, rival: Live) -> None:
        """Cut a session that answers no ping: the peer has made another one because it lost this one."""
        self._spawn(self.stands, rival, name="probe")

    async def _answer(self, live: Live) -> None:
        try:
            rtt = await self._measure(live)
        except BeamError as error:
            for reply in live.take_pinging():
                reply.fail(error)
        else:
            for reply in live.take_pinging():
                reply.set(Ping(path="direct", rtt_ms=rtt * 1000, why=live.why))

    async def _greet(self, live: Live) -> None:
        with suppress(BeamError):
            await self._measure(live)

    async def stands(self, live: Live) -> bool:
        """Whether the peer answers on a session; cut it if not."""
        try:
            await self._measure(live)
        except (TimedOut, ConnectionLost):
            live.established.handle.abort()
            return False
        except BeamError as error:  # such as that too many pings are under way: that says nothing about the peer
            _log.debug("a session was not probed", peer=str(self._peer), error=str(error))
        return True

    async def _measure(self, live: Live) -> float:
        """Ping a session; raise `TimedOut`, or as its handle does."""
        try:
            with trio.fail_after(self._limits.ping_timeout):
                rtt = live.rtt = await live.established.handle.ping()
        except trio.TooSlowError:
            raise TimedOut(f"{self._peer} did not answer a ping.") from None
        self._measured()
        return rtt
