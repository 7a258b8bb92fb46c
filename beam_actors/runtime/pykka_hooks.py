"""Where our actor plugs into pykka's: the creation hooks, what its loop would need, and a start that is refused.

Invariant: nothing of pykka's threads, uuids or process-wide registry is ever touched. It knows of the cell that an
actor is made in, and nothing of how the actor lives.
"""

from typing import TYPE_CHECKING, Any

import pykka

from beam_actors.runtime.cell import STARTING, Cell
from beam_actors.runtime.future import Future
from beam_actors.runtime.mailbox import Inbox

if TYPE_CHECKING:
    from beam_actors.runtime.ref import Ref

    class _PykkaActor:
        """What of `pykka.Actor` is used; its sync hook signatures would forbid our async ones."""

        def _handle_receive(self, message: Any) -> Any: ...

        def stop(self) -> None: ...

else:
    _PykkaActor = pykka.Actor


def cell_for(kind: type) -> Cell:
    """The cell that an actor is being made in; raise `RuntimeError` if none is, since it would live nowhere."""
    cell = STARTING.get(None)
    if cell is None or cell.actor is not None:
        raise RuntimeError(f"{kind} is made by the factory of a ChildSpec that is started, not by hand.")
    return cell


class StopFlag:
    """Pykka's `actor_stopped`, which is the cell's to know."""

    __slots__ = ("_actor", "_cell")

    def __init__(self, actor: "PykkaHooks", cell: Cell) -> None:
        self._actor = actor
        self._cell = cell

    def is_set(self) -> bool:
        """Whether this incarnation has ended."""
        return self._cell.actor is not self._actor


class PykkaHooks(_PykkaActor):
    """`pykka.Actor` with each hook that it leaves open, or that would leave our loop, filled in."""

    # Not pykka's __init__: it makes a uuid4 and a threading.Event, which cost 1.2 KB and determinism. What it would
    # set is the cell's, so it is read there, and costs no actor a byte.
    _actor_cell: Cell
    _actor_number: int

    @property
    def actor_urn(self) -> str:
        """The path and the number of this incarnation."""
        return f"{self._actor_cell.path}#{self._actor_number}"

    @property
    def actor_inbox(self) -> Inbox:
        """The cell's mailbox."""
        return self._actor_cell.inbox

    @property
    def actor_stopped(self) -> StopFlag:
        """Whether this incarnation has ended."""
        return StopFlag(self, self._actor_cell)

    @property
    def _actor_ref(self) -> "Ref":
        return self._actor_cell.ref

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return STARTING.get().inbox

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    @classmethod
    def start(cls, *_args: Any, **_kwargs: Any) -> Any:
        """Pykka's way to start would enter its process-wide registry; here an actor is always somebody's child."""
        raise TypeError("An actor is started as a child: await parent.start_child(ChildSpec(...)).")

    def _start_actor_loop(self) -> None:
        self.start()

    def _stop(self) -> None:
        self.stop()  # what pykka's own stop message leads to; its version leaves through the registry
