"""Datagram sockets of the virtual network, with their queue.

The invariant: the queue is bounded as a kernel's is, and what does not fit is lost. It draws nothing at random.
"""

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import NetworkError, Unreachable
from beam_actors.ports import Buffer, ReplyTo
from beam_actors.testing.network.fabric import Packet
from beam_actors.testing.network.pollable import READ, WRITE, VirtualPollable
from beam_actors.testing.network.routes import Landing, leave
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver

_MAX_DATAGRAM = 65507
_MAX_DATAGRAMS = 256


class VirtualDatagrams(VirtualPollable):
    """A bound UDP socket and its queue."""

    __slots__ = ("_local", "_queue", "_sources")

    def __init__(self, driver: "VirtualDriver", local: TcpAddress) -> None:
        super().__init__(driver)
        self._local = local
        self._queue: deque[tuple[bytes, TcpAddress]] = deque()
        self._sources: dict[str, TcpAddress] = {}  # by address of this machine, so that none is parsed per packet

    @property
    def local(self) -> TcpAddress:
        """See `ports.DatagramSocket`."""
        return self._local

    def receive(self, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        while limit and self._queue and self._open:
            limit -= 1
            datagram = self._queue.popleft()
            self.driver.update(self)
            yield datagram

    def answer(self, reply_to: ReplyTo, limit: int = 64) -> Iterator[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        for data, sender in self.receive(limit):
            reply = reply_to(data, sender)
            if reply is None:
                yield data, sender
                continue
            with contextlib.suppress(NetworkError):
                self.send_to(reply, sender)

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """See `ports.DatagramSocket`."""
        self._require_open()
        if len(data) > _MAX_DATAGRAM:
            raise NetworkError(f"Sending a datagram to {address} failed: it is longer than {_MAX_DATAGRAM} bytes.")
        host = self.driver.host
        ip = host.source_for(address)
        if ip is None:
            raise Unreachable(f"Sending a datagram to {address} failed: no route leads there.")
        payload, source = bytes(data), self._source(ip)
        if host.is_own(address.ip):
            self._deliver(payload, source, Landing(host, address))
        elif host.up:
            fabric = host.network.fabric
            way = leave(host.realm, "udp", source, address, trio.current_time())
            packet = Packet(
                host, way, "udp", address, len(payload), lambda landing: self._deliver(payload, way.source, landing)
            )  # fmt: skip
            fabric.show(host, packet.end, payload)
            fabric.cast(packet)
        return True

    def on_datagram(self, payload: bytes, sender: TcpAddress) -> None:
        """A datagram arrived."""
        if self._open and len(self._queue) < _MAX_DATAGRAMS:
            self._queue.append((payload, sender))
            self.driver.update(self)

    def close(self) -> None:
        """See `ports.DatagramSocket`."""
        if self._open:
            self.driver.host.datagrams.remove(self._local, self)
            super().close()

    def vanish(self) -> None:
        """See `ports.DatagramSocket`."""
        super().vanish()
        self.driver.host.datagrams.remove(self._local, self)

    def bits(self) -> int:
        """See `ports.DatagramSocket`."""
        return self._interest & (WRITE | (READ if self._queue else 0))

    def _source(self, ip: str) -> TcpAddress:
        if not self._local.is_wildcard:
            return self._local
        source = self._sources.get(ip)
        if source is None:
            source = self._sources[ip] = TcpAddress(ip, self._local.port)
        return source

    @staticmethod
    def _deliver(payload: bytes, sender: TcpAddress, landing: Landing) -> None:
        receiver = landing.host.datagrams.at(landing.local)
        if receiver is not None:
            receiver.on_datagram(payload, sender)

    def __repr__(self) -> str:
        return f"<VirtualDatagrams {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"
