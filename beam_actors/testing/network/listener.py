"""Listeners of the virtual network, with their backlog.

The invariant: the queue is bounded as a kernel's is, handshakes under way included, and a dial that does not fit is
tried again later. It knows no route and draws nothing at random.
"""

from typing import TYPE_CHECKING

import trio

from beam_actors.errors import ResourceExhausted
from beam_actors.testing.network.endpoint import VirtualEndpoint
from beam_actors.testing.network.pollable import READ, VirtualPollable
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver

_HALF_OPEN = 63.0
"""Seconds for which a kernel keeps a connection whose handshake is never ended (Linux's five tcp_synack_retries)."""


class VirtualListener(VirtualPollable):
    """A listening socket and its queue."""

    __slots__ = ("_backlog", "_half_open", "_local", "_queue", "reuse_port")

    def __init__(self, driver: "VirtualDriver", local: Address, backlog: int, *, reuse_port: bool) -> None:
        super().__init__(driver)
        self._local = local
        self._backlog = backlog
        self._queue: list[VirtualEndpoint] = []
        self._half_open: dict[VirtualEndpoint, None] = {}
        self.reuse_port = reuse_port

    @property
    def local(self) -> Address:
        """See `ports.Listener`."""
        return self._local

    def accept(self) -> VirtualEndpoint | None:
        """See `ports.Listener`."""
        self._require_open()
        if not self._queue:
            return None
        if self.driver.is_full:
            raise ResourceExhausted(f"Accepting at {self._local} failed: too many sockets are open.")
        endpoint = self._queue.pop(0)
        self.driver.enter(endpoint)
        self.driver.update(self)
        return endpoint

    def close(self) -> None:
        """See `ports.Listener`."""
        if not self._open:
            return
        self._forget()
        super().close()
        for endpoint in (*self._half_open, *self._queue):
            endpoint.abort()
        self._half_open.clear()
        self._queue.clear()

    def vanish(self) -> None:
        """See `ports.Listener`."""
        super().vanish()
        self._forget()
        for endpoint in (*self._half_open, *self._queue):
            endpoint.vanish()

    def bits(self) -> int:
        """See `ports.Listener`."""
        return self._interest & READ if self._queue else 0

    @property
    def has_room(self) -> bool:
        """Whether its queue takes another connection."""
        return len(self._queue) + len(self._half_open) < self._backlog

    def offer(self, dialled: VirtualEndpoint, local: Address, remote: Address | None) -> VirtualEndpoint:
        """Make the other end of a dial; it is queued once its handshake is over."""
        endpoint = VirtualEndpoint(self.driver, local, remote)
        endpoint.queued_by(self)
        endpoint.join(dialled)
        self._half_open[endpoint] = None
        if isinstance(local, TcpAddress) and isinstance(remote, TcpAddress):
            host = self.driver.host
            host.connect(endpoint, local, remote)
            if dialled.host is not host:
                host.network.fabric.agenda.add(trio.current_time() + _HALF_OPEN, lambda: self.drop(endpoint))
        return endpoint

    def enqueue(self, endpoint: VirtualEndpoint) -> bool:
        """A handshake is over; False if nobody listens any more."""
        self._half_open.pop(endpoint, None)
        if self._open:
            self._queue.append(endpoint)
            self.driver.update(self)
        return self._open

    def drop(self, endpoint: VirtualEndpoint) -> None:
        """A handshake was not brought to an end."""
        if endpoint in self._half_open:
            del self._half_open[endpoint]
            endpoint.vanish()

    def _forget(self) -> None:
        host = self.driver.host
        if isinstance(self._local, UnixAddress):
            del host.unix[self._local.path]
        else:
            host.listeners.remove(self._local, self)

    def __repr__(self) -> str:
        return f"<VirtualListener {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"
