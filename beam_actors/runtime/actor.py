"""Pykka's Actor on trio: what an actor's own code calls. How it lives is `incarnation`'s business."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from beam_actors.errors import ActorDead, ActorError
from beam_actors.runtime import checks, links
from beam_actors.runtime.cell import NOTHING, State
from beam_actors.runtime.exits import NORMAL, Down, ExitKind, ExitReason
from beam_actors.runtime.future import SET_ASIDE, Future, Reply
from beam_actors.runtime.handlers import find_handler, handlers_of
from beam_actors.runtime.incarnation import Incarnation
from beam_actors.runtime.mailbox import Mailbox, discard
from beam_actors.runtime.ref import Ref
from beam_actors.runtime.restarts import AutoShutdown, Intensity, Strategy
from beam_actors.runtime.specs import ChildSpec
from beam_actors.runtime.stash import put_aside
from beam_actors.runtime.waits import replies_of
from beam_actors.runtime.workers import Timer, Worker, deliver_later

if TYPE_CHECKING:
    from beam_actors.runtime.system import System


_KINDS: Final = {
    "mailbox": Mailbox,
    "trap_exits": bool,
    "linkable": bool,
    "strategy": Strategy,
    "intensity": Intensity,
    "auto_shutdown": AutoShutdown,
    "count_per_child": bool,
}
"""What a class may say of its actors, and the kind of each."""


class Actor(Incarnation):
    """Subclass it, mark handlers with `@receives(Type)`, start it as a child. Handlers may be sync or async."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, wanted in _KINDS.items():
            checks.kind(f"{cls.__name__}.{name}", getattr(cls, name), wanted)
        checks.classes(f"{cls.__name__}.priority", cls.priority, object)
        checks.classes(f"{cls.__name__}.reply_errors", cls.reply_errors, Exception)
        cls._actor_handlers = handlers_of(cls)
        cls._actor_direct = cls._actor_handlers if cls.on_receive is Actor.on_receive else {}
        cls._actor_has_start = cls.on_start is not Incarnation.on_start
        cls._actor_has_stop = cls.on_stop is not Incarnation.on_stop

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.actor_urn}>"

    __str__ = __repr__

    # --- what subclasses use ---

    @property
    def ref(self) -> Ref:
        """This actor's ref, valid across restarts."""
        return self._actor_cell.ref

    @property
    def path(self) -> str:
        """This actor's place in the tree."""
        return self._actor_cell.path

    @property
    def system(self) -> "System":
        """The system that it lives in."""
        return self._actor_cell.system

    @property
    def parent(self) -> Ref | None:
        """Its supervisor's ref; None for the root."""
        head, separator, _ = self._actor_cell.path.rpartition("/")
        return self._actor_cell.system.ref(head) if separator else None

    def on_receive(self, message: Any) -> Any:
        """Dispatch by the message's type; an unknown message is a dead letter, not a crash."""
        name = find_handler(self._actor_handlers, type(message))
        if name is None:
            self._actor_cell.system.dead_letter(self._actor_cell, message, "no handler takes it")
            discard(message)
            envelope = self._actor_cell.in_hand
            if envelope is not None:
                self.defer().fail(ActorError(f"{self.path} takes no {type(message).__name__}."))
            return None
        return getattr(self, name)(message)

    def spawn(self, function: Callable[..., Awaitable[Any]], *args: Any, name: str = "") -> Worker:
        """Run `function(*args)` as a worker: it ends with the actor, and its failure crashes the actor.

        It serves the `Reply`s among its arguments, else the one that was deferred of the message in hand: should it ask
        somebody who waits for one of them, it gets `AskCycle`.
        """
        return self._actor_spawn(function, args, name, replies_of(self._actor_cell, self._actor_deferred, args))

    def send_after(self, seconds: float, message: Any) -> Timer:
        """Tell myself `message` after `seconds`, 0 or more; the timer dies with this incarnation."""
        if not seconds >= 0:  # nor nan, which would never be over
            raise ValueError(f"A message is sent after 0 or more seconds, not {seconds!r}.")
        return Timer(self._actor_spawn(deliver_later, (self._actor_cell, seconds, message), "timer"))

    async def start_child(self, spec: ChildSpec) -> Ref:
        """Start a child and return its ref once its `on_start` is done; raise `StartFailed` from what it raised."""
        return await self._actor_children.start(spec)

    async def stop_child(self, ref: Ref) -> None:
        """Stop a child in order, within its `shutdown` seconds; it is not restarted."""
        await self._actor_children.stop(ref)

    def children(self) -> list[Ref]:
        """The refs of the children, in the order of their start."""
        return [cell.ref for cell in self._actor_cell.children.values()]

    def defer(self) -> Reply:
        """Take the duty of answering the message in hand; the handler's return value is then ignored."""
        envelope = self._actor_cell.in_hand
        if envelope is None:
            raise RuntimeError("There is no message in hand to defer the reply of.")
        future = cast("Future[Any] | None", envelope.reply_to)
        reply = Reply(future, self._actor_replied)
        if self._actor_replies is NOTHING:
            self._actor_replies = {}
        self._actor_replies[reply] = None
        self._actor_deferred = reply
        return reply

    def stash(self) -> None:
        """Put the message in hand aside until `unstash`; what the handler returns is then ignored.

        A stash that is full refuses it as a full mailbox would (see `Mailbox.stash`).
        """
        cell, envelope = self._actor_cell, self._actor_cell.in_hand
        if envelope is None or self._actor_deferred is not None:
            raise RuntimeError("There is no message in hand to stash, or its reply is deferred.")
        cell.in_hand = None
        self._actor_deferred = SET_ASIDE
        put_aside(cell, envelope)

    def unstash(self) -> None:
        """Put all that was stashed in front of what waits, in the order in which it arrived."""
        self._actor_cell.inbox.put_back()

    def monitor(self, ref: Ref) -> None:
        """Get one `Down` for each exit of an incarnation of `ref`, at once if none runs."""
        cell = ref._cell  # noqa: SLF001 (the runtime's own half of the ref)
        cell.watch(self._actor_cell)
        if self._actor_watched is NOTHING:
            self._actor_watched = {}
        self._actor_watched[cell] = None
        if not cell.alive and cell.state is not State.STOPPING:  # whose exit is to come
            reason = cell.last_exit or ExitReason(ExitKind.NORMAL, detail="it was not running")
            self._actor_cell.inbox.put_system(Down(cell.ref, cell.path, cell.incarnation, reason))

    def demonitor(self, ref: Ref) -> None:
        """Get no more of its `Down`s."""
        cell = ref._cell  # noqa: SLF001 (as above)
        if cell in self._actor_watched:
            cell.unwatch(self._actor_cell)
            del self._actor_watched[cell]

    def link(self, ref: Ref) -> None:
        """Share the fate of the incarnation that runs at `ref`: an abnormal exit of one crashes the other.

        With `trap_exits` this side gets a `Down` with `linked=True` for every exit instead. A link ends with the first
        of the two incarnations; the next ones are not linked.

        Raises:
            LinkedExit: none runs there, which is as an exit at once (a `Down` if this side traps exits).
            LinkRefused: one supervises the other, or is a `Supervisor` that does not say `linkable = True`.
        """
        self._actor_check_running("link")
        links.link(self._actor_cell, ref._cell)  # noqa: SLF001 (as above)

    def unlink(self, ref: Ref) -> None:
        """Share its fate no longer; nothing happens if there is no link."""
        if self._actor_cell.actor is self:
            links.unlink(self._actor_cell, ref._cell)  # noqa: SLF001 (as above)

    def join(self, group: str) -> None:
        """Be a member of the group until `leave`, or the end of this incarnation; raise `GroupFull`."""
        self._actor_check_running("join")
        self._actor_cell.system.groups.join(self._actor_cell, group)

    def leave(self, group: str) -> None:
        """Be no member any more; nothing happens if it is none."""
        if self._actor_cell.actor is self:
            self._actor_cell.system.groups.leave(self._actor_cell, group)

    def subscribe(self, group: str) -> list[Ref]:
        """The group's members now, and a `GroupChanged` for later changes until the end of this incarnation."""
        self._actor_check_running("subscribe to")
        return self._actor_cell.system.groups.subscribe(self._actor_cell, group)

    def unsubscribe(self, group: str) -> None:
        """Hear no more of the group; nothing happens if it did not subscribe."""
        if self._actor_cell.actor is self:
            self._actor_cell.system.groups.unsubscribe(self._actor_cell, group)

    def stop(self, reason: ExitReason = NORMAL) -> None:
        """End this incarnation after the message in hand; nothing happens if it is over."""
        self._actor_request_stop(reason)

    def _actor_check_running(self, what: str) -> None:
        # What an incarnation takes part in ends with it, and what one that is over began would never end.
        if self._actor_cell.actor is not self:
            raise ActorDead(f"{self.actor_urn} is not running, so it has nothing to {what}.")
