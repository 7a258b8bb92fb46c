"""A socket as its driver books it: what is wanted of it, whether it is registered, and which address it has.

The invariant: nothing is asked of a descriptor after `close`, and the books are told of each change of what is wanted,
once, and of the end. It knows nothing of who waits for readiness or how, and nothing of what kind of socket it is.
"""

import functools
import socket
from typing import Protocol, TypeVar

from beam_actors.errors import ConnectionLost
from beam_actors.ports import Readiness
from beam_actors.values import Address, TcpAddress, UnixAddress

READ = int(Readiness.READ)
WRITE = int(Readiness.WRITE)
P = TypeVar("P", bound="SocketPollable")


class Books(Protocol):
    """What a socket needs of the driver that owns it."""

    def register(self, pollable: "SocketPollable", interest: int) -> None:
        """Have this readiness of it reported, and errors unasked."""
        ...

    def forget(self, pollable: "SocketPollable") -> None:
        """It is about to be closed."""
        ...

    def adopt(self, pollable: P) -> P:
        """Enter a new one."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether no further one may be opened."""
        ...


class SocketPollable:
    """A socket, what is wanted of it, and its registration."""

    __slots__ = ("_books", "_socket", "fd", "interest", "registered")

    def __init__(self, books: Books, sock: socket.socket) -> None:
        self._books = books
        self._socket = sock
        self.fd = sock.fileno()
        self.interest = 0
        self.registered = False

    def want(self, *, read: bool, write: bool) -> None:
        """See `ports.Pollable`."""
        interest = (READ if read else 0) | (WRITE if write else 0)
        if interest == self.interest and (self.registered or not interest):
            return
        self._require_open()
        self.interest = interest
        self._books.register(self, interest)

    def close(self) -> None:
        """See `ports.Pollable`."""
        if self.fd >= 0:
            self._books.forget(self)
            self.fd = -1
            self._socket.close()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self.fd >= 0

    def _require_open(self) -> None:
        if self.fd < 0:
            raise ConnectionLost(f"{self!r} is used after it was closed.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={self.fd}>"


def family_of(address: TcpAddress) -> socket.AddressFamily:
    """IPv4 or IPv6."""
    return socket.AF_INET6 if ":" in address.ip else socket.AF_INET


@functools.lru_cache(maxsize=1024)  # a program that asks much asks from few ports
def tcp_address(name: tuple[str, int] | tuple[str, int, int, int]) -> TcpAddress:
    """The kernel's name for an IP socket as an address."""
    # A link-local address already carries its zone ("fe80::1%eth0") as Python writes it.
    return TcpAddress(name[0], name[1])


def address_of(sock: socket.socket, name: object) -> Address | None:
    """The kernel's name for any socket as an address; None for a Unix socket without a path."""
    if sock.family == socket.AF_UNIX:
        return UnixAddress(name) if isinstance(name, str) and name else None
    return tcp_address(name) if isinstance(name, tuple) else None
