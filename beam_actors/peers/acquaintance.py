"""Whether a peer is an acquaintance, or its sessions are visits only: what the rest of the node hears depends on it.

A visit asks a stranger something on behalf of the network (see `visits`), and is one of many that are made in a second.
It must not fill the address book, and nobody shall begin to talk with whom this node will never meet again. A peer is
an acquaintance as soon as somebody here wants it, as it speaks of anything else than visits do, or when it can't be a
visitor since it doesn't serve what visits ask for. Invariants: of a peer that is none the manager hears no address and
the subscribers no news; when it becomes one they hear what they missed. It opens no session.
"""

from beam_actors.peers.live import Live, LiveSessions
from beam_actors.peers.messages import Claimed, Drain, Proved
from beam_actors.peers.news import News
from beam_actors.peers.pings import Pings
from beam_actors.peers.visits import Visits
from beam_actors.runtime import Ref
from beam_actors.values import PeerId


class Acquaintance:
    """What others hear of one peer, by way of `manager` and `news`, and by its place among the `visits`; see `made`."""

    __slots__ = ("_manager", "_news", "_peer", "_pings", "_ref", "_sessions", "_visits", "made")

    def __init__(
        self, peer: PeerId, *, ref: Ref, manager: Ref, visits: Visits, sessions: LiveSessions, news: News, pings: Pings
    ) -> None:
        self._peer = peer
        self._ref = ref
        self._manager = manager
        self._visits = visits
        self._sessions = sessions
        self._news = news
        self._pings = pings
        self.made = False

    def __repr__(self) -> str:
        return f"Acquaintance({self._peer.short}, {'made' if self.made else 'visits only'})"

    def make(self, *, up: bool, chosen: bool) -> bool:
        """The peer is one from now on; whether it was none before."""
        if self.made:
            return False
        self.made = self._sessions.routed = True
        self._sessions.route()
        self._visits.ended(self._peer)
        for live in self._sessions:
            self._found(live)
            self.introduced(live)
            if not live.draining:
                live.ref.tell(Drain(draining=False))  # it does not end by itself any more
        if up:
            self.up(chosen=chosen or any(live.candidate.dialled_here for live in self._sessions))
            if not self._news.waiting:
                self._greet()
        return True

    def end(self) -> None:
        """The peer is gone, and whoever wanted it has an answer: when it comes again it is nobody."""
        self.made = self._sessions.routed = False
        self._visits.ended(self._peer)

    def adopted(self, live: Live) -> None:
        """There is one more session, and the peer is up."""
        if not self.made:
            if live.dialled is not None:
                self._visits.began(self._peer, self._ref)
            return
        self._found(live)
        if live.dialled is not None:
            self._news.due()  # this node went to it, so it is no stranger
        if not self._news.waiting:
            self._pings.greet(live)

    def introduced(self, live: Live) -> None:
        """The peer has said where it listens, if it has."""
        if self.made and live.listens is not None:
            self._manager.tell(Claimed(self._peer, live.listens, live.established.contact))

    def up(self, *, chosen: bool) -> None:
        """The peer is up; if this node went to it, that is news at once."""
        if self.made:
            self._news.up(at_once=chosen)

    def stayed(self) -> None:
        """A stranger did not leave at once."""
        self._news.due()
        self._greet()

    def down(self) -> None:
        """The last session has ended."""
        self._news.down()

    def _found(self, live: Live) -> None:
        if live.dialled is not None:
            self._manager.tell(Proved(self._peer, live.dialled))

    def _greet(self) -> None:
        for live in self._sessions:
            self._pings.greet(live)
