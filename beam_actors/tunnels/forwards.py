"""The list of forwards, in the store and as actors, one for each local port.

Invariants: nothing is acknowledged before it is durable, and a forward only while it listens: its port is bound here,
kept over the commit, and handed to its actor. A new list compares the pool with the store and fills it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import attrs
import structlog
import trio

from beam_actors.errors import (
    ActorError,
    AddressInUse,
    AddressNotPermitted,
    BeamError,
    NetworkError,
    QuotaExceeded,
    StorageError,
    TunnelNotFound,
    UsageError,
)
from beam_actors.flow import Accepted, Flow
from beam_actors.ports import Change, Store
from beam_actors.runtime import Actor, Ref, Reply, receives
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.messages import Forward, Listen, ListForwards, SelectForward, Unforward
from beam_actors.tunnels.records import FORWARDS_TABLE, decode_forward, encode_forward
from beam_actors.tunnels.spec import ForwardSpec
from beam_actors.values import TcpAddress

_log = structlog.get_logger(__name__)
_UNPRIVILEGED = 1024


class Forwards(Actor):
    """The forwards of one node. Overflow: a question beyond the mailbox is refused."""

    reply_errors = (TunnelNotFound, UsageError)

    def __init__(self, *, members: Members, flow: Flow, store: Store, limit: int) -> None:
        super().__init__()
        self._members = members
        self._flow = flow
        self._store = store
        self._limit = limit
        self._specs: dict[str, ForwardSpec] = {}
        self._rows: dict[str, bytes] = {}
        """By key: under which one it was stored, if that was another (by a program of before)."""
        self._changing = trio.Lock()

    def __repr__(self) -> str:
        return f"Forwards({len(self._specs)} of {self._limit})"

    async def on_start(self) -> None:
        """Read the store and have an actor for each forward."""
        for key, value in await self._store.scan(FORWARDS_TABLE):
            try:
                spec = decode_forward(value)
            except UsageError as error:
                _log.warning("a stored forward can't be read and is left out", key=repr(key), error=str(error))
                continue  # kept as it is: a newer version may understand it
            self._specs[spec.key] = spec
            if key != spec.key.encode():
                self._rows[spec.key] = key
        for spec in list(self._specs.values()):
            await self._members.start(spec.key, spec)
        await self._members.keep_only(self._specs)

    @receives(ListForwards)
    def list_forwards(self, _message: ListForwards) -> tuple[ForwardSpec, ...]:
        """What there is now, by key."""
        return tuple(self._specs[key] for key in sorted(self._specs))

    @receives(Forward)
    def forward(self, message: Forward) -> None:
        """Have a local port lead elsewhere."""
        self.spawn(self._answer, self.defer(), self._forward, message.spec)

    @receives(SelectForward)
    def select(self, message: SelectForward) -> ForwardSpec:
        """The forward that a person means."""
        return self._select(message.selector)

    @receives(Unforward)
    def unforward(self, message: Unforward) -> None:
        """Give one up."""
        self.spawn(self._answer, self.defer(), self._unforward, message.spec)

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        """Somebody connected to a port whose forward is not durable yet: there is nothing to lead it to."""
        message.dispose()

    async def _answer(
        self, reply: Reply, change: Callable[[ForwardSpec], Awaitable[ForwardSpec | None]], spec: ForwardSpec
    ) -> None:
        """Carry out one change at a time; what a person can act on is a reply, the rest a crash."""
        try:
            async with self._changing:
                reply.set(await change(spec))
        except (UsageError, QuotaExceeded, NetworkError, StorageError, ActorError) as error:
            reply.fail(error)

    async def _forward(self, spec: ForwardSpec) -> ForwardSpec:
        before = self._specs.get(spec.key)
        if before == spec:
            forward: Ref = await self._members.start(spec.key, spec)
            with _advice(spec.listen):
                await forward.ask(Listen())
            return spec
        if before is not None:
            raise AddressInUse(
                f"{spec.listen} already leads to {before.destination}: choose another local port, or 0 for any that is "
                f"free, or give that one up with `beam unforward {spec.listen}`."
            )
        if len(self._specs) >= self._limit:
            raise QuotaExceeded(f"This node has {self._limit} forwards already; give one up with `beam unforward`.")
        with _advice(spec.listen):
            listener = self._flow.listen(spec.listen, self.ref)
        if isinstance(listener.local, TcpAddress):  # which turns port 0 into a port
            spec = attrs.evolve(spec, listen=listener.local)
        try:
            await self._store.commit([Change(FORWARDS_TABLE, spec.key.encode(), encode_forward(spec))])
            await self._members.start(spec.key, spec, listener)
        except BeamError:
            listener.close()
            await self._forget_failed(spec.key)
            raise
        self._specs[spec.key] = spec
        return spec

    async def _unforward(self, spec: ForwardSpec) -> None:
        if self._specs.get(spec.key) != spec:
            return  # given up already: by whoever asks again, or by somebody else meanwhile
        rows = {spec.key.encode(), self._rows.get(spec.key, b"")} - {b""}
        await self._store.commit([Change(FORWARDS_TABLE, row, None) for row in sorted(rows)])
        del self._specs[spec.key]
        self._rows.pop(spec.key, None)
        await self._members.end(spec.key)

    async def _forget_failed(self, key: str) -> None:
        """Take back what may have been stored; whoever asked hears why it failed, not that this failed too."""
        try:
            await self._store.commit([Change(FORWARDS_TABLE, key.encode(), None)])
        except StorageError as error:
            _log.warning(
                "a forward that failed may be stored and come back with the next run", key=key, error=str(error)
            )

    def _select(self, text: str) -> ForwardSpec:
        """The forward that a person means by a key, a local address or port, or a destination.

        Raises:
            TunnelNotFound: there is none.
            UsageError: there are several.
        """
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
            raise UsageError(f"{text!r} may mean several forwards: say which of {keys}.")
        raise TunnelNotFound(f"There is no forward {text[:80]!r} here; `beam forwards` lists them.")


@contextmanager
def _advice(listen: TcpAddress) -> Iterator[None]:
    """Around what binds a local port: the same error, with what a person can do next."""
    try:
        yield
    except AddressInUse:
        raise AddressInUse(
            f"{listen} is taken by another program: choose another local port, or 0 for any that is free."
        ) from None
    except AddressNotPermitted as error:
        if 0 < listen.port < _UNPRIVILEGED:
            way = "choose a local port from 1024 on, or 0 for any that is free."
        else:
            way = f"choose an address of this machine, such as 127.0.0.1:{listen.port}."
        raise AddressNotPermitted(f"{str(error).removesuffix('.')}: {way}") from None
