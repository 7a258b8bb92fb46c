"""One DNS connection over TCP: questions in, answers out, in any order (RFC 7766 sections 6.2 and 7).

Invariants: at most `dns_pipeline` questions are under way; a client that is idle, whose question takes too long to
arrive, or that doesn't read, is closed. It knows
framing and time, and nothing of what a message says.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from beam_actors.errors import BeamError, RemoteProtocolError, ResourceExhausted, TimedOut
from beam_actors.flow import Stream
from beam_actors.ingress.framing import Deframer, frame
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.questions import MAX_QUESTION

Answer = Callable[[bytes], Awaitable[bytes | None]]
"""From a message to its reply; None for what is no question."""


class Exchange:
    """A connection that is being served; `answer` turns a message into its reply."""

    def __init__(self, stream: Stream, answer: Answer, limits: IngressLimits) -> None:
        self._stream = stream
        self._answer = answer
        self._limits = limits
        self._writing = trio.Lock()
        self._slots = trio.Semaphore(limits.dns_pipeline)
        self._error: BeamError | None = None
        self._scope = trio.CancelScope()
        self._under_way = 0
        self.since = trio.current_time()
        """When the last whole question came, or the connection, on trio's clock."""

    @property
    def is_answering(self) -> bool:
        """Whether a question is under way."""
        return self._under_way > 0

    def evict(self) -> None:
        """End `run` at once: somebody else needs the place."""
        self._scope.cancel()

    async def run(self) -> None:
        """Serve until the client ends or is idle, then close; when an error is raised, the caller resets the stream.

        Raises:
            RemoteProtocolError: a message is too long or no question.
            TimedOut: the client doesn't read its answers.
            ResourceExhausted: it was evicted.
            NetworkError: the connection broke.
        """
        with self._scope:
            await self._serve()
        if self._scope.cancelled_caught:
            raise ResourceExhausted("A DNS connection gave its place to another.")
        if self._error is not None:
            raise self._error
        self._stream.close()

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:  # which, at the end of the questions, waits for the last answers
            nursery.start_soon(self._guard, nursery, self._read, nursery)

    async def _guard(self, nursery: trio.Nursery, task: Callable[..., Awaitable[None]], *args: Any) -> None:
        """The first error ends the connection, and is raised bare and not in a group."""
        try:
            await task(*args)
        except BeamError as error:
            self._error = self._error or error
            nursery.cancel_scope.cancel()

    async def _read(self, nursery: trio.Nursery) -> None:
        deframer = Deframer(MAX_QUESTION)
        deadline = trio.current_time() + self._limits.dns_idle_seconds
        while True:
            data, midway = b"", deframer.pending
            with trio.CancelScope(deadline=deadline):
                data = await self._stream.read(4096)
            if not data:
                return
            messages = deframer.receive(data)
            for message in messages:
                await self._slots.acquire()
                self._under_way += 1
                nursery.start_soon(self._guard, nursery, self._reply, message)
            if messages or not midway:  # else it is still the same question, and its time goes on
                deadline = trio.current_time() + self._limits.dns_idle_seconds
            if messages:
                self.since = trio.current_time()

    async def _reply(self, message: bytes) -> None:
        try:
            reply = await self._answer(message)
            if reply is None:
                raise RemoteProtocolError("A DNS message over TCP is no question.")
            with trio.move_on_after(self._limits.dns_idle_seconds) as deadline:
                async with self._writing:
                    await self._stream.write(frame(reply))
            if deadline.cancelled_caught:
                raise TimedOut("A DNS client does not read its answers.")
        finally:
            self._under_way -= 1
            self._slots.release()
