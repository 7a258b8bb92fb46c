"""What a peer may make this end do: frames in a turn, and frames that are of no use to anybody in a few seconds.

Rules:
- A turn has a bound of work; what is left is read in a later one, so that a peer whose frames are small and many holds
  up nobody.
- Who says nothing is cut when it said so too often. How often that is grows with the bytes that moved meanwhile: who
  has much to say may ask much.

Invariant: between two calls of `forgive` no peer wastes more than `SessionLimits.waste` frames, and one more for each
`_BYTES_A_FRAME` bytes. It knows no frame and no stream, only their number; time is the caller's.
"""

from typing import Final

from beam_actors.errors import RemoteProtocolError

UNBOUNDED: Final = 1 << 62
"""Work of a turn that has no bound."""
DEAD_STREAM: Final = 8
"""What a stream that comes to nothing is worth in wasted frames."""
_BYTES_A_FRAME: Final = 2048
"""Bytes that allow one more frame to say nothing: windows are probed by a ping for every few tens of KiB."""


class Allowance:
    """The work that is left in this turn, and what was wasted since `forgive`.

    Args:
        waste: how many frames may say nothing between two calls of `forgive`, whatever moves.
    """

    __slots__ = ("_most", "_waste", "moved", "work")

    def __init__(self, waste: int) -> None:
        self._most = waste
        self._waste = 0
        self.work = UNBOUNDED
        """Frames that may still be read in this turn; whoever reads one, or does as much work, counts it down."""
        self.moved = 0
        """Bytes in both directions since `forgive`."""

    def turn(self, frames: int) -> None:
        """Allow the work of so many frames in all from now on."""
        self.work = frames

    def spend(self) -> bool:
        """Count the work of one frame; whether there is some left in this turn."""
        self.work -= 1
        return self.work > 0

    def waste(self, frames: int) -> None:
        """Count frames of the peer that were of no use to anybody.

        Raises:
            RemoteProtocolError: they are too many.
        """
        self._waste += frames
        if self._waste > self._most + self.moved // _BYTES_A_FRAME:
            raise RemoteProtocolError("The peer floods this session with frames that say nothing.")

    def forgive(self) -> None:
        """Forget what was wasted until now; to be called every few seconds."""
        self._waste = self.moved = 0

    def __repr__(self) -> str:
        return f"<Allowance wasted={self._waste} moved={self.moved} work={self.work}>"
