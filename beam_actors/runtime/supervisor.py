"""Supervisors: actors without behaviour. A `Supervisor` has a fixed list of children, a `Pool` a changing one."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs

from beam_actors.errors import ActorDead, StartFailed
from beam_actors.runtime.actor import Actor
from beam_actors.runtime.handlers import receives
from beam_actors.runtime.ref import Ref
from beam_actors.runtime.restarts import AutoShutdown, Intensity, Strategy
from beam_actors.runtime.specs import ChildSpec


class Supervisor(Actor):
    """Starts its children in order, restarts them by its strategy, and stops them in the reverse order."""

    linkable = False

    def __init__(
        self,
        children: Sequence[ChildSpec] = (),
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.ANY_SIGNIFICANT,
    ) -> None:
        super().__init__()
        self.auto_shutdown = auto_shutdown
        self.strategy = strategy
        self.intensity = intensity or Intensity()
        self._specs = tuple(children)

    async def on_start(self) -> None:
        """Start all children; the first failure fails this start, after the others were stopped."""
        for spec in self._specs:
            try:
                await self.start_child(spec)
            except StartFailed as failure:
                raise failure.__cause__ or failure from failure


@attrs.frozen(slots=True)
class StartMember:
    """To a pool: start a member under `key`, made from `args`. The reply is its ref; a member that runs is returned."""

    trace_shows: ClassVar = ("key",)
    key: str
    args: tuple[Any, ...] = ()


@attrs.frozen(slots=True)
class StopMember:
    """To a pool: stop the member under `key` in order; nothing happens if there is none."""

    trace_shows: ClassVar = ("key",)
    key: str


@attrs.frozen(slots=True)
class ListMembers:
    """To a pool: the refs of its members, by key."""


class Pool(Actor):
    """Members of one kind, started and stopped at run time; restarts are counted for each of them alone."""

    count_per_child = True
    linkable = False
    reply_errors = (StartFailed, ActorDead)

    def __init__(
        self,
        template: Callable[..., ChildSpec],
        *,
        intensity: Intensity | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.ANY_SIGNIFICANT,
    ) -> None:
        super().__init__()
        self.auto_shutdown = auto_shutdown
        self.intensity = intensity or Intensity()
        self._template = template

    @receives(StartMember)
    async def start_member(self, message: StartMember) -> Ref:
        """Start a member, or return the one of that key."""
        running = self._actor_cell.children.get(message.key)
        if running is not None:
            return running.ref
        return await self.start_child(self._template(message.key, *message.args))

    @receives(StopMember)
    async def stop_member(self, message: StopMember) -> None:
        """Stop a member."""
        running = self._actor_cell.children.get(message.key)
        if running is not None:
            await self.stop_child(running.ref)

    @receives(ListMembers)
    def list_members(self, _message: ListMembers) -> dict[str, Ref]:
        """The members."""
        return {name: cell.ref for name, cell in self._actor_cell.children.items()}
