"""Both sides of an exchange by which two nodes find out what either lacks, in bytes that grow with the difference.

Range-based set reconciliation (A. Meyer, "Range-Based Set Reconciliation", 2022). The sides take turns. A turn says one
thing of each range, from the bottom to the top; it is answered range by range:

    settled                           settled
    a print that equals one's own     settled
    a print that doesn't              the ids, if one holds few; else the prints of parts with as many items each
    a list of ids                     settled; what the other lacks is pushed, and what one lacks oneself is wanted

A turn is: claims that the other lacks or wanted, ids that one wants, then the ranges. The exchange is over after a turn
in which all is settled and nothing is wanted.

Invariant: what is said of a range, unless it settles it, lies in a part whose print was the other's last word; what was
listed or settled stays so. So each id is listed once, and what this side has open shrinks sixteen-fold in each of its
turns, whatever the other says: the number of turns grows as the logarithm of the items here. The state is bounded by
those items and by `most` ranges of the other. Sans-IO: no streams, no claims, no clock; who drives it sends, charges
and waits.
"""

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from typing import Final

import attrs

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming.ranges import ABOVE, TOP, Listing, Print, Range, Settled, Snapshot

PARTS: Final = 16
LISTED: Final = 32
"""Items of a range which are listed rather than split: two turns more would cost more than a kilobyte."""
_RANGE_BYTES: Final = 400
_ID_BYTES: Final = 100


@attrs.frozen(slots=True)
class Turn:
    """What one side says at once, in the order of its fields."""

    push: tuple[bytes, ...]
    """Ids of claims that the other lacks, or wanted."""
    want: tuple[bytes, ...]
    """Ids that this side lacks."""
    ranges: tuple[Range, ...]
    last: bool
    """Whether the exchange is over with it."""


@attrs.frozen(slots=True)
class Work:
    """What some ranges cost to look at."""

    hashed: int
    """Items of this side that were hashed."""
    compared: int
    """Ids of either side that were compared."""


@attrs.frozen(slots=True)
class _Said:
    """What this side said last of the items at `places`, which are from `lower` to before `upper`."""

    lower: bytes
    upper: bytes
    places: range
    range: Range | None
    """None: nothing yet."""


