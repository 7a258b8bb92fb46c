"""How many exchanges there are at one time, so that those which this node answers come to their end.

An opener waits in silence while the answerer pays for what it offered, and gives up after `stream_timeout`. Hence:
first come, first served, and whoever comes when enough are being paid for is told so and comes again later. Invariant:
an exchange has a place only while this node is at work for it; a peer that is slow takes nobody's place. What all
exchanges hold of the registry is bounded, too: beyond it, the one that waits for its peer for the longest time gives
way, be it that the peer says nothing, takes nothing or does not end.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio

from beam_actors.errors import ResourceExhausted, TimedOut
from beam_actors.naming.ranges import ITEM, Snapshot

T = TypeVar("T")
_BUSY = "This node is busy comparing claims with other peers; ask again later."


class Exchanges:
    """Those that are being paid for, and those that wait for their peers."""

    __slots__ = ("_bytes", "_held", "_paying", "_room", "_silent", "_space")

    def __init__(self, room: int, space: int) -> None:
        """`room` exchanges are answered at one time, and all hold `space` bytes."""
        self._room = room
        self._space = space
        self._paying = 0
        self._bytes = 0
        self._held: Counter[Snapshot] = Counter()
        self._silent: dict[trio.CancelScope, Holding] = {}  # the longest silent first

    def admit(self) -> None:
        """Raise `ResourceExhausted` if no other exchange may begin now."""
        if self._paying >= self._room:
            raise ResourceExhausted(_BUSY)

    @contextmanager
    def paying(self) -> Iterator[None]:
        """Within this a part of an exchange that was admitted is paid for."""
        self._paying += 1
        try:
            yield
        finally:
            self._paying -= 1

    @contextmanager
    def holding(self, mine: Snapshot) -> Iterator["Holding"]:
        """An exchange over `mine` is under way."""
        self._held[mine] += 1
        if self._held[mine] == 1:
            self._bytes += ITEM * len(mine)
        holding = Holding(self, mine)
        try:
            holding.resize(0)
            yield holding
        finally:
            self._let_go(holding)

    def _let_go(self, holding: "Holding") -> None:
        mine, holding.mine = holding.mine, None
        if mine is None:
            return
        self._bytes -= holding.size
        self._held[mine] -= 1
        if not self._held[mine]:
            del self._held[mine]
            self._bytes -= ITEM * len(mine)

    def grow(self, size: int) -> None:
        """So many more bytes are held, for which other exchanges may have to give way, or this one."""
        self._bytes += size
        while self._bytes > self._space:
            if not self._silent:
                raise ResourceExhausted(_BUSY)
            scope = next(iter(self._silent))
            self._let_go(self._silent.pop(scope))
            scope.cancel()

    async def outwait(self, step: Callable[[], Awaitable[T]], holding: "Holding") -> T:
        """What comes of a step that waits for the other side: to say something, to take something, or to end.

        Raises:
            TimedOut: the exchange has to give way.
        """
        with trio.CancelScope() as scope:
            self._silent[scope] = holding
            try:
                outcome = await step()
            finally:
                self._silent.pop(scope, None)
            if not scope.cancel_called:  # else it came in the moment in which its place was given away
                return outcome
        raise TimedOut("The peer keeps an exchange waiting, and others need the room.")

    def __repr__(self) -> str:
        return f"<Exchanges {self._paying} of {self._room}, {self._bytes} bytes>"


class Holding:
    """What one exchange holds beside its snapshot."""

    __slots__ = ("_exchanges", "mine", "size")

    def __init__(self, exchanges: Exchanges, mine: Snapshot) -> None:
        self._exchanges = exchanges
        self.mine: Snapshot | None = mine
        """None once it holds nothing any more."""
        self.size = 0

    def resize(self, size: int) -> None:
        """It holds so many bytes now; `ResourceExhausted` if that is too much for all, and nobody else is silent."""
        grown, self.size = size - self.size, size
        self._exchanges.grow(grown)

    def __repr__(self) -> str:
        return f"<Holding {self.size} bytes>"
