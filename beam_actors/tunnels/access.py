"""Who may use a tunnel, and where a tunnel may lead (pure).

Rules. An HTTP tunnel is open to every peer unless peers are named; a raw port must say who, since what listens on one
rarely expects strangers. A peer is who its session proved it to be: nothing in a request counts, and nothing that
arrives through a tunnel ever counts as local, not even from this node itself. A tunnel leads to its declared target
only, and never to a listener of the daemon, where it would be taken for a program of this machine.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterable

import attrs

from beam_actors.errors import NotAllowed, UsageError
from beam_actors.values import PeerId, TcpAddress

MAX_PEERS = 64


@attrs.frozen(slots=True)
class Access:
    """The peers that may use a tunnel; None means every peer."""

    peers: frozenset[PeerId] | None

    def __attrs_post_init__(self) -> None:
        """Refuse what could not be stored."""
        if self.peers is not None and len(self.peers) > MAX_PEERS:
            raise UsageError(f"A tunnel names at most {MAX_PEERS} peers, not {len(self.peers)}.")

    @classmethod
    def parse(cls, words: Iterable[str]) -> "Access":
        """Read the words of `--allow`: `everyone`, or peer ids; raise `UsageError`."""
        given = list(words)
        if "everyone" in given:
            if len(set(given)) > 1:
                raise UsageError("Allow either everyone or certain peers, not both: --allow everyone, or --allow PEER.")
            return EVERYONE
        if not given:
            raise UsageError("Say who may use it: --allow PEER (may repeat), or --allow everyone.")
        return cls(frozenset(map(PeerId.parse, given)))

    def permits(self, peer: PeerId) -> bool:
        """Whether the peer, as its session proved it, may use the tunnel."""
        return self.peers is None or peer in self.peers

    @property
    def words(self) -> tuple[str, ...]:
        """What `--allow` would say."""
        return ("everyone",) if self.peers is None else tuple(sorted(map(str, self.peers)))

    def __str__(self) -> str:
        return ", ".join(self.words)


EVERYONE = Access(None)
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


def plain_ip(ip: str) -> IpAddress:
    """The address without the disguise of ::ffff:127.0.0.1."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
