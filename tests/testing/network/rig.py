"""Two or more virtual machines, and the few steps that the tests of the simulated network take."""

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

from beam_actors.errors import NetworkError
from beam_actors.ports import Endpoint, Listener, Pollable, Readiness
from beam_actors.testing.network import NatBox, VirtualDriver, VirtualNetwork
from beam_actors.testing.seeded import run_seeded
from beam_actors.values import TcpAddress

READ, WRITE = int(Readiness.READ), int(Readiness.WRITE)
ANY = TcpAddress("0.0.0.0", 0)


def simulate(main: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Run in virtual time; nothing here takes a virtual day."""

    async def bounded() -> Any:
        with trio.fail_after(86_400):
            return await main(*args)

    return run_seeded(1, bounded)


def simulated(case: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn a case into a test in virtual time."""

    def test() -> None:
        simulate(case)

    functools.update_wrapper(test, case)
    del test.__wrapped__
    return test


class Machine:
    """A host with one process."""

    def __init__(
        self, network: VirtualNetwork, name: str, ips: Sequence[str], *, behind: NatBox | None = None, **options: Any
    ) -> None:
        self.network = network
        self.host = network.host(name, ips, behind=behind, **options)
        self.driver = self.host.driver()
        self.ip = ips[0]

    def at(self, port: int) -> TcpAddress:
        return TcpAddress(self.ip, port)

    async def until(self, pollable: Pollable, bits: int) -> int:
        """Want some of `bits` of it, and wait until they are there."""
        return await until(self.driver, pollable, bits)

    async def connect(self, other: "Machine", *, port: int = 4000) -> tuple[Endpoint, Endpoint]:
        """A dialled and an accepted endpoint."""
        return await connect(self, other.driver.listen(TcpAddress("0.0.0.0", port)), other, other.at(port))


def pair(**options: Any) -> tuple[VirtualNetwork, Machine, Machine]:
    """A network with two machines."""
    network = VirtualNetwork(**options)
    return (network, *(Machine(network, name, [f"10.0.0.{n}", f"fd00::{n}"]) for n, name in enumerate("ab", 1)))


async def until(driver: VirtualDriver, pollable: Pollable, bits: int) -> int:
    pollable.want(read=bool(bits & READ), write=bool(bits & WRITE))
    while True:
        for ready, found in await driver.wait(None):
            if ready is pollable and found & bits:
                pollable.want(read=False, write=False)
                return found


async def connect(
    dialler: Machine, listener: Listener, owner: Machine, address: TcpAddress, **options: Any
) -> tuple[Endpoint, Endpoint]:
    dialled = dialler.driver.dial(address, **options)
    await dialler.until(dialled, WRITE)
    assert dialled.connected()
    await owner.until(listener, READ)
    accepted = listener.accept()
    assert accepted is not None
    listener.close()
    return dialled, accepted


async def read(driver: VirtualDriver, endpoint: Endpoint, size: int = 1 << 16) -> bytes:
    """What is there once something is; b"" at the end; or raise what broke it."""
    buffer = memoryview(bytearray(size))
    while True:
        await until(driver, endpoint, READ)
        taken = endpoint.recv_into(buffer)
        if taken is not None:
            return bytes(buffer[:taken])


async def read_all(driver: VirtualDriver, endpoint: Endpoint, size: int = 1 << 16) -> bytes:
    """All to the clean end."""
    parts = []
    while part := await read(driver, endpoint, size):
        parts.append(part)
    return b"".join(parts)


async def send_all(driver: VirtualDriver, endpoint: Endpoint, data: bytes, size: int = 1 << 16) -> None:
    """All, in pieces, and then the end."""
    view = memoryview(data)
    while view:
        await until(driver, endpoint, WRITE)
        view = view[endpoint.send(view[:size]) :]
    endpoint.shutdown()


async def broken(driver: VirtualDriver, endpoint: Endpoint) -> NetworkError:
    """The error with which a dial or connection ends."""
    while True:
        try:
            if endpoint.connected():
                endpoint.want(read=False, write=False)  # a break is told unasked
            else:
                endpoint.want(read=False, write=True)
        except NetworkError as error:
            endpoint.want(read=False, write=False)  # else it were in every batch from now on
            return error
        await driver.wait(None)
