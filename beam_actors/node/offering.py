"""Offering a service under a name: naming and tunnels in one step, of which all is done or nothing.

The invariant: a name that was not registered before stays so unless the service is offered. So whatever can be refused
is asked first, and a name is given back if the tunnel fails after all (a disk that refuses just then).
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TypeVar

import attrs
import structlog
import trio

from beam_actors.control import ExposeRequest
from beam_actors.errors import BeamError, QuotaExceeded
from beam_actors.naming import Naming
from beam_actors.tunnels import Tunnels, TunnelSpec, TunnelStatus
from beam_actors.values import Name

_log = structlog.get_logger(__name__)
T = TypeVar("T")
_REMARK_SECONDS = 1.0
"""For what an answer can do without."""


class Offering:
    """Carries out requests to offer a service; holds nothing itself."""

    def __init__(self, naming: Naming, tunnels: Tunnels) -> None:
        self._naming = naming
        self._tunnels = tunnels

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
        await self._tunnels.check(attrs.evolve(spec, name=await self._wanted(request)))
        before = {held.name for held in await self._naming.names() if held.relation == "own"}
        name, gave_up = await self.with_room(lambda: self._register(request))
        try:
            return await self._tunnels.expose(attrs.evolve(spec, name=name)), gave_up
        except BeamError:
            if name not in before:
                await self._give_back(name)
            raise

    async def with_room(self, claim: Callable[[], Awaitable[T]]) -> tuple[T, Name | None]:
        """What `claim` returns; if the owner holds too many names for it, a random one that nothing uses makes room.

        Which one that was, if it was needed: what a short `beam 3000` of long ago left must be in nobody's way.
        """
        try:
            return await claim(), None
        except QuotaExceeded:
            in_use = {status.spec.name for status in await self._tunnels.list()}
            spare = await self._naming.spare([name for name in in_use if name is not None])
            if spare is None:
                raise
        _log.warning("a random name that nothing used makes room for another name", name=str(spare))
        await self._naming.release(str(spare))
        return await claim(), spare

    async def list(self) -> tuple[tuple[TunnelStatus, bool], ...]:
        """What is offered, and whether its name (if it has one) is this owner's."""
        statuses = await self._tunnels.list()
        yours = await self.yours({status.spec.name for status in statuses})
        return tuple((status, status.spec.name in yours) for status in statuses)

    async def yours(self, names: Collection[Name | None]) -> Collection[Name | None]:
        """Which of them are registered here, as they are no more once handed over or revoked; and None.

        While the registry can't say, each is taken for registered: tunnels go on without it.
        """
        with trio.move_on_after(_REMARK_SECONDS), suppress(BeamError):
            held = await self._naming.names()
            return {None, *(one.name for one in held if one.relation == "own" and not one.revoked)}
        return names

    async def _wanted(self, request: ExposeRequest) -> Name:
        """The name that it will have; of one that is yet to be made only the tunnel's side matters."""
        if request.name is not None:
            return self._naming.parse(request.name).name
        return await self._naming.made_before(str(request.target)) or self._naming.random_name()

    async def _register(self, request: ExposeRequest) -> Name:
        if request.name is None:
            return await self._naming.made_for(str(request.target))
        # Here the name leads to the service at once; the work for its claim must not keep the person waiting.
        return (await self._naming.register(request.name, contest=request.contest, patient=False)).name

    async def _give_back(self, name: Name) -> None:
        try:
            await self._naming.release(str(name))
        except BeamError as error:
            _log.warning("a name whose tunnel failed stays registered", name=str(name), error=str(error))
