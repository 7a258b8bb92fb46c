"""Whether crashes are kept where they belong: judged by the events that every system tells.

What depends on a crashed actor (docs/supervision.md) is restarted with it, and nothing else is; no actor crashes that
the plan, or a disk that refuses, did not crash. The second is what supervision would hide: a fault that is restarted
away a thousand times is still a fault.
"""

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.errors import ActorError, StartFailed, StorageError
from beam_actors.runtime import Event, ExitKind, ExitReason
from beam_actors.runtime.children import Escalated, SignificantExit, TooManyRestarts
from simulations import inside
from simulations.faults.actors import PlannedCrash
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulations.place import Place

_REST_FOR_ONE = {
    "node/core": ("store", "pump", "services"),
    "node/core/services/tunnels": ("offered", "catalogue", "acceptor"),
    "node/core/services/forwards": ("local", "list"),
}
"""Supervisors of which each child is built on those before it. All others: one for one."""
_AFTERMATH = 60.0
"""Seconds after a planned crash, or a disk's refusal, in which others may find somebody dead whom they need."""
_SPINS = 5000
"""Starts of one path in one virtual second that no chain of intensities explains (the longest of the tree: 4 in the
names, 11 in the services, 6 in the core, 6 in the node)."""


@attrs.define(slots=True)
class _Life:
    """What was seen of one path of one daemon; the numbers are places in the order of all events."""

    started: int = 0
    ended: int = 0
    fell: int = 0
    """When it last ended by itself, not because its supervisor stopped it."""
    taken_along: bool = False
    """When it ended last, something that it is built on had fallen since its start, or was not back yet."""


class _Watcher(Invariant):
    """Hears what happens in every daemon, from its start until it goes down."""

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._unwatch: dict[int, Callable[[], None]] = {}

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        self._unwatch[place.index] = place.node.system.observe(lambda event: self.heard(place, event))

    def goes_down(self, place: "Place", how: str) -> None:  # noqa: ARG002
        """See `Invariant`: from now on its actors end because the daemon does."""
        unwatch = self._unwatch.pop(place.index, None)
        if unwatch is not None:
            unwatch()

    def heard(self, place: "Place", event: Event) -> None:
        """Something happened to an actor."""
        raise NotImplementedError


