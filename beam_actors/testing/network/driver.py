"""One process's sockets on a virtual machine: the network port itself, with its batches of readiness.

The invariant: a batch holds each ready pollable once, in the order in which they became ready, and nothing that was
closed. It knows no route.
"""

from ipaddress import ip_address
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import (
    AddressInUse,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
    ResourceExhausted,
    Unreachable,
)
from beam_actors.ports import Pollable, Ready
from beam_actors.testing.network.datagrams import VirtualDatagrams
from beam_actors.testing.network.endpoint import VirtualEndpoint
from beam_actors.testing.network.fabric import Action, Agenda
from beam_actors.testing.network.listener import VirtualListener
from beam_actors.testing.network.pollable import VirtualPollable
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.host import VirtualHost

_MAX_BATCH = 512
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # addresses to compare with, nothing is bound here


class VirtualDriver:
    """One process's sockets. `wait(until)` takes `until` in `trio.current_time()`."""

    def __init__(self, host: "VirtualHost", pid: int, descriptors: int) -> None:
        self.host = host
        self.pid = pid
        self.descriptors = descriptors
        self.is_alive = True
        self._agenda = Agenda()
        self._pollables: dict[VirtualPollable, None] = {}
        self._ready: dict[VirtualPollable, None] = {}
        self._scope: trio.CancelScope | None = None
        self._woken = False
        self._closed = False

    # --- the port ---

    def dial(self, address: Address, *, bind: TcpAddress | None = None, reuse_port: bool = False) -> VirtualEndpoint:
        """See `ports.NetworkDriver`."""
        endpoint = VirtualEndpoint(self, address)
        self.enter(endpoint)
        try:
            if isinstance(address, UnixAddress):
                self._dial_unix(endpoint, address)
            else:
                self._dial_tcp(endpoint, address, bind, reuse_port=reuse_port)
        except NetworkError as error:
            endpoint.fail(error)
        return endpoint

    def listen(self, address: Address, *, reuse_port: bool = False, backlog: int = 256) -> VirtualListener:
        """See `ports.NetworkDriver`."""
        if isinstance(address, UnixAddress):
            if address.path in self.host.unix:
                raise AddressInUse(f"Listening at {address} failed: the path exists.")
            listener = VirtualListener(self, address, backlog, reuse_port=False)
            self.enter(listener)
            self.host.unix[address.path] = listener
            return listener
        self.host.check_bind(address)
        if address.port == 0:
            address = TcpAddress(address.ip, self.host.free_port())
        for taken, others in self.host.listeners.items():
            if _overlap(taken, address) and not (reuse_port and all(other.reuse_port for other in others)):
                raise AddressInUse(f"Listening at {address} failed: somebody listens there.")
        listener = VirtualListener(self, address, backlog, reuse_port=reuse_port)
        self.enter(listener)
        self.host.listeners.setdefault(address, []).append(listener)
        return listener

    def datagrams(self, address: TcpAddress) -> VirtualDatagrams:
        """See `ports.NetworkDriver`."""
        self.host.check_bind(address)
        if address.port == 0:
            address = TcpAddress(address.ip, self.host.free_port())
        if any(_overlap(taken, address) for taken in self.host.datagrams):
            raise AddressInUse(f"Binding {address} failed: somebody has it.")
        sock = VirtualDatagrams(self, address)
        self.enter(sock)
        self.host.datagrams[address] = sock
        return sock

    async def wait(self, until: float | None) -> list[Ready]:
        """See `ports.NetworkDriver`."""
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        await trio.lowlevel.checkpoint()
        limit = float("inf") if until is None else until
        while True:
            self._agenda.run_due(trio.current_time())
            if self._is_due(limit):
                break
            self._scope = scope = trio.CancelScope(deadline=min(limit, self._agenda.next_at))
            try:
                with scope:
                    await trio.sleep_forever()
            finally:
                self._scope = None
        self._woken = False
        batch = [(pollable, pollable.bits()) for pollable in list(self._ready)[:_MAX_BATCH]]
        for pollable, _bits in batch:
            del self._ready[pollable]
            pollable.was_reported()
            self.update(pollable)  # back in line, behind the others, if it still is ready
        return list(batch)

    def is_open(self, pollable: Pollable) -> bool:
        """See `ports.NetworkDriver`."""
        return pollable in self._pollables

    def wake(self) -> None:
        """See `ports.NetworkDriver`."""
        self._woken = True
        self._rouse()

    def close(self) -> None:
        """See `ports.NetworkDriver`."""
        for pollable in list(self._pollables):
            pollable.close()
        self.is_alive = False
        self._closed = True
        self._agenda.clear()
        self._rouse()

    # --- what sockets use ---

    def enter(self, pollable: VirtualPollable) -> None:
        """Take a new socket into the books; raise `ResourceExhausted` if there are too many."""
        if not self.is_alive:
            raise ConnectionLost("The network driver is closed.")
        if len(self._pollables) >= self.descriptors:
            raise ResourceExhausted("Opening a socket failed: too many are open.")
        self._pollables[pollable] = None

    @property
    def is_full(self) -> bool:
        """Whether no further socket can be opened."""
        return len(self._pollables) >= self.descriptors

    def leave(self, pollable: VirtualPollable) -> None:
        """Take a closed socket out of the books."""
        self._pollables.pop(pollable, None)
        self._ready.pop(pollable, None)

    def update(self, pollable: VirtualPollable) -> None:
        """The pollable's state or interest changed."""
        if pollable in self._pollables and pollable.bits():
            self._ready.setdefault(pollable)
            self._rouse()
        else:
            self._ready.pop(pollable, None)

    def schedule(self, when: float, sequence: int, action: Action) -> None:
        """Do `action` at `when`, while this process waits for its network."""
        self._agenda.add(when, sequence, action)
        if self._scope is not None and when < self._scope.deadline:
            self._scope.deadline = when

    def vanish(self) -> None:
        """The machine lost power: every socket is gone and nobody hears of it."""
        self.is_alive = False
        for pollable in list(self._pollables):
            pollable.vanish()
        self._pollables.clear()
        self._ready.clear()
        self._agenda.clear()

    # --- inside ---

    def _is_due(self, limit: float) -> bool:
        return bool(self._ready) or self._woken or self._closed or limit <= trio.current_time()

    def _rouse(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def _dial_unix(self, endpoint: VirtualEndpoint, address: UnixAddress) -> None:
        listener = self.host.unix.get(address.path)
        if listener is None:
            raise ConnectionRefused(f"Dialling {address} failed: nothing listens there.")
        if not listener.has_room:
            raise ResourceExhausted(f"Dialling {address} failed: its queue is full.")
        listener.offer(endpoint, None)
        endpoint.establish()

    def _dial_tcp(
        self, endpoint: VirtualEndpoint, address: TcpAddress, bind: TcpAddress | None, *, reuse_port: bool
    ) -> None:
        host, network = self.host, self.host.network
        source = host.source_for(address)
        if source is None:
            raise Unreachable(f"Dialling {address} failed: no route leads there.")
        if bind is not None:
            host.check_bind(bind)
            source = source if bind.ip in WILDCARDS else bind.ip
        local = TcpAddress(source, (bind.port if bind is not None else 0) or host.free_port())
        if local in host.sources or (not reuse_port and host.listener_at(local) is not None):
            raise AddressInUse(f"Dialling {address} from {local} failed: that port is in use.")
        endpoint.bound_to(local)
        host.sources[local] = endpoint
        target = host if host.has(address.ip) else network.at(address.ip)
        network.fabric.later(self, network.patience, endpoint.give_up)
        if target is not None:
            endpoint.knock(target)

    def __repr__(self) -> str:
        return f"<VirtualDriver {self.host.name}/{self.pid} of {len(self._pollables)} sockets>"


def _overlap(a: TcpAddress, b: TcpAddress) -> bool:
    if a.port != b.port or ip_address(a.ip).version != ip_address(b.ip).version:
        return False
    return a.ip == b.ip or a.ip in WILDCARDS or b.ip in WILDCARDS
