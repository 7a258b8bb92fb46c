"""The network port on Linux: non-blocking sockets in one epoll object, which one trio task awaits.

The invariant: a pollable is registered with exactly the events that were asked for, so an idle one costs nothing and a
closed one is never reported. An endpoint that wants nothing stays registered for errors alone, which the kernel reports
unasked, and is taken out after it was reported once. It knows nothing of what the bytes mean.
"""

import contextlib
import errno
import os
import select
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import trio

from beam_actors.errors import ConnectionLost, ConnectionRefused, NetworkError
from beam_actors.ports import Buffer, Clock, PeerCredentials, Pollable, Readiness, Ready
from beam_actors.values import Address, TcpAddress, UnixAddress
from beam_actors.world.os_errors import map_established, map_os_error

_READ = int(Readiness.READ)
_WRITE = int(Readiness.WRITE)
_BOTH = _READ | _WRITE
_BROKEN = select.EPOLLERR | select.EPOLLHUP
_MAX_EVENTS = 512  # per batch; the pump cuts it into slices of its own
_MAX_PARTS = 64
_MAX_DATAGRAM = 65535
_LINGER_RESET = struct.pack("ii", 1, 0)
_UNSENT = 1 << 17
"""Bytes that the kernel takes of a connection beyond those in flight (tcp(7), TCP_NOTSENT_LOWAT).

Without it a reader that stalls gathers megabytes in the kernel, and a small answer waits behind what the send buffer
took in before it; the window of what is in flight, and with it the speed, is not touched."""
P = TypeVar("P", bound="_SocketPollable")
_NEXT_PLEASE = (errno.ECONNABORTED, errno.EPROTO, errno.EINTR, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH)
"""accept(2): errors of the waiting connection, not of the listener."""


def _family(address: TcpAddress) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address.ip else socket.AF_INET


def _tcp_address(name: tuple[str, int] | tuple[str, int, int, int]) -> TcpAddress:
    # A link-local address already carries its zone ("fe80::1%eth0") as Python writes it.
    return TcpAddress(name[0], name[1])


class _SocketPollable:
    """A socket, what is wanted of it, and its registration."""

    __slots__ = ("_driver", "_socket", "fd", "interest", "registered")

    def __init__(self, driver: "EpollDriver", sock: socket.socket) -> None:
        self._driver = driver
        self._socket = sock
        self.fd = sock.fileno()
        self.interest = 0
        self.registered = False

    def want(self, *, read: bool, write: bool) -> None:
        interest = (_READ if read else 0) | (_WRITE if write else 0)
        if interest == self.interest and (self.registered or not interest):
            return
        self._require_open()
        self.interest = interest
        self._driver.register(self, interest)

    def close(self) -> None:
        if self.fd >= 0:
            self._driver.forget(self)
            self.fd = -1
            self._socket.close()

    @property
    def is_open(self) -> bool:
        return self.fd >= 0

    def _require_open(self) -> None:
        if self.fd < 0:
            raise ConnectionLost(f"{self!r} is used after it was closed.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={self.fd}>"


class EpollEndpoint(_SocketPollable):
    """A TCP or Unix stream socket, dialled or accepted."""

    __slots__ = ("_dialling", "_error", "_local", "_remote")

    def __init__(
        self,
        driver: "EpollDriver",
        sock: socket.socket,
        remote: Address | None,
        *,
        dialling: bool,
        error: NetworkError | None = None,
    ) -> None:
        super().__init__(driver, sock)
        self._remote = remote
        self._local: Address | None = None
        self._dialling = dialling
        self._error = error
        if not dialling:
            self._set_up()

    @property
    def local(self) -> Address | None:
        """See `ports.Endpoint`."""
        if self._local is None and self.fd >= 0 and not self._dialling:
            with contextlib.suppress(OSError):
                self._local = _address_of(self._socket, self._socket.getsockname())
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
            if self._socket.family != socket.AF_UNIX and there == self._socket.getsockname():
                # TCP's simultaneous open with oneself: an ephemeral source port met the free port that was dialled.
                self._error = ConnectionRefused(f"Dialling {self._remote} failed: nothing listens there.")
                raise self._error
            self._dialling = False
            self._set_up()
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

    def _set_up(self) -> None:
        if self._socket.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # the other end may have reset it already
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)

    def _failed(self, error: OSError) -> NetworkError:
        if self._error is None:
            self._error = map_established(error, f"The connection with {self._remote or 'a local program'} broke")
        return self._error

    def __repr__(self) -> str:
        state = "dialling" if self._dialling else "open" if self.fd >= 0 else "closed"
        return f"<EpollEndpoint {self._local} -> {self._remote} {state} fd={self.fd}>"


