"""Splices: two links joined in both directions, moved by the pump without anybody's help.

The invariants, per direction: bytes come out as they went in, in order; nothing is read that the sink does not accept,
save one read of bounded size for a socket that can't say; a clean end is passed on as a clean end, while the other
direction goes on; every path that frees room wakes whoever waits for it, and the pacer wakes whoever rests. A failure
of either link resets the other one and ends the splice, and crashes nobody.
"""

from typing import TYPE_CHECKING

from beam_actors.errors import ConnectionLost, NetworkError, ResourceExhausted
from beam_actors.flow.link import READ, WRITE, Link, StackedLink
from beam_actors.flow.pacing import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from beam_actors.flow.pump import Pump

_MAX_PARTS = 64


class _Direction:
    """Moves bytes from `source` to `sink`. What it was unable to hand on it keeps in `residue`, and reads no more."""

    __slots__ = (
        "_buffered", "_pacer", "_splice", "bytes", "ended", "finished", "residue", "rests", "sink", "source",
        "wants_read", "wants_write",
    )  # fmt: skip

    def __init__(self, splice: "Splice", source: Link, sink: Link, residue: bytes) -> None:
        self._splice = splice
        self._pacer = splice.pacer
        self.source = source
        self._buffered = source if isinstance(source, StackedLink) else None
        self.sink = sink
        self.residue = memoryview(residue)
        self.bytes = 0
        self.ended = False
        """The source ended cleanly."""
        self.finished = False
        """And everything was handed on, and the sink was told."""
        self.rests = False
        """It wants nothing, since the pacer resumes it."""
        self.wants_read = False
        self.wants_write = False

    def begins(self) -> bool:
        """Whether it has something to move at the beginning; of a socket, its readiness tells."""
        if self.finished or self.wants_read or self.wants_write:
            return False  # a readiness of before was told already
        source = self._buffered
        if self.residue or (source is not None and (source.buffered() or source.at_end)):
            return True
        self.wants_read = True
        return False

    def step(self) -> None:
        """Move what one read gives, and set what is wanted next."""
        if not self.rests and self._turn() and (not self._pacer.small or self._allowed(1)):
            # There may be more: readiness is level-triggered, so the next round goes on after others had their turn.
            self.wants_read, self.wants_write = True, False

    def offer(self, data: memoryview) -> int:
        """The short cut of a stacked source: hand borrowed bytes straight to the sink; how many it took."""
        if self.rests:
            return 0
        if self.residue or not self.sink.room():
            self.wants_read, self.wants_write = False, True
            self._splice.rearm()
            return 0
        allowed = self._allowed(len(data)) if self._pacer.small else len(data)
        if not allowed:
            self._splice.rearm()
            return 0
        sent = self.sink.send(data if allowed == len(data) else data[:allowed])
        self.bytes += sent
        if sent > self._pacer.least:
            self._weigh(sent)
        if sent < len(data) and not self.wants_write:
            self.wants_read, self.wants_write = False, True
            self._splice.rearm()
        return sent

    def resume(self) -> None:
        """See `Resting`."""
        self.rests = False
        self._splice.go_on(self)

    def _turn(self) -> bool:  # noqa: C901, PLR0911  # a table of states reads better than nesting
        """One read and one write; False when it must wait."""
        if self.residue and not self._hand_on_residue():
            return self._wait(read=False)
        if self.ended:
            self._finish()
            return False
        room = self.sink.room()
        if room <= 0:
            return self._wait(read=False)
        if self._pacer.small and not (room := self._allowed(room)):
            return False
        if self._buffered is not None:
            return self._turn_buffered(self._buffered, room)
        buffer = self.source.pump.buffer[:room]
        size = self.source.recv_into(buffer)
        if size is None:
            return self._wait(read=True)
        if size == 0:
            self.ended = True
            self._finish()
            return False
        sent = self.sink.send(buffer[:size])
        self.bytes += sent
        if sent > self._pacer.least:
            self._weigh(sent)
        if sent < size:
            self.residue = memoryview(bytes(buffer[sent:size]))
            self._splice.count_held()
            return self._wait(read=False)
        if size < len(buffer):
            # A short read nearly always emptied the socket: asking again would cost a system call to learn it.
            return self._wait(read=True)
        return True

    def _hand_on_residue(self) -> bool:
        """Whether the sink took all that was kept for it."""
        sent = self.sink.send(self.residue)
        self.bytes += sent
        if sent > self._pacer.least:
            self._weigh(sent)
        self.residue = self.residue[sent:]
        self._splice.count_held()
        return not self.residue

    def _turn_buffered(self, source: StackedLink, room: int) -> bool:
        if source.error is not None:
            raise source.error
        if source.at_end:
            self.ended = True
            self._finish()
            return False
        parts: list[memoryview] = []
        for part in source.buffered():
            piece = part[:room]
            parts.append(piece)
            room -= len(piece)
            if room <= 0 or len(parts) == _MAX_PARTS:
                break
        if not parts:
            return self._wait(read=True)
        sent = self.sink.sendv(parts) if len(parts) > 1 else self.sink.send(parts[0])
        self.bytes += sent
        if sent > self._pacer.least:
            self._weigh(sent)
        if sent:
            source.take(sent)
            return True
        return self._wait(read=False)

    def _allowed(self, size: int) -> int:
        """How many of `size` bytes may be moved now; after 0 it rests."""
        pace = self._splice.pace
        if not (pace.seems_bulk and self.source.waits_outside and pace.is_bulk):
            return size
        allowed = self._pacer.allow(size, self)
        if not allowed:
            self.rests, self.wants_read, self.wants_write = True, False, False
        return allowed

    def _weigh(self, size: int) -> None:
        pace = self._splice.pace
        pace.moved(size)
        if self._pacer.small and pace.seems_bulk and self.source.waits_outside:
            self._pacer.spend(size)

    def _wait(self, *, read: bool) -> bool:
        self.wants_read, self.wants_write = read, not read
        return False

    def _finish(self) -> None:
        if not self.finished:
            self.finished = True
            self.wants_read = self.wants_write = False
            self.sink.shutdown()


