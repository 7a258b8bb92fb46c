"""The virtual network as a scenario sees it: machines, and what lies between them.

The invariant: no two machines have the same name or address. It knows no socket.
"""

from collections.abc import Sequence

from beam_actors.testing.network.fabric import Fabric
from beam_actors.testing.network.host import VirtualHost


class VirtualNetwork:
    """Hosts and what lies between them.

    `latency` is one-way seconds; `buffer` the bytes that one direction of a connection holds in both kernels and on the
    wire; `patience` the seconds after which TCP gives up on a silent peer.
    """

    def __init__(self, *, latency: float = 0.001, buffer: int = 1 << 16, patience: float = 120.0) -> None:
        self.fabric = Fabric(latency)
        self.buffer = buffer
        self.patience = patience
        self._hosts: dict[str, VirtualHost] = {}

    def host(self, name: str, addresses: Sequence[str] = (), *, uid: int = 1000) -> VirtualHost:
        """A new machine."""
        host = VirtualHost(self, name, addresses, uid=uid)
        taken = [address for other in self._hosts.values() for address in other.addresses]
        if name in self._hosts or any(address in taken for address in host.addresses):
            raise ValueError(f"{host!r} exists already, or one of its addresses does.")
        self._hosts[name] = host
        return host

    def at(self, ip: str) -> VirtualHost | None:
        """The machine with that address."""
        return next((host for host in self._hosts.values() if ip in host.addresses), None)

    def set_latency(self, a: VirtualHost, b: VirtualHost, seconds: float) -> None:
        """One-way seconds between two machines."""
        self.fabric.set_latency(a, b, seconds)

    def partition(self, a: VirtualHost, b: VirtualHost) -> None:
        """Let nothing pass between two machines."""
        self.fabric.cut(a, b)

    def heal(self, a: VirtualHost, b: VirtualHost) -> None:
        """Undo `partition`."""
        self.fabric.heal(a, b)

    def __repr__(self) -> str:
        return f"<VirtualNetwork of {len(self._hosts)} hosts>"
