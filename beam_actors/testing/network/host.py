"""A virtual machine: its addresses, its ports, its Unix sockets, and whether it has power.

The invariant: a port is handed out once, and an address that is not the machine's is never bound. It knows no packet.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from beam_actors.errors import AddressNotPermitted
from beam_actors.testing.network.driver import WILDCARDS, VirtualDriver
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.datagrams import VirtualDatagrams
    from beam_actors.testing.network.endpoint import VirtualEndpoint
    from beam_actors.testing.network.listener import VirtualListener
    from beam_actors.testing.network.network import VirtualNetwork

_FIRST_EPHEMERAL = 32768


class VirtualHost:
    """A machine: its addresses, its ports, its Unix sockets. Processes on it are drivers."""

    def __init__(self, network: "VirtualNetwork", name: str, addresses: Sequence[str], *, uid: int) -> None:
        self.network = network
        self.name = name
        self.addresses = tuple(str(ip_address(address)) for address in addresses)
        self.uid = uid
        """Who runs the processes; only 0 may bind ports below 1024."""
        self.up = True
        self.listeners: dict[TcpAddress, list[VirtualListener]] = {}
        self.unix: dict[str, VirtualListener] = {}
        self.sources: dict[TcpAddress, VirtualEndpoint] = {}
        self.datagrams: dict[TcpAddress, VirtualDatagrams] = {}
        self._drivers: list[VirtualDriver] = []
        self._next_port = _FIRST_EPHEMERAL
        self._next_pid = 100

    def driver(self, *, descriptors: int = 1 << 16) -> "VirtualDriver":
        """A new process on this machine, which may hold so many open sockets."""
        self._next_pid += 1
        driver = VirtualDriver(self, self._next_pid, descriptors)
        self._drivers.append(driver)
        return driver

    def kill(self) -> None:
        """Cut the power: nobody is told anything, and what others send is never answered."""
        self.up = False
        for driver in self._drivers:
            driver.vanish()
        self._drivers.clear()
        self.network.fabric.drop_from(self)

    def revive(self) -> None:
        """Switch the machine on again, without any process; what others still retransmit is answered by resets."""
        self.up = True
        self.network.fabric.release()

    def has(self, ip: str) -> bool:
        """Whether `ip` is an address of this machine (wildcards and loopback included)."""
        return ip in self.addresses or ip in WILDCARDS or ip_address(ip).is_loopback

    def source_for(self, target: TcpAddress) -> str | None:
        """The address from which this machine reaches `target`."""
        if ip_address(target.ip).is_loopback or target.ip in self.addresses:
            return target.ip
        version = ip_address(target.ip).version
        return next((own for own in self.addresses if ip_address(own).version == version), None)

    def listener_at(self, address: TcpAddress) -> "VirtualListener | None":
        """Who answers a dial to `address`."""
        wildcard = WILDCARDS[ip_address(address.ip).version == 6]
        for candidate in (address, TcpAddress(wildcard, address.port)):
            if listeners := self.listeners.get(candidate):
                return listeners[0]
        return None

    def free_port(self) -> int:
        """An ephemeral port that nobody uses."""
        used = {address.port for book in (self.listeners, self.sources, self.datagrams) for address in book}
        while True:
            port = self._next_port
            self._next_port = port + 1 if port < 65535 else _FIRST_EPHEMERAL
            if port not in used:
                return port

    def check_bind(self, address: TcpAddress) -> None:
        """Raise `AddressNotPermitted` if no process of this machine may bind it."""
        if not self.has(address.ip):
            raise AddressNotPermitted(f"Binding {address} failed: {self.name} does not have that address.")
        if 0 < address.port < 1024 and self.uid:
            raise AddressNotPermitted(f"Binding {address} failed: ports below 1024 need uid 0.")

    def __repr__(self) -> str:
        return f"<VirtualHost {self.name} {'up' if self.up else 'dead'} {', '.join(self.addresses)}>"
