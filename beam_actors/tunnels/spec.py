"""What is offered and what is forwarded, as values (pure).

A tunnel is known by its `key`, which says what it serves: `byronwade.http`, `db.5432`, `_.8022` for one without a
name; a forward by one that says where it listens, `forward.8080`. HTTP occupies ports 80 and 443 of its name, and no
two tunnels of a node share a port of a name. An ephemeral tunnel ends with the run of the daemon in which it was
offered. Invariant: a value that exists can be served; what can't be is refused when it is made. How they are stored
stands in `records`, which of them a request means in `offers`.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

import attrs

from beam_actors.errors import UsageError
from beam_actors.tunnels.targets import plain_ip
from beam_actors.values import EVERYONE, Access, Name, TcpAddress

HTTP_PORTS = (80, 443)
MAX_DESTINATION = 1024
_USUAL = "127.0.0.1"
"""Where forwards listen unless a person says otherwise."""
_THIS_NETWORK = IPv4Network("0.0.0.0/8")


@attrs.frozen(slots=True, kw_only=True)
class TunnelSpec:
    """One offered service."""

    target: TcpAddress
    """The only address that the tunnel ever leads to."""
    name: Name | None = None
    """The name it is reached by; None: by the peer's id alone."""
    port: int | None = None
    """None: HTTP, on ports 80 and 443; else raw TCP on this port."""
    access: Access = EVERYONE
    kept: bool = True
    """Whether a restart of the daemon keeps it."""

    def __attrs_post_init__(self) -> None:
        """Refuse what can never be served."""
        if self.target.port == 0 or self.target.is_wildcard:
            raise UsageError(f"{self.target} is no service to offer: give its port, such as 3000, or HOST:PORT.")
        if _is_nobodys(self.target.ip):
            raise UsageError(f"{self.target.ip} is no machine's address: give that of the machine with the service.")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port (1 to 65535).")

    @classmethod
    def offer(
        cls,
        target: TcpAddress,
        *,
        name: Name | None = None,
        port: int | None = None,
        allow: Iterable[str] = (),
        kept: bool = True,
    ) -> "TunnelSpec":
        """Build it with the words of `--allow`; raise `UsageError` with what to change."""
        return cls(target=target, name=name, port=port, access=Access.parse(allow, port=port), kept=kept)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of the name that it answers on."""
        return HTTP_PORTS if self.port is None else (self.port,)

    def serves_as(self, other: "TunnelSpec") -> bool:
        """Whether it offers the same to the same, for however long."""
        return attrs.evolve(self, kept=other.kept) == other

    @property
    def key(self) -> str:
        """What it is known by; fit for an actor's path."""
        return f"{self.name or '_'}.{self.port or 'http'}"


def _is_nobodys(ip: str) -> bool:
    """Whether no machine can ever listen at the address: groups, 240.0.0.0/4 with the broadcast address, 0.0.0.0/8."""
    address = plain_ip(ip)
    if address.is_multicast:
        return True
    # Of IPv6 much is reserved that may be assigned one day, and ::1 counts as reserved, too.
    return isinstance(address, IPv4Address) and (address.is_reserved or address in _THIS_NETWORK)


@attrs.frozen(slots=True, kw_only=True)
class ForwardSpec:
    """One local port that leads to a service elsewhere, until it is taken back."""

    destination: str
    """A name, a peer id or a multiaddr with `/p2p/`, as a person typed it."""
    port: int
    listen: TcpAddress

    def __attrs_post_init__(self) -> None:
        """Refuse what can never be served."""
        if not 0 < len(self.destination) <= MAX_DESTINATION or not self.destination.isprintable():
            raise UsageError("Say where the forward leads: a name or a peer id.")
        if not 1 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port (1 to 65535).")

    @property
    def key(self) -> str:
        """What it is known by; fit for an actor's path."""
        return forward_key(self.listen)


def forward_key(listen: TcpAddress) -> str:
    """The key of the forward that listens there: `forward.8080`, with the address after it if that isn't 127.0.0.1."""
    host = "".join(char if char.isalnum() else "-" for char in listen.ip)
    return f"forward.{listen.port}" + ("" if listen.ip == _USUAL else f".{host}")
