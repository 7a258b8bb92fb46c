"""What a person asked for, how it stands, and the requests about it that are under way.

Invariant: a wish changes by what its person was told. Whose answer was lost, or crossed another one's, is `UNSURE`.
"""

import enum
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from beam_actors.values import OwnerId


class Standing(enum.Enum):
    """Of a wish: a name to hold, a tunnel to offer."""

    NONE = "none"
    """Never asked for, or given up and acknowledged."""
    HELD = "held"
    """Acknowledged."""
    HANDED = "handed over"
    """It goes to somebody else: the daemon that was started then says so, once it has asked its peers."""
    UNSURE = "unsure"


@attrs.define(slots=True)
class Wish:
    """One key of one person: how it stands, and how many requests about it are under way."""

    standing: Standing = Standing.NONE
    under_way: int = 0
    crossed: bool = False
    ever: bool = False
    """Whether it was ever asked for, and not refused."""
    asked_at: float = 0.0
    """When the last request about it began or ended."""
    given_up_at: float | None = None
    """When another machine of the owner gave the name up, which this one comes to hear of."""


class Request:
    """One request under way; what it was told is said by `done` or `refused`, or by neither."""

    def __init__(self, wish: Wish, wanted: Standing) -> None:
        self._wish = wish
        self._wanted = wanted
        self._before = wish.standing, wish.ever

    def done(self) -> None:
        """It was acknowledged."""
        self._wish.standing = Standing.UNSURE if self._wish.crossed else self._wanted

    def refused(self) -> None:
        """Nothing was changed, for certain."""
        if self._wish.crossed:
            self._wish.standing = Standing.UNSURE
        else:
            self._wish.standing, self._wish.ever = self._before


class Call:
    """A petname that is being made; what it was told is said by `done` or `refused`, or by neither."""

    def __init__(self, petnames: dict[str, tuple[str, OwnerId] | None], petname: str) -> None:
        self._petnames = petnames
        self._petname = petname
        self._had = petname in petnames
        self._before = petnames.get(petname)
        petnames[petname] = None

    def done(self, name: str, owner: OwnerId) -> None:
        """It stands for the owner's name."""
        self._petnames[self._petname] = name, owner

    def refused(self) -> None:
        """Nothing was changed, for certain."""
        if self._had:
            self._petnames[self._petname] = self._before
        else:
            del self._petnames[self._petname]


@contextmanager
def request_about(wish: Wish, wanted: Standing) -> Iterator[Request]:
    """A request about the wish is made, which shall stand so when it is done."""
    request = Request(wish, wanted)
    wish.crossed = wish.under_way > 0
    wish.under_way += 1
    wish.ever = wish.ever or wanted is Standing.HELD
    wish.standing = Standing.UNSURE
    wish.asked_at = trio.current_time()
    try:
        yield request
    finally:
        wish.under_way -= 1
        wish.asked_at = trio.current_time()
