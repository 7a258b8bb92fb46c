"""A stream socket, dialled or accepted: how the kernel's answers to each call become bytes, "later", or an error.

The invariant: a cut stream never looks like a clean end, whichever call the kernel told of the reset, and the first
error stays the answer of every later call. It knows nothing of readiness and nothing of what the bytes mean.
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Sequence

from beam_actors.errors import ConnectionRefused, NetworkError
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.values import Address, TcpAddress
from beam_actors.world.os_errors import map_established, map_os_error
from beam_actors.world.pollable import Books, SocketPollable, address_of

_MAX_PARTS = 64
_LINGER_RESET = struct.pack("ii", 1, 0)
_UNSENT = 1 << 17
"""Bytes that the kernel takes of a connection beyond those in flight (tcp(7), TCP_NOTSENT_LOWAT).

Without it a reader that stalls gathers megabytes in the kernel, and a small answer waits behind what the send buffer
took in before it; the window of what is in flight, and with it the speed, is not touched."""
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT),
    # A program that closed its connection looks like one that only sends no more, until its kernel, which forgets the
    # socket after 60 s (tcp_fin_timeout in tcp(7)), is asked.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 75),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


def bind_source(sock: socket.socket, address: TcpAddress, *, reuse_port: bool) -> None:
    """Dial from this address, which a listener may have too; may raise `OSError`."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((address.ip, address.port))


def set_up(sock: socket.socket) -> None:
    """The options of a TCP connection, or of a listener whose connections are to have them, as far as they go."""
    for level, option, value in _OPTIONS:
        # Each on its own: a kernel may not know one, and the other end may have reset the connection already.
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)


class EpollEndpoint(SocketPollable):
    """A TCP or Unix stream socket, dialled or accepted."""

    __slots__ = ("_dialling", "_error", "_local", "_remote")

    def __init__(
        self,
        books: Books,
        sock: socket.socket,
        remote: Address | None,
        *,
        dialling: bool,
        error: NetworkError | None = None,
    ) -> None:
        super().__init__(books, sock)
        self._remote = remote
        self._local: Address | None = None
        self._dialling = dialling
        self._error = error

    @property
    def local(self) -> Address | None:
        """See `ports.Endpoint`."""
        if self._local is None and self.fd >= 0 and not self._dialling:
            with contextlib.suppress(OSError):
                self._local = address_of(self._socket, self._socket.getsockname())
        return self._local

    @property
    def remote(self) -> Address | None:
        """See `ports.Endpoint`."""
        return self._remote

    @property
    def credentials(self) -> PeerCredentials | None:
        """See `ports.Endpoint`."""
        if self.fd < 0 or self._socket.family != socket.AF_UNIX:
            return None
        with contextlib.suppress(OSError):
            pid, uid, gid = struct.unpack("3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            return PeerCredentials(uid=uid, gid=gid, pid=pid)
        return None

    def connected(self) -> bool:
        """See `ports.Endpoint`."""
        if self._error is not None:
            raise self._error
        self._require_open()
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            error = OSError(code, os.strerror(code))
            if self._dialling:
                self._error = map_os_error(error, f"Dialling {self._remote} failed")
                raise self._error
            raise self._failed(error)
        if self._dialling:
            try:
                there = self._socket.getpeername()
            except OSError as error:
                if error.errno == errno.ENOTCONN:
                    return False
                raise map_os_error(error, f"Dialling {self._remote} failed") from error
            is_tcp = isinstance(self._remote, TcpAddress)
            if is_tcp and there == self._socket.getsockname():
                # TCP's simultaneous open with oneself: an ephemeral source port met the free port that was dialled.
                self._error = ConnectionRefused(f"Dialling {self._remote} failed: nothing listens there.")
                raise self._error
            self._dialling = False
            if is_tcp:
                set_up(self._socket)
        return True

    def recv_into(self, buffer: memoryview) -> int | None:
        """See `ports.Endpoint`."""
        try:
            size = self._socket.recv_into(buffer)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._failed(error) from error
        if not size and self._error is not None:
            raise self._error  # the kernel tells a reset once, to whichever call comes first, and then says "end"
        return size

    def send(self, data: Buffer) -> int:
        """See `ports.Endpoint`."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._failed(error) from error

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `ports.Endpoint`."""
        try:
            return self._socket.sendmsg(parts[:_MAX_PARTS])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._failed(error) from error

    def shutdown(self) -> None:
        """See `ports.Endpoint`."""
        self._require_open()
        with contextlib.suppress(OSError):  # ENOTCONN: it broke, which reads and writes report
            self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """See `ports.Endpoint`."""
        if self.fd >= 0:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            self.close()

    def _failed(self, error: OSError) -> NetworkError:
        if self._error is None:
            self._error = map_established(error, f"The connection with {self._remote or 'a local program'} broke")
        return self._error

    def __repr__(self) -> str:
        state = "dialling" if self._dialling else "open" if self.fd >= 0 else "closed"
        return f"<EpollEndpoint {self._local} -> {self._remote} {state} fd={self.fd}>"
