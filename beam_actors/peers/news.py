"""What the subscribers hear of one peer: that it is up, at once or after a while, and that it is down.

Whoever is told of a peer begins to talk with it, so the news of a stranger waits until it has stayed for a moment: one
that leaves at once then costs its handshake and nothing more. Invariant: the subscribers hear up and down in turns,
beginning with up, and of a peer that came and left before it was announced they hear nothing.
"""

from collections.abc import Callable, Sequence

from beam_actors.peers.messages import PeerDown, PeerUp
from beam_actors.runtime import Ref, Timer
from beam_actors.values import PeerId


class News:
    """Tells `subscribers`; `later` starts the timer at whose end `due` is to be called."""

    def __init__(self, peer: PeerId, subscribers: Sequence[Ref], *, later: Callable[[], Timer]) -> None:
        self._peer = peer
        self._subscribers = subscribers
        self._later = later
        self._timer: Timer | None = None
        self._told = False

    def __repr__(self) -> str:
        return f"News({self._peer.short}, {'up' if self._told else 'waiting' if self.waiting else 'down'})"

    @property
    def waiting(self) -> bool:
        """Whether the peer is up and nobody knows it."""
        return self._timer is not None

    def up(self, *, at_once: bool) -> None:
        """The peer is up."""
        if self._told:
            return
        if at_once:
            self._cancel()
            self._tell_up()
        elif self._timer is None:
            self._timer = self._later()

    def due(self) -> None:
        """Tell that the peer is up, if that waits to be told."""
        if self._cancel():
            self._tell_up()

    def down(self) -> None:
        """The peer is down."""
        self._cancel()
        if self._told:
            self._told = False
            self._tell(PeerDown(self._peer))

    def _cancel(self) -> bool:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _tell_up(self) -> None:
        self._told = True
        self._tell(PeerUp(self._peer))

    def _tell(self, event: PeerUp | PeerDown) -> None:
        for subscriber in self._subscribers:
            subscriber.tell(event)
