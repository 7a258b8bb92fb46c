"""Links: what the pump drives. A link has a stream's surface with callbacks, so links stack on links.

The rules of every link:
- one handler, called by the pump with readiness bits, never from inside a call that the handler made (re-entrantly);
- readiness is level-triggered while it is wanted, and a hint: a handler bears a call that answers "later";
- a link that failed or was aborted raises its error from every call, tells its handler once, and is never clean-ended;
- a link belongs to one actor; it is aborted when that actor ends, unless it is spliced.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from beam_actors.errors import ConnectionLost, NetworkError, ResourceExhausted
from beam_actors.flow.owner import Owner
from beam_actors.ports import Buffer, PeerCredentials, Readiness
from beam_actors.values import EMPTY, Address

if TYPE_CHECKING:
    from beam_actors.flow.pump import Pump

READ = int(Readiness.READ)
WRITE = int(Readiness.WRITE)

_SMALL = 2048
_JOINED = 1 << 14

Handler = Callable[[int], None]


class Owned(ABC):
    """Something in the pump that belongs to an actor."""

    __slots__ = ("is_open", "outlives_owner", "owner", "pump")

    def __init__(self, pump: "Pump", owner: Owner | None) -> None:
        self.pump = pump
        self.owner: Owner | None = None
        self.is_open = True
        self.outlives_owner = False
        pump.register(self, owner)

    def adopt(self, owner: Owner | None) -> None:
        """Hand it to another actor, whose end it dies with; None when another link answers for it."""
        if not self.is_open:
            return
        self.pump.register(self, owner)
        if owner is not None and not owner.alive:
            self.abort(ConnectionLost("The actor that was to own this connection has ended."))

    @abstractmethod
    def abort(self, error: NetworkError | None = None) -> None:
        """End it at once, with a reset if it is a stream; idempotent. `error` is what later calls raise."""

    def crash(self, error: Exception) -> None:
        """A callback of it failed: abort it and crash the actor that owns it.

        A network error that a handler let through is no fault of anybody's: it ends the link alone.
        """
        if isinstance(error, NetworkError):
            self.abort(error)
            return
        owner = self.owner
        self.abort(ConnectionLost(f"A handler of this connection failed: {error!r}."))
        self.owner = None  # its last call to the handler may fail again; one crash says enough
        if owner is not None:
            owner.crash(error)


class Link(Owned):
    """One end of a byte stream."""

    __slots__ = ("error", "handler")

    waits_outside: ClassVar[bool] = True
    """Whether bytes that nobody reads stop whoever sends them, and wait outside of this process meanwhile."""

    def __init__(self, pump: "Pump", owner: Owner | None) -> None:
        self.error: NetworkError | None = None
        self.handler: Handler | None = None
        super().__init__(pump, owner)

    @property
    @abstractmethod
    def local(self) -> Address | None:
        """This end's address, when there is one."""

    @property
    @abstractmethod
    def remote(self) -> Address | None:
        """The other end's address, when there is one."""

    @property
    @abstractmethod
    def credentials(self) -> PeerCredentials | None:
        """The other end's process, for Unix sockets."""

    @abstractmethod
    def want(self, *, read: bool, write: bool) -> None:
        """Declare which readiness the handler is to be called for."""

    @abstractmethod
    def recv_into(self, buffer: memoryview) -> int | None:
        """Bytes read into `buffer`, 0 at the clean end, None when there is nothing now; or raise `NetworkError`."""

    @abstractmethod
    def send(self, data: Buffer) -> int:
        """How many bytes of `data` were taken, 0 when none can be now; or raise `NetworkError`."""

    @abstractmethod
    def sendv(self, parts: Sequence[Buffer]) -> int:
        """Like `send` for several buffers, in order."""

    @abstractmethod
    def room(self) -> int:
        """About how many bytes `send` takes now: exact for stacked links, a guess for sockets; 0 means want WRITE."""

    @abstractmethod
    def shutdown(self) -> None:
        """Say that no more bytes follow those that were sent; reading goes on."""

    @abstractmethod
    def close(self) -> None:
        """End both directions, delivering what was sent; idempotent."""

    def connected(self) -> bool:
        """For a dialled link: False while under way, True once up, or raise why it failed."""
        if self.error is not None:
            raise self.error
        return True

    def exhausted(self, error: ResourceExhausted) -> None:
        """Be reset because too many bytes are held."""
        self.abort(error)

    def _end(self, error: NetworkError | None) -> bool:
        """Leave the pump's books and remember `error`; False if that was done before."""
        if not self.is_open:
            return False
        self.is_open = False
        self.error = error or ConnectionLost("The connection was closed here.")
        self.pump.unregister(self)
        return True

    def _tell_ended(self) -> None:
        """Call the handler once more, in the next round, so that whoever waits learns of the end."""
        if self.handler is not None:
            self.pump.call_soon(self._call_ended, self)

    def _call_ended(self) -> None:
        if self.handler is not None:
            self.handler(READ | WRITE)

    def _require_open(self) -> None:
        if self.error is not None:
            raise self.error


