"""One incarnation of an actor: its loop and its end.

It replaces pykka's loop, which would swallow `Cancelled` (docs/runtime.md lists every difference). Invariants:
user code runs in one task at a time, between two checkpoints of which nothing else of this actor runs except its
workers; no worker and no child outlives it. All tasks of a system live in one nursery behind one shield, since nothing
may end them but whom they belong to: this module waits for what an incarnation started.
"""

from collections.abc import Awaitable, Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import trio
from pykka._envelope import Envelope
from trio.lowlevel import wait_task_rescheduled

from beam_actors.errors import ActorCrashed, ActorDead
from beam_actors.runtime.cell import NOTHING, Cell, State
from beam_actors.runtime.children import ChildExited, Children, RestartNow
from beam_actors.runtime.exits import Down, ExitKind, ExitReason, crashed, describe, sentence, unwrap
from beam_actors.runtime.future import Future
from beam_actors.runtime.groups import GroupChanged, GroupNotice
from beam_actors.runtime.handlers import Handlers, find_handler
from beam_actors.runtime.life import INTERRUPTED, TOO_LATE
from beam_actors.runtime.mailbox import DEFAULT, Mailbox
from beam_actors.runtime.pykka_hooks import PykkaHooks, cell_for
from beam_actors.runtime.ref import StopRequest
from beam_actors.runtime.restarts import AutoShutdown, Intensity, Strategy
from beam_actors.runtime.workers import Worker, Workers

if TYPE_CHECKING:
    from beam_actors.runtime.future import Reply

BATCH = 64
"""Messages that a loop handles before it lets others run: a checkpoint costs as much as several of them."""
_LIVING = (State.STARTING, State.RUNNING, State.STOPPING)


