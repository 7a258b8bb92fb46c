"""Which socket of a machine has which address and port.

The invariant: two sockets have the same port only if their addresses don't overlap, or if whoever bound them said that
they share it (`add` does not ask, `conflicts` does). It knows nothing of what the sockets do.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from beam_actors.testing.network.realm import WILDCARDS, same_family
from beam_actors.values import TcpAddress

T = TypeVar("T")


class PortTable(Generic[T]):
    """Bound sockets of one protocol, found by address without a search."""

    __slots__ = ("_ports",)

    def __init__(self) -> None:
        self._ports: dict[int, dict[str, list[T]]] = {}

    def add(self, address: TcpAddress, socket: T) -> None:
        """A socket is bound there."""
        self._ports.setdefault(address.port, {}).setdefault(address.ip, []).append(socket)

    def remove(self, address: TcpAddress, socket: T) -> None:
        """It is no longer; nothing happens if it was not."""
        addresses = self._ports.get(address.port, {})
        sockets = addresses.get(address.ip, [])
        if socket in sockets:
            sockets.remove(socket)
            if not sockets:
                del addresses[address.ip]
            if not addresses:
                del self._ports[address.port]

    def at(self, address: TcpAddress) -> T | None:
        """Who gets what is sent to that address: the one bound to it, else the one bound to all."""
        addresses = self._ports.get(address.port)
        if addresses is None:
            return None
        found = addresses.get(address.ip) or addresses.get(WILDCARDS[":" in address.ip])
        return found[0] if found else None

    def conflicts(self, address: TcpAddress) -> Iterator[T]:
        """Who has that address already, or one that overlaps it."""
        for ip, sockets in self._ports.get(address.port, {}).items():
            if same_family(ip, address.ip) and (ip == address.ip or ip in WILDCARDS or address.ip in WILDCARDS):
                yield from sockets

    def __contains__(self, port: int) -> bool:
        return port in self._ports

    def __repr__(self) -> str:
        return f"<PortTable of {len(self._ports)} ports>"
