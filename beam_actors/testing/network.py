"""The network port in simulation: hosts with a loopback of their own, joined by one network, in one process.

`VirtualNetwork.host(...)` is a machine, `host.driver()` a process on it. Everything happens at `trio.current_time()`
under a mock clock, and in one order: the same calls give the same batches. Socket buffers are bounded, so back-pressure
is real; a reset, a clean end, a refusal, a dead machine and a cut differ here as they do outside. The contract suite in
tests/ports holds this driver and the real one to the same behaviour.
"""

from collections.abc import Sequence
from ipaddress import ip_address

import trio

from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
    ResourceExhausted,
    Unreachable,
)
from beam_actors.ports import Pollable, Ready
from beam_actors.testing.bound import VirtualDatagrams, VirtualListener
from beam_actors.testing.endpoint import VirtualEndpoint, VirtualPollable
from beam_actors.testing.links import Action, Agenda, Fabric
from beam_actors.values import Address, TcpAddress, UnixAddress

_MAX_BATCH = 512
_FIRST_EPHEMERAL = 32768
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # addresses to compare with, nothing is bound here


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
        return ip in self.addresses or ip in _WILDCARDS or ip_address(ip).is_loopback

    def source_for(self, target: TcpAddress) -> str | None:
        """The address from which this machine reaches `target`."""
        if ip_address(target.ip).is_loopback or target.ip in self.addresses:
            return target.ip
        version = ip_address(target.ip).version
        return next((own for own in self.addresses if ip_address(own).version == version), None)

    def listener_at(self, address: TcpAddress) -> "VirtualListener | None":
        """Who answers a dial to `address`."""
        wildcard = _WILDCARDS[ip_address(address.ip).version == 6]
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


class VirtualDriver:
    """One process's sockets. `wait(until)` takes `until` in `trio.current_time()`."""

    def __init__(self, host: VirtualHost, pid: int, descriptors: int) -> None:
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
            source = source if bind.ip in _WILDCARDS else bind.ip
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
    return a.ip == b.ip or a.ip in _WILDCARDS or b.ip in _WILDCARDS


__all__ = ["VirtualDriver", "VirtualHost", "VirtualNetwork"]
