"""A session as the rooms above see it: a handle that opens streams, measures the way, and ends it.

The invariant: a call after the session's end raises `ConnectionLost` or does nothing, and never waits. It holds no
state of its own, so that whoever has it sees the session as it is now; it must not touch bytes (`session_link` does).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow.owner import Owner
from beam_actors.flow.stream import Stream
from beam_actors.values import Address, PeerId
from beam_actors.wire import SessionStatistics

if TYPE_CHECKING:
    from beam_actors.flow.session_link import SessionLink


Taker = Callable[[PeerId, Stream], bool]
"""Asked in the pump about a stream that a peer opened, with what came with it; must be quick, and says whether it took
the stream. What it raises crashes the stream's owner of that moment."""


@attrs.frozen(slots=True)
class LinkStatistics:
    """A session's counters and what its link knows besides. `rtt` in seconds, None before the first pong."""

    wire: SessionStatistics
    rtt: float | None
    bytes_held: int
    streams: int


class SessionHandle:
    """What the rooms above see of a session. Its owner is told `SessionUp`, `IncomingStream` and `SessionDown`."""

    __slots__ = ("_link",)

    def __init__(self, link: "SessionLink") -> None:
        self._link = link

    @property
    def peer(self) -> PeerId | None:
        """Who is at the other end, once that is proved."""
        return self._link.session.peer

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._link.is_open

    @property
    def takes_streams(self) -> bool:
        """Whether a new stream may be opened: it has not ended, and the peer is not about to leave it."""
        return self._link.is_open and self._link.session.takes_streams

    @property
    def local(self) -> Address | None:
        """This end's address."""
        return self._link.lower.local

    @property
    def remote(self) -> Address | None:
        """The other end's address."""
        return self._link.lower.remote

    def open(self, protocol: str, owner: Owner | None = None) -> Stream:
        """A new stream, owned by `owner` or else by the session's owner; bytes may be written at once.

        If the peer doesn't speak the protocol, the stream fails with `ConnectionRefused`.

        Raises:
            ConnectionLost: the session has ended.
            ResourceExhausted: it carries as many streams as it may.
        """
        return Stream(self._link.open(protocol, owner))

    async def ping(self) -> float:
        """Seconds of a round trip; raise `ConnectionLost` when the session ends first. The caller sets the deadline."""
        if not self._link.is_open:
            await trio.lowlevel.checkpoint()
            raise ConnectionLost("The session has ended.")
        done = trio.Event()
        took: list[float] = []

        def on_pong(seconds: float) -> None:
            took.append(seconds)
            done.set()

        self._link.keep_alive.ping(on_pong)
        await done.wait()
        if took[0] < 0:
            raise ConnectionLost("The session ended before the peer answered.")
        return took[0]

    def adopt(self, owner: Owner) -> None:
        """Hand it to another actor, which is told everything from now on."""
        self._link.adopt(owner)

    def ask_first(self, protocol: str, taker: Taker) -> None:
        """Ask `taker` about each stream of this protocol that the peer opens, before the owner is told of it."""
        self._link.takers = {**self._link.takers, protocol: taker}

    def leave(self) -> None:
        """Take no new streams; those that exist go on."""
        if self._link.is_open:
            self._link.session.leave()
            self._link.flush_soon()

    async def close(self) -> None:
        """End it in order: streams fail, the peer is told."""
        await trio.lowlevel.checkpoint()
        self._link.close()

    def abort(self) -> None:
        """Cut it."""
        self._link.abort()

    dispose = abort

    def statistics(self) -> LinkStatistics:
        """Its counters now."""
        link = self._link
        return LinkStatistics(
            wire=link.session.statistics(),
            rtt=link.keep_alive.rtt,
            bytes_held=link.budget.total,
            streams=len(link.streams),
        )

    def __repr__(self) -> str:
        return f"<SessionHandle {self._link!r}>"
