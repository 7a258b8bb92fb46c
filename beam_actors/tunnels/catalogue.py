"""The catalogue: what this node offers, in the store and as actors, one for each tunnel.

Invariants: nothing is acknowledged before it is in the store; the pool holds an actor for each stored tunnel once the
catalogue has started (a new one compares and fills it, and cuts what goes through a tunnel that is no longer offered).
What a run left that its commands may offer again stays in the store, and is offered by none, until they had time to.
It sees no stream: the acceptor reads requests, and finds in the directory, which this one keeps, whose they are.
"""

from collections.abc import Awaitable, Callable

import structlog
import trio

from beam_actors.errors import (
    ActorError,
    BeamError,
    NotAllowed,
    QuotaExceeded,
    StorageError,
    TunnelNotFound,
    UsageError,
)
from beam_actors.ports import Change, Store
from beam_actors.runtime import Actor, Reply, receives
from beam_actors.tunnels.directory import Directory
from beam_actors.tunnels.members import Members
from beam_actors.tunnels.messages import CheckOffer, Expose, ForgetLeft, ListLeft, ListTunnels, SelectTunnel, Unexpose
from beam_actors.tunnels.offers import Offers
from beam_actors.tunnels.records import TUNNELS_TABLE, decode_name, decode_tunnel, encode_tunnel
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.tunnels.targets import TargetCheck
from beam_actors.values import Name

_log = structlog.get_logger(__name__)


class Catalogue(Actor):
    """What is offered. Overflow: a question beyond the mailbox is refused."""

    reply_errors = (TunnelNotFound, UsageError, NotAllowed, QuotaExceeded)

    def __init__(
        self,
        *,
        members: Members,
        directory: Directory,
        store: Store,
        run: bytes,
        limit: int,
        return_time: float,
        check_target: TargetCheck,
    ) -> None:
        """`return_time`: seconds in which the commands of an earlier run may come back."""
        super().__init__()
        self._members = members
        self._directory = directory
        self._store = store
        self._run = run
        self._check_target = check_target
        self._offers = Offers(limit)
        self._return_time = return_time
        self._left: dict[bytes, Name | None] = {}
        """Of an earlier run, by key in the store."""
        self._changing = trio.Lock()

    def __repr__(self) -> str:
        return f"Catalogue({self._offers!r})"

    async def on_start(self) -> None:
        """Read the store, and have an actor for each tunnel of this run, and for each that stays."""
        for key, value in await self._store.scan(TUNNELS_TABLE):
            try:
                spec = decode_tunnel(value, self._run)
                if spec is not None:
                    self._offers.add(spec)
                    continue
            except (UsageError, NotAllowed, QuotaExceeded) as error:
                _log.warning("a stored tunnel is not offered", key=repr(key), error=str(error))
                continue  # kept as it is: a newer version may understand it
            self._left[key] = decode_name(value)
        self._directory.publish(self._offers)
        if self._left:
            self.send_after(self._return_time, ForgetLeft())
        for spec in self._offers.specs:
            await self._members.start(spec.key, spec)
        await self._members.keep_only(self._offers)

    @receives(ListTunnels)
    def list_tunnels(self, _message: ListTunnels) -> tuple[TunnelSpec, ...]:
        """What is offered now."""
        return self._offers.specs

    @receives(ListLeft)
    def list_left(self, _message: ListLeft) -> frozenset[Name]:
        """Under which names something may be offered again."""
        return frozenset(name for name in self._left.values() if name is not None)

    @receives(ForgetLeft)
    def forget_left(self, _message: ForgetLeft) -> None:
        """Drop what nobody came back for."""
        self.spawn(self._forget_left)

    async def _forget_left(self) -> None:
        async with self._changing:
            left, self._left = self._left, {}
            try:
                await self._store.commit([Change(TUNNELS_TABLE, key, None) for key in left])
            except StorageError as error:
                _log.warning("what an earlier run offered is dropped by the next run only", error=str(error))

    @receives(CheckOffer)
    def check_offer(self, message: CheckOffer) -> None:
        """Raise what speaks against an offer, apart from the store."""
        self._check(message.spec)

    @receives(Expose)
    def expose(self, message: Expose) -> None:
        """Offer a tunnel."""
        self.spawn(self._answer, self.defer(), self._expose, message.spec)

    @receives(SelectTunnel)
    def select(self, message: SelectTunnel) -> TunnelSpec:
        """The tunnel that a person means."""
        return self._offers.select(message.selector)

    @receives(Unexpose)
    def unexpose(self, message: Unexpose) -> None:
        """Withdraw a tunnel."""
        self.spawn(self._answer, self.defer(), self._unexpose, message.spec)

    async def _answer(
        self, reply: Reply, change: Callable[[TunnelSpec], Awaitable[TunnelSpec | None]], spec: TunnelSpec
    ) -> None:
        """Carry out one change at a time; what a person can act on is a reply, the rest a crash."""
        try:
            async with self._changing:
                reply.set(await change(spec))
        except (UsageError, NotAllowed, QuotaExceeded, StorageError, ActorError) as error:
            reply.fail(error)

    def _check(self, spec: TunnelSpec) -> TunnelSpec | None:
        """The tunnel that offers the same already, if there is one; raise what speaks against a new one."""
        self._check_target(spec.target)
        before = self._offers.get(spec.key)
        if before is not None and before.serves_as(spec):
            return before
        self._offers.check(spec)
        return None

    async def _expose(self, spec: TunnelSpec) -> TunnelSpec:
        before = self._check(spec)
        if before is not None:
            if before.kept or not spec.kept:
                return before
            await self._save(spec)
            self._offers.replace(spec)
            return spec
        self._offers.add(spec)
        try:
            await self._save(spec)
            await self._members.start(spec.key, spec)
        except BeamError:
            self._offers.remove(spec.key)
            await self._forget_failed(spec.key)
            raise
        return spec

    async def _unexpose(self, spec: TunnelSpec) -> None:
        offered = self._offers.get(spec.key)
        if offered is None or not offered.serves_as(spec):
            return  # withdrawn already: by whoever asks again, or by somebody else meanwhile
        await self._store.commit([Change(TUNNELS_TABLE, spec.key.encode(), None)])
        self._offers.remove(spec.key)
        await self._members.end(spec.key)

    async def _save(self, spec: TunnelSpec) -> None:
        key = spec.key.encode()
        await self._store.commit([Change(TUNNELS_TABLE, key, encode_tunnel(spec, self._run))])
        self._left.pop(key, None)

    async def _forget_failed(self, key: str) -> None:
        """Take back what may have been stored; whoever asked hears why it failed, not that this failed too."""
        try:
            await self._store.commit([Change(TUNNELS_TABLE, key.encode(), None)])
        except StorageError as error:
            _log.warning(
                "a tunnel that failed may be stored and come back with the next run", key=key, error=str(error)
            )
