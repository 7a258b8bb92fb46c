"""What the subscribers hear of one peer: that it is up, at once or after a while, and that it is down.

Whoever is told of a peer begins to talk with it, so the news of a stranger waits until it has stayed for a moment: one
that leaves at once then costs its handshake and nothing more. Invariant: the subscribers hear up and down in turns,
beginning with up, and of a peer that came and left before it was announced they hear nothing.
"""

from collections.abc import Sequence

from beam_actors.peers.alarm import Alarm
from beam_actors.peers.messages import PeerDown, PeerUp
from beam_actors.runtime import Ref
from beam_actors.values import PeerId


class News:
    """Tells `subscribers`; when `alarm` rings, `delay` seconds after a stranger came, `due` is to be called."""

    __slots__ = ("_alarm", "_delay", "_peer", "_subscribers", "_told", "waiting")

    def __init__(self, peer: PeerId, subscribers: Sequence[Ref], alarm: Alarm, delay: float) -> None:
        self._peer = peer
        self._subscribers = subscribers
        self._alarm = alarm
        self._delay = delay
        self._told = False
        self.waiting = False
        """Whether the peer is up and nobody knows it."""

    def __repr__(self) -> str:
        return f"News({self._peer.short}, {'up' if self._told else 'waiting' if self.waiting else 'down'})"

    def up(self, *, at_once: bool) -> None:
        """The peer is up."""
        if self._told:
            return
        if at_once:
            self._cancel()
            self._tell_up()
        elif not self.waiting:
            self.waiting = True
            self._alarm.set(self._delay)

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
        waited, self.waiting = self.waiting, False
        self._alarm.cancel()
        return waited

    def _tell_up(self) -> None:
        self._told = True
        self._tell(PeerUp(self._peer))

    def _tell(self, event: PeerUp | PeerDown) -> None:
        for subscriber in self._subscribers:
            subscriber.tell(event)