class EpollListener(_SocketPollable):
    """A listening TCP or Unix socket."""

    __slots__ = ("_local", "_unlink")

    def __init__(self, driver: "EpollDriver", sock: socket.socket, local: Address) -> None:
        super().__init__(driver, sock)
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
            remote = None if isinstance(self._local, UnixAddress) else _tcp_address(name)
            return self._driver.adopt(EpollEndpoint(self._driver, sock, remote, dialling=False))

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


class EpollDatagrams(_SocketPollable):
    """A bound UDP socket."""

    __slots__ = ("_local",)

    def __init__(self, driver: "EpollDriver", sock: socket.socket) -> None:
        super().__init__(driver, sock)
        self._local = _tcp_address(sock.getsockname())

    @property
    def local(self) -> TcpAddress:
        """See `ports.DatagramSocket`."""
        return self._local

    def receive(self, limit: int = 64) -> list[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        batch: list[tuple[bytes, TcpAddress]] = []
        while len(batch) < limit:
            try:
                data, name = self._socket.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    continue  # an ICMP answer to something sent earlier; UDP promises nothing
                raise map_established(error, f"Reading datagrams at {self._local} failed") from error
            batch.append((data, _tcp_address(name)))
        return batch

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


def _address_of(sock: socket.socket, name: object) -> Address | None:
    if sock.family == socket.AF_UNIX:
        return UnixAddress(name) if isinstance(name, str) and name else None
    return _tcp_address(name) if isinstance(name, tuple) else None


class EpollDriver:
    """Every socket of one pump. `clock.monotonic()` is what `wait(until)` is measured by."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._pollables: dict[int, _SocketPollable] = {}
        self._scope: trio.CancelScope | None = None
        self._woken = False
        self._closed = False

    def dial(self, address: Address, *, bind: TcpAddress | None = None, reuse_port: bool = False) -> EpollEndpoint:
        """See `ports.NetworkDriver`."""
        family = socket.AF_UNIX if isinstance(address, UnixAddress) else _family(address)
        sock = self._socket(family, socket.SOCK_STREAM)
        failure: NetworkError | None = None
        try:
            if bind is not None:
                self._bind_source(sock, bind, reuse_port=reuse_port)
            sock.connect(address.path if isinstance(address, UnixAddress) else (address.ip, address.port))
        except BlockingIOError as error:
            if error.errno != errno.EINPROGRESS:
                failure = map_os_error(error, f"Dialling {address} failed")
        except OSError as error:
            failure = map_os_error(error, f"Dialling {address} failed")
        return self.adopt(EpollEndpoint(self, sock, address, dialling=True, error=failure))

    def listen(self, address: Address, *, reuse_port: bool = False, backlog: int = 256) -> EpollListener:
        """See `ports.NetworkDriver`."""
        if isinstance(address, UnixAddress):
            return self._listen_unix(address, backlog)
        sock = self._socket(_family(address), socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # whoever wants both listens twice
            sock.bind((address.ip, address.port))
            sock.listen(backlog)
            return self.adopt(EpollListener(self, sock, _tcp_address(sock.getsockname())))
        except OSError as error:
            sock.close()
            raise map_os_error(error, f"Listening at {address} failed") from error

    def datagrams(self, address: TcpAddress) -> EpollDatagrams:
        """See `ports.NetworkDriver`."""
        sock = self._socket(_family(address), socket.SOCK_DGRAM)
        try:
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address.ip, address.port))
            return self.adopt(EpollDatagrams(self, sock))
        except OSError as error:
            sock.close()
            raise map_os_error(error, f"Binding {address} failed") from error

    async def wait(self, until: float | None) -> list[Ready]:
        """See `ports.NetworkDriver`."""
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        batch = self._poll()
        if batch or self._woken or (until is not None and until <= self._clock.monotonic()):
            self._woken = False
            await trio.lowlevel.checkpoint()  # the actors' turn
            return batch or self._poll()
        await trio.lowlevel.checkpoint_if_cancelled()
        scope = trio.CancelScope()
        if until is not None:
            scope.deadline = trio.current_time() + (until - self._clock.monotonic())
        self._scope = scope
        try:
            with scope, contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_readable(self._epoll.fileno())
        finally:
            self._scope = None
            self._woken = False
        return self._poll()

    def is_open(self, pollable: Pollable) -> bool:
        """See `ports.NetworkDriver`."""
        return isinstance(pollable, _SocketPollable) and pollable.is_open

    def wake(self) -> None:
        """See `ports.NetworkDriver`."""
        self._woken = True
        if self._scope is not None:
            self._scope.cancel()

    def close(self) -> None:
        """See `ports.NetworkDriver`."""
        if self._closed:
            return
        self._closed = True
        for pollable in list(self._pollables.values()):
            pollable.close()
        trio.lowlevel.notify_closing(self._epoll.fileno())
        self._epoll.close()

    def _poll(self) -> list[Ready]:
        batch: list[Ready] = []
        if self._closed:
            return batch
        pollables = self._pollables
        for fd, events in self._epoll.poll(0, _MAX_EVENTS):
            pollable = pollables[fd]
            bits = 0
            if events & _BROKEN:
                bits = pollable.interest
                if not bits:
                    # Nothing can be waited for any more: say so once, and fall silent until something is wanted again.
                    bits = _BOTH
                    self._epoll.unregister(fd)
                    pollable.registered = False
            else:
                if events & select.EPOLLIN:
                    bits = _READ
                if events & select.EPOLLOUT:
                    bits |= _WRITE
            batch.append((pollable, bits))
        return batch

    def register(self, pollable: _SocketPollable, interest: int) -> None:
        """Have the kernel report this readiness of it, and errors unasked."""
        events = (select.EPOLLIN if interest & _READ else 0) | (select.EPOLLOUT if interest & _WRITE else 0)
        if pollable.registered:
            self._epoll.modify(pollable.fd, events)
        else:
            self._epoll.register(pollable.fd, events)
            pollable.registered = True

    def forget(self, pollable: _SocketPollable) -> None:
        """It is about to be closed."""
        if pollable.registered:
            self._epoll.unregister(pollable.fd)
            pollable.registered = False
        del self._pollables[pollable.fd]

    def adopt(self, pollable: P) -> P:
        """Enter a new one into the books."""
        self._pollables[pollable.fd] = pollable
        return pollable

    def _socket(self, family: int, kind: int) -> socket.socket:
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        try:
            sock = socket.socket(family, kind)
        except OSError as error:
            raise map_os_error(error, "Opening a socket failed") from error
        sock.setblocking(False)
        return sock

    @staticmethod
    def _bind_source(sock: socket.socket, bind: TcpAddress, *, reuse_port: bool) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((bind.ip, bind.port))

    def _listen_unix(self, address: UnixAddress, backlog: int) -> EpollListener:
        sock = self._socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o177)  # 0600 from the first moment: a chmod after bind would leave a gap
        try:
            sock.bind(address.path)  # EADDRINUSE if anything exists at the path, whatever it is
            sock.listen(backlog)
            return self.adopt(EpollListener(self, sock, address))
        except OSError as error:
            sock.close()
            raise map_os_error(error, f"Listening at {address} failed") from error
        finally:
            os.umask(previous)

    def __repr__(self) -> str:
        return f"<EpollDriver of {len(self._pollables)} pollables>"
