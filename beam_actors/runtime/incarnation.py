"""One incarnation of an actor: its task from `on_start` to the end, its loop, and the nursery of its workers.

It replaces pykka's loop, which would swallow `Cancelled` (docs/supervision.md lists every difference). Invariants:
user code runs in one task at a time, between two checkpoints of which nothing else of this actor runs except its
workers; no task started here outlives it; every end is reported once.
"""

from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import trio
from pykka._envelope import Envelope

from beam_actors.errors import ActorCrashed, ActorDead
from beam_actors.runtime.cell import STARTING, Cell, State
from beam_actors.runtime.children import ChildExited, Children, RestartNow
from beam_actors.runtime.exits import Down, ExitKind, ExitReason, crashed, unwrap
from beam_actors.runtime.future import Future
from beam_actors.runtime.groups import GroupChanged, GroupNotice
from beam_actors.runtime.handlers import Handlers, find_handler
from beam_actors.runtime.mailbox import Mailbox, discard
from beam_actors.runtime.pykka_hooks import PykkaHooks
from beam_actors.runtime.ref import StopRequest
from beam_actors.runtime.restarts import AutoShutdown, Intensity, Strategy
from beam_actors.runtime.workers import WORKING, Worker

if TYPE_CHECKING:
    from beam_actors.runtime.future import Reply

BATCH = 64


