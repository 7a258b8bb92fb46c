"""The network port on Linux: the sockets of one pump in one epoll object, which one trio task awaits, or a host serves.

The invariant: a pollable is registered with exactly the events that were asked for, so an idle one costs nothing and a
closed one is never reported. An endpoint that wants nothing stays registered for errors alone, which the kernel reports
unasked, and is taken out after it was reported once. It knows nothing of what sockets do between two waits (`endpoint`,
`bound`).
"""

import contextlib
import errno
import select
import socket
from math import inf

import trio

from beam_actors.errors import ConnectionLost, NetworkError, ResourceExhausted
from beam_actors.ports import Clock, Pollable, Ready, Turn
from beam_actors.values import Address, TcpAddress, UnixAddress
from beam_actors.world.bound import EpollDatagrams, EpollListener, bind_datagrams, listen_tcp, listen_unix
from beam_actors.world.endpoint import EpollEndpoint, bind_source
from beam_actors.world.host import Host
from beam_actors.world.os_errors import map_os_error
from beam_actors.world.pollable import READ, WRITE, P, SocketPollable, family_of, tcp_address

_BOTH = READ | WRITE
_BROKEN = select.EPOLLERR | select.EPOLLHUP
_MAX_EVENTS = 512  # per batch; the pump cuts it into slices of its own


