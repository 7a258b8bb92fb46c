"""What a peer is given in exchanges, and what of it is not kept there.

Two nodes may differ for good in what they hold: by the quotas of another node, or by what a person binds there. Without
this book each exchange would find that out anew, and the claims would be sent again each minute. So what was given
twice is left out of the exchanges with that peer: then both sides compare as equal. It is given again after an hour, or
as soon as either told the other something new, which may make room there; then after a while that is twice as long each
time. Invariant: nothing is left out that was given once only, or that the peer is known to have, or for longer than an
hour. The book is bounded, and ends with the connection.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import attrs

from beam_actors.naming.limits import HOUR
from beam_actors.naming.ranges import Snapshot
from beam_actors.ports import Clock


@attrs.define(slots=True, eq=False)
class _Given:
    """One claim."""

    times: int = 0
    item: bytes = b""
    """As it is compared; known when it was given twice."""
    at: float = 0.0
    """When it was given last, on the monotonic clock."""
    until: float = 0.0
    """Until when it is left out at least."""


class Unkept:
    """The book of one peer."""

    __slots__ = ("_clock", "_given", "_giving", "_pause", "_room", "_stirred")

    def __init__(self, room: int, pause: float, clock: Clock) -> None:
        """`room` claims, the last ones; `pause` in seconds is about the time from one exchange to the next."""
        self._room = room
        self._pause = pause
        self._clock = clock
        self._given: OrderedDict[bytes, _Given] = OrderedDict()
        self._giving: list[dict[bytes, None]] = []
        self._stirred = clock.monotonic()

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        return f"<Unkept of {len(self)} given>"

    @contextmanager
    def giving(self, ids: Iterable[bytes] = ()) -> Iterator[dict[bytes, None]]:
        """These are to be sent, or were: what is yielded loses what the peer says meanwhile that it has."""
        some = dict.fromkeys(ids)
        self._giving.append(some)
        try:
            yield some
        finally:
            self._giving = [other for other in self._giving if other is not some]

    def given(self, ids: Collection[bytes], mine: Snapshot) -> None:
        """The claims with these ids, items of `mine`, were sent."""
        again = {one for one in ids if one in self._given and not self._given[one].item}
        items = mine.items_of(again) if again else {}
        for one in ids:
            given = self._given.setdefault(one, _Given())
            given.times += 1
            given.item = given.item or items.get(one, b"")
            if given.item:
                pause = min(HOUR, self._pause * 2.0 ** min(given.times - 1, 16))
                given.at = self._clock.monotonic()
                given.until = given.at + pause
            self._given.move_to_end(one)
            if len(self._given) > self._room:
                self._given.popitem(last=False)

    def kept(self, ids: Iterable[bytes]) -> None:
        """The peer has these."""
        for one in ids:
            self._given.pop(one, None)
            for some in self._giving:
                some.pop(one, None)

    def stirred(self) -> None:
        """Something is new at the peer, or will be."""
        self._stirred = self._clock.monotonic()

    def rests(self, at: float, until: float) -> bool:
        """Whether what was done in vain `at` a time is not to be done again yet: `until` then, or as long as all rests.

        Times are on the monotonic clock.
        """
        now = self._clock.monotonic()
        return now < until or (self._stirred <= at and now < at + HOUR)

    def compared(self, mine: Snapshot) -> Snapshot:
        """What of `mine` is to be compared with the peer's."""
        left_out = {given.item for given in self._given.values() if given.item and self.rests(given.at, given.until)}
        return mine.without(left_out) if left_out else mine