class CrashesStay(_Watcher):
    """S19."""

    id = "S19"
    title = "a crash restarts what depends on the crashed actor, nothing else, and never for ever"
    why = "nothing was restarted"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)
        self._lives: dict[int, dict[str, _Life]] = {}
        """By machine and path: a machine forgets at each exit, and must not look through all others' actors."""
        self._second = 0
        self._starts: Counter[tuple[int, str]] = Counter()
        """How often each actor was started in this second of the run."""
        self._order = 0

    def booted(self, place: "Place") -> None:
        """See `Invariant`: its tree has started already."""
        super().booted(place)
        self._order += 1
        for cell in inside.cells(place.node):
            self._life(place, cell.path).started = self._order

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`."""
        super().goes_down(place, how)
        self._forget(place, "")

    def heard(self, place: "Place", event: Event) -> None:
        """See `_Watcher`."""
        self._order += 1
        if event.kind == "started":
            self._started(place, event)
        elif event.kind == "exited" and event.reason is not None:
            life = self._life(place, event.path)
            life.ended = self._order
            if event.reason.kind in {ExitKind.NORMAL, ExitKind.CRASHED}:
                life.fell = self._order
            parent, before, _after = _siblings(event.path)
            life.taken_along = any(
                one.fell > life.started or one.ended > one.started  # a sibling's end is decided upon a little later
                for one in (self._life(place, f"{parent}/{other}") for other in before)
            )
            # Its children ended with it, and begin anew with its next incarnation.
            self._forget(place, f"{event.path}/")

    def _started(self, place: "Place", event: Event) -> None:
        life = self._life(place, event.path)
        if event.incarnation > 1:
            self._judge_restart(place, event.path, life)
        life.started = self._order
        self._judge_spinning(place, event.path)

    def _judge_restart(self, place: "Place", path: str, life: _Life) -> None:
        parent, _before, later = _siblings(path)
        self.figures["restarts"] = self.figures.get("restarts", 0.0) + 1
        self.expect(
            life.fell == life.ended or life.taken_along,
            f"{path} of {place.name} was restarted although neither it nor what it is built on had ended",
        )
        for other in later if life.fell == life.ended else ():
            after = self._life(place, f"{parent}/{other}")
            self.expect(
                after.ended > life.fell or after.ended >= after.started,  # or it waits since an earlier fall
                f"{path} of {place.name} was restarted, and {other}, which is built on it, was not",
            )

    def _judge_spinning(self, place: "Place", path: str) -> None:
        now = int(trio.current_time())
        if now != self._second:
            self._second = now
            self._starts.clear()
        self._starts[place.index, path] += 1
        starts = self._starts[place.index, path]
        self.figures["most starts of one actor in a second"] = max(
            self.figures.get("most starts of one actor in a second", 0.0), float(starts)
        )
        if starts == _SPINS:
            self.fail(f"{path} of {place.name} was started {_SPINS} times in a second")

    def _life(self, place: "Place", path: str) -> _Life:
        return self._lives.setdefault(place.index, {}).setdefault(path, _Life())

    def _forget(self, place: "Place", below: str) -> None:
        lives = self._lives.get(place.index, {})
        for path in [path for path in lives if path.startswith(below)]:
            del lives[path]


class CrashesArePlanned(_Watcher):
    """S17."""

    id = "S17"
    title = "no actor crashes but those that the plan crashes, and whom they take along"
    why = "no actor ended"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)
        self._planned_at: dict[int, float] = {}
        self._hung_up: tuple[int, float, int] = (-1, -1.0, 0)

    def heard(self, place: "Place", event: Event) -> None:
        """See `_Watcher`."""
        if event.kind != "exited" or event.reason is None:
            return
        if "/session-" in event.path:
            self._count_sessions(place)
        if event.reason.kind not in {ExitKind.CRASHED, ExitKind.KILLED}:
            self.checks += 1
            return
        if _is_planned(event.reason.error):
            self._planned_at[place.index] = trio.current_time()
            self.figures["planned crashes"] = self.figures.get("planned crashes", 0.0) + 1
            self.checks += 1
        elif self._follows(place, event.reason):
            self.forgiven["somebody that it needs was crashed, or its disk refused"] += 1
        else:
            self.expect(False, f"{event.path} of {place.name} ended by a fault of its own: {event.reason}")

    def _follows(self, place: "Place", reason: ExitReason) -> bool:
        """Whether it ended because another one had, or because the disk refused."""
        now = trio.current_time()
        planned = now - self._planned_at.get(place.index, -_AFTERMATH) < _AFTERMATH
        if not planned and not place.disk_refused_around(now, _AFTERMATH):
            return False
        return isinstance(_root(reason.error), (ActorError, StorageError)) or reason.kind is ExitKind.KILLED

    def _count_sessions(self, place: "Place") -> None:
        """How many sessions of one node ended at one instant, at most: so that a report can say that it was tried."""
        now = trio.current_time()
        index, when, count = self._hung_up
        count = count + 1 if (index, when) == (place.index, now) else 1
        self._hung_up = place.index, now, count
        self.figures["sessions that ended at once"] = max(
            self.figures.get("sessions that ended at once", 0.0), float(count)
        )


def _siblings(path: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The parent's path, the children that this one is built on, and those that are built on it."""
    parent, _, name = path.rpartition("/")
    order = _REST_FOR_ONE.get(parent, ())
    at = order.index(name) if name in order else 0
    return parent, order[:at], order[at + 1 :] if name in order else ()


def _root(error: BaseException | None) -> BaseException | None:
    """What a supervisor's end says it is the consequence of."""
    while isinstance(error, (TooManyRestarts, Escalated, SignificantExit, StartFailed)) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_planned(error: BaseException | None) -> bool:
    return isinstance(_root(error), PlannedCrash)