class Incarnation(PykkaHooks):
    """What runs an actor. `Actor` adds what its code calls."""

    mailbox: ClassVar[Mailbox] = DEFAULT
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
    _actor_has_start: ClassVar[bool] = False
    _actor_has_stop: ClassVar[bool] = False

    # What most actors never have is the class's until it is needed: an idle actor is to be small.
    _actor_fate: ExitReason | None = None
    _actor_scope: trio.CancelScope | None = None
    """What the task is in, once its own code had something to await."""
    _actor_ending: trio.CancelScope | None = None  # what the stop of its children, or its `on_stop`, is in
    _actor_brood: Children | None = None
    _actor_replies: dict["Reply", None] = NOTHING
    _actor_watched: dict[Cell, None] = NOTHING
    _actor_workers: Workers | None = None
    _actor_let_go: bool = False

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self._actor_cell = cell = cell_for(type(self))
        self._actor_number = cell.incarnation
        self._actor_deferred: Reply | None = None
        cell.inbox.bind(self.mailbox, self.priority)

    async def on_start(self) -> None:
        """Run before the first message. An exception fails the start: the parent's `start_child` raises it."""

    async def on_stop(self, reason: ExitReason) -> None:
        """Run after the last message, whatever the reason; an exception here is logged as part of the exit."""

    def on_receive(self, message: Any) -> Any:
        """Take a message; `Actor` dispatches by type."""
        raise NotImplementedError

    def crash_now(self, error: BaseException) -> None:
        """End this incarnation with a crash, wherever it is."""
        self.finish_now(crashed(unwrap(error)))

    def finish_now(self, reason: ExitReason) -> None:
        """End this incarnation wherever it is; only the first such reason counts."""
        if self._actor_fate is not None:
            return
        self._actor_fate = reason
        self._actor_request_stop(reason)
        if self._actor_scope is not None:
            self._actor_scope.cancel()

    def cut_short(self) -> None:
        """Its time to stop is over: end it wherever it is, and the ordered end that it may be at."""
        self.finish_now(TOO_LATE)
        if self._actor_ending is not None:
            self._actor_ending.cancel()

    def _actor_request_stop(self, reason: ExitReason) -> None:
        cell = self._actor_cell
        # What is over may still be held by somebody; the cell is then that of another incarnation, or of none.
        if cell.incarnation == self._actor_number and cell.state in _LIVING:
            cell.inbox.put_system(StopRequest(reason))

    @property
    def worker_count(self) -> int:
        """How many workers and timers run now."""
        return 0 if self._actor_workers is None else len(self._actor_workers)

    @property
    def _actor_children(self) -> Children:
        if self._actor_brood is None:
            self._actor_brood = Children(self, self._actor_cell)
        return self._actor_brood

    def _actor_cancellable(self) -> trio.CancelScope:
        """A scope for code that awaits: its fate reaches the loop as a message, and what is awaited through this."""
        scope = self._actor_scope = trio.CancelScope()
        if self._actor_fate is not None:
            scope.cancel()
        return scope

    async def _actor_receive_loop(self) -> ExitReason | None:  # noqa: C901, PLR0912 (each call and each frame is paid per message)
        """Handle messages until one ends it; None once none is left, when it was called inside the scope."""
        cell = self._actor_cell
        inbox, clock, steps = cell.inbox, cell.system.clock, cell.system.steps
        task = trio.lowlevel.current_task()
        envelope: Envelope[Any] | None
        rest: Coroutine[Any, Any, ExitReason | None] | None
        scope: trio.CancelScope | None
        left = BATCH
        while True:
            # A sync handler holds the loop, so nobody sees for how long: the clock is read only when somebody could.
            cell.in_hand_since = clock()
            while left:
                left -= 1
                if inbox.system:
                    notice = inbox.system.popleft()
                    if steps is not None:
                        steps.takes(notice)
                    if self._actor_fate is not None or isinstance(notice, StopRequest):
                        return self._actor_fate or notice.reason
                    rest = self._actor_serve_system(notice)
                elif inbox.user or inbox.urgent:
                    envelope = cell.take()
                    if steps is not None:
                        steps.takes(envelope.message)
                    self._actor_deferred = None
                    tracer = cell.tracer
                    rest = self._actor_serve(envelope) if tracer is None else tracer.serve(self, envelope)
                else:
                    break
                if rest is not None:
                    cell.in_hand_since = clock()
                    if self._actor_scope is None:
                        # A scope costs as much as several messages and holds as much as a small actor: it is entered
                        # when there is something to await, and left when nothing is left to do.
                        with self._actor_cancellable() as scope:
                            ended = await rest
                            cell.in_hand = envelope = rest = None
                            ended = ended or await self._actor_receive_loop()
                        if scope.cancelled_caught:
                            return INTERRUPTED
                        self._actor_scope = None
                    else:
                        ended = await rest
                    if ended is not None:
                        return ended
                    cell.in_hand_since = clock()
                cell.in_hand = None
            # A loop that waits holds no message, and no reply to one.
            notice = envelope = rest = scope = self._actor_deferred = None
            if left:
                if self._actor_scope is not None:
                    return None
                inbox.park(task)
                await wait_task_rescheduled(inbox.unpark)
            else:
                await trio.lowlevel.checkpoint()
            left = BATCH

    def _actor_serve(self, envelope: Envelope[Any]) -> Coroutine[Any, Any, None] | None:
        """Handle a message and answer; what is left to await, if the handler is async."""
        message = envelope.message
        # The exact type of a declared message needs none of pykka's four questions about what it might be.
        name = self._actor_direct.get(type(message))
        try:
            result = getattr(self, name)(message) if name is not None else self._handle_receive(message)
        except self.reply_errors as error:
            self._actor_refuse(envelope, error)
            return None
        if result is not None and isinstance(result, CoroutineType):
            return self._actor_serve_async(envelope, result)
        reply_to = envelope.reply_to
        if reply_to is not None and self._actor_deferred is None:
            reply_to.set(result)
        return None

    async def _actor_serve_async(self, envelope: Envelope[Any], handler: Awaitable[Any]) -> None:
        try:
            result = await handler
        except self.reply_errors as error:
            self._actor_refuse(envelope, error)
            return
        reply_to = envelope.reply_to
        if reply_to is not None and self._actor_deferred is None:
            reply_to.set(result)

    def _actor_refuse(self, envelope: Envelope[Any], error: Exception) -> None:
        # Declared, so not a crash; after a tell there is nobody to hear it.
        if self._actor_deferred is not None:
            self._actor_deferred.fail(error)
        elif envelope.reply_to is not None:
            envelope.reply_to.set_exception(cast("Any", error))

    async def _actor_serve_system(self, message: Any) -> ExitReason | None:
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
            if self._actor_cell.tracer is not None:
                self._actor_cell.tracer.notice(notice)
            result = self.on_receive(notice)
            if isinstance(result, CoroutineType):
                await result

    # --- the end ---

    async def _actor_finish(self, reason: ExitReason) -> ExitReason:
        """Stop the children, say the last words, dismiss the workers; the reason as it is after that."""
        try:
            # Shielded also when the life was interrupted: nobody else would ever stop them.
            with trio.CancelScope(shield=True):
                if self._actor_brood is not None:
                    with trio.CancelScope() as self._actor_ending:
                        await self._actor_brood.stop_all(brutal=reason.kind is ExitKind.KILLED)
                    if self._actor_ending.cancelled_caught:
                        reason = ExitReason(TOO_LATE.kind, reason.error, TOO_LATE.detail)
                        await self._actor_brood.stop_all(brutal=True)
                if self._actor_has_stop:
                    reason = await self._actor_last_words(reason)
                if self._actor_workers is not None:
                    await self._actor_workers.dismiss()
        except Exception as error:  # noqa: BLE001 (an exit must not be lost to its clean-up)
            reason = reason if reason.abnormal else crashed(unwrap(error))
        self._actor_let_go = True
        path = self._actor_cell.path
        for reply in list(self._actor_replies):
            failure = ActorCrashed(f"{path} crashed before it answered: {sentence(reason)}")
            failure.__cause__ = reason.error
            reply.fail(failure if reason.kind is ExitKind.CRASHED else ActorDead(f"{path} ended ({reason})."))
        for watched in self._actor_watched:
            watched.unwatch(self._actor_cell)
        return reason

    async def _actor_last_words(self, reason: ExitReason) -> ExitReason:
        with trio.move_on_after(1.0 if reason.kind is ExitKind.KILLED else 5.0) as scope:
            self._actor_ending = scope
            try:
                await self.on_stop(reason)
            except Exception as error:  # noqa: BLE001 (an exit must not be lost to its clean-up)
                detail = f"its on_stop failed with {describe(error)}"
                return ExitReason(reason.kind, reason.error, detail) if reason.abnormal else crashed(unwrap(error))
            except BaseException as error:
                if not self._actor_cell.system.interrupt(error):
                    raise
                return INTERRUPTED
        if scope.cancelled_caught:
            return ExitReason(ExitKind.KILLED, reason.error, "its on_stop took too long")
        return reason

    # --- workers ---

    def _actor_spawn(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        name: str,
        serves: tuple[Future[Any], ...] = (),
    ) -> Worker:
        cell = self._actor_cell
        home = cell.system.home
        if home is None or self._actor_let_go:
            raise ActorDead(f"{cell.path} is not running.")
        if self._actor_workers is None:
            self._actor_workers = Workers(self, cell)
        return self._actor_workers.start(home, function, args, name, serves)

    def workers_gone(self) -> None:
        """The last of them has ended; an actor without any holds nothing for them."""
        self._actor_workers = None

    def _actor_replied(self, reply: "Reply") -> None:
        if reply in self._actor_replies:
            del self._actor_replies[reply]
            if not self._actor_replies:
                self._actor_replies = NOTHING
