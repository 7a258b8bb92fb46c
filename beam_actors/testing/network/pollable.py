"""What every virtual socket is to its driver: an interest, and what it can do now.

The invariant: a closed one is in no batch. It knows no address.
"""

from typing import TYPE_CHECKING

from beam_actors.errors import ConnectionLost
from beam_actors.ports import Readiness

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver

READ, WRITE = int(Readiness.READ), int(Readiness.WRITE)


class VirtualPollable:
    """A socket of one process, and what is wanted of it."""

    __slots__ = ("_interest", "_open", "driver")

    def __init__(self, driver: "VirtualDriver") -> None:
        self.driver = driver
        self._interest = 0
        self._open = True

    def want(self, *, read: bool, write: bool) -> None:
        """See `ports.Pollable`."""
        if not self.driver.is_alive:
            return  # a process that was killed: its tasks unwind over sockets that the system closed below them
        self._require_open()
        interest = (READ if read else 0) | (WRITE if write else 0)
        if interest != self._interest:
            self._interest = interest
            self.driver.update(self)

    def close(self) -> None:
        """See `ports.Pollable`."""
        self._open = False
        self.driver.leave(self)

    def vanish(self) -> None:
        """The machine lost power."""
        self._open = False

    def bits(self) -> int:
        """What it can do without blocking, of what is wanted."""
        raise NotImplementedError

    def was_reported(self) -> None:
        """A batch holds it."""

    def _require_open(self) -> None:
        if not self._open:
            raise ConnectionLost(f"{self!r} is used after it was closed.")
