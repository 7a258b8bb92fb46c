"""Ordinary local programs of the simulated world: what a person's browser, web application or script would be.

Invariant: a program uses its machine's network as any process does, through a pump of its own, and knows no node.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Accepted, Flow, Pump, Stream
from beam_actors.ports import Clock, NetworkDriver
from beam_actors.testing.tls import PlainTls
from beam_actors.values import Address, TcpAddress


class Program:
    """A local program: it connects and serves on its machine, and owns its connections."""

    alive = True

    def __init__(self, path: str, flow: Flow, nursery: trio.Nursery) -> None:
        self.path = path
        self._flow = flow
        self._nursery = nursery
        self._serve: Callable[[Stream], Awaitable[None]] | None = None

    def tell(self, message: object) -> None:
        """As the owner of its listeners: a connection came in."""
        if isinstance(message, Accepted) and self._serve is not None:
            self._nursery.start_soon(self._run, self._serve, message.stream)

    def crash(self, reason: BaseException) -> None:
        """As the owner of its connections: a callback failed, which no scenario expects."""
        raise AssertionError(f"{self.path} failed") from reason

    async def connect(self, address: Address) -> Stream:
        """Connect; raises `NetworkError`."""
        return await self._flow.dial(address, self, timeout=30.0)

    async def connect_tls(self, address: Address, server_name: str) -> Stream:
        """Connect as a browser does, in the TLS of simulated nodes; raises `NetworkError`."""
        return self._flow.tls(await self.connect(address), PlainTls().client(server_name))

    def serve(self, address: TcpAddress, handler: Callable[[Stream], Awaitable[None]]) -> None:
        """Run `handler` for each connection to `address`."""
        self._serve = handler
        self._flow.listen(address, self)

    def __repr__(self) -> str:
        return f"<Program {self.path}>"

    @staticmethod
    async def _run(handler: Callable[[Stream], Awaitable[None]], stream: Stream) -> None:
        try:
            await handler(stream)
        except NetworkError:
            stream.abort()


@asynccontextmanager
async def run_program(path: str, driver: NetworkDriver, clock: Clock) -> AsyncIterator[Program]:
    """A program that ends with the block."""
    pump = Pump(driver, clock)
    flow = Flow()
    flow.attach(pump)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        yield Program(path, flow, nursery)
        nursery.cancel_scope.cancel()
