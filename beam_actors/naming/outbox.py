"""The claims that one peer is still to be told of, and when.

Invariant: it holds each claim once and at most `room` of them, the newest; what the peer is heard to hold it is not
told. It reads no clock and knows neither peers nor streams: `spread` says when, and sends.
"""

from collections.abc import Iterable
from math import inf


class Outbox:
    """Claims by their ids, in the order in which they were news: encoded, or empty when their id is to be said only."""

    __slots__ = ("_claims", "_room", "due")

    def __init__(self, room: int) -> None:
        self._claims: dict[bytes, bytes] = {}
        self._room = room
        self.due = inf
        """When all of it may be sent, in seconds of the caller's clock; never, if it is empty."""

    def put(self, claims: Iterable[tuple[bytes, bytes]], when: float) -> bool:
        """Tell the peer these by `when`; whether there was room, so that no older one had to go for them.

        Each is an id and the encoded claim, or nothing. What was to be sent in full still is.
        """
        for claim_id, encoded in claims:
            self._claims[claim_id] = encoded or self._claims.get(claim_id, b"")
        overflow = len(self._claims) - self._room
        if overflow > 0:
            for oldest in list(self._claims)[:overflow]:
                del self._claims[oldest]
        if self._claims:
            self.due = min(self.due, when)
        return overflow <= 0

    def drop(self, ids: Iterable[bytes]) -> None:
        """The peer has these: it said so."""
        for one in ids:
            self._claims.pop(one, None)
        if not self._claims:
            self.due = inf

    def take(self, most: int) -> tuple[list[bytes], tuple[bytes, ...]]:
        """Of the oldest `most`, to be sent now: those encoded, and the ids of the others."""
        taken = list(self._claims.items())[:most]
        self.drop(claim_id for claim_id, _encoded in taken)
        return [encoded for _id, encoded in taken if encoded], tuple(one for one, encoded in taken if not encoded)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<Outbox, {len(self._claims)} of {self._room}>"
