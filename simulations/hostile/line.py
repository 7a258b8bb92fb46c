"""A line: an attacker's own session with a victim, by the production's session without I/O, driven by hand.

By hand, because an attacker does what no handle of the production offers: it says any frame, reads nothing, or lies
about who it is. Invariant: a line ends with its connection, and whatever went on over it is cancelled then; what the
victim says that no session permits ends the line and raises nothing. It knows no protocol above the session.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from beam_actors.errors import ConnectionLost, NetworkError, RemoteProtocolError, ResourceExhausted, TimedOut
from beam_actors.flow import Stream
from beam_actors.values import Address, PeerId
from beam_actors.wire import (
    Established,
    Event,
    Session,
    SessionEnded,
    StreamData,
    StreamFinished,
    StreamId,
    StreamOpened,
    StreamRefused,
    StreamReset,
    StreamWritable,
)

CHUNK = 1 << 16
DEFENCE = (NetworkError, RemoteProtocolError, ResourceExhausted, TimedOut)
"""How a victim's defence shows; anything else is a fault of the attacker's own code."""
Attack = Callable[["Line"], Awaitable[None]]
Answer = Callable[["Talk", str], Awaitable[None]]


class Talk:
    """One stream of a line; the names room's `Conversation` runs over it as over any other."""

    def __init__(self, line: "Line", number: StreamId) -> None:
        self.error: NetworkError | None = None
        self.number = number
        self._line = line
        self._heard = bytearray()
        self._ended = False
        self._news = trio.Event()

    def __repr__(self) -> str:
        return f"<Talk {self.number} of {self._line!r}>"

    @property
    def remote(self) -> Address | None:
        """The victim's address."""
        return self._line.stream.remote

    async def read(self, limit: int = CHUNK) -> bytes:
        """Some bytes, or b"" at the clean end; `ConnectionLost` after a reset."""
        await trio.lowlevel.checkpoint()
        while not self._heard and not self._ended:
            self._check()
            await self._news.wait()
        data = bytes(self._heard[:limit])
        del self._heard[: len(data)]
        if data:
            self._line.session.consumed(self.number, len(data))
            self._line.poke()
        return data

    async def write(self, data: bytes) -> None:
        """Return when all of it was taken."""
        await trio.lowlevel.checkpoint()
        while data:
            self._check()
            taken = self._line.session.send(self.number, data)
            data = data[taken:]
            self._line.poke()
            if data:
                await self._news.wait()

    async def shutdown(self) -> None:
        """End this direction."""
        await trio.lowlevel.checkpoint()
        self.close()

    def close(self) -> None:
        """The same: an attacker need not say that it listens no longer."""
        self._line.session.finish(self.number)
        self._line.poke()

    def abort(self) -> None:
        """Reset it."""
        self._line.session.reset(self.number)
        self._line.poke()

    def adopt(self, owner: object) -> None:
        """An attacker's talks belong to nobody."""

    def happened(self, event: Event) -> None:
        """Something happened on it."""
        if isinstance(event, StreamData):
            self._heard += event.data
        elif isinstance(event, StreamFinished):
            self._ended = True
        elif isinstance(event, StreamReset | StreamRefused):
            self.error = ConnectionLost("The victim reset the stream.")
        news, self._news = self._news, trio.Event()
        news.set()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class Line:
    """A session with one victim. `answer` serves the streams that the victim opens."""

    def __init__(self, stream: Stream, session: Session, answer: Answer) -> None:
        self.session = session
        self.stream = stream
        self.deaf = False
        """Whether what the victim says is read and thrown away: the session would not bear it after raw frames."""
        self.asleep = False
        """Whether nothing is read at all, so that the victim's bytes wait in the kernels."""
        self._answer = answer
        self._talks: dict[StreamId, Talk] = {}
        self._up = trio.Event()
        self._dirty = trio.Event()
        self.nursery: trio.Nursery

    def __repr__(self) -> str:
        return f"<Line {self.session!r}>"

    @property
    def victim(self) -> PeerId:
        """Who proved to be at the other end."""
        if self.session.peer is None:
            raise ConnectionLost("The handshake is not over.")
        return self.session.peer

    async def run(self, attack: Attack) -> bool:
        """Shake hands, attack, and hang up; whether the handshake came to its end."""
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            nursery.start_soon(self._listen)
            nursery.start_soon(self._speak)
            await self._up.wait()
            with suppress(*DEFENCE):  # the victim defends itself
                await attack(self)
            nursery.cancel_scope.cancel()
        self.stream.abort()
        return self._up.is_set()

    def open(self, protocol: str) -> Talk:
        """Open a stream and propose a protocol; raises as `Session.open`."""
        number = self.session.open(protocol)
        talk = self._talks[number] = Talk(self, number)
        self.poke()
        return talk

    def say(self, frames: bytes) -> None:
        """Say these bytes inside the encrypted channel, whatever they are; from now on nothing is understood."""
        self.deaf = True
        for start in range(0, len(frames), CHUNK):
            self.session._mux.outbox.plaintext(frames[start : start + CHUNK])  # noqa: SLF001 (past what it allows)
        self.poke()

    def sleep(self) -> None:
        """Read nothing any more."""
        self.asleep = True

    def poke(self) -> None:
        """There may be something to send."""
        self._dirty.set()

    async def _speak(self) -> None:
        try:
            while True:
                while data := self.session.data_to_send():
                    await self.stream.write(bytes(data))
                    self._handle(self.session.take_events())
                if self.session.ended:
                    break
                await self._dirty.wait()
                self._dirty = trio.Event()
        except NetworkError:
            pass
        self.nursery.cancel_scope.cancel()

    async def _listen(self) -> None:
        try:
            while data := await self.stream.read(CHUNK):
                if not self.deaf:
                    self._handle(self.session.receive(bytearray(data)))
                    if self._up.is_set() and not self.session.ended:
                        self.session.forgive()
                    self.poke()
                while self.asleep:
                    await trio.sleep_forever()
        except NetworkError:
            pass
        self.nursery.cancel_scope.cancel()

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Established():
                    self._up.set()
                case SessionEnded():
                    self.nursery.cancel_scope.cancel()
                case StreamOpened(number, protocol):
                    talk = self._talks[number] = Talk(self, number)
                    self.nursery.start_soon(self._serve, talk, protocol)
                case StreamData(number) | StreamFinished(number) | StreamReset(number) | StreamRefused(number):
                    self._talks[number].happened(event)
                case StreamWritable(number):
                    self._talks[number].happened(event)

    async def _serve(self, talk: Talk, protocol: str) -> None:
        try:
            await self._answer(talk, protocol)
        except DEFENCE:
            talk.abort()