class Incarnation(PykkaHooks):
    """What runs an actor. `Actor` adds what its code calls."""

    mailbox: ClassVar[Mailbox] = Mailbox()
    priority: ClassVar[tuple[type, ...]] = ()
    """Types of messages, with their subclasses, that overtake its other user messages (and no system message)."""
    reply_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """Exceptions that a handler may raise as an answer to an ask; any other crashes the actor."""
    trap_exits: bool = False
    """Whether the exits of linked actors come as `Down` messages and crash nobody here."""
    linkable: ClassVar[bool] = True
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = Intensity()
    auto_shutdown: AutoShutdown = AutoShutdown.ANY_SIGNIFICANT
    count_per_child: ClassVar[bool] = False
    _actor_handlers: ClassVar[Handlers] = {}
    _actor_direct: ClassVar[Handlers] = {}

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        cell = STARTING.get()
        super().__init__(cell)
        cell.inbox.bind(self.mailbox, self.priority)
        self._actor_cell = cell
        self._actor_children = Children(self, cell)
        self._actor_nursery: trio.Nursery | None = None
        self._actor_scope = trio.CancelScope()
        self._actor_fate: ExitReason | None = None
        self._actor_replies: dict[Reply, None] = {}
        self._actor_deferred: Reply | None = None
        self._actor_watched: dict[Cell, None] = {}
        self._actor_workers = 0

    async def on_start(self) -> None:
        """Run before the first message. An exception fails the start: the parent's `start_child` raises it."""

    async def on_stop(self, reason: ExitReason) -> None:
        """Run after the last message, whatever the reason; an exception here is logged as part of the exit."""

    def on_receive(self, message: Any) -> Any:
        """Take a message; `Actor` dispatches by type."""
        raise NotImplementedError

    def crash_now(self, error: BaseException) -> None:
        """End this incarnation with a crash, wherever it is."""
        if self._actor_fate is None:
            self._actor_fate = crashed(unwrap(error))
            self._actor_scope.cancel()

    def finish_now(self, reason: ExitReason) -> None:
        """End this incarnation wherever it is, for another reason than a crash."""
        if self._actor_fate is None:
            self._actor_fate = reason
            self._actor_scope.cancel()

    @property
    def worker_count(self) -> int:
        """How many workers and timers run now."""
        return self._actor_workers

    async def live(self, started: Callable[[BaseException | None], None]) -> ExitReason:
        """Run from `on_start` to the end; `started` is called once, with what `on_start` raised or None."""
        reason = ExitReason(ExitKind.KILLED)
        try:
            async with trio.open_nursery() as nursery:
                self._actor_nursery = nursery
                try:
                    reason = await self._actor_body(started)
                finally:
                    # Also when the body was cancelled from outside or interrupted: the children are shielded, so
                    # nobody else would ever stop them.
                    with trio.CancelScope(shield=True):
                        await self._actor_children.stop_all(brutal=reason.kind is ExitKind.KILLED)
                        reason = await self._actor_last_words(reason)
                    nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 (a worker that failed while it was cancelled)
            reason = reason if reason.abnormal else crashed(unwrap(error))
        finally:
            self._actor_let_go(reason)
        return reason

    def _actor_let_go(self, reason: ExitReason) -> None:
        path = self._actor_cell.path
        self._actor_nursery = None
        self.actor_stopped.set()
        for reply in list(self._actor_replies):
            error = ActorCrashed(f"{path} crashed before it answered: {reason}.")
            error.__cause__ = reason.error
            reply.fail(error if reason.kind is ExitKind.CRASHED else ActorDead(f"{path} ended ({reason})."))
        for watched in self._actor_watched:
            watched.watchers.pop(self._actor_cell, None)

    async def _actor_body(self, started: Callable[[BaseException | None], None]) -> ExitReason:
        reason = ExitReason(ExitKind.KILLED)
        begun = False
        with self._actor_scope:
            try:
                await self.on_start()
                self._actor_cell.state = State.RUNNING
                begun = True
                started(None)
                reason = await self._actor_receive_loop()
            except Exception as error:  # noqa: BLE001 (whatever a handler raises is this actor's crash)
                reason = crashed(unwrap(error))
                if not begun:
                    started(reason.error)
                    begun = True
            except BaseExceptionGroup as group:
                # Cancelled beside errors out of a nursery in a handler: the errors are the crash.
                errors, rest = group.split(Exception)
                if errors is None:
                    raise
                reason = crashed(unwrap(errors))
                if not begun:
                    started(reason.error)
                    begun = True
                if rest is not None and self._actor_fate is None:
                    raise rest from None
        if self._actor_fate is not None:
            reason = self._actor_fate
        if not begun:
            started(reason.error or ActorDead(f"{self._actor_cell.path} was stopped while it started."))
        self._actor_cell.state = State.STOPPING
        return reason

    async def _actor_last_words(self, reason: ExitReason) -> ExitReason:
        with trio.move_on_after(1.0 if reason.kind is ExitKind.KILLED else 5.0) as scope:
            try:
                await self.on_stop(reason)
            except Exception as error:  # noqa: BLE001 (an exit must not be lost to its clean-up)
                detail = f"its on_stop failed with {error!r}"
                return ExitReason(reason.kind, reason.error, detail) if reason.abnormal else crashed(unwrap(error))
        if scope.cancelled_caught:
            return ExitReason(ExitKind.KILLED, reason.error, "its on_stop took too long")
        return reason

    async def _actor_receive_loop(self) -> ExitReason:
        inbox, cell = self._actor_cell.inbox, self._actor_cell
        system, urgent, user = inbox.system, inbox.urgent, inbox.user
        left = BATCH
        steps = cell.system.steps
        while True:
            if system:
                if steps is not None:
                    steps.takes(system[0])
                ended = await self._actor_serve_system(system.popleft())
                if ended is not None:
                    return ended
            elif user or urgent:
                envelope = inbox.get()
                if steps is not None:
                    steps.takes(envelope.message)
                cell.in_hand = envelope
                self._actor_deferred = None
                cell.in_hand_since = cell.system.clock()
                cell.history.append(type(envelope.message).__name__)
                await self._actor_serve(envelope)
                cell.in_hand = None
            else:
                left = BATCH
                await inbox.wait()
                continue
            left -= 1
            if not left:
                left = BATCH
                await trio.lowlevel.checkpoint()

    async def _actor_serve(self, envelope: Envelope[Any]) -> None:
        reply_to = envelope.reply_to
        try:
            message = envelope.message
            # The exact type of a declared message needs none of pykka's four questions about what it might be.
            name = self._actor_direct.get(type(message))
            result = getattr(self, name)(message) if name is not None else self._handle_receive(message)
            if isinstance(result, CoroutineType):
                result = await result
        except self.reply_errors as error:
            # Declared, so not a crash; after a tell there is nobody to hear it.
            if self._actor_deferred is not None:
                self._actor_deferred.fail(error)
            elif reply_to is not None:
                reply_to.set_exception(cast("Any", error))
            return
        if reply_to is not None and self._actor_deferred is None:
            reply_to.set(result)

    async def _actor_serve_system(self, message: Any) -> ExitReason | None:
        if isinstance(message, StopRequest):
            return message.reason
        if isinstance(message, ChildExited):
            return await self._actor_children.exited(message)
        if isinstance(message, RestartNow):
            await self._actor_children.restart_now(message)
            return None
        if isinstance(message, Down):
            await self._actor_notify(message)
            return None
        if isinstance(message, GroupNotice):
            changed = message.news()
            if changed is not None:
                await self._actor_notify(changed)
            return None
        raise TypeError(f"{message!r} is no system message.")

    async def _actor_notify(self, notice: Down | GroupChanged) -> None:
        if find_handler(self._actor_handlers, type(notice)) is not None:
            result = self.on_receive(notice)
            if isinstance(result, CoroutineType):
                await result

    def _actor_spawn(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        name: str,
        serves: tuple[Future[Any], ...] = (),
    ) -> Worker:
        if self._actor_nursery is None:
            raise ActorDead(f"{self._actor_cell.path} is not running.")
        self._actor_workers += 1
        cell = self._actor_cell
        worker = Worker(f"{cell.path}:{name or getattr(function, '__name__', 'worker')}", cell, serves)
        for future in serves:
            if future.servers is None:
                future.servers = {}
            future.servers[worker] = None
        self._actor_nursery.start_soon(self._actor_run_worker, worker, function, args, name=worker.name)
        return worker

    async def _actor_run_worker(
        self, worker: Worker, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        WORKING.set(worker)
        try:
            with worker.scope:
                await function(*args)
        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)
            self.crash_now(error)
        finally:
            self._actor_workers -= 1
            worker.ended = True
            for future in worker.serves:
                if future.servers is not None:
                    del future.servers[worker]

    async def _actor_run_timer(self, seconds: float, message: Any) -> None:
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            discard(message)
            raise
        self._actor_cell.ref.tell(message)