class Splice:
    """Two joined links. `tag` are the paths of the actors that may look for it (tunnel, ingress)."""

    def __init__(self, pump: "Pump", a: Link, b: Link, tag: tuple[str, ...], unread: tuple[bytes, bytes]) -> None:
        self.tag = tag
        self.error: NetworkError | None = None
        """Why it ended, None for a clean end of both directions."""
        self.ended = False
        self.on_end: Callable[[Splice], None] | None = None
        """Called once, in the pump; must be quick, and its failure is that of the first link's owner."""
        self.pacer = pump.pacer
        self.pace = Pace(pump)
        self._pump = pump
        self._a = a
        self._b = b
        self._started_at = pump.clock.monotonic()
        self._forth = _Direction(self, a, b, unread[0])
        self._back = _Direction(self, b, a, unread[1])
        self._interest = [-1, -1]
        for link, source in ((a, self._forth), (b, self._back)):
            link.outlives_owner = True
            link.handler = self._on_a if link is a else self._on_b
            if isinstance(link, StackedLink):
                link.sink = source.offer
        self.count_held()

    @property
    def bytes(self) -> tuple[int, int]:
        """Bytes moved from the first link to the second, and back."""
        return max(0, self._forth.bytes), max(0, self._back.bytes)  # less while a greeting waits: see `carried`

    @property
    def seconds(self) -> float:
        """For how long it exists."""
        return self._pump.clock.monotonic() - self._started_at

    def abort(self, error: NetworkError | None = None) -> None:
        """Reset both links; idempotent."""
        self._end(error or ConnectionLost("The connection was cut here."))

    def exhausted(self, error: ResourceExhausted) -> None:
        """The node holds too many bytes and this splice moved nothing for longest."""
        self._end(error)

    def count_held(self) -> None:
        """Tell the budget what it holds."""
        self._pump.budget.hold(self, len(self._forth.residue) + len(self._back.residue))

    def go_on(self, direction: _Direction) -> None:
        """The direction rested, and may go on."""
        self._step(forth=direction is self._forth, back=direction is self._back)

    def rearm(self) -> None:
        """Declare to both links what the directions wait for."""
        wanted_a = (READ if self._forth.wants_read else 0) | (WRITE if self._back.wants_write else 0)
        wanted_b = (READ if self._back.wants_read else 0) | (WRITE if self._forth.wants_write else 0)
        if wanted_a != self._interest[0]:
            self._interest[0] = wanted_a
            self._a.want(read=bool(wanted_a & READ), write=bool(wanted_a & WRITE))
        if wanted_b != self._interest[1]:
            self._interest[1] = wanted_b
            self._b.want(read=bool(wanted_b & READ), write=bool(wanted_b & WRITE))

    def start(self) -> None:
        """Begin, once it is entered where it is looked for: move what is there already, and wait for the rest."""
        self._step(forth=self._forth.begins(), back=self._back.begins())

    def carried(self, forth: int, back: int) -> None:
        """Count so many bytes more that went the same way before it did; or less (negative), which aren't its ends'."""
        self._forth.bytes += forth
        self._back.bytes += back

    def _on_a(self, bits: int) -> None:
        self._step(forth=bool(bits & READ), back=bool(bits & WRITE))

    def _on_b(self, bits: int) -> None:
        self._step(forth=bool(bits & WRITE), back=bool(bits & READ))

    def _step(self, *, forth: bool, back: bool) -> None:
        if self.ended:
            return
        try:
            for link in (self._a, self._b):
                if link.error is not None:
                    raise link.error
            if forth and not self._forth.finished:
                self._forth.step()
            if back and not self._back.finished:
                self._back.step()
        except NetworkError as error:
            self._end(error)
            return
        if self._forth.finished and self._back.finished:
            self._end(None)
        else:
            self.rearm()

    def _end(self, error: NetworkError | None) -> None:
        if self.ended:
            return
        self.ended = True
        self.error = error
        for link in (self._a, self._b):
            link.handler = None
            if isinstance(link, StackedLink):
                link.sink = None
        for direction in (self._forth, self._back):
            direction.residue = memoryview(b"")
        self.count_held()
        for link in (self._a, self._b):
            if error is None:
                link.close()
            else:
                link.abort(error)
        self._pump.splices.remove(self)
        if self.on_end is not None:
            self._pump.call_soon(self._tell_end, self._a)

    def _tell_end(self) -> None:
        if self.on_end is not None:
            self.on_end(self)

    def __repr__(self) -> str:
        state = "moving" if not self.ended else f"ended ({self.error or 'clean'})"
        return f"<Splice {' | '.join(self.tag)} {self.bytes[0]}/{self.bytes[1]} bytes {state}>"
