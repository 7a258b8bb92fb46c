"""A simulated machine: a host with a disk and a clock that outlive its processes, and what can happen to it.

    boot → shutdown                 in order
         → kill                     SIGKILL: sockets are closed by the system, the disk keeps what was written
         → crash                    the power: nobody is told, the disk loses or tears what was not synced
    pause/resume, slow              the process gets no CPU, or little, while the world goes on

Invariant: at most one daemon runs on a machine, and the next one finds what the disk kept and nothing else.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.node import Node, NodeConfig, NodePorts
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.network import NatBox
from beam_actors.testing.process import Killed, Process, TracedDriver
from beam_actors.testing.program import Program, run_program
from beam_actors.testing.store import LOG
from beam_actors.testing.tls import PlainTls
from beam_actors.values import Multiaddr, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.world import World

PEER_PORT = 4747
CONTROL = UnixAddress("/run/beam.sock")
_LISTEN = Multiaddr.parse(f"/ip4/0.0.0.0/tcp/{PEER_PORT}")


class Machine:
    """A host, in a region and behind a NAT box if they are given.

    `offset` and `drift` are its wall clock's, in seconds and in seconds a second.
    """

    def __init__(
        self,
        world: "World",
        name: str,
        ip: str,
        *,
        region: str | None = None,
        behind: NatBox | None = None,
        offset: float = 0.0,
        drift: float = 0.0,
    ) -> None:
        self.world = world
        self.name = name
        self.ip = ip
        self.host = world.network.host(name, [ip], region=region, behind=behind)
        self.disk = MemoryDisk()
        self.clock = SimClock(offset=offset, drift=drift)
        self.boots = 0
        """How often a daemon was started here."""
        self.crashes = 0
        """How often the power was lost."""
        self.descriptors = 1 << 16
        """Sockets that one process may have open."""
        self.may_fail = False
        """Whether a daemon here may end by itself: what a broken disk does to one. Elsewhere that ends the run."""
        self.failures: list[BaseException] = []
        """Why daemons that may fail did not live on."""
        self._entropy = SeededEntropy(world.seed, name)
        self._drawn_from = self._entropy
        self._process: Process | None = None
        self._slow: trio.CancelScope | None = None

    def __repr__(self) -> str:
        state = "down" if self._process is None else "paused" if self.paused else "up"
        return f"<Machine {self.name} {self.ip} {state}, boot {self.boots}>"

    @property
    def node(self) -> Node | None:
        """The daemon that runs here, once it has started."""
        return self._process.node if self._process is not None else None

    @property
    def paused(self) -> bool:
        """Whether the daemon gets no CPU."""
        return self._process is not None and self.world.stops.is_stopped(self._process)

    async def boot(self, **choices: object) -> Node:
        """Start a daemon, after a crash with the machine; `choices` are fields of `NodeConfig`.

        Raises:
            ValueError: one runs already.
            Killed: it was killed before it had started.
            BeamError: it did not start.
        """
        if self._process is not None:
            raise ValueError(f"{self!r} runs a daemon already.")
        quiet = NodeConfig(control=CONTROL, listen=(_LISTEN,), dns=None, https=None, http=None, mdns=False)
        config = attrs.evolve(quiet, **choices)  # type: ignore[arg-type]  # fields of NodeConfig, by their names
        if not self.host.up:
            self.host.revive()
        self.boots += 1
        self._process = process = Process(
            self.name,
            self.disk,
            self.world.trace,
            lambda: self.host.driver(descriptors=self.descriptors),
            security=self.world.security,
            difficulty=self.world.difficulty,
        )
        self.world.nursery.start_soon(self._run, process, config, name=f"{self.name} boot {self.boots}")
        try:
            await process.began.wait()
        except trio.Cancelled:
            if self._process is process:
                self._kill(process)
            raise
        if process.failure is not None:
            raise process.failure
        if process.node is None:
            raise Killed(f"{self!r} was stopped while its daemon started.")
        return process.node

    async def shutdown(self) -> None:
        """Stop the daemon in order, and return when it has ended."""
        process = self._running()
        if process.node is None or self.paused:
            raise ValueError(f"{self!r} has no daemon that can hear of it.")
        process.node.stopping.set()
        await process.ended.wait()

    async def kill(self) -> None:
        """End the daemon as SIGKILL does."""
        self._kill(self._running())
        await trio.lowlevel.checkpoint()

    def crash(self, *, torn: bool = True) -> None:
        """Cut the power. All that was not synced is lost; with `torn`, what is left of it is drawn instead.

        A machine without a running daemon crashes, too. Local programs end with it: nobody answers them any more.
        """
        self.crashes += 1
        self.host.kill()
        self.disk.crash(self._entropy.fork(f"crash {self.crashes}") if torn else None)
        if self._process is not None:
            process = self._leave()
            process.vanish()
        self.world.trace.add(self.name, "crash", self.disk.used)

    def abandon(self) -> None:
        """The world ends: cut off what still runs here, unless nothing does."""
        if self._process is not None:
            self._leave().vanish()

    def pause(self) -> None:
        """Give the daemon no CPU, as SIGSTOP does: its timers and what is sent to it wait.

        Its tasks that run in this very turn of the loop finish their step.
        """
        process = self._running()
        self._hasten()
        self.world.stops.stop(process)

    def resume(self) -> None:
        """Let it go on, all that became due meanwhile at once; nothing happens if it runs."""
        self.slow(0.0)

    def slow(self, seconds: float) -> None:
        """Let each turn of the daemon's loop take so long, as on a machine that swaps; 0 is full speed."""
        process = self._running()
        self._hasten()
        if seconds <= 0:
            self.world.stops.go_on(process)
            return
        self.world.stops.stop(process)
        self._slow = trio.CancelScope()
        self.world.nursery.start_soon(self._crawl, process, seconds, self._slow)

    def wipe(self, *, keep_keys: bool) -> None:
        """Lose the database, and the keys unless they are kept. No daemon may run."""
        self.restore({name: content for name, content in self.snapshot().items() if keep_keys and name != LOG})

    def snapshot(self) -> dict[str, bytes]:
        """A backup of the disk at this instant."""
        return self.disk.snapshot()

    def restore(self, snapshot: Mapping[str, bytes]) -> None:
        """Replace what the disk holds by a backup. No daemon may run."""
        if self._process is not None:
            raise ValueError(f"{self!r} runs a daemon, whose files cannot be replaced.")
        self.disk.restore(snapshot)

    def address_of(self, node: Node) -> Multiaddr:
        """Where other machines reach the node that runs here."""
        return Multiaddr.from_address(TcpAddress(self.ip, PEER_PORT), node.peers.us)

    def program(self) -> AbstractAsyncContextManager[Program]:
        """An ordinary program on this machine, with a pump of its own; it ends with the block."""
        driver = self.host.driver(descriptors=self.descriptors)
        traced = TracedDriver(driver, self.name, self.world.trace, lambda: True)
        return run_program(f"{self.name}/program", traced, self.clock)

    def move(self, behind: NatBox | None = None) -> None:
        """Leave for another network, with a new address; the daemon learns of it when its connections fall silent."""
        self.ip = self.world.fresh_ip(behind)
        self.host.move([self.ip], behind=behind)
        self.world.trace.add(self.name, "move", self.ip)

    async def _run(self, process: Process, config: NodeConfig) -> None:
        self._drawn_from = self._entropy.fork(f"run {self.boots}")
        ports = NodePorts(
            clock=self.clock,
            entropy=self._drawn_from,
            compute=InlineCompute(),
            files=SimFiles(self.disk),
            tls=PlainTls(),
            driver=process.driver,
            control_driver=process.driver,
            store=process.store,
            cpu_clock=None,
            interfaces=lambda: self.host.addresses,
            descriptors=self.descriptors,
            uid=self.host.uid,
        )
        await process.run(config, ports)
        self.world.buried()
        if self._process is process:
            self._leave()
            if process.failure is not None and process.lived:
                self.world.trace.add(self.name, "failed", type(process.failure).__name__)
                self.failures.append(process.failure)
                if not self.may_fail:
                    raise process.failure

    async def _crawl(self, process: Process, seconds: float, scope: trio.CancelScope) -> None:
        with scope:
            while self.world.stops.is_stopped(process):
                await trio.sleep(seconds)
                if not scope.cancel_called:
                    self.world.stops.turn(process)

    def _hasten(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _running(self) -> Process:
        if self._process is None:
            raise ValueError(f"{self!r} runs no daemon.")
        return self._process

    def _leave(self) -> Process:
        """Its daemon is no longer this machine's."""
        process = self._running()
        self.slow(0.0)
        self._process = None
        self.world.trace.add(self.name, "ended", self._drawn_from.drawn)
        return process

    def _kill(self, process: Process) -> None:
        self._leave()
        process.kill()
        self.world.trace.add(self.name, "kill")
