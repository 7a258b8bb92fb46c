"""Datagram sockets of the virtual network, with their queue.

The invariant: the queue is bounded as a kernel's is, and what does not fit is lost. It draws nothing at random.
"""

from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING

from beam_actors.errors import NetworkError, Unreachable
from beam_actors.ports import Buffer
from beam_actors.testing.network.pollable import READ, WRITE, VirtualPollable
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver

_MAX_DATAGRAM = 65507
_MAX_DATAGRAMS = 256


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
