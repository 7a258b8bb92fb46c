"""NAT boxes, in the terms of RFC 4787 (datagrams) and RFC 5382 (TCP).

The invariant: what comes from outside passes only by a binding that somebody inside made, which is neither expired nor
forgotten, and only from whom the filtering lets in; no two bindings share an outside port. It knows no socket.
"""

import enum
from random import Random
from typing import Literal

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.testing.network.realm import Realm, Site, same_family
from beam_actors.values import TcpAddress

Protocol = Literal["tcp", "udp"]
Key = tuple[Protocol, TcpAddress, str | TcpAddress | None]
"""What shares an outside port: a socket inside, and as much of the other end as the mapping depends on."""

_FIRST_PORT = 1024
_PORTS = 65536 - _FIRST_PORT


class Mapping(enum.StrEnum):
    """When a socket inside gets another port outside (RFC 4787, section 4.1)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    """Never: one outside port for all whom it talks to."""
    ADDRESS_DEPENDENT = "address-dependent"
    """For each machine that it talks to."""
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    """For each socket that it talks to: a symmetric NAT."""


class Filtering(enum.StrEnum):
    """Who may send to an outside port (RFC 4787, section 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    """Anybody."""
    ADDRESS_DEPENDENT = "address-dependent"
    """A machine that was sent to."""
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    """A socket that was sent to."""


def _seconds(_owner: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise InvalidValue(f"{attribute.name} of a NAT can't be {value}.")


@attrs.frozen(slots=True)
class NatBehaviour:
    """How a box behaves. The default is the usual router at home: one port for all, and only who was sent to."""

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    expiry: float = attrs.field(default=30.0, validator=_seconds)
    """Seconds without a datagram, in either direction, after which a binding is gone; RFC 4787 asks for 120."""
    tcp_expiry: float = attrs.field(default=7440.0, validator=_seconds)
    """The same for TCP: 2 h 4 min is the least that RFC 5382 allows, and cheap boxes have less."""
    hairpin: bool = False
    """Whether two machines behind it reach each other by their outside addresses."""
    preserve_ports: bool = True
    """Whether the outside port is the inside one when that is free."""
    ports: int = attrs.field(default=_PORTS, validator=[attrs.validators.ge(1), attrs.validators.le(_PORTS)])
    """How many it has for each protocol, from 1024 on: a carrier's box gives each customer a few (RFC 6888)."""


FULL_CONE = NatBehaviour(filtering=Filtering.ENDPOINT_INDEPENDENT)
RESTRICTED_CONE = NatBehaviour(filtering=Filtering.ADDRESS_DEPENDENT)
PORT_RESTRICTED_CONE = NatBehaviour()
SYMMETRIC = NatBehaviour(mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, preserve_ports=False)
"""The four classes of RFC 3489, as measured of Linux's nftables in a network namespace."""


class Binding:
    """One socket inside and its port outside."""

    __slots__ = ("_behaviour", "_permits", "_prune_at", "expires_at", "inside", "key", "outside", "protocol")

    def __init__(
        self, behaviour: NatBehaviour, key: Key, protocol: Protocol, inside: TcpAddress, outside: TcpAddress
    ) -> None:
        self.key = key
        self.protocol: Protocol = protocol
        self.inside = inside
        self.outside = outside
        self.expires_at = float("inf")
        self._behaviour = behaviour
        self._permits: dict[str | TcpAddress, float] = {}
        self._prune_at = 64

    def refresh(self, remote: TcpAddress, now: float) -> bool:
        """A packet to or from `remote` passes; False if the box knows this binding no more."""
        behaviour = self._behaviour
        if self.expires_at <= now:
            return False
        self.expires_at = now + (behaviour.expiry if self.protocol == "udp" else behaviour.tcp_expiry)
        if behaviour.filtering is not Filtering.ENDPOINT_INDEPENDENT:
            self._permits[self._permit(remote)] = self.expires_at
            if len(self._permits) >= self._prune_at:
                self._permits = {who: until for who, until in self._permits.items() if until > now}
                self._prune_at = max(64, 2 * len(self._permits))
        return True

    def lets_in(self, remote: TcpAddress, now: float) -> bool:
        """Whether a packet from `remote` may pass."""
        if self.expires_at <= now:
            return False
        if self._behaviour.filtering is Filtering.ENDPOINT_INDEPENDENT:
            return True
        return self._permits.get(self._permit(remote), 0.0) > now

    def forget(self) -> None:
        """The box lost its memory of it."""
        self.expires_at = 0.0

    def _permit(self, remote: TcpAddress) -> str | TcpAddress:
        return remote.ip if self._behaviour.filtering is Filtering.ADDRESS_DEPENDENT else remote

    def __repr__(self) -> str:
        return f"<Binding {self.protocol} {self.inside} = {self.outside} until {self.expires_at:.3f}>"


class NatBox(Site):
    """A router with one address outside and any number of machines behind it, in `lan`."""

    __slots__ = ("_dice", "_inside", "_outside", "_prune_at", "_retired", "behaviour", "lan", "public_ip")

    def __init__(
        self, name: str, public_ip: str, behaviour: NatBehaviour, *, realm: Realm, region: str | None, dice: Random
    ) -> None:
        super().__init__(name, region, realm)
        self.public_ip = public_ip
        self.behaviour = behaviour
        self.lan = Realm(self)
        realm.enter(self, (public_ip,))
        self._dice = dice
        self._inside: dict[Key, Binding] = {}
        self._outside: dict[tuple[Protocol, int], Binding] = {}
        self._retired: frozenset[tuple[Protocol, int]] = frozenset()
        self._prune_at = 256

    def outbound(self, protocol: Protocol, inside: TcpAddress, remote: TcpAddress, now: float) -> Binding | None:
        """The binding by which a packet leaves, made if there is none; None when no port is free: it is dropped."""
        key = (protocol, inside, self._part(remote))
        binding = self._inside.get(key)
        if binding is None or binding.expires_at <= now:
            if binding is not None:
                self._drop(binding)
            port = self._free_port(protocol, inside.port, now)
            if port is None:
                return None
            binding = Binding(self.behaviour, key, protocol, inside, TcpAddress(self.public_ip, port))
            self._inside[key] = self._outside[protocol, port] = binding
        binding.refresh(remote, now)
        return binding

    def inbound(self, protocol: Protocol, port: int, remote: TcpAddress, now: float) -> Binding | None:
        """The binding by which a packet from outside enters; None if it is dropped."""
        binding = self._outside.get((protocol, port))
        if binding is None or not binding.lets_in(remote, now):
            return None
        binding.refresh(remote, now)
        return binding

    def behind(self, protocol: Protocol, port: int) -> Binding | None:
        """The binding of that outside port, whoever may send to it."""
        return self._outside.get((protocol, port))

    def rebind(self) -> None:
        """Forget all bindings, as a router that restarts; what leaves from now on gets ports that were not in use."""
        self._retired = frozenset(self._outside)
        for binding in self._outside.values():
            binding.forget()
        self._inside.clear()
        self._outside.clear()

    def check_addresses(self, addresses: tuple[str, ...]) -> None:
        """Raise `ValueError` if it can't translate one of them."""
        for ip in addresses:
            if not same_family(ip, self.public_ip):
                raise ValueError(f"{self!r} does not translate {ip}.")

    def _part(self, remote: TcpAddress) -> str | TcpAddress | None:
        mapping = self.behaviour.mapping
        if mapping is Mapping.ENDPOINT_INDEPENDENT:
            return None
        return remote.ip if mapping is Mapping.ADDRESS_DEPENDENT else remote

    def _free_port(self, protocol: Protocol, wanted: int, now: float) -> int | None:
        self._prune(now)
        ports = self.behaviour.ports
        if self.behaviour.preserve_ports and 0 <= wanted - _FIRST_PORT < ports and self._is_free(protocol, wanted, now):
            return wanted
        first = int(self._dice.random() * ports)
        for step in range(ports):
            port = _FIRST_PORT + (first + step) % ports
            if self._is_free(protocol, port, now):
                return port
        return None

    def _is_free(self, protocol: Protocol, port: int, now: float) -> bool:
        binding = self._outside.get((protocol, port))
        if binding is not None and binding.expires_at <= now:
            self._drop(binding)
            binding = None
        return binding is None and (protocol, port) not in self._retired

    def _drop(self, binding: Binding) -> None:
        binding.forget()
        del self._inside[binding.key]
        del self._outside[binding.protocol, binding.outside.port]

    def _prune(self, now: float) -> None:
        """Drop what expired, each time that the table has doubled."""
        if len(self._outside) >= self._prune_at:
            for binding in [each for each in self._outside.values() if each.expires_at <= now]:
                self._drop(binding)
            self._prune_at = max(256, 2 * len(self._outside))

    def __repr__(self) -> str:
        return f"<NatBox {self.name} {self.public_ip} {self.behaviour.mapping}/{self.behaviour.filtering}>"


__all__ = [
    "FULL_CONE",
    "PORT_RESTRICTED_CONE",
    "RESTRICTED_CONE",
    "SYMMETRIC",
    "Binding",
    "Filtering",
    "Mapping",
    "NatBehaviour",
    "NatBox",
    "Protocol",
]
