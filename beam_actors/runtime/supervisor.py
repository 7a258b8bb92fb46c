"""Supervisors: actors without behaviour. A `Supervisor` has a fixed list of children, a `Pool` a changing one."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs

from beam_actors.errors import ActorDead, StartFailed
from beam_actors.runtime import checks
from beam_actors.runtime.actor import Actor
from beam_actors.runtime.cell import Cell
from beam_actors.runtime.exits import describe, sentence
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
        checks.kind("A supervisor's auto_shutdown", auto_shutdown, AutoShutdown)
        checks.kind("A supervisor's strategy", strategy, Strategy)
        self.auto_shutdown = auto_shutdown
        self.strategy = strategy
        if intensity is not None:
            checks.kind("An intensity", intensity, Intensity)
            self.intensity = intensity
        self._specs = tuple(children)
        for spec in self._specs:
            checks.kind("A supervisor's child", spec, ChildSpec)

    async def on_start(self) -> None:
        """Start all children; the first failure fails this start, after the others were stopped."""
        for spec in self._specs:
            await self.start_child(spec)


@attrs.frozen(slots=True)
class StartMember:
    """To a pool: start a member under `key`, made by its template from `key` and `args`. The reply is its ref.

    If there is a member of that key, its ref is the reply, also while it waits for its restart; `args` are not looked
    at then. A member that can't be made or does not start is a `StartFailed` of the ask, and no concern of the others.
    """

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
    """Members of one kind, started and stopped at run time; restarts are counted for each of them alone.

    `template(key, *args)` returns the spec of a member, whose name is its key.
    """

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
        checks.kind("A pool's auto_shutdown", auto_shutdown, AutoShutdown)
        if not callable(template):
            raise TypeError(f"A pool's template is called to describe a member; {template!r} can't be.")
        self.auto_shutdown = auto_shutdown
        if intensity is not None:
            checks.kind("An intensity", intensity, Intensity)
            self.intensity = intensity
        self._template = template

    @receives(StartMember)
    async def start_member(self, message: StartMember) -> Ref:
        """Start a member, or return the one of that key; raise `StartFailed`."""
        running = self._member(message.key)
        if running is not None:
            return running.ref
        try:
            spec = self._spec_of(message)
        except Exception as error:
            what = sentence(describe(error))
            raise StartFailed(f"{self.path} can't make a member {message.key!r}: {what}") from error
        return await self.start_child(spec)

    @receives(StopMember)
    async def stop_member(self, message: StopMember) -> None:
        """Stop a member."""
        running = self._member(message.key)
        if running is not None:
            await self.stop_child(running.ref)

    @receives(ListMembers)
    def list_members(self, _message: ListMembers) -> dict[str, Ref]:
        """The members."""
        return {name: cell.ref for name, cell in self._actor_cell.children.items()}

    def _member(self, key: Any) -> Cell | None:
        # No key of another kind can be anybody's, and one that can't be hashed must not end the pool.
        return self._actor_cell.children.get(key) if isinstance(key, str) else None

    def _spec_of(self, message: StartMember) -> ChildSpec:
        spec = self._template(message.key, *message.args)
        checks.kind("What a template returns", spec, ChildSpec)
        if spec.name != message.key:
            raise ValueError(f"The template named it {spec.name!r}, and a member's name is its key.")
        return spec
