"""The network's contract, kept by two drivers: what the real network does, the virtual one does too."""

import functools
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from beam_actors.errors import NetworkError
from beam_actors.ports import Endpoint, Listener, NetworkDriver, Pollable, Readiness
from beam_actors.testing.network import VirtualNetwork
from beam_actors.testing.seeded import JumpClock
from beam_actors.values import Address, TcpAddress, UnixAddress
from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver

LOOPBACK = TcpAddress("127.0.0.1", 0)
READ, WRITE = int(Readiness.READ), int(Readiness.WRITE)


class World:
    """A driver, and the few steps that every test takes."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.now = time.monotonic if kind == "epoll" else trio.current_time
        self.driver: NetworkDriver = (
            EpollDriver(SystemClock()) if kind == "epoll" else VirtualNetwork().host("a", ["10.0.0.1"], uid=0).driver()
        )

    def unix(self, name: str = "s") -> UnixAddress:
        return UnixAddress(os.path.relpath(self.folder / name))

    async def until(self, pollable: Pollable, bits: int) -> int:
        """Want `bits` of it and wait until some of them are there."""
        pollable.want(read=bool(bits & READ), write=bool(bits & WRITE))
        while True:
            for ready, found in await self.driver.wait(None):
                if ready is pollable and found & bits:
                    pollable.want(read=False, write=False)
                    return found

    async def pair(self, address: Address = LOOPBACK) -> tuple[Endpoint, Endpoint]:
        """A dialled and an accepted endpoint."""
        listener = self.driver.listen(address)
        pair = await self.connect(listener)
        listener.close()
        return pair

    async def connect(self, listener: Listener) -> tuple[Endpoint, Endpoint]:
        dialled = self.driver.dial(listener.local)
        await self.until(listener, READ)
        accepted = listener.accept()
        assert accepted is not None
        await self.until(dialled, WRITE)
        assert dialled.connected()
        return dialled, accepted

    async def read(self, endpoint: Endpoint, size: int = 1 << 16) -> bytes:
        """What is there, once something is; b"" at the end."""
        buffer = memoryview(bytearray(size))
        while True:
            await self.until(endpoint, READ)
            taken = endpoint.recv_into(buffer)
            if taken is not None:
                return bytes(buffer[:taken])

    async def fill(self, endpoint: Endpoint) -> int:
        """Send until nothing is taken for a round trip: how many bytes were."""
        total, chunk = 0, bytes(1 << 16)
        while True:
            size = endpoint.send(chunk)
            total += size
            if not size:
                return total

    async def gone(self, endpoint: Endpoint) -> NetworkError:
        """The error with which it breaks; a clean end fails the test."""
        buffer = memoryview(bytearray(1 << 16))
        while True:
            await self.until(endpoint, READ)
            try:
                taken = endpoint.recv_into(buffer)
            except NetworkError as error:
                return error
            assert taken != 0, "a cut stream ended cleanly"


Case = Callable[[World], Awaitable[None]]


def contract(case: Case) -> Callable[..., None]:
    @pytest.mark.parametrize("kind", ["epoll", "virtual"])
    def test(kind: str, tmp_path: Path) -> None:
        async def main() -> None:
            world = World(kind, tmp_path)
            try:
                with trio.fail_after(20):
                    await case(world)
            finally:
                world.driver.close()

        clock = JumpClock() if kind == "virtual" else None
        trio.run(main, clock=clock)

    functools.update_wrapper(test, case, updated=())
    del test.__wrapped__
    return test
