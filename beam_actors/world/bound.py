"""Sockets bound to an address of this machine: listeners and datagram sockets, and the options they are opened with.

The invariants: an address is shared only when both sides say so; a Unix listener is its user's alone from the first
moment, replaces nothing, and unlinks only its own path; an error of one waiting connection or datagram is not one of
the socket. It knows nothing of readiness and nothing of what the bytes mean.
"""

import contextlib
import errno
import math
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from beam_actors.errors import NetworkError, ResourceExhausted
from beam_actors.ports import Buffer, ReplyTo
from beam_actors.values import Address, TcpAddress, UnixAddress
from beam_actors.world.batches import MAX_DATAGRAM, Batch, batch_for
from beam_actors.world.endpoint import EpollEndpoint, set_up
from beam_actors.world.os_errors import map_established, map_os_error
from beam_actors.world.pollable import Books, SocketPollable, tcp_address

_TRIES = 20
"""Who waits for each answer before the next question is waited for by so many looks at the socket, of 1 µs each ..."""
_SOON = 0.0001
"""... if there was an answer no more seconds ago than this ..."""
_EAGER_SECONDS = 0.00006
"""... and for so long in a turn. To sleep and be woken takes longer than to answer, and a turn of the pump as long."""
_NEXT_PLEASE = (errno.ECONNABORTED, errno.EPROTO, errno.EINTR, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH)
"""accept(2): errors of the waiting connection, not of the listener."""
_INHERITED = sys.platform == "linux"
"""What a listener accepts has its options: six system calls fewer for each."""


def listen_tcp(sock: socket.socket, address: TcpAddress, *, reuse_port: bool, backlog: int) -> None:
    """Bind a new socket to the address and listen; may raise `OSError`."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # whoever wants both listens twice
    set_up(sock)
    sock.bind((address.ip, address.port))
    sock.listen(backlog)


def listen_unix(sock: socket.socket, address: UnixAddress, *, backlog: int) -> None:
    """The same at a path."""
    previous = os.umask(0o177)  # 0600 from the first moment: a chmod after bind would leave a gap
    try:
        sock.bind(address.path)  # EADDRINUSE if anything exists at the path, whatever it is
        sock.listen(backlog)
    finally:
        os.umask(previous)


def bind_datagrams(sock: socket.socket, address: TcpAddress) -> None:
    """Bind a new datagram socket to the address; may raise `OSError`."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address.ip, address.port))


class EpollListener(SocketPollable):
    """A listening TCP or Unix socket."""

    __slots__ = ("_local", "_unlink")

    def __init__(self, books: Books, sock: socket.socket, local: Address) -> None:
        super().__init__(books, sock)
        self._local = local
        self._unlink: tuple[str, int, int] | None = None
        if isinstance(local, UnixAddress):
            status = Path(local.path).stat()
            self._unlink = (local.path, status.st_dev, status.st_ino)

    @property
    def local(self) -> Address:
        """See `ports.Listener`."""
        return self._local

    def accept(self) -> EpollEndpoint | None:
        """See `ports.Listener`."""
        self._require_open()
        if self._books.is_full:
            raise ResourceExhausted(f"Accepting at {self._local} failed: too many sockets are open.")
        while True:
            try:
                sock, name = self._socket.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in _NEXT_PLEASE:
                    continue
                raise map_os_error(error, f"Accepting at {self._local} failed") from error
            sock.setblocking(False)
            remote = None if isinstance(self._local, UnixAddress) else tcp_address(name)
            if remote is not None and not _INHERITED:
                set_up(sock)
            return self._books.adopt(EpollEndpoint(self._books, sock, remote, dialling=False))

    def close(self) -> None:
        """See `ports.Listener`."""
        if self.fd >= 0 and self._unlink is not None:
            path, device, inode = self._unlink
            with contextlib.suppress(OSError):
                status = Path(path).lstat()
                # Somebody may have replaced the path: what is theirs stays.
                if stat.S_ISSOCK(status.st_mode) and (status.st_dev, status.st_ino) == (device, inode):
                    Path(path).unlink()
        super().close()

    def __repr__(self) -> str:
        return f"<EpollListener {self._local} fd={self.fd}>"


class EpollDatagrams(SocketPollable):
    """A bound UDP socket."""

    __slots__ = ("_answered_at", "_batch", "_local")

    def __init__(self, books: Books, sock: socket.socket) -> None:
        super().__init__(books, sock)
        self._local = tcp_address(sock.getsockname())
        self._batch: Batch | None = None
        """Made when it is first needed: most datagram sockets answer nothing."""
        self._answered_at = -math.inf

    @property
    def local(self) -> TcpAddress:
        """See `ports.DatagramSocket`."""
        return self._local

    def receive(self, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        while limit and self.fd >= 0:
            try:
                data, name = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    continue  # an ICMP answer to something sent earlier; UDP promises nothing
                raise map_established(error, f"Reading datagrams at {self._local} failed") from error
            limit -= 1
            yield data, tcp_address(name)

    def answer(self, reply_to: ReplyTo, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        if self._batch is None:
            self._batch = batch_for(self._socket.family)
        if self._batch is not None:
            left, tries, begun = limit, 1, time.monotonic()
            eager = begun < self._answered_at + _SOON
            while left and tries and self.fd >= 0:
                count = self._batch.receive(self.fd, left)
                if count < 1:
                    tries -= 1
                    continue
                left -= count
                rest = self._batch.answer(self.fd, count, reply_to, self._send_or_lose)
                alone = count == 1 and not rest
                tries = _TRIES if eager and alone and time.monotonic() < begun + _EAGER_SECONDS else 1
                yield from rest
            if left < limit:
                self._answered_at = time.monotonic()
                return
            # Either nothing is there or the socket has an error: the ordinary call says which.
        for data, sender in self.receive(limit):
            reply = reply_to(data, sender)
            if reply is None:
                yield data, sender
            else:
                self._send_or_lose(reply, sender)

    def _send_or_lose(self, reply: bytes, address: TcpAddress) -> None:
        with contextlib.suppress(NetworkError):
            self.send_to(reply, address)

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """See `ports.DatagramSocket`."""
        self._require_open()
        try:
            self._socket.sendto(data, (address.ip, address.port))
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in (errno.ENOBUFS, errno.ECONNREFUSED):
                return False
            raise map_os_error(error, f"Sending a datagram to {address} failed") from error
        return True

    def __repr__(self) -> str:
        return f"<EpollDatagrams {self._local} fd={self.fd}>"
