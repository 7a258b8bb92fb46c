"""Where our actor plugs into pykka's: the creation hooks, what its loop would need, and a start that is refused.

Invariant: nothing of pykka's threads, uuids or process-wide registry is ever touched. It knows of the cell that an
actor is made in, and nothing of how the actor lives.
"""

from typing import TYPE_CHECKING, Any

import pykka

from beam_actors.runtime.cell import STARTING, Cell
from beam_actors.runtime.future import Future
from beam_actors.runtime.mailbox import Inbox


class StopFlag:
    """Pykka's `actor_stopped`, without a lock."""

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        """Whether the actor has ended."""
        return self._set

    def set(self) -> None:
        """Mark it as ended."""
        self._set = True


if TYPE_CHECKING:
    from beam_actors.runtime.ref import Ref

    class _PykkaActor:
        """What of `pykka.Actor` is used; its sync hook signatures would forbid our async ones."""

        actor_urn: str
        actor_inbox: Inbox
        actor_stopped: StopFlag
        _actor_ref: Ref

        def _handle_receive(self, message: Any) -> Any: ...

        def stop(self) -> None: ...

else:
    _PykkaActor = pykka.Actor


class PykkaHooks(_PykkaActor):
    """`pykka.Actor` with each hook that it leaves open, or that would leave our loop, filled in."""

    def __init__(self, cell: Cell) -> None:
        # Not pykka's __init__: it makes a uuid4 and a threading.Event, which cost 1.2 KB and determinism.
        self.actor_urn = f"{cell.path}#{cell.incarnation}"
        self.actor_inbox = self._create_actor_inbox()
        self.actor_stopped = StopFlag()
        self._actor_ref = cell.ref

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
