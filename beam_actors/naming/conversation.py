"""The messages of `/beam/names/1` over a stream, for whoever opened it and whoever serves it.

Invariant: every wait for the other side has an end, except the wait for the first byte of a message on a stream that
may rest. What is wrong with what it says raises `RemoteProtocolError`, whose text can be sent back by `refuse`. It
knows streams and messages, and neither claims nor actors.
"""

from collections.abc import Awaitable, Callable

import trio

from beam_actors.errors import ConnectionLost, PeerRefused, RemoteProtocolError, TimedOut
from beam_actors.flow import read_frame
from beam_actors.naming import protocol
from beam_actors.naming.network import FAILURES, ByteStream
from beam_actors.naming.protocol import Done, Message, Refuse
from beam_actors.values import Address
from beam_actors.wire import FrameReader


class Conversation:
    """One stream of `/beam/names/1`."""

    __slots__ = ("_reader", "_stream", "_timeout")

    def __init__(self, stream: ByteStream, *, timeout: float) -> None:
        self._stream = stream
        self._timeout = timeout
        self._reader = FrameReader(protocol.MAX_MESSAGE)

    @property
    def remote(self) -> Address | None:
        """The other end's address, when there is one."""
        return self._stream.remote

    def check(self) -> None:
        """Raise why the stream broke, if it did: while this side has something else to do, nothing else tells it."""
        if self._stream.error is not None:
            raise self._stream.error

    async def send(self, *messages: Message) -> None:
        """Send in order; `TimedOut` when the other side takes nothing for too long."""
        for message in messages:
            with trio.move_on_after(self._timeout) as scope:
                await self._stream.write(protocol.encode(message))
            if scope.cancelled_caught:
                raise TimedOut("The peer takes no messages about names.")

    async def receive(self, *, idle: bool = False) -> Message | None:
        """The next message, or None at the clean end between two.

        `idle` allows to wait for its first byte without end.

        Raises:
            PeerRefused: it says why it won't go on.
            RemoteProtocolError: it is not one, or the stream ends within it.
            TimedOut: it doesn't come, or not in full.
        """
        if idle and not self._reader.held:
            data = await self._stream.read(self._reader.wanted)
            if not data:
                return None
            self._reader.feed(data)
        if (body := self._reader.next()) is None:  # a scope costs more than reading a message that is all there
            with trio.move_on_after(self._timeout) as scope:
                body = await read_frame(self._stream, self._reader)
            if scope.cancelled_caught:
                raise TimedOut("The peer began a message about names and doesn't end it.")
        message = None if body is None else protocol.decode(body)
        if isinstance(message, Refuse):
            raise PeerRefused(f"The peer refused: {message.text}")
        return message

    async def listed(self) -> Message | None:
        """The next message of a list, or None at its `Done`.

        Raises:
            RemoteProtocolError, TimedOut: as `receive`, and the former when the stream ends before the list does.
        """
        message = await self.receive()
        if message is None:
            raise RemoteProtocolError("The stream ended before the list did.")
        return None if isinstance(message, Done) else message

    async def send_slowly(self, claims: tuple[bytes, ...], pay: Callable[[float], Awaitable[None]]) -> None:
        """Push claims no faster than they are paid for; in pieces, so that the other side never waits too long."""
        for push in protocol.pushes(claims):
            await pay(len(push.claims))
            await self.send(push)

    async def hear_end(self) -> None:
        """Raise when a stream on which the other side says nothing ends."""
        await self.receive(idle=True)
        # Perhaps what was said last never arrived, and perhaps there is nothing else to say for days.
        raise ConnectionLost("The stream ended.")

    async def finish(self) -> None:
        """End cleanly once the other side has done so, too: then it has taken all in that was said.

        Raises:
            RemoteProtocolError, TimedOut: as `receive`, and the former when the other side goes on.
        """
        await self._stream.shutdown()
        if await self.receive() is not None:
            raise RemoteProtocolError("The peer goes on when all is said.")

    async def refuse(self, text: str) -> None:
        """Say why this side won't go on, if the other one still listens, and end the stream."""
        try:
            await self.send(Refuse(text))
        except FAILURES:
            self._stream.abort()
        else:
            self._stream.close()

    def close(self) -> None:
        """End cleanly."""
        self._stream.close()

    def abort(self) -> None:
        """End with a reset."""
        self._stream.abort()
