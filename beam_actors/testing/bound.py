"""Bound sockets of the virtual network: listeners with their backlog, and datagram sockets with their queue.

The invariant: a queue is bounded as a kernel's is, and what does not fit is refused (a dial is tried again later) or
lost (a datagram). It knows no route and draws nothing at random.
"""

from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING

from beam_actors.errors import NetworkError, ResourceExhausted, Unreachable
from beam_actors.ports import Buffer
from beam_actors.testing.endpoint import READ, WRITE, VirtualEndpoint, VirtualPollable
from beam_actors.testing.links import Lane
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network import VirtualDriver

_MAX_DATAGRAM = 65507
_MAX_DATAGRAMS = 256


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


class VirtualDatagrams(VirtualPollable):
    """A bound UDP socket and its queue."""

    __slots__ = ("_local", "_queue")

    def __init__(self, driver: "VirtualDriver", local: TcpAddress) -> None:
        super().__init__(driver)
        self._local = local
        self._queue: deque[tuple[bytes, TcpAddress]] = deque()

    @property
    def local(self) -> TcpAddress:
        """See `ports.DatagramSocket`."""
        return self._local

    def receive(self, limit: int = 64) -> list[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        batch = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        self.driver.update(self)
        return batch

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """See `ports.DatagramSocket`."""
        self._require_open()
        if len(data) > _MAX_DATAGRAM:
            raise NetworkError(f"Sending a datagram to {address} failed: it is longer than {_MAX_DATAGRAM} bytes.")
        host = self.driver.host
        source = host.source_for(address)
        if source is None:
            raise Unreachable(f"Sending a datagram to {address} failed: no route leads there.")
        target = host if host.has(address.ip) else host.network.at(address.ip)
        if target is not None:
            sender = self._local if not self._local.is_wildcard else TcpAddress(source, self._local.port)
            payload = bytes(data)
            receiver = next(
                (sock for local, sock in target.datagrams.items() if _receives(local, address)), None
            )  # fmt: skip
            if receiver is not None:
                host.network.fabric.cast(receiver.driver, host, target, lambda: receiver.on_datagram(payload, sender))
        return True

    def on_datagram(self, payload: bytes, sender: TcpAddress) -> None:
        """A datagram arrived."""
        if self._open and len(self._queue) < _MAX_DATAGRAMS:
            self._queue.append((payload, sender))
            self.driver.update(self)

    def close(self) -> None:
        """See `ports.DatagramSocket`."""
        if self._open:
            del self.driver.host.datagrams[self._local]
            super().close()

    def vanish(self) -> None:
        """See `ports.DatagramSocket`."""
        super().vanish()
        self.driver.host.datagrams.pop(self._local, None)

    def bits(self) -> int:
        """See `ports.DatagramSocket`."""
        return self._interest & (WRITE | (READ if self._queue else 0))

    def __repr__(self) -> str:
        return f"<VirtualDatagrams {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"


def _receives(bound: TcpAddress, target: TcpAddress) -> bool:
    if bound.port != target.port or ip_address(bound.ip).version != ip_address(target.ip).version:
        return False
    return bound.ip == target.ip or bound.is_wildcard
