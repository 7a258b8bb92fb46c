"""The network port: readiness-based, non-blocking, level-triggered, never re-entrant, and silent after close.

A driver owns pollables. `want` declares interest; `wait` returns the batch of those that are ready. Readiness means
"the next call will not answer would-block, or will raise the error that happened"; it repeats until the condition is
gone or the interest is. A broken connection is reported once, as both, even when nothing is wanted, so that a link
which waits for its neighbour learns of it. Readiness is a hint: a caller must bear a call that answers would-block. No
method of this port calls back into its caller but `wait`, which may call the `turn` that it was given.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import attrs

from beam_actors.errors import NetworkError
from beam_actors.values import Address, TcpAddress

Buffer = bytes | bytearray | memoryview

ReplyTo = Callable[[bytes, TcpAddress], bytes | None]
"""The reply to a datagram from this sender, if there is one at once. It is quick, and touches no socket."""


class Readiness(enum.IntFlag):
    """What a pollable can do without blocking."""

    READ = 1
    WRITE = 2


@attrs.frozen(slots=True)
class PeerCredentials:
    """Who is at the other end of a Unix socket, as the kernel says."""

    uid: int
    gid: int
    pid: int


class Pollable(Protocol):
    """Anything that a driver reports as ready."""

    def want(self, *, read: bool, write: bool) -> None:
        """Declare what readiness is wanted from now on; a new pollable wants nothing."""
        ...

    def close(self) -> None:
        """Release it at once; idempotent. It is never in a later batch, and a later call on it raises NetworkError."""
        ...


class Endpoint(Pollable, Protocol):
    """One end of a byte stream: TCP or Unix."""

    @property
    def local(self) -> Address | None:
        """This end's address, when known."""
        ...

    @property
    def remote(self) -> Address | None:
        """The other end's address, when known."""
        ...

    @property
    def credentials(self) -> PeerCredentials | None:
        """The other end's process, for Unix sockets."""
        ...

    def connected(self) -> bool:
        """False while a dial is under way, then True; raise why the dial failed, or what broke the connection since."""
        ...

    def recv_into(self, buffer: memoryview) -> int | None:
        """Read into `buffer`: the number of bytes, 0 at the clean end of the stream, None when nothing is there now.

        Raises:
            ConnectionLost: the other end reset the stream; a cut stream never looks like a clean end.
        """
        ...

    def send(self, data: Buffer) -> int:
        """Hand bytes to the network: how many were taken, 0 when it takes none now; or raise `ConnectionLost`."""
        ...

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """Like `send` for several buffers at once, in order (at most 64)."""
        ...

    def shutdown(self) -> None:
        """Say that no more bytes follow; reading goes on. Nothing happens if the connection is broken already."""
        ...

    def abort(self) -> None:
        """Close with a reset, so that the other end sees `ConnectionLost` and not a clean end; idempotent.

        Unix sockets know no reset: there the other end sees one only if it had sent bytes that were not read.
        """
        ...


class Listener(Pollable, Protocol):
    """A bound, listening socket. Readiness to read means that `accept` will yield an endpoint or an error."""

    @property
    def local(self) -> Address:
        """The bound address, with the real port."""
        ...

    def accept(self) -> Endpoint | None:
        """The next waiting connection or None.

        Raises:
            ResourceExhausted: out of file descriptors or memory: stop wanting reads for a moment, then go on.
        """
        ...


class DatagramSocket(Pollable, Protocol):
    """A bound UDP socket."""

    @property
    def local(self) -> TcpAddress:
        """The bound address, with the real port."""
        ...

    def receive(self, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """Up to `limit` waiting datagrams of at most 65,535 bytes, with their senders.

        Each is read when it is asked for, so what answers one leaves before the kernel is asked for the next. It ends
        when the socket is closed meanwhile.
        """
        ...

    def answer(self, reply_to: ReplyTo, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """Like `receive`, but to whatever `reply_to` has a reply, that is sent to the sender; the others come out.

        A reply that can't be sent is lost without an error. Datagrams may be read, and replies sent, some at a time:
        so what is done about one that comes out is not seen by `reply_to` for those behind it, up to 64.
        """
        ...

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """Send one datagram; False when the buffer is full and it was dropped; raises `Unreachable` without a route."""
        ...


Ready = tuple[Pollable, int]
"""A pollable and its `Readiness` bits (a plain int: this is the hottest value of the program)."""

Turn = Callable[[list[Ready]], float | None]
"""Deals with a batch, and says until when to wait for the next."""


class NetworkDriver(Protocol):
    """Owner of pollables. One pump drives one driver."""

    def dial(self, address: Address, *, bind: TcpAddress | None = None, reuse_port: bool = False) -> Endpoint:
        """Begin to connect and return at once; the first WRITE readiness reports the outcome (`connected`).

        A failure that the OS reports at once is raised by `connected` too, never here, save `ResourceExhausted`.
        """
        ...

    def listen(self, address: Address, *, reuse_port: bool = False, backlog: int = 256) -> Listener:
        """Bind and listen. A Unix socket is 0600, never replaces a file, and removes its own path when closed.

        Raises:
            AddressInUse: somebody listens there (for Unix: the path exists).
            AddressNotPermitted: a privilege is missing, or the address is not on this machine.
        """
        ...

    def datagrams(self, address: TcpAddress) -> DatagramSocket:
        """Bind a UDP socket; raises like `listen`."""
        ...

    async def wait(self, until: float | None, turn: Turn | None = None) -> list[Ready]:
        """Wait for readiness, until the clock's `monotonic()` reaches `until` (None: without end), or until `wake`.

        The batch may be empty. It holds a pollable at most once; a handler that closes another pollable of the same
        batch makes that entry void: the caller asks `is_open` before it dispatches. Closing the driver ends a wait
        under way; a wait that begins later raises `ConnectionLost`.

        A driver that can call `turn` with each batch, at no cost of waking a task, may do that and wait on.
        """
        ...

    def is_open(self, pollable: Pollable) -> bool:
        """Whether `close` or `abort` has not been called on it."""
        ...

    def wake(self) -> None:
        """Make the present or next `wait` return soon. For use on the same thread."""
        ...

    def close(self) -> None:
        """Close everything that it owns."""
        ...


__all__ = [
    "Buffer",
    "DatagramSocket",
    "Endpoint",
    "Listener",
    "NetworkDriver",
    "NetworkError",
    "PeerCredentials",
    "Pollable",
    "Readiness",
    "Ready",
    "ReplyTo",
    "Turn",
]
