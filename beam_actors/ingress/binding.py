"""Where a server of this room listens, over its restarts and the daemon's.

Invariant: once bound, a server comes back at the same address after a crash, even when the OS chose the port: clients
hold it in their configuration, and `status` showed it. For the same reason a port that stood in for a usual one that
was taken does so again in the daemon's next run, if it is free. The composition root makes one of these per server; it
is the only thing that outlives the server's incarnations.
"""

from collections.abc import Callable
from typing import TypeVar

from beam_actors.errors import AddressInUse
from beam_actors.flow import RememberedPorts
from beam_actors.values import Address, TcpAddress

T = TypeVar("T")
_TRIES = 20
RETRY_SECONDS = 0.1


class Binding:
    """An address to bind. When `fixed` (a person asked for it) failure is final; else any free port will do."""

    def __init__(self, address: TcpAddress, *, fixed: bool, ports: RememberedPorts | None = None) -> None:
        """`ports` finds the one that stands in for this address, which is that of the run before; None: none does."""
        self.address = address
        self.fixed = fixed
        self._ports = ports
        self._last: TcpAddress | None = None
        self._tries = 0  # in vain, for the address of before

    @property
    def local(self) -> TcpAddress:
        """The bound address, with the real port; before the first `bind`, the wanted one."""
        return self._last or self.address

    def __repr__(self) -> str:
        return f"<Binding {self.local}{' fixed' if self.fixed else ''}>"

    async def bind(self, listen: Callable[[TcpAddress], T], local: Callable[[T], Address]) -> T | None:
        """What `listen` returns for the first address that can be bound; `local` tells what it got.

        None while the listener of the incarnation before holds the address: it may be on its way out, so call again
        after `RETRY_SECONDS`. It is given up after some two seconds.

        Raises:
            AddressInUse, AddressNotPermitted: the address is fixed and can't be had, or not even a free port is.
        """
        if self._last is not None:
            try:
                return self._got(listen(self._last), local)
            except AddressInUse:
                self._tries += 1
                if self._tries < _TRIES:
                    return None
                self._tries = 0
        if self.fixed or self._ports is None:
            return self._got(listen(self.address), local)
        return self._got(await self._ports.bind(self.address, listen, local), local)

    def _got(self, bound: T, local: Callable[[T], Address]) -> T:
        where = local(bound)
        if isinstance(where, TcpAddress):
            self._last = where
        self._tries = 0
        return bound


def reachable_ip(address: TcpAddress) -> str:
    """The IP at which programs of this machine reach a server that is bound there."""
    if address.is_wildcard:
        return "::1" if ":" in address.ip else "127.0.0.1"
    return address.ip


def shared_address(*bindings: Binding | None) -> str | None:
    """The IP that DNS must answer for every name, because a person chose where a web server listens; else None."""
    for binding in bindings:
        if binding is not None and binding.fixed:
            return reachable_ip(binding.address)
    return None
