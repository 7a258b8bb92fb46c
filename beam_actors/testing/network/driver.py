"""One process's sockets on a virtual machine: the network port itself, with its batches of readiness.

The invariant: a batch holds each ready pollable once, in the order in which they became ready, and nothing that was
closed. What the kernel does goes on while nobody waits for a batch. It knows no route.
"""

from collections.abc import Iterable
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
from beam_actors.ports import Pollable, Ready, Turn
from beam_actors.testing.network.datagrams import VirtualDatagrams
from beam_actors.testing.network.endpoint import VirtualEndpoint
from beam_actors.testing.network.handshake import Handshake
from beam_actors.testing.network.listener import VirtualListener
from beam_actors.testing.network.pollable import VirtualPollable
from beam_actors.testing.network.realm import WILDCARDS
from beam_actors.testing.seeded import current_clock
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.host import VirtualHost

_MAX_BATCH = 512


class VirtualDriver:
    """One process's sockets. `wait(until)` takes `until` in `trio.current_time()`."""

    def __init__(self, host: "VirtualHost", pid: int, uid: int, descriptors: int) -> None:
        self.host = host
        self.pid = pid
        self.uid = uid
        self.descriptors = descriptors
        self.is_alive = True
        self._pollables: dict[VirtualPollable, None] = {}
        self._ready: dict[VirtualPollable, None] = {}
        self._task: trio.lowlevel.Task | None = None
        """The task that waits."""
        self._until = float("inf")
        self._alarms: list[float] = []
        """When the agenda will look whether `_until` has come: the latest first, so that a wait adds one only if none
        comes early enough."""
        self._turn: Turn | None = None
        """What is called in place of waking the task."""
        self._failure: BaseException | None = None
        """What a turn raised, for the task to raise it."""
        self._called = False
        """Whether the agenda will serve it."""
        self._woken = False
        self._closed = False

    # --- the port ---

    def dial(self, address: Address, *, bind: TcpAddress | None = None, reuse_port: bool = False) -> VirtualEndpoint:
        """See `ports.NetworkDriver`."""
        if isinstance(address, UnixAddress):
            endpoint = VirtualEndpoint(self, None, address)
            self.enter(endpoint)
            try:
                self._dial_unix(endpoint, address)
            except NetworkError as error:
                endpoint.fail(error)
            return endpoint
        self.require_room()
        if address.ip in WILDCARDS:  # leads home, as on Linux
            address = TcpAddress("::1" if ":" in address.ip else "127.0.0.1", address.port)
        local, failure = None, None
        try:
            local = self._source(address, bind, reuse_port=reuse_port)
        except ResourceExhausted:
            raise
        except NetworkError as error:
            failure = error
        endpoint = VirtualEndpoint(self, local, address)
        self.enter(endpoint)
        if local is None or failure is not None:
            endpoint.fail(failure or Unreachable(f"Dialling {address} failed: no route leads there."))
        else:
            self.host.connect(endpoint, local, address)
            Handshake(endpoint, local, address).knock()
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
        self.host.check_bind(address, self.uid)
        if address.port == 0:
            address = TcpAddress(address.ip, self.host.free_port())
        if any(not (reuse_port and other.reuse_port) for other in self.host.listeners.conflicts(address)):
            raise AddressInUse(f"Listening at {address} failed: somebody listens there.")
        listener = VirtualListener(self, address, backlog, reuse_port=reuse_port)
        self.enter(listener)
        self.host.listeners.add(address, listener)
        return listener

    def datagrams(self, address: TcpAddress) -> VirtualDatagrams:
        """See `ports.NetworkDriver`."""
        self.host.check_bind(address, self.uid)
        if address.port == 0:
            address = TcpAddress(address.ip, self.host.free_port())
        if any(True for _ in self.host.datagrams.conflicts(address)):
            raise AddressInUse(f"Binding {address} failed: somebody has it.")
        sock = VirtualDatagrams(self, address)
        self.enter(sock)
        self.host.datagrams.add(address, sock)
        return sock

    async def wait(self, until: float | None, turn: Turn | None = None) -> list[Ready]:
        """See `ports.NetworkDriver`. A turn is called when no task can run, and between two rounds of tasks."""
        if self._closed:
            raise ConnectionLost("The network driver is closed.")
        self._until = float("inf") if until is None else until
        if self._is_due():
            await trio.lowlevel.checkpoint()  # the actors' turn
        self._turn = turn
        try:
            while not self._is_due():
                await self._sleep()
        finally:
            self._turn = None
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return self._take_batch()

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
        self.host.ended(self)
        self._rouse()

    # --- what a kernel does for whoever asks it by hand ---

    @property
    def ready(self) -> list[VirtualPollable]:
        """The sockets that a batch may hold now, in the order in which they became ready."""
        return list(self._ready)

    @property
    def sockets(self) -> list[VirtualPollable]:
        """All that are open, in the order of their opening."""
        return list(self._pollables)

    def take(self, pollables: Iterable[VirtualPollable]) -> list[Ready]:
        """The batch of these, all of which are ready: a kernel reports as many as it is asked for, in any order."""
        batch: list[Ready] = []
        ready = self._ready
        for pollable in pollables:
            del ready[pollable]
            batch.append((pollable, pollable.bits()))
            pollable.was_reported()
            if pollable.bits():
                ready[pollable] = None  # back in line, behind the others, if it still is ready
        return batch

    # --- what befalls a process ---

    def vanish(self) -> None:
        """The machine lost power: every socket is gone and nobody hears of it."""
        self.is_alive = False
        for pollable in list(self._pollables):
            pollable.vanish()
        self._pollables.clear()
        self._ready.clear()

    # --- what sockets use ---

    def enter(self, pollable: VirtualPollable) -> None:
        """Take a new socket into the books; raise `ResourceExhausted` if there are too many."""
        self.require_room()
        self._pollables[pollable] = None

    def require_room(self) -> None:
        """Raise if no further socket can be opened."""
        if not self.is_alive:
            raise ConnectionLost("The network driver is closed.")
        if self.is_full:
            raise ResourceExhausted("Opening a socket failed: too many are open.")

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
        if pollable.bits() and pollable in self._pollables:
            if pollable not in self._ready:
                self._ready[pollable] = None
                self._rouse()
        else:
            self._ready.pop(pollable, None)

    # --- inside ---

    def _is_due(self) -> bool:
        return (
            bool(self._ready)
            or self._woken
            or self._closed
            or self._failure is not None
            or self._until <= trio.current_time()
        )

    def _take_batch(self) -> list[Ready]:
        self._woken = False
        return self.take(self.ready[:_MAX_BATCH])

    async def _sleep(self) -> None:
        self._set_alarm()
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abandon)

    def _abandon(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _rouse(self) -> None:
        if self._turn is None or self._closed:
            self._wake_task()
        elif not self._called:
            self._called = True
            self.host.network.fabric.agenda.add(trio.current_time(), self._serve)

    def _wake_task(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def _serve(self) -> None:
        """Call the turn, where the task of a process that gets no CPU would have to wait until it does."""
        self._called = False
        task, turn = self._task, self._turn
        if task is None or turn is None or not self._is_due():
            return
        if current_clock().stops.holds(task):
            self._wake_task()
            return
        try:
            until = task.context.run(turn, self._take_batch())
        except BaseException as error:  # noqa: BLE001  # it is raised where the pump waits, never in trio's loop
            self._failure = error
            self._wake_task()
            return
        self._until = float("inf") if until is None else until
        if self._is_due():
            self._rouse()
        else:
            self._set_alarm()

    def _set_alarm(self) -> None:
        if self._until < (self._alarms[-1] if self._alarms else float("inf")):
            self._alarms.append(self._until)
            self.host.network.fabric.agenda.add(self._until, self._alarm)

    def _alarm(self) -> None:
        self._alarms.pop()
        if self._task is not None:
            if self._until <= trio.current_time():
                self._rouse()
            else:
                self._set_alarm()

    def _dial_unix(self, endpoint: VirtualEndpoint, address: UnixAddress) -> None:
        listener = self.host.unix.get(address.path)
        if listener is None:
            raise ConnectionRefused(f"Dialling {address} failed: nothing listens there.")
        if not listener.has_room:
            raise ResourceExhausted(f"Dialling {address} failed: its queue is full.")
        listener.offer(endpoint, address, None)
        endpoint.establish()

    def _source(self, address: TcpAddress, bind: TcpAddress | None, *, reuse_port: bool) -> TcpAddress | None:
        host = self.host
        source = host.source_for(address)
        if source is None:
            return None
        if bind is None:
            return TcpAddress(source, host.free_port())
        host.check_bind(bind, self.uid)
        local = TcpAddress(source if bind.ip in WILDCARDS else bind.ip, bind.port or host.free_port())
        listeners = host.listeners.conflicts(local)
        if host.connection(local, address) or any(not (reuse_port and other.reuse_port) for other in listeners):
            raise AddressInUse(f"Dialling {address} from {local} failed: that port is in use.")
        return local

    def __repr__(self) -> str:
        return f"<VirtualDriver {self.host.name}/{self.pid} of {len(self._pollables)} sockets>"
