"""The living sessions to one peer, as its actor knows them: which takes new streams, and what to tell of them.

The invariant: exactly one of the sessions that still stand is not told to drain, the one that `choice` prefers. It
starts and ends no session; the peer's actor does.
"""

from collections.abc import Iterator

import attrs

from beam_actors.peers.choice import Candidate, preferred
from beam_actors.peers.handshake import Established
from beam_actors.peers.lifecycle import State
from beam_actors.peers.messages import CloseSession, Drain, PeerStatus
from beam_actors.peers.places import source_of
from beam_actors.peers.routes import Routes
from beam_actors.runtime import Ref, Reply
from beam_actors.values import Multiaddr, PeerId


@attrs.define(slots=True)
class Live:
    """One session; `rtt` in seconds, None before the first pong."""

    candidate: Candidate
    established: Established
    ref: Ref
    dialled: Multiaddr | None
    """The address that this node dialled; None when the peer did."""
    draining: bool = False
    closing: bool = False
    """It was told to end."""
    agent: str | None = None
    listens: tuple[Multiaddr, ...] | None = None
    """Where the peer says that it listens, once it has said so."""
    rtt: float | None = None
    pinging: list[Reply] = attrs.field(factory=list)
    """Who waits for the ping that is under way."""

    def take_pinging(self) -> list[Reply]:
        """Those who waited for the ping, which is over."""
        waited, self.pinging = self.pinging, []
        return waited

    @property
    def why(self) -> str:
        """A sentence on how it came about."""
        remote = self.established.remote
        if self.candidate.dialled_here:
            return f"A direct TCP connection to {remote}, which this node dialled."
        return f"A direct TCP connection from {remote}, which the peer dialled."


class LiveSessions:
    """Sessions by their number, which grows with each."""

    __slots__ = ("_count", "_live", "_routes", "_them", "_us", "routed")

    def __init__(self, us: PeerId, them: PeerId, routes: Routes) -> None:
        self._us = us
        self._routes = routes
        self._them = them
        self._live: dict[int, Live] = {}
        self._count = 0
        self.routed = False
        """Whether others may open streams without asking the peer's actor."""

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._live.values()))

    def __repr__(self) -> str:
        return f"LiveSessions({len(self)} of {self._count})"

    def next_number(self) -> int:
        """The number of the session to come."""
        self._count += 1
        return self._count

    def get(self, number: int) -> Live | None:
        """The session of that number."""
        return self._live.get(number)

    def at(self, path: str) -> Live | None:
        """The session whose actor is at that path."""
        return next((live for live in self._live.values() if live.ref.path == path), None)

    def add(self, live: Live) -> None:
        """Take one in, and let the others drain or not."""
        self._live[live.candidate.number] = live
        self.settle()

    def remove(self, live: Live) -> None:
        """Forget one."""
        del self._live[live.candidate.number]
        self.settle()

    def dialled(self, address: Multiaddr) -> Live | None:
        """A session that stands and came about by dialling this address (without `/p2p/`)."""
        found = (live for live in self._live.values() if live.dialled is not None and live.established.handle.is_open)
        return next((live for live in found if live.dialled == address), None)

    @property
    def best(self) -> Live | None:
        """The session for new streams, among those that take any and were not told to end."""
        standing = (
            live.candidate for live in self._live.values() if live.established.handle.takes_streams and not live.closing
        )
        chosen = preferred(standing, self._us, self._them)
        return None if chosen is None else self._live[chosen.number]

    def close(self, *, dialled: bool = False) -> None:
        """Have all of them end in order, or only those that this node dialled."""
        for live in self._live.values():
            if live.candidate.dialled_here or not dialled:
                live.closing = True
                live.ref.tell(CloseSession())
        self.route()

    def accepted_from(self) -> tuple[str, ...]:
        """The source (see `places`) of each session that was accepted here."""
        accepted = [live.established.remote for live in self._live.values() if not live.candidate.dialled_here]
        return tuple(source_of(remote) for remote in accepted if remote is not None)

    def status(self, state: State, *, kept: bool, failure: str | None) -> PeerStatus:
        """How the peer stands."""
        best = self.best
        if best is None:
            return PeerStatus(peer=self._them, state=state, kept=kept, sessions=len(self), failure=failure)
        remote = best.established.remote
        return PeerStatus(
            peer=self._them,
            state=state,
            kept=kept,
            sessions=len(self),
            path="direct",
            rtt_ms=None if best.rtt is None else best.rtt * 1000,
            agent=best.agent,
            suite=best.established.suite,
            address=None if remote is None else Multiaddr.from_address(remote, self._them),
            visit=not self.routed,
        )

    def route(self) -> None:
        """Let others open streams on the best one, if they may."""
        best = self.best if self.routed else None
        self._routes.prefer(self._them, None if best is None else best.established.handle)

    def settle(self) -> None:
        """Say which one takes new streams, and let the others drain."""
        self.route()
        best = self.best
        for live in self._live.values():
            draining = live is not best
            if draining != live.draining:
                live.draining = draining
                live.ref.tell(Drain(draining))
