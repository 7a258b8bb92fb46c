"""A cell: the place of an actor in the tree. It outlives incarnations, and refs point at it.

Invariant: exactly one incarnation runs in a cell at a time; everything that must survive a restart (the path, the
mailbox's bound, counters, history, who watches) is here and nothing of the actor's own state is.
"""

import enum
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import trio
from pykka._envelope import Envelope

from beam_actors.errors import ActorCrashed, ActorDead, ActorUnavailable, MailboxFull
from beam_actors.runtime.exits import Down, ExitKind, ExitReason, sentence
from beam_actors.runtime.future import Future, Wait
from beam_actors.runtime.links import pass_on
from beam_actors.runtime.mailbox import DEFAULT, Inbox, Overflow, discard

if TYPE_CHECKING:
    from beam_actors.runtime.graves import PastExit
    from beam_actors.runtime.incarnation import Incarnation
    from beam_actors.runtime.ref import Ref
    from beam_actors.runtime.system import System
    from beam_actors.runtime.tracer import Tracer
    from beam_actors.runtime.workers import Worker

HISTORY: Final = 8
"""How many of its last messages a crash report names, by their types."""
NOTHING: Final = cast("dict[Any, Any]", MappingProxyType({}))
"""In the place of a dict that most actors never need; writing to it raises."""
STARTING: ContextVar["Cell"] = ContextVar("beam_actors.runtime.starting")
"""The cell whose actor is being made, or whose task this is; trio copies it into workers."""


class State(enum.Enum):
    """Where a cell stands."""

    UNBORN = "unborn"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    WAITING = "waiting"
    """Between two incarnations."""
    DEAD = "dead"


# Looked at for each message: finding a member in a set of them would hash its name in Python every time.
_STARTING, _RUNNING = State.STARTING, State.RUNNING