class EpollDriver:
    """Every socket of one pump, at most `descriptors`. `clock.monotonic()` is what `wait(until)` is measured by."""

    def __init__(self, clock: Clock, *, descriptors: int = 1 << 20, host: Host | None = None) -> None:
        """`host` calls the pump itself, if it serves no other driver."""
        self._clock = clock
        self._descriptors = descriptors
        self._host = host
        self._turn: Turn | None = None
        self._until = inf
        self._task: trio.lowlevel.Task | None = None
        self._failure: BaseException | None = None
        self._epoll = select.epoll()
        self._pollables: dict[int, SocketPollable] = {}
        self._scope: trio.CancelScope | None = None
        self._woken = False
        self._closed = False

    def dial(self, address: Address, *, bind: TcpAddress | None = None, reuse_port: bool = False) -> EpollEndpoint:
        """See `ports.NetworkDriver`."""
        family = socket.AF_UNIX if isinstance(address, UnixAddress) else family_of(address)
        sock = self._socket(family, socket.SOCK_STREAM)
        failure: NetworkError | None = None
        try:
            if bind is not None:
                bind_source(sock, bind, reuse_port=reuse_port)
            sock.connect(address.path if isinstance(address, UnixAddress) else (address.ip, address.port))
        except BlockingIOError as error:
            if error.errno != errno.EINPROGRESS:
                failure = map_os_error(error, f"Dialling {address} failed")
        except OSError as error:
            failure = map_os_error(error, f"Dialling {address} failed")
        return self.adopt(EpollEndpoint(self, sock, address, dialling=True, error=failure))

    def listen(self, address: Address, *, reuse_port: bool = False, backlog: int = 256) -> EpollListener:
        """See `ports.NetworkDriver`."""
        family = socket.AF_UNIX if isinstance(address, UnixAddress) else family_of(address)
        sock = self._socket(family, socket.SOCK_STREAM)
        try:
            if isinstance(address, UnixAddress):
                listen_unix(sock, address, backlog=backlog)
                return self.adopt(EpollListener(self, sock, address))
            listen_tcp(sock, address, reuse_port=reuse_port, backlog=backlog)
            return self.adopt(EpollListener(self, sock, tcp_address(sock.getsockname())))
        except OSError as error:
            sock.close()
            raise map_os_error(error, f"Listening at {address} failed") from error

    def datagrams(self, address: TcpAddress) -> EpollDatagrams:
        """See `ports.NetworkDriver`."""
        sock = self._socket(family_of(address), socket.SOCK_DGRAM)
        try:
            bind_datagrams(sock, address)
            return self.adopt(EpollDatagrams(self, sock))
        except OSError as error:
            sock.close()
            raise map_os_error(error, f"Binding {address} failed") from error

    async def wait(self, until: float | None, turn: Turn | None = None) -> list[Ready]:
        """See `ports.NetworkDriver`."""
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        batch = self._poll()
        if batch or self._woken or (until is not None and until <= self._clock.monotonic()):
            self._woken = False
            await trio.lowlevel.checkpoint()  # the actors' turn
            return batch or self._poll()
        await trio.lowlevel.checkpoint_if_cancelled()
        if turn is not None and self._host is not None and self._host.enter(self, trio.lowlevel.current_task()):
            return await self._be_called(self._host, until, turn)
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

    async def _be_called(self, host: Host, until: float | None, turn: Turn) -> list[Ready]:
        """Wait while `host` calls `turn`: until it fails, the driver is closed, or the task is cancelled."""
        self._until, self._turn = inf if until is None else until, turn
        self._task = trio.lowlevel.current_task()
        try:
            await trio.lowlevel.wait_task_rescheduled(self._leave)
        finally:
            self._task = self._turn = None
            if not self._closed:
                host.leave(self)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return []

    def _leave(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    @property
    def sockets(self) -> select.epoll:
        """See `Guest`."""
        return self._epoll

    def next_at(self) -> float:
        """See `Guest`."""
        return -inf if self._woken else self._until

    def turn(self, events: list[tuple[int, int]]) -> None:
        """See `Guest`."""
        self._woken = False
        if self._turn is None or self._task is None:
            self._until = inf  # the task is on its way out
            return
        try:
            until = self._turn(self._batch_of(events))
        except BaseException as error:  # noqa: BLE001  # it is raised where the pump waits, never in trio's loop
            self._failure = error
            self._end_wait()
        else:
            self._until = inf if until is None else until

    def _end_wait(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def is_open(self, pollable: Pollable) -> bool:
        """See `ports.NetworkDriver`."""
        return isinstance(pollable, SocketPollable) and pollable.is_open

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
        if self._host is not None:
            self._host.leave(self)
            self._end_wait()
        trio.lowlevel.notify_closing(self._epoll.fileno())
        self._epoll.close()

    def _poll(self) -> list[Ready]:
        return [] if self._closed else self._batch_of(self._epoll.poll(0, _MAX_EVENTS))

    def _batch_of(self, found: list[tuple[int, int]]) -> list[Ready]:
        batch: list[Ready] = []
        pollables = self._pollables
        for fd, events in found:
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
                    bits = READ
                if events & select.EPOLLOUT:
                    bits |= WRITE
            batch.append((pollable, bits))
        return batch

    def register(self, pollable: SocketPollable, interest: int) -> None:
        """See `Books`."""
        events = (select.EPOLLIN if interest & READ else 0) | (select.EPOLLOUT if interest & WRITE else 0)
        if pollable.registered:
            self._epoll.modify(pollable.fd, events)
        else:
            self._epoll.register(pollable.fd, events)
            pollable.registered = True

    def forget(self, pollable: SocketPollable) -> None:
        """See `Books`."""
        if pollable.registered:
            self._epoll.unregister(pollable.fd)
            pollable.registered = False
        del self._pollables[pollable.fd]

    def adopt(self, pollable: P) -> P:
        """See `Books`."""
        self._pollables[pollable.fd] = pollable
        return pollable

    @property
    def is_full(self) -> bool:
        """See `Books`."""
        return len(self._pollables) >= self._descriptors

    def _socket(self, family: int, kind: int) -> socket.socket:
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        if self.is_full:
            raise ResourceExhausted(f"Opening a socket failed: {self._descriptors} are open.")
        try:
            sock = socket.socket(family, kind)
        except OSError as error:
            raise map_os_error(error, "Opening a socket failed") from error
        sock.setblocking(False)
        return sock

    def __repr__(self) -> str:
        return f"<EpollDriver of {len(self._pollables)} pollables>"
