"""Listeners of the virtual network, with their backlog.

The invariant: the queue is bounded as a kernel's is, and a dial that does not fit is tried again later. It knows no
route and draws nothing at random.
"""

from collections import deque
from typing import TYPE_CHECKING

from beam_actors.errors import ResourceExhausted
from beam_actors.testing.network.endpoint import VirtualEndpoint
from beam_actors.testing.network.fabric import Lane
from beam_actors.testing.network.pollable import READ, VirtualPollable
from beam_actors.values import Address, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver


class VirtualListener(VirtualPollable):
    """A listening socket and its queue."""

    __slots__ = ("_backlog", "_local", "_queue", "reuse_port")

    def __init__(self, driver: "VirtualDriver", local: Address, backlog: int, *, reuse_port: bool) -> None:
        super().__init__(driver)
        self._local = local
        self._backlog = backlog
        self._queue: deque[VirtualEndpoint] = deque()
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
        endpoint = self._queue.popleft()
        self.driver.enter(endpoint)
        self.driver.update(self)
        return endpoint

    def close(self) -> None:
        """See `ports.Listener`."""
        if not self._open:
            return
        self._forget()
        super().close()
        for endpoint in self._queue:
            endpoint.abort()
        self._queue.clear()

    def vanish(self) -> None:
        """See `ports.Listener`."""
        super().vanish()
        self._forget()

    def bits(self) -> int:
        """See `ports.Listener`."""
        return self._interest & READ if self._queue else 0

    @property
    def has_room(self) -> bool:
        """Whether its queue takes another connection."""
        return len(self._queue) < self._backlog

    def offer(self, dialled: VirtualEndpoint, local: Address | None) -> Lane:
        """Queue the other end of a dial; the lane on which its packets travel."""
        endpoint = VirtualEndpoint(self.driver, dialled.local)
        endpoint.join(dialled, local or self._local)
        self._queue.append(endpoint)
        self.driver.update(self)
        return endpoint.lane

    def _forget(self) -> None:
        host = self.driver.host
        if isinstance(self._local, UnixAddress):
            del host.unix[self._local.path]
            return
        listeners = host.listeners[self._local]
        listeners.remove(self)
        if not listeners:
            del host.listeners[self._local]

    def __repr__(self) -> str:
        return f"<VirtualListener {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"
