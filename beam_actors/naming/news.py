"""What was new here since a peer's exchange was answered: peers may ask before they are announced to this node.

Invariant: a peer that was answered and then announced is behind if anything was new in between, and only then. The book
is bounded; whoever is not in it was not answered, or long ago. It knows no claim, only how often there was news.
"""

from collections import OrderedDict

from beam_actors.values import PeerId


class News:
    """How often something was new, now and when each of the last `room` peers was answered."""

    __slots__ = ("_answered", "_count", "_room")

    def __init__(self, room: int) -> None:
        self._room = room
        self._count = 0
        self._answered: OrderedDict[PeerId, int] = OrderedDict()

    def came(self) -> None:
        """Something is new."""
        self._count += 1

    def answering(self, peer: PeerId) -> None:
        """The peer is about to be told all that is known now."""
        self._answered[peer] = self._count
        self._answered.move_to_end(peer)
        if len(self._answered) > self._room:
            self._answered.popitem(last=False)

    def was_answered(self, peer: PeerId) -> bool:
        """Whether the peer was answered since it was last announced, as far as the book goes."""
        return peer in self._answered

    def missed_by(self, peer: PeerId) -> bool:
        """Whether something was new since the peer was answered; asked once, when it is announced."""
        return self._answered.pop(peer, self._count) != self._count

    def __repr__(self) -> str:
        return f"<News {self._count}, {len(self._answered)} answered>"
