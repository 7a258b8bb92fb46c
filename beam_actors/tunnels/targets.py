"""Where a tunnel may lead (pure): to its declared target only, and never to a listener of the daemon.

There it would be taken for a program of this machine, and nothing that arrives through a tunnel ever counts as local,
not even from this node itself.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from beam_actors.errors import NotAllowed
from beam_actors.values import TcpAddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Listeners = Callable[[], Collection[TcpAddress]]
"""The addresses at which the daemon itself listens now; no tunnel leads there."""
TargetCheck = Callable[[TcpAddress], None]
"""`check_target` against what holds now: raises `NotAllowed` for a target to which no tunnel may lead."""


def check_target(target: TcpAddress, forbidden: Iterable[TcpAddress], reserved: Iterable[Network] = ()) -> None:
    """Raise `NotAllowed` if a tunnel to `target` would end at one of the daemon's own listeners.

    A listener on a wildcard address is reached through every address of this machine; which those are is not known
    here, so its port is refused on all of them. In `reserved` the daemon may begin to listen at any moment.
    """
    host = plain_ip(target.ip)
    if host.is_unspecified:
        raise NotAllowed(f"A tunnel cannot lead to {target}: name one address, such as 127.0.0.1:{target.port}.")
    if any(host in network for network in reserved):
        raise NotAllowed(f"A tunnel cannot lead to {target}: the daemon serves names at such addresses.")
    for listener in forbidden:
        if listener.port == target.port and (listener.is_wildcard or plain_ip(listener.ip) == host):
            raise NotAllowed(f"A tunnel cannot lead to {target}: the daemon itself listens there.")


@lru_cache(maxsize=1024)  # the same few are asked about with each connection
def plain_ip(ip: str) -> IpAddress:
    """The address without the disguise of ::ffff:127.0.0.1."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