class Reconciliation:
    """One side of one exchange over a snapshot; either `begin` it, or `hear` first."""

    def __init__(self, mine: Snapshot, salt: bytes, *, most: int, parts: int = PARTS, listed: int = LISTED) -> None:
        """At most `most` ranges and as many ids are taken from the other side; `salt` is the opener's."""
        self._mine = mine
        self._salt = salt
        self._parts, self._listed = parts, listed
        self._ranges_left = self._ids_left = most
        self._said = [_Said(b"", ABOVE, range(len(mine)), None)]
        self._offered: set[bytes] = set()  # ids that were listed in the last turn and are not wanted
        self._agreed: list[range] = []
        self._start_hearing()

    def _start_hearing(self) -> None:
        self._at = b""  # up to here the other's turn was heard
        self._next = 0  # of what was said, the first that ends above
        self._all_settled = True
        self._push: list[bytes] = []
        self._want: list[bytes] = []
        self._saying: list[_Said] = []

    # --- the first turn -----------------------------------------------------------------------------------------------

    def begin(self) -> Turn:
        """The opener's first turn: what it holds, in one range."""
        everything = range(len(self._mine))
        one = Print(TOP, self._fingerprint(everything)) if everything else Listing(TOP, ())
        self._said = [_Said(b"", ABOVE, everything, one)]
        return Turn((), (), (one,), last=False)

    # --- the other's turn ---------------------------------------------------------------------------------------------

    def wanted(self, ids: Iterable[bytes]) -> None:
        """Part of the other's turn: the ids that it wants of those which were listed to it.

        Raises:
            RemoteProtocolError: they were not, or it says so after its ranges.
        """
        if self._at:
            raise RemoteProtocolError("The peer wants claims after it began with its ranges.")
        for one in ids:
            if one not in self._offered:
                raise RemoteProtocolError("The peer wants a claim that it was not offered, or wants it twice.")
            self._offered.remove(one)
            self._push.append(one)

    def weigh(self, ranges: Sequence[Range]) -> Work:
        """What it will cost to `hear` these."""
        hashed = compared = 0
        lower = self._mine.place(self._at)
        for one in ranges:
            upper = max(lower, self._mine.place(one.end or ABOVE))
            match one:
                case Print():
                    hashed += 2 * (upper - lower)  # once as a whole, and once in parts
                case Listing(ids=ids):
                    compared += upper - lower + len(ids)
                case Settled():
                    pass
            lower = upper
        return Work(hashed, compared)

    def hear(self, ranges: Sequence[Range]) -> None:
        """Part of the other's turn: ranges that follow those heard so far.

        Raises:
            RemoteProtocolError: the other side breaks a rule; the exchange can't go on.
        """
        for one in ranges:
            if self._at == ABOVE:
                raise RemoteProtocolError("The peer goes on after the last of its ranges.")
            end = one.end or ABOVE
            if end <= self._at:
                raise RemoteProtocolError("The peer's ranges overlap or go back.")
            self._ranges_left -= 1
            if self._ranges_left < 0:
                raise RemoteProtocolError("The peer cuts what it holds into more ranges than anybody needs.")
            match one:
                case Settled():
                    self._hear_settled(one, end)
                case Print():
                    self._hear_print(one, end)
                case Listing():
                    self._hear_list(one, end)
            while self._next < len(self._said) and self._said[self._next].upper <= end:
                self._next += 1
            self._at = end

    def _hear_settled(self, one: Settled, end: bytes) -> None:
        for said in islice(self._said, self._next, None):
            if said.lower >= end:
                break
            whole = self._at <= said.lower and said.upper <= end
            if isinstance(said.range, Listing):
                if not whole:
                    raise RemoteProtocolError("The peer settles a part of a list.")
                self._agree(place for place in said.places if self._mine.id(place) in self._offered)
            elif isinstance(said.range, Print) and whole:
                self._agreed.append(said.places)
        self._say(one, range(0))

    def _hear_print(self, one: Print, end: bytes) -> None:
        places = self._open_places(end)
        self._all_settled = False
        if one.fingerprint == self._fingerprint(places):
            self._agreed.append(places)
            self._say(Settled(one.end), places)
            return
        if len(places) <= self._listed:
            ids = tuple(self._mine.ids(places))
            self._say(Listing(one.end, ids), places)
            return
        count = min(self._parts, len(places))
        cuts = [places.start + len(places) * part // count for part in range(count + 1)]
        for start, stop in pairwise(cuts):
            upper = one.end if stop == places.stop else self._mine.border(stop)
            some = range(start, stop)
            self._say(Print(upper, self._fingerprint(some)), some)

    def _hear_list(self, listing: Listing, end: bytes) -> None:
        places = self._open_places(end)
        ids = listing.ids
        self._ids_left -= len(ids)
        if self._ids_left < 0:
            raise RemoteProtocolError("The peer offers more claims than anybody keeps.")
        theirs = dict.fromkeys(ids)
        if len(theirs) != len(ids):
            raise RemoteProtocolError("The peer lists a claim twice.")
        self._all_settled = False
        both = []
        for place, one in zip(places, self._mine.ids(places), strict=True):
            if one in theirs:
                both.append(place)
                del theirs[one]
            else:
                self._push.append(one)
        self._want.extend(theirs)
        self._agree(both)
        self._say(Settled(listing.end), places)

    def _open_places(self, end: bytes) -> range:
        """The places of a range that is not settled, if it lies in one that this side left open."""
        said = self._said[self._next]
        is_open = said.range is None or isinstance(said.range, Print)
        if not is_open or self._at < said.lower or said.upper < end:
            raise RemoteProtocolError("The peer speaks of a range that is settled, or that it was not asked about.")
        return range(self._mine.place(self._at), self._mine.place(end))

    def _fingerprint(self, places: range) -> bytes:
        return self._mine.fingerprint(self._salt, places)

    def _agree(self, places: Iterable[int]) -> None:
        for place in places:
            if self._agreed and self._agreed[-1].stop == place:
                self._agreed[-1] = range(self._agreed[-1].start, place + 1)
            else:
                self._agreed.append(range(place, place + 1))

    def _say(self, one: Range, places: range) -> None:
        lower = self._saying[-1].upper if self._saying else b""
        if isinstance(one, Settled) and self._saying and isinstance(self._saying[-1].range, Settled):
            lower = self._saying.pop().lower
        self._saying.append(_Said(lower, one.end or ABOVE, places, one))

    # --- the answer ---------------------------------------------------------------------------------------------------

    @property
    def heard(self) -> bool:
        """Whether the other's turn was heard to its end."""
        return self._at == ABOVE

    def answer(self) -> Turn | None:
        """This side's turn, when the other's was heard; None if that was the last."""
        if not self.heard:
            raise ValueError("The other side's turn was not heard to its end.")
        if self._all_settled and not self._push:
            return None
        self._said = self._saying
        ranges = tuple(said.range for said in self._said if said.range is not None)
        self._offered = {one for listing in ranges if isinstance(listing, Listing) for one in listing.ids}
        last = not self._want and all(isinstance(one, Settled) for one in ranges)
        turn = Turn(tuple(self._push), tuple(self._want), ranges, last)
        self._start_hearing()
        return turn

    @property
    def size(self) -> int:
        """Bytes that it holds beside the snapshot, about."""
        ids = len(self._offered) + len(self._push) + len(self._want)
        return _RANGE_BYTES * (len(self._said) + len(self._saying)) + _ID_BYTES * ids

    def agreed(self) -> tuple[range, ...]:
        """Places of items which the other side holds too, as was found out since this was asked last."""
        agreed, self._agreed = self._agreed, []
        return tuple(agreed)
