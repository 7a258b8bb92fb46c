"""A pump over either driver, owners that remember what they were told, and helpers that drive links by hand."""

import functools
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio._core._run as trio_run

from beam_actors.flow import Flow, FlowLimits, Pump, Stream
from beam_actors.flow.link import READ, WRITE, Link
from beam_actors.flow.sockets import ListenerLink, SocketLink
from beam_actors.ports import NetworkDriver
from beam_actors.testing.clock import SimClock
from beam_actors.testing.network import VirtualHost, VirtualNetwork
from beam_actors.testing.seeded import JumpClock
from beam_actors.values import Address, TcpAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver
from beam_actors.world.host import Host

LOOPBACK = TcpAddress("127.0.0.1", 0)


class FakeOwner:
    """An actor as the pump sees it."""

    def __init__(self, path: str = "owner") -> None:
        self.path = path
        self.alive = True
        self.inbox: list[Any] = []
        self.crashes: list[BaseException] = []
        self._news = trio.Event()

    def tell(self, message: Any) -> None:
        self.inbox.append(message)
        self._news.set()
        self._news = trio.Event()

    def crash(self, reason: BaseException) -> None:
        self.crashes.append(reason)

    async def expect(self, kind: type) -> Any:
        """The first message of that kind, once it is there; taken out."""
        while True:
            for message in self.inbox:
                if isinstance(message, kind):
                    self.inbox.remove(message)
                    return message
            await self._news.wait()


class Rig:
    """One pump on one driver, with its task running."""

    def __init__(self, driver: NetworkDriver, clock: Any, limits: FlowLimits | None = None) -> None:
        self.clock = clock
        self.pump = Pump(driver, clock, limits)
        self.flow = Flow(limits)
        self.flow.attach(self.pump)
        self.owner = FakeOwner()

    async def links(self, there: "Rig | None" = None, address: Address = LOOPBACK) -> tuple[SocketLink, SocketLink]:
        """A dialled link of this rig and its accepted other end, on the rig `there` or this one."""
        other = there or self
        accepted: list[SocketLink] = []
        done = trio.Event()

        def on_accept(link: SocketLink) -> None:
            accepted.append(link)
            done.set()

        listener = ListenerLink(other.pump, other.pump.driver.listen(address), on_accept, other.owner)
        dialled = SocketLink(self.pump, self.pump.driver.dial(listener.local), self.owner)
        await Stream(dialled).connected()
        await done.wait()
        listener.close()
        return dialled, accepted[0]

    async def streams(self, there: "Rig | None" = None, address: Address = LOOPBACK) -> tuple[Stream, Stream]:
        """The same as handles."""
        a, b = await self.links(there, address)
        return Stream(a), Stream(b)


Case = Callable[[Rig], Awaitable[None]]
KINDS = ("epoll", "hosted", "virtual")


def run(kind: str, case: Case, limits: FlowLimits | None = None, seed: int = 0) -> None:
    """Run `case` with a pump on a driver of that kind."""

    async def main() -> None:
        driver: NetworkDriver = (
            VirtualNetwork().host("a", ["10.0.0.1"]).driver()
            if kind == "virtual"
            else EpollDriver(SystemClock(), host=host if kind == "hosted" else None)
        )
        rig = Rig(driver, SimClock() if kind == "virtual" else SystemClock(), limits)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(rig.pump.run)
                await case(rig)
                nursery.cancel_scope.cancel()
        assert not rig.owner.crashes

    trio_run._r.seed(seed)
    host = Host()
    if kind == "hosted":
        trio.run(main, clock=host, instruments=[host])
    else:
        trio.run(main, clock=JumpClock() if kind == "virtual" else None)


def on_both(case: Case) -> Callable[..., None]:
    """Turn a case into a test on both drivers."""

    @pytest.mark.parametrize("kind", KINDS)
    def test(kind: str) -> None:
        run(kind, case)

    return _named(test, case)


def on_virtual(case: Case) -> Callable[..., None]:
    """Turn a case into a test in virtual time."""

    def test() -> None:
        run("virtual", case)

    return _named(test, case)


def _named(test: Any, case: Case) -> Any:
    functools.update_wrapper(test, case, updated=())
    del test.__wrapped__
    return test


async def two_hosts(
    case: Callable[[Rig, Rig, VirtualNetwork, tuple[VirtualHost, VirtualHost]], Awaitable[None]],
    limits: FlowLimits | None = None,
    **network: Any,
) -> None:
    """Run `case` with a pump on each of two virtual hosts."""
    net = VirtualNetwork(**network)
    hosts = net.host("a", ["10.0.0.1", "fd00::1"]), net.host("b", ["10.0.0.2", "fd00::2"])
    a, b = (Rig(host.driver(), SimClock(), limits) for host in hosts)
    with trio.fail_after(3600):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pump.run)
            nursery.start_soon(b.pump.run)
            await case(a, b, net, hosts)
            nursery.cancel_scope.cancel()


def virtual_run(main: Callable[..., Awaitable[None]], *args: Any, seed: int = 0) -> None:
    trio_run._r.seed(seed)
    trio.run(functools.partial(main, *args), clock=JumpClock())


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; the test's deadline bounds it."""
    while not condition():  # a pump under test has no event for what a test may ask
        await trio.sleep(0.001)  # a pump under test has no event for what a test may ask


async def settled(rig: Rig) -> None:
    """Return once the pump moves no more bytes."""
    moved = -1
    while moved != rig.pump.statistics().bytes_moved:  # as above
        moved = rig.pump.statistics().bytes_moved
        await trio.sleep(0.05)


async def read_all(stream: Stream, limit: int = 1 << 16) -> bytes:
    """Everything up to the clean end."""
    parts = []
    while part := await stream.read(limit):
        parts.append(part)
    return b"".join(parts)


async def send_all(stream: Stream, data: bytes, *, end: bool = True) -> None:
    await stream.write(data)
    if end:
        await stream.shutdown()


async def exchange(client: Stream, server: Stream, forth: bytes, back: bytes) -> None:
    """Send both ways at once, and check that each side got what the other one sent."""
    got: dict[str, bytes] = {}

    async def read(name: str, stream: Stream) -> None:
        got[name] = await read_all(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, client, forth)
        nursery.start_soon(send_all, server, back)
        nursery.start_soon(read, "server", server)
        nursery.start_soon(read, "client", client)
    assert digest(got["server"]) == digest(forth)
    assert digest(got["client"]) == digest(back)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


__all__ = ["READ", "WRITE", "Link"]