class Cell:
    """One path of one system."""

    # As many cells as actors. With slots each takes two hundred bytes; in a node each had a dict of 832.
    __slots__ = (
        "_recent",
        "_vacated",
        "actor",
        "actor_class",
        "children",
        "cpu",
        "exits",
        "handled",
        "in_hand",
        "in_hand_since",
        "inbox",
        "incarnation",
        "kept",
        "last_exit",
        "links",
        "occupied",
        "path",
        "ref",
        "restarts",
        "started_at",
        "state",
        "system",
        "task",
        "tracer",
        "waiting_workers",
        "waits",
        "watchers",
    )

    def __init__(self, system: "System", path: str) -> None:
        self.system = system
        self.path = path
        self.ref: Ref
        """Its other half, made with it by the system."""
        self.inbox = Inbox(DEFAULT)
        self.state = State.UNBORN
        self.actor: Incarnation | None = None
        self.actor_class: type[Any] | None = None
        self.task: trio.lowlevel.Task | None = None
        self.incarnation = 0
        self.restarts = 0
        self.started_at = self.cpu = 0.0
        self.last_exit: ExitReason | None = None
        self.exits: tuple[PastExit, ...] = ()
        """How its latest incarnations ended."""
        self.children: dict[str, Cell] = NOTHING
        self.links: dict[Cell, None] | None = None
        """With whom the present incarnation is linked; None for nobody."""
        self.watchers: dict[Cell, None] = NOTHING
        self.waiting_workers: dict[Worker, None] = NOTHING
        self.handled = 0
        """How many messages it has taken."""
        self.in_hand: Envelope[Any] | None = None
        self.in_hand_since = 0.0
        self.waits: Wait | None = None
        """What the loop waits for."""
        self.tracer: Tracer | None = None
        """Who watches what it handles; None for nobody."""
        self.occupied = self.kept = False
        """`occupied`: an incarnation was launched that is not over; it may not have run yet."""
        self._recent: list[type] | None = None
        self._vacated: trio.Event | None = None

    def __repr__(self) -> str:
        return f"<Cell {self.path}#{self.incarnation} {self.state.value}>"

    @property
    def alive(self) -> bool:
        """Whether an incarnation runs or is starting, so that messages are queued."""
        return self.state is _RUNNING or self.state is _STARTING

    @property
    def history(self) -> tuple[str, ...]:
        """The types of the last messages that it took, the oldest first."""
        recent = self._recent or []
        oldest = self.handled % HISTORY if len(recent) == HISTORY else 0
        return tuple(kind.__name__ for kind in recent[oldest:] + recent[:oldest])

    def take(self) -> Envelope[Any]:
        """Take the next message in hand; there must be one."""
        inbox = self.inbox
        # The short way for the usual case, which spares each message a call.
        envelope = inbox.get() if inbox.urgent or inbox.wanted else inbox.user.popleft()
        self.in_hand = envelope
        recent = self._recent
        if recent is not None and len(recent) == HISTORY:
            recent[self.handled % HISTORY] = type(envelope.message)
        elif recent is not None:
            recent.append(type(envelope.message))
        else:
            self._recent = [type(envelope.message)]
        self.handled += 1
        return envelope

    async def vacated(self) -> None:
        """Wait until the incarnation that was launched is over, if there is one."""
        if self.occupied:
            if self._vacated is None:
                self._vacated = trio.Event()
            await self._vacated.wait()

    def vacate(self) -> None:
        """It is over, and all that had to be done about it is."""
        self.occupied = False
        if self._vacated is not None:
            self._vacated.set()
            self._vacated = None

    @property
    def waits_for(self) -> "Cell | None":
        """The actor that the loop waits for."""
        return self.waits.callee if self.waits is not None else None

    def begin_wait(self, future: Wait, task: "trio.lowlevel.Task") -> None:
        """`task` waits for this reply now; only if that is the loop, the loop does."""
        if task is self.task:
            self.waits = future

    def end_wait(self, future: Wait) -> None:
        """Nobody of it waits for this reply any longer."""
        if self.waits is future:
            self.waits = None

    def deliver(self, envelope: Envelope[Any]) -> bool:
        """Queue a user message by the overflow rule; False when it was not taken (and is not disposed of)."""
        state, inbox = self.state, self.inbox
        if state is not _RUNNING and state is not _STARTING:
            return False
        if len(inbox.user) >= inbox.limit:
            if inbox.bounds.overflow is Overflow.DROP_NEWEST or envelope.reply_to is not None:
                return False
            oldest = inbox.give_way(envelope)
            if oldest is None:
                return False
            self.refuse(oldest)
        if self.tracer is not None:
            envelope = self.tracer.mark(envelope)
        inbox.put(envelope)
        return True

    def undeliverable(self, envelope: Envelope[Any], why: str) -> None:
        """A message that nobody will handle: fail its asker, or count a dead letter; dispose of what it carries."""
        future = envelope.reply_to
        if isinstance(future, Future) and not future.done:
            future.set_exception(self.error(why))
        else:
            self.system.dead_letter(self, envelope.message, why)
        discard(envelope.message)

    def refuse(self, envelope: Envelope[Any]) -> None:
        """A message that the mailbox has no room for any more, though the actor lives."""
        future = envelope.reply_to
        if isinstance(future, Future) and not future.done:
            future.set_exception(MailboxFull(f"The mailbox of {self.path} is full."))
        else:
            self.system.dead_letter(self, envelope.message, "its mailbox overflowed")
        discard(envelope.message)

    def error(self, why: str) -> ActorDead | ActorUnavailable:
        """What an asker gets now."""
        reason = f" ({self.last_exit})" if self.last_exit is not None else ""
        if self.state is State.WAITING:
            return ActorUnavailable(f"{self.path} is being restarted{reason}.")
        return ActorDead(f"{self.path}: {why}{reason}.")

    def watch(self, watcher: "Cell") -> None:
        """Tell the actor in `watcher` of each end."""
        if self.watchers is NOTHING:
            self.watchers = {}
        self.watchers[watcher] = None

    def unwatch(self, watcher: "Cell") -> None:
        """Tell it no longer."""
        if watcher in self.watchers:
            del self.watchers[watcher]

    def ended(self, reason: ExitReason) -> None:
        """The incarnation is over: fail what it held, flush the mailbox, tell the watchers."""
        self.last_exit = reason
        self.actor = None
        self.task = None
        self.waits = None
        in_hand, self.in_hand = self.in_hand, None
        if in_hand is not None:
            self._fail_in_hand(in_hand, reason)
        self.inbox.system.clear()
        for envelope in self.inbox.drain():
            self.undeliverable(envelope, "it ended before it handled the message")
        down = Down(self.ref, self.path, self.incarnation, reason)
        for watcher in list(self.watchers):
            if watcher.alive:
                watcher.inbox.put_system(down)
            else:
                self.unwatch(watcher)
        if self.links is not None:
            pass_on(self, reason)
        self.system.groups.forget(self)
        self.system.exited(self, reason)

    def bury(self) -> None:
        """No incarnation will follow: whatever waits is undeliverable."""
        self.state = State.DEAD
        for envelope in self.inbox.drain():
            self.undeliverable(envelope, "it is dead")

    def _fail_in_hand(self, envelope: Envelope[Any], reason: ExitReason) -> None:
        future = envelope.reply_to
        if isinstance(future, Future) and not future.done:
            error: BaseException
            if reason.kind is ExitKind.CRASHED:
                error = ActorCrashed(f"{self.path} crashed while it handled the message: {sentence(reason)}")
                error.__cause__ = reason.error
            else:
                error = ActorDead(f"{self.path} ended while it handled the message ({reason}).")
            future.set_exception(error)
        discard(envelope.message)
