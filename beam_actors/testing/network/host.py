"""A virtual machine: its addresses, its ports, its Unix sockets, and whether it has power.

The invariant: a port is handed out once, an address that is not the machine's is never bound, and two connections
differ in one of their four numbers. It knows no packet.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from beam_actors.errors import AddressNotPermitted, ResourceExhausted
from beam_actors.testing.network.driver import VirtualDriver
from beam_actors.testing.network.port_table import PortTable
from beam_actors.testing.network.realm import WILDCARDS, Realm, Site, canonical_ip, is_loopback, same_family
from beam_actors.values import Address, TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.datagrams import VirtualDatagrams
    from beam_actors.testing.network.endpoint import VirtualEndpoint
    from beam_actors.testing.network.listener import VirtualListener
    from beam_actors.testing.network.nat import NatBox
    from beam_actors.testing.network.network import VirtualNetwork

_FIRST_EPHEMERAL = 32768


@attrs.frozen(slots=True, eq=False)
class Where:
    """Where a machine is, from one move to the next."""

    realm: Realm
    addresses: tuple[str, ...]


class VirtualHost(Site):
    """A machine: its addresses, its ports, its Unix sockets. Processes on it are drivers."""

    __slots__ = (
        "_connections",
        "_drivers",
        "_next_pid",
        "_next_port",
        "_sources",
        "datagrams",
        "listeners",
        "network",
        "uid",
        "unix",
        "where",
    )

    def __init__(
        self,
        network: "VirtualNetwork",
        name: str,
        addresses: Sequence[str],
        *,
        realm: Realm,
        region: str | None,
        uid: int,
    ) -> None:
        super().__init__(name, region, realm)
        self.network = network
        self.uid = uid
        """Who runs the processes, unless `driver` is told otherwise; only 0 may bind ports below 1024."""
        self.listeners: PortTable[VirtualListener] = PortTable()
        self.datagrams: PortTable[VirtualDatagrams] = PortTable()
        self.unix: dict[str, VirtualListener] = {}
        self._connections: dict[tuple[TcpAddress, TcpAddress], VirtualEndpoint] = {}
        self._sources: dict[int, int] = {}  # how many connections have that local port
        self._drivers: dict[VirtualDriver, None] = {}
        self._next_port = _FIRST_EPHEMERAL
        self._next_pid = 100
        self.where = self._settle(realm, addresses)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses now, without the loopback."""
        return self.where.addresses

    def driver(self, *, descriptors: int = 1 << 16, uid: int | None = None) -> VirtualDriver:
        """A new process on this machine, which may hold so many open sockets, of the machine's user or another."""
        self._next_pid += 1
        driver = VirtualDriver(self, self._next_pid, self.uid if uid is None else uid, descriptors)
        self._drivers[driver] = None
        return driver

    def ended(self, driver: VirtualDriver) -> None:
        """A process is no more."""
        self._drivers.pop(driver, None)

    def kill(self) -> None:
        """Cut the power: nobody is told anything, and what others send is never answered."""
        self.up = False
        for driver in list(self._drivers):
            driver.vanish()
        self._drivers.clear()
        self.network.fabric.release_of(self)

    def revive(self) -> None:
        """Switch the machine on again, without any process; what others still retransmit is answered by resets."""
        self.up = True
        self.network.fabric.release_of(self)

    def move(self, addresses: Sequence[str], *, behind: "NatBox | None" = None, region: str | None = None) -> None:
        """Leave the present network for another, with other addresses; the processes learn nothing.

        Connections of addresses that it has no longer fall silent at both ends; they go on if it comes back in time.
        """
        self.realm.leave(self.addresses)
        self.where = self._settle(self.network.internet if behind is None else behind.lan, addresses)
        self.region = region or (behind.region if behind is not None else self.region)
        self.network.fabric.refresh()
        self.network.fabric.release_of(self)

    def is_own(self, ip: str) -> bool:
        """Whether `ip` leads back to this machine (wildcards and loopback included)."""
        return ip in self.where.addresses or is_loopback(ip) or ip in WILDCARDS

    def is_where(self, where: Where, local: Address | None) -> bool:
        """Whether a socket with that address, made there, has it still or again."""
        return where.realm is self.realm and isinstance(local, TcpAddress) and local.ip in self.where.addresses

    def source_for(self, target: TcpAddress) -> str | None:
        """The address from which this machine reaches `target`."""
        if is_loopback(target.ip) or target.ip in self.where.addresses:
            return target.ip
        return next((own for own in self.where.addresses if same_family(own, target.ip)), None)

    def connection(self, local: TcpAddress, remote: TcpAddress) -> "VirtualEndpoint | None":
        """The connection between these two addresses."""
        return self._connections.get((local, remote))

    def connect(self, endpoint: "VirtualEndpoint", local: TcpAddress, remote: TcpAddress) -> None:
        """A connection begins, or a dial."""
        self._connections[local, remote] = endpoint
        self._sources[local.port] = self._sources.get(local.port, 0) + 1

    def disconnect(self, endpoint: "VirtualEndpoint") -> None:
        """It is over; nothing happens if it is so already."""
        local, remote = endpoint.local, endpoint.remote
        if isinstance(local, TcpAddress) and isinstance(remote, TcpAddress):
            if self._connections.get((local, remote)) is not endpoint:
                return
            del self._connections[local, remote]
            self._sources[local.port] -= 1
            if not self._sources[local.port]:
                del self._sources[local.port]

    def free_port(self) -> int:
        """An ephemeral port that nobody uses; raise `ResourceExhausted` if there is none."""
        for _ in range(_FIRST_EPHEMERAL, 65536):
            port = self._next_port
            self._next_port = port + 1 if port < 65535 else _FIRST_EPHEMERAL
            if port not in self._sources and port not in self.listeners and port not in self.datagrams:
                return port
        raise ResourceExhausted(f"No port of {self.name} is free.")

    def check_bind(self, address: TcpAddress, uid: int) -> None:
        """Raise `AddressNotPermitted` if no process of that user may bind it on this machine."""
        if not self.is_own(address.ip):
            raise AddressNotPermitted(f"Binding {address} failed: {self.name} does not have that address.")
        if 0 < address.port < 1024 and uid:
            raise AddressNotPermitted(f"Binding {address} failed: ports below 1024 need uid 0.")

    def _settle(self, realm: Realm, addresses: Sequence[str]) -> Where:
        where = Where(realm, tuple(canonical_ip(address) for address in addresses))
        if realm.box is not None:
            realm.box.check_addresses(where.addresses)
        realm.enter(self, where.addresses)
        self.realm = realm
        return where

    def __repr__(self) -> str:
        return f"<VirtualHost {self.name} {'up' if self.up else 'dead'} {', '.join(self.addresses)}>"
