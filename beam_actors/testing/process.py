"""One run of a daemon on a simulated machine: the production node on ports that end with the process.

Invariant: once it has ended, however it did, it touches the world no more: no packet, no byte on the disk, no line of
the trace. Its tasks may take virtual time to unwind; they do so behind dead ports.
"""

from collections.abc import Callable

import attrs
import trio

from beam_actors.errors import ConnectionLost, StorageError
from beam_actors.naming import Difficulty
from beam_actors.node import Node, NodeConfig, NodePorts, compose_node, open_home
from beam_actors.ports import NetworkDriver, Ready, Store, Turn
from beam_actors.runtime import Actor, Event, ExitKind, ExitReason
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.network import VirtualDriver
from beam_actors.testing.seeded import OWNER, Trace
from beam_actors.testing.store import MemoryStore
from beam_actors.wire import Security

SYNC_SECONDS = 0.002
"""How long a simulated disk takes to sync: the power can fail between what was written and what is durable."""


class Killed(Exception):
    """The process was killed, or its machine lost power, before it had started."""


class Process:
    """A daemon. `run` is its life; `vanish`, `kill` and setting `node.stopping` are the ends."""

    def __init__(
        self,
        name: str,
        disk: MemoryDisk,
        trace: Trace,
        drivers: Callable[[], VirtualDriver],
        *,
        security: Security,
        difficulty: Difficulty,
    ) -> None:
        self.name = name
        self.node: Node | None = None
        self.failure: BaseException | None = None
        """Why it did not start, or ended by itself."""
        self.began, self.ended = trio.Event(), trio.Event()
        self.alive = True
        self.lived = False
        """Whether it started."""
        self._disk = disk
        self._trace = trace
        self._make_driver = drivers
        self._security = security
        self._difficulty = difficulty
        self._drivers: list[VirtualDriver] = []
        self._scope = trio.CancelScope()
        self._root: Actor | None = None

    def __repr__(self) -> str:
        return f"<Process {self.name} {'alive' if self.alive else 'dead'}>"

    async def run(self, config: NodeConfig, ports: NodePorts) -> None:
        """Live until somebody asks the node to stop or it ends otherwise; `failure` says what went wrong, if anything.

        The ports' `driver` and `store` are this process's own.
        """
        OWNER.set(self)
        try:
            with self._scope:
                await self._live(config, ports)
        except Exception as error:  # noqa: BLE001 (whatever it is, whoever started the process decides)
            self.failure = error
        finally:
            self.alive = False
            self.node = None
            self.ended.set()
            self.began.set()

    def driver(self) -> NetworkDriver:
        """The process's network, one more; its readiness is part of the trace."""
        if not self.alive:
            raise ConnectionLost("This process is no more.")
        driver = self._make_driver()
        self._drivers.append(driver)
        return TracedDriver(driver, self.name, self._trace, lambda: self.alive)

    async def store(self) -> Store:
        """The machine's database."""
        if not self.alive:
            raise StorageError("This process is no more.")
        return await MemoryStore.open(self._disk, sync_seconds=SYNC_SECONDS)

    def vanish(self) -> None:
        """Lose the power: nobody hears of it. Its machine's network and disk are the caller's matter."""
        self._end()

    def kill(self) -> None:
        """End as by SIGKILL: the system closes its sockets and keeps what it wrote."""
        for driver in self._drivers:
            driver.close()
        self._disk.detach()
        self._end()

    def _end(self) -> None:
        self.alive = False
        self.node = None
        self._scope.cancel()
        if self._root is not None:
            # The tree would otherwise shut down in order, with goodbyes that take their time.
            self._root.finish_now(ExitReason(ExitKind.KILLED, detail="its process ended"))

    async def _live(self, config: NodeConfig, ports: NodePorts) -> None:
        async with open_home(ports, config.passphrase, config.network, fixed=config.network_fixed) as home:
            config = attrs.evolve(config, network=home.network)
            node = compose_node(config, home.ports, home.keys, security=self._security, difficulty=self._difficulty)
            forget = node.system.observe(self._record)
            make_root: Callable[[], Actor] = node.spec.factory

            def root() -> Actor:
                self._root = actor = make_root()
                return actor

            try:
                async with node.system.run(attrs.evolve(node.spec, factory=root)):
                    if self.alive:
                        self.node, self.lived = node, True
                        self.began.set()
                    await home.settle()
                    await node.stopping.wait()
            finally:
                forget()

    def _record(self, event: Event) -> None:
        if self.alive:
            reason = event.reason.kind.value if event.reason is not None else ""
            self._trace.add(self.name, event.kind, event.path, event.incarnation, reason)


class TracedDriver:
    """A virtual driver that records what becomes ready, and when; for a process that is no more nothing does."""

    def __init__(self, driver: VirtualDriver, name: str, trace: Trace, alive: Callable[[], bool]) -> None:
        self._driver = driver
        self._name = name
        self._trace = trace
        self._alive = alive
        self.dial = driver.dial
        self.listen = driver.listen
        self.datagrams = driver.datagrams
        self.is_open = driver.is_open
        self.wake = driver.wake
        self.close = driver.close

    async def wait(self, until: float | None, turn: Turn | None = None) -> list[Ready]:
        """As the port says."""
        if not self._alive():
            await trio.sleep_forever()
        batch = await self._driver.wait(until, None if turn is None else self._traced(turn))
        self._record(batch)
        return batch

    def _traced(self, turn: Turn) -> Turn:
        def traced(batch: list[Ready]) -> float | None:
            self._record(batch)
            return turn(batch) if self._alive() else None

        return traced

    def _record(self, batch: list[Ready]) -> None:
        if batch:
            self._trace.add(self._name, "ready", *(f"{type(item).__name__}:{int(bits)}" for item, bits in batch))

    def __repr__(self) -> str:
        return f"<TracedDriver of {self._driver!r}>"
