"""The stream over which a peer is told news: opened when there is some, ended when there was none for a moment.

A session that gave way to a better one ends with its last stream, so a stream that rests would keep it for good.
Invariant: a stream ends once the peer has taken in all that was said over it, or its failure is raised.
"""

from collections.abc import Awaitable, Callable
from math import inf

import trio

from beam_actors.naming.conversation import Conversation
from beam_actors.ports import Clock

_QUIET = 3.0
"""Seconds; another stream costs some sixty bytes."""


class Pushing:
    """The one stream of a link for that, when there is one."""

    __slots__ = ("_clock", "_open", "_quiet", "_talk")

    def __init__(self, open_stream: Callable[[], Awaitable[Conversation]], clock: Clock) -> None:
        self._open = open_stream
        self._clock = clock
        self._talk: Conversation | None = None
        self._quiet = inf

    def __repr__(self) -> str:
        return f"<Pushing, {'no stream' if self._talk is None else 'a stream'}>"

    @property
    def due(self) -> float:
        """When the stream is to be ended, on the monotonic clock, unless something is said meanwhile."""
        return self._quiet

    async def talk(self) -> Conversation:
        """The stream, to say something now."""
        if self._talk is None:
            self._talk = await self._open()
        self._quiet = self._clock.monotonic() + _QUIET
        return self._talk

    async def end(self) -> None:
        """Nothing was said for a while: raises when the peer perhaps did not take in what was said last."""
        if self._talk is not None:
            await self._talk.finish()
            self._talk.close()
        self._talk, self._quiet = None, inf

    async def hear(self) -> None:
        """Raise when the stream ends by the peer; as long as there is none, or it does not, wait."""
        if self._talk is None:
            await trio.sleep_forever()
        else:
            await self._talk.hear_end()

    def abort(self) -> None:
        """Nobody goes on."""
        if self._talk is not None:
            self._talk.abort()
