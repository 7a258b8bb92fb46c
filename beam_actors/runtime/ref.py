"""A ref: how everybody else holds an actor. It points at a cell, so it survives restarts and may exist before them."""

from typing import Any

import pykka
import trio
from pykka._envelope import Envelope

from beam_actors.errors import AskCycle, MailboxFull
from beam_actors.runtime.cell import Cell, State
from beam_actors.runtime.exits import SHUTDOWN, ExitReason
from beam_actors.runtime.future import Future
from beam_actors.runtime.mailbox import Inbox, discard
from beam_actors.runtime.waits import WaitingFor, current_node, cycle


class StopRequest:
    """On the system lane: stop for this reason."""

    __slots__ = ("reason",)

    def __init__(self, reason: ExitReason) -> None:
        self.reason = reason


class Ref(pykka.ActorRef[Any]):
    """`tell` never fails, `ask` is awaited, `send` waits for room. Equal when they point at the same cell."""

    def __init__(self, cell: Cell) -> None:  # pykka's takes an actor; ours exists before one
        self._cell = cell

    @property
    def path(self) -> str:
        """The path of the cell, which is the actor's name in the tree."""
        return self._cell.path

    @property
    def alive(self) -> bool:
        """Whether an incarnation runs now."""
        return self._cell.alive

    def is_alive(self) -> bool:
        """Pykka's spelling of `alive`."""
        return self._cell.alive

    @property
    def incarnation(self) -> int:
        """How many incarnations there have been."""
        return self._cell.incarnation

    @property
    def actor_class(self) -> Any:  # type: ignore[override]  # pykka: an attribute; ours changes with the incarnation
        """The class of the latest incarnation."""
        return self._cell.actor_class

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # as above
        """The path and the number of the incarnation."""
        return f"{self._cell.path}#{self._cell.incarnation}"

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]  # as above
        """The cell's mailbox."""
        return self._cell.inbox

    def _actor_weakref(self) -> Any:  # type: ignore[override]  # pykka: a weakref; a cell knows its actor itself
        """What pykka's proxy looks at to learn an actor's attributes."""
        return self._cell.actor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other._cell is self._cell

    def __hash__(self) -> int:
        return hash(self._cell.path)

    def __repr__(self) -> str:
        return f"<Ref {self.actor_urn} {self._cell.state.value}>"

    __str__ = __repr__

    def tell(self, message: Any) -> None:
        """Send and forget: never blocks, never raises. What cannot be delivered becomes a dead letter."""
        cell = self._cell
        envelope: Envelope[Any] = Envelope(message)
        if not cell.deliver(envelope):
            cell.undeliverable(envelope, "its mailbox is full" if cell.alive else "it is not running")

    def ask(self, message: Any, *, block: bool = False, timeout: float | None = None) -> Future[Any]:
        """Send and get a future of the reply: `await ref.ask(m, timeout=2)`.

        Raises (when awaited):
            ActorDead, ActorUnavailable, ActorCrashed: at once, when no reply will come.
            AskTimeout, MailboxFull, AskCycle: as their names say.
        """
        if block:
            raise TypeError("An ask never blocks here: await it.")
        cell = self._cell
        future: Future[Any] = Future()
        if timeout is not None:
            future.timeout = timeout
        asker = current_node()
        if asker is not None:
            if cell.waits is not None or cell is asker:
                path = cycle(asker, cell)
                if path is not None:
                    future.set_exception(AskCycle(path))
                    discard(message)
                    return future
            future.asker = asker
            future.callee = cell
        if not cell.deliver(Envelope(message, future)):
            if cell.alive:
                future.set_exception(MailboxFull(f"The mailbox of {cell.path} is full."))
            else:
                future.set_exception(cell.error("it is not running"))
            discard(message)
        return future

    async def send(self, message: Any) -> None:
        """Send, waiting for room in the mailbox; raise `ActorDead` or `ActorUnavailable` if it ends meanwhile."""
        cell = self._cell
        while cell.alive and cell.inbox.full:
            await cell.inbox.wait_for_room()
        if not cell.deliver(Envelope(message)):
            discard(message)
            raise cell.error("it is not running")
        await trio.lowlevel.checkpoint_if_cancelled()

    def crash(self, reason: BaseException) -> None:
        """Crash the present incarnation with `reason`, also if a handler hangs."""
        actor = self._cell.actor
        if actor is not None:
            actor.crash_now(reason)

    async def stop(self, reason: ExitReason = SHUTDOWN) -> None:  # type: ignore[override]  # pykka's blocks
        """Ask it to stop, overtaking waiting messages, and wait until the incarnation has ended.

        An actor that stops itself, or whoever is above it, only asks: that end waits for its own.
        """
        cell = self._cell
        if cell.alive:
            cell.inbox.put_system(StopRequest(reason))
        elif cell.state is not State.STOPPING:
            return
        asker = current_node()
        if asker is cell or (isinstance(asker, Cell) and asker.path.startswith(f"{cell.path}/")):
            await trio.lowlevel.checkpoint()
        else:
            with WaitingFor(cell):
                await cell.vacated()