class StackedLink(Link):
    """A link above another one: it holds what was received, and makes its own level-triggered readiness.

    A subclass appends to it by `_received`, and learns by `_took` what was read.
    """

    __slots__ = ("_ended", "_fire_queued", "_interest", "_received_bytes", "_received_parts", "sink")

    def __init__(self, pump: "Pump", owner: Owner | None) -> None:
        self._received_parts: deque[memoryview] = EMPTY
        self._received_bytes = 0
        self._ended = False
        self._interest = 0
        self._fire_queued = False
        self.sink: Callable[[memoryview], int] | None = None
        """Takes received bytes at once, while none are held before them: how many it took. A splice's short cut."""
        super().__init__(pump, owner)

    def want(self, *, read: bool, write: bool) -> None:
        """See `Link`."""
        self._interest = (READ if read else 0) | (WRITE if write else 0)
        self._arm()

    def buffered(self) -> Sequence[memoryview]:
        """What was received and not yet taken, in order; to be followed by `take`."""
        return self._received_parts

    def take(self, size: int) -> None:
        """Drop the first `size` bytes of `buffered`: they found their place."""
        parts = self._received_parts
        self._received_bytes -= size
        left = size
        while left:
            part = parts[0]
            if len(part) > left:
                parts[0] = part[left:]
                break
            left -= len(part)
            parts.popleft()
        if not parts:
            self._received_parts = EMPTY
        self._took(size)

    def recv_into(self, buffer: memoryview) -> int | None:
        """See `Link`."""
        self._require_open()
        if not self._received_parts:
            return 0 if self._ended else None
        size = 0
        for part in self._received_parts:
            piece = part[: len(buffer) - size]
            buffer[size : size + len(piece)] = piece
            size += len(piece)
            if size == len(buffer):
                break
        self.take(size)
        return size

    @property
    def at_end(self) -> bool:
        """Whether everything was read and the other end said that no more follows."""
        return self._ended and not self._received_parts

    def _receive(self, data: memoryview) -> int:
        """Offer borrowed bytes to the sink, keep a copy of the rest; how many the sink took."""
        taken = 0
        if self.sink is not None and not self._received_parts:
            try:
                taken = self.sink(data)
            except NetworkError:
                taken = 0  # the sink's own handler deals with its end
            except Exception as error:  # noqa: BLE001  # a handler's failure is its owner's, not the carrier's
                self.crash(error)
                return 0
        if taken < len(data) and self.is_open:
            self._keep(data[taken:])
            self._arm()
        return taken

    def _keep(self, data: memoryview) -> None:
        # Small pieces are joined: each piece costs memory of its own, which no budget of bytes would see.
        parts, size = self._received_parts, len(data)
        if size < _SMALL and parts and len(parts[-1]) < _JOINED:
            parts[-1] = memoryview(b"".join((parts[-1], data)))
        else:
            if parts is EMPTY:
                parts = self._received_parts = deque()
            parts.append(memoryview(bytes(data)))
        self._received_bytes += size

    def _receive_end(self) -> None:
        self._ended = True
        self._arm()

    def _took(self, size: int) -> None:
        """Hook: `size` received bytes left this link."""

    def _drop_received(self) -> None:
        self._received_parts = EMPTY
        self._received_bytes = 0
        self.sink = None

    def _level(self) -> int:
        level = READ if self._received_parts or self._ended else 0
        if self._interest & WRITE and self.room() > 0:
            level |= WRITE
        return level & self._interest

    def _arm(self) -> None:
        if self._interest and not self._fire_queued and self.handler is not None and self._level():
            self._fire_queued = True
            self.pump.call_soon(self._fire, self)

    def _fire(self) -> None:
        self._fire_queued = False
        if not self.is_open or self.handler is None:
            return
        bits = self._level()
        if bits:
            self.handler(bits)
            if self.is_open:
                self._arm()
