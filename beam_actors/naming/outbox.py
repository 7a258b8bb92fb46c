"""The claims that one peer is still to be told of, and when.

Invariant: it holds each claim once and at most `room` of them, the newest; what the peer is heard to hold it is not
told. It reads no clock and knows neither peers nor streams: `spread` says when, and sends.
"""

from collections.abc import Iterable
from math import inf


class Outbox:
    """Encoded claims in the order in which they were news."""

    __slots__ = ("_claims", "_room", "due")

    def __init__(self, room: int) -> None:
        self._claims: dict[bytes, None] = {}
        self._room = room
        self.due = inf
        """When all of it may be sent, in seconds of the caller's clock; never, if it is empty."""

    def put(self, claims: Iterable[bytes], when: float) -> bool:
        """Tell the peer these by `when`; whether there was room, so that no older one had to go for them."""
        for claim in claims:
            self._claims[claim] = None
        overflow = len(self._claims) - self._room
        if overflow > 0:
            for oldest in list(self._claims)[:overflow]:
                del self._claims[oldest]
        if self._claims:
            self.due = min(self.due, when)
        return overflow <= 0

    def drop(self, claims: Iterable[bytes]) -> None:
        """The peer has these: it said so."""
        for claim in claims:
            self._claims.pop(claim, None)
        if not self._claims:
            self.due = inf

    def take(self, most: int) -> list[bytes]:
        """The oldest `most`, to be sent now."""
        taken = list(self._claims)[:most]
        self.drop(taken)
        return taken

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<Outbox, {len(self._claims)} of {self._room}>"
