"""Which session takes new streams, for each peer that has one: written by the peers' actors, read by the facade.

A stream is opened here without asking anybody: a question to the peer's actor and its answer would cost more than all
the rest. Invariant: what stands here is the session that the peer's actor prefers, or one that has just ended, of which
nothing comes. It holds no more than the living sessions, and knows neither addresses nor dials.
"""

from beam_actors.errors import ConnectionLost
from beam_actors.flow import SessionHandle, Stream
from beam_actors.runtime import Ref
from beam_actors.values import PeerId
from beam_actors.wire import SessionStatistics


class Routes:
    """The preferred sessions of one node."""

    __slots__ = ("_sessions",)

    def __init__(self) -> None:
        self._sessions: dict[PeerId, SessionHandle] = {}

    def prefer(self, peer: PeerId, session: SessionHandle | None) -> None:
        """New streams to the peer go over this session from now on; None: over none."""
        if session is None:
            self._sessions.pop(peer, None)
        else:
            self._sessions[peer] = session

    def open(self, peer: PeerId, protocol: str, owner: Ref | None) -> Stream | None:
        """A stream to a connected peer; None if it is not connected, or its session has just ended.

        Raises:
            ResourceExhausted: the session carries as many streams as it may.
        """
        session = self._sessions.get(peer)
        if session is None:
            return None
        try:
            return session.open(protocol, owner)
        except ConnectionLost:
            return None

    def moved(self, peer: PeerId) -> SessionStatistics | None:
        """The counters of the peer's session, None if it is not connected."""
        session = self._sessions.get(peer)
        return None if session is None else session.statistics().wire

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def __repr__(self) -> str:
        return f"<Routes to {len(self._sessions)} peers>"
