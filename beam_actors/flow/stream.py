"""Streams: what the rooms above see of a link, with awaiting instead of callbacks.

The invariant: at most one task reads and one writes at a time, no byte that was read is lost to a cancellation, and
once spliced the handle is spent. It knows nothing of which kind of link it stands on.
"""

from collections.abc import Awaitable
from typing import Any

import trio

from beam_actors.errors import LocalProtocolError, NetworkError
from beam_actors.flow.link import READ, WRITE, Handler, Link, StackedLink
from beam_actors.flow.owner import Owner
from beam_actors.flow.splice import Splice
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.values import Address


class Stream:
    """One byte stream. Methods raise `ConnectionLost` and the other `NetworkError`s once it broke or was closed."""

    __slots__ = ("_link", "_reader", "_tags", "_unread", "_writer")

    def __init__(self, link: Link) -> None:
        self._link: Link | None = link
        self._unread = b""
        self._tags: tuple[str, ...] = ()
        self._reader: trio.lowlevel.Task | None = None
        self._writer: trio.lowlevel.Task | None = None
        link.handler = self._on_ready

    # --- bytes ---

    async def read(self, limit: int = 1 << 16) -> bytes:
        """1 to `limit` bytes, or b"" at the clean end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        data = self.read_nowait(limit)
        if data is None:
            while data is None:
                await self._wait(READ)
                data = self.read_nowait(limit)
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()  # others get their turn, and the bytes are not lost
        return data

    def read_nowait(self, limit: int = 1 << 16) -> bytes | None:
        """As `read`, of what is there already; None if there is nothing yet."""
        link = self._living()
        if self._unread:
            data, self._unread = self._unread[:limit], self._unread[limit:]
            return data
        buffer = link.pump.buffer[:limit]
        size = link.recv_into(buffer)
        return None if size is None else bytes(buffer[:size])

    def peek(self, limit: int) -> bytes:
        """What `read_nowait` would give first, or less of it, without taking it; of a socket, what was put back."""
        link = self._living()
        if not self._unread and isinstance(link, StackedLink) and (parts := link.buffered()):
            return bytes(parts[0][:limit])
        return self._unread[:limit]

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what is read next (a parser took more than its share)."""
        self._living()
        self._unread = data + self._unread

    async def write(self, data: Buffer) -> None:
        """Return when all of `data` was taken. When cancelled, a prefix of unknown length was: abort then."""
        await trio.lowlevel.checkpoint_if_cancelled()
        link = self._living()
        view = memoryview(data)
        if view:
            view = view[link.send(view) :]
        if not view:
            await trio.lowlevel.cancel_shielded_checkpoint()
        while view:
            await self._wait(WRITE)
            view = view[link.send(view) :]

    def write_nowait(self, data: Buffer) -> int:
        """How many bytes of `data` were taken at once; the rest is `write`'s."""
        return self._living().send(data)

    async def shutdown(self) -> None:
        """Say that no more bytes follow; reading goes on."""
        await trio.lowlevel.checkpoint()
        self._living().shutdown()

    async def connected(self) -> None:
        """Wait until a dialled stream is up, or raise why it failed."""
        await trio.lowlevel.checkpoint()
        link = self._living()
        while not link.connected():
            await self._wait(WRITE)

    def close(self) -> None:
        """End both directions, delivering what was written; idempotent."""
        if self._link is not None:
            self._link.close()

    def abort(self) -> None:
        """End it with a reset, so that the other end doesn't take it for complete; idempotent."""
        if self._link is not None:
            self._link.abort()

    dispose = abort
    """What becomes of a stream in a message that nobody received."""

    # --- belonging ---

    def adopt(self, owner: Owner) -> None:
        """Hand it to another actor, with whose end it is aborted from now on."""
        self._living().adopt(owner)

    def tag(self, path: str) -> None:
        """Let the splice that it becomes part of carry this tag, too: for an actor that hands it to others."""
        self._tags = (*self._tags, path)

    def splice(self, other: "Stream", tag: str | tuple[str, ...], *, now: bool = False) -> Splice:
        """Join two streams until both directions ended; both handles are spent, or neither when an error is raised.

        `tag` names who may look for the splice, by path. Bytes put back by `unread` go first. What is there already
        begins to move in the next round, or `now`, before this returns; the splice may have ended by then.
        """
        ours, theirs = self._detachable(), other._detachable()  # noqa: SLF001  # another of its own kind
        if ours is theirs or ours.pump is not theirs.pump:
            raise LocalProtocolError("A splice joins two different streams of one pump.")
        given = (tag,) if isinstance(tag, str) else tag
        tags = (*given, *self._tags, *other._tags)  # noqa: SLF001  # as above
        pump, unread = ours.pump, (self._spend(), other._spend())  # noqa: SLF001  # as above
        splice = pump.splices.add(Splice(pump, ours, theirs, tags, unread))
        if now:
            splice.start()
        else:
            pump.call_soon(splice.start, ours)
        return splice

    def detach(self) -> tuple[Link, bytes]:
        """Give up the link and what was put back, to whoever drives it from now on; the handle is spent."""
        link = self._detachable()
        link.want(read=False, write=False)
        link.handler = None
        return link, self._spend()

    def on_ready(self, handler: Handler | None) -> Link:
        """Have the link tell its readiness to `handler`, which wants what it wants of the link; None: as before."""
        link = self._living()
        link.handler = handler or self._on_ready
        return link

    # --- what it is ---

    @property
    def local(self) -> Address | None:
        """This end's address, when there is one."""
        return self._link.local if self._link is not None else None

    @property
    def remote(self) -> Address | None:
        """The other end's address, when there is one."""
        return self._link.remote if self._link is not None else None

    @property
    def credentials(self) -> PeerCredentials | None:
        """The other end's process, for Unix sockets."""
        return self._link.credentials if self._link is not None else None

    @property
    def error(self) -> NetworkError | None:
        """Why it ended, None while it lives."""
        return self._link.error if self._link is not None else None

    # --- inside ---

    def _living(self) -> Link:
        if self._link is None:
            raise LocalProtocolError("This stream was spliced or stacked upon; its handle is spent.")
        return self._link

    def _spend(self) -> bytes:
        self._link = None
        unread, self._unread = self._unread, b""
        return unread

    def _detachable(self) -> Link:
        link = self._living()
        if self._reader is not None or self._writer is not None:
            raise LocalProtocolError(f"{self!r} is still being read or written.")
        if link.error is not None:
            raise link.error
        return link

    def _wait(self, bit: int) -> Awaitable[None]:
        task = trio.lowlevel.current_task()
        if (self._reader if bit == READ else self._writer) is not None:
            raise trio.BusyResourceError(f"{self!r} is read or written by two tasks at once.")
        if bit == READ:
            self._reader = task
        else:
            self._writer = task
        self._rearm()
        # No coroutine and no closure for each wait: an idle node is made of tasks that read from quiet streams.
        stop = self._stop_reading if bit == READ else self._stop_writing
        return trio.lowlevel.wait_task_rescheduled(stop)  # noqa: ASYNC105 (whoever calls awaits it at once)

    def _stop_reading(self, _raise: Any) -> trio.lowlevel.Abort:
        self._reader = None
        self._rearm()
        return trio.lowlevel.Abort.SUCCEEDED

    def _stop_writing(self, _raise: Any) -> trio.lowlevel.Abort:
        self._writer = None
        self._rearm()
        return trio.lowlevel.Abort.SUCCEEDED

    def _on_ready(self, bits: int) -> None:
        if bits & READ and self._reader is not None:
            task, self._reader = self._reader, None
            trio.lowlevel.reschedule(task)
        if bits & WRITE and self._writer is not None:
            task, self._writer = self._writer, None
            trio.lowlevel.reschedule(task)
        self._rearm()

    def _rearm(self) -> None:
        if self._link is not None and self._link.is_open:
            self._link.want(read=self._reader is not None, write=self._writer is not None)

    def __repr__(self) -> str:
        return f"<Stream on {self._link!r}>" if self._link is not None else "<Stream spent>"
