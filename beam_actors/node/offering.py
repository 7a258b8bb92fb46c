"""Offering a service under a name: naming and tunnels in one step, of which all is done or nothing.

The invariant: a name that was not registered before stays so unless the service is offered. So whatever can be refused
is asked first, and a name is given back if the tunnel fails after all (a disk that refuses just then). Of several
requests at once each has a random name of its own make room, and none has that of another one, from the request until
something is offered under it; nor one that was in use when the daemon ended, while its command may come back. Two at
once for one target get one random name.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar

import attrs
import structlog
import trio

from beam_actors.control import ExposeRequest
from beam_actors.errors import BeamError, NameNotFound, QuotaExceeded
from beam_actors.naming import Naming
from beam_actors.node.standing import CLAIMED, NameStanding, standing_of
from beam_actors.tunnels import Tunnels, TunnelSpec, TunnelStatus
from beam_actors.values import Name

_log = structlog.get_logger(__name__)
T = TypeVar("T")
REMARK_SECONDS = 1.0
"""For what an answer can do without."""
_MAY_COME_BACK = (
    "The daemon has just restarted, and a random name that was in use before makes room only once its command had a "
    "minute to come back: then try again."
)


class Offering:
    """Carries out requests to offer a service; holds no more than what is under way."""

    def __init__(self, naming: Naming, tunnels: Tunnels, *, era: int) -> None:
        """`era` is that of the owner's key on this machine."""
        self._naming = naming
        self._era = era
        self._tunnels = tunnels
        self._making_room = trio.Lock()
        self._wanted: Counter[Name] = Counter()
        """The names that requests under way are to have; none with zero."""
        self._naming_one: dict[str, trio.Lock] = {}
        """By target: held by the request for which its random name is made or found, while others may wait."""

    def __repr__(self) -> str:
        return f"<Offering under {self._naming!r}>"

    async def expose(self, request: ExposeRequest) -> tuple[TunnelStatus, Name | None]:
        """Offer a service, and register its name if it is free; and the name that made room for that, if one did.

        Raises:
            UsageError, NotAllowed: it can't be offered so, or something else has the port of the name.
            NameTaken, QuotaExceeded: the name can't be had.
            StorageError: it could not be stored.
        """
        spec = TunnelSpec.offer(request.target, port=request.port, allow=request.allow, kept=not request.foreground)
        if request.name is None and not request.foreground:
            return await self._tunnels.expose(spec), None
        if (text := request.name) is not None:
            wanted = self._naming.parse(text).name
            return await self._offer(spec, [wanted], lambda: self._register(text, contest=request.contest))
        purpose, making = str(request.target), self._naming.making
        async with self._alone(purpose):
            made, fresh = await making.made_before(purpose), making.random_name()
            names = [fresh] if made is None else [made, fresh]
            return await self._offer(spec, names, lambda: making.made_for(purpose, fresh))

    async def _offer(
        self, spec: TunnelSpec, names: Sequence[Name], claim: Callable[[], Awaitable[Name]]
    ) -> tuple[TunnelStatus, Name | None]:
        """Offer it under the name that `claim` returns, which is one of `names`, most likely the first.

        And the name that made room.
        """
        with self._wanting(names):
            await self._tunnels.check(attrs.evolve(spec, name=names[0]))
            before = {held.name for held in await self._naming.names() if held.relation == "own"}
            name, gave_up = await self._with_room(claim)
            try:
                return await self._tunnels.expose(attrs.evolve(spec, name=name)), gave_up
            except BeamError:
                if name not in before:
                    await self._give_back(name)
                raise

    async def with_room(self, wanted: Name, claim: Callable[[], Awaitable[T]]) -> tuple[T, Name | None]:
        """What `claim` returns; if the owner holds too many names for `wanted`, a random one makes room.

        One that nothing uses, and which one that was, if it was needed: what a short `beam 3000` of long ago left must
        be in nobody's way. If another request takes the place that was made, one more makes room.
        """
        with self._wanting([wanted]):
            return await self._with_room(claim)

    async def _with_room(self, claim: Callable[[], Awaitable[T]]) -> tuple[T, Name | None]:
        gave_up: Name | None = None
        tried: set[Name] = set()
        async with self._making_room:
            pass  # it may be just the wanted name that makes room for another request: it is claimed again after that
        while True:
            try:
                return await claim(), gave_up
            except QuotaExceeded as error:
                async with self._making_room:
                    left = await self._tunnels.left()  # before: what comes back meanwhile is in use
                    kept = {*tried, *self._wanted, *await self._in_use()}
                    spare = await self._naming.making.spare(kept | left)
                    if spare is None and left and await self._naming.making.spare(kept) is not None:
                        raise QuotaExceeded(f"{error} {_MAY_COME_BACK}") from error
                    if spare is None:
                        raise
                    tried.add(spare)
                    with suppress(NameNotFound):  # somebody released it in that moment, which makes room as well
                        await self._naming.release(str(spare))
                        gave_up = spare
                        _log.warning("a random name that nothing used makes room for another", name=str(spare))

    @contextmanager
    def _wanting(self, names: Collection[Name]) -> Iterator[None]:
        """Around a request that is to have one of the names: none of them makes room for another request."""
        self._wanted.update(names)
        try:
            yield
        finally:
            self._wanted -= Counter(names)  # which drops what falls to zero

    @asynccontextmanager
    async def _alone(self, purpose: str) -> AsyncIterator[None]:
        """Around a request for the random name of a purpose, one at a time: the second finds what the first made."""
        lock = self._naming_one.setdefault(purpose, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():  # a lock that is let go is the next one's at once, if one waits
                self._naming_one.pop(purpose, None)

    async def _in_use(self) -> set[Name]:
        return {status.spec.name for status in await self._tunnels.list() if status.spec.name is not None}

    async def list(self) -> tuple[tuple[TunnelStatus, NameStanding], ...]:
        """What is offered, and what each name is to this machine."""
        statuses = await self._tunnels.list()
        standings = await self.standings({status.spec.name for status in statuses})
        return tuple((status, standings[status.spec.name]) for status in statuses)

    async def standings(self, names: Collection[Name | None]) -> Mapping[Name | None, NameStanding]:
        """What each of the names is to this machine; of None, which is nobody's, that it is claimed.

        While the registry can't say, each is taken for claimed: tunnels go on without it.
        """
        standings = dict.fromkeys(names, CLAIMED)
        with trio.move_on_after(REMARK_SECONDS), suppress(BeamError):
            own = {one.name: one for one in await self._naming.names() if one.relation == "own"}
            standings.update({name: standing_of(own.get(name), self._era) for name in names if name is not None})
        return standings

    async def _register(self, text: str, *, contest: bool) -> Name:
        # Here the name leads to the service at once; the work for its claim must not keep the person waiting.
        return (await self._naming.register(text, contest=contest, patient=False)).name

    async def _give_back(self, name: Name) -> None:
        try:
            await self._naming.release(str(name))
        except BeamError as error:
            _log.warning("a name whose tunnel failed stays registered", name=str(name), error=str(error))
