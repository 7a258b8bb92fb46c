"""The desk: the list of forwards, in the store and as actors.

The invariants are the gate's: nothing is acknowledged before it is durable, a forward is acknowledged only once it
listens, and a new desk compares the pool with the store and fills it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import structlog
import trio

from beam_actors.errors import (
    ActorError,
    AddressInUse,
    BeamError,
    NetworkError,
    StorageError,
    TunnelNotFound,
    UsageError,
)
from beam_actors.flow import Flow
from beam_actors.ports import Change, Store
from beam_actors.runtime import Actor, ListMembers, Ref, Reply, StartMember, StopMember, receives
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import Forward, ListForwards, Unforward
from beam_actors.tunnels.records import FORWARDS_TABLE, decode_forward, encode_forward
from beam_actors.tunnels.spec import ForwardSpec
from beam_actors.values import TcpAddress

_log = structlog.get_logger(__name__)


class Desk(Actor):
    """Holds forwards. Overflow: a question beyond the mailbox is refused."""

    def __init__(self, *, held: Ref, flow: Flow, store: Store, limits: TunnelsLimits) -> None:
        super().__init__()
        self._held = held
        self._flow = flow
        self._store = store
        self._limits = limits
        self._specs: dict[str, ForwardSpec] = {}
        self._changing = trio.Lock()

    def __repr__(self) -> str:
        return f"Desk({len(self._specs)} forwards)"

    async def on_start(self) -> None:
        """Read the store and have an actor for each forward."""
        for _, value in await self._store.scan(FORWARDS_TABLE):
            try:
                spec = decode_forward(value)
            except UsageError as error:
                _log.warning("a stored forward can't be read and is not held", error=str(error))
                continue  # kept as it is: a newer version may understand it
            self._specs[spec.key] = spec
        for spec in list(self._specs.values()):
            await self._start(spec)
        for key in await self._held.ask(ListMembers()):
            if key not in self._specs:  # it was given up while the desk before this one crashed
                await self._end(key)

    @receives(ListForwards)
    def list_forwards(self, _message: ListForwards) -> tuple[ForwardSpec, ...]:
        """What is held now, by key."""
        return tuple(self._specs[key] for key in sorted(self._specs))

    @receives(Forward)
    def forward(self, message: Forward) -> None:
        """Hold a local port."""
        self.spawn(self._answer, self.defer(), self._forward, message.spec)

    @receives(Unforward)
    def unforward(self, message: Unforward) -> None:
        """Give one up."""
        self.spawn(self._answer, self.defer(), self._unforward, message.selector)

    async def _answer(
        self, reply: Reply, change: Callable[[Any], Awaitable[ForwardSpec]], argument: ForwardSpec | str
    ) -> None:
        try:
            async with self._changing:
                reply.set(await change(argument))
        except (UsageError, TunnelNotFound, NetworkError, StorageError, ActorError) as error:
            reply.fail(error)

    async def _forward(self, spec: ForwardSpec) -> ForwardSpec:
        if self._specs.get(spec.key) == spec:
            return spec
        if spec.key in self._specs:
            raise AddressInUse(f"{spec.listen} already leads to {self._specs[spec.key].destination}.")
        if len(self._specs) >= self._limits.forwards:
            raise UsageError(f"This node holds {self._limits.forwards} forwards already; give one up.")
        # Listening once before the actor does tells a person at once why it can't be, and turns port 0 into a port.
        probe = self._flow.listen(spec.listen, self.ref)
        local = probe.local
        probe.close()
        if isinstance(local, TcpAddress):
            spec = attrs.evolve(spec, listen=local)
        try:
            await self._store.commit([Change(FORWARDS_TABLE, spec.key.encode(), encode_forward(spec))])
            await self._start(spec)
        except BeamError:
            await self._store.commit([Change(FORWARDS_TABLE, spec.key.encode(), None)])
            raise
        self._specs[spec.key] = spec
        return spec

    async def _unforward(self, selector: str) -> ForwardSpec:
        spec = self._select(selector)
        await self._store.commit([Change(FORWARDS_TABLE, spec.key.encode(), None)])
        del self._specs[spec.key]
        await self._end(spec.key)
        return spec

    async def _start(self, spec: ForwardSpec) -> None:
        await self._held.ask(StartMember(spec.key, (spec,)))

    async def _end(self, key: str) -> None:
        """End a forward's actor, and what goes through it."""
        await self._held.ask(StopMember(key))
        self._flow.splices.abort(f"{self._held.path}/{key}")

    def _select(self, text: str) -> ForwardSpec:
        """The forward that a person means by a key, a local address or port, or a destination."""
        if text in self._specs:
            return self._specs[text]
        meant = [
            spec
            for spec in self._specs.values()
            if text in {str(spec.listen), str(spec.listen.port), spec.destination, f"{spec.destination}:{spec.port}"}
        ]
        if len(meant) == 1:
            return meant[0]
        if meant:
            keys = ", ".join(sorted(spec.key for spec in meant))
            raise TunnelNotFound(f"{text!r} may mean several forwards: say which of {keys}.")
        raise TunnelNotFound(f"There is no forward {text[:80]!r} here; `beam forwards` lists them.")
