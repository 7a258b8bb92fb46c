"""The tree as it stands between two batches of the scheduler: nothing moves while it is taken."""

import attrs

from beam_actors.runtime.cell import Cell, State
from beam_actors.runtime.exits import LONGEST_REASON, cut
from beam_actors.runtime.graves import Grave, PastExit


@attrs.frozen(slots=True, kw_only=True)
class Snapshot:
    """One actor and what it supervises. Times in seconds."""

    path: str
    kind: str
    state: str
    incarnation: int
    restarts: int
    last_exit: str | None
    uptime: float
    mailbox: int
    message: str | None
    """The type of the message in hand."""
    busy: float
    """For how long it has been in hand."""
    waits_for: str | None
    cpu: float
    workers: int
    children: tuple["Snapshot", ...]
    dead: tuple[Grave, ...] = ()
    """At the root alone: those that ended for good a while ago, the latest first."""
    workers_wait_for: tuple[str, ...] = ()
    """The actors that asks of its workers hang on."""
    stashed: int = 0
    """Messages that it has put aside; they count within the mailbox's capacity."""
    capacity: int = 0
    """How many messages may wait, stashed ones among them."""
    exits: tuple[PastExit, ...] = ()
    """How its latest incarnations ended, the oldest first."""
    links: tuple[str, ...] = ()
    """The actors whose fate it shares."""
    groups: tuple[str, ...] = ()
    """Those that it joined."""


def snapshot(cell: Cell, now: float, dead: tuple[Grave, ...] = ()) -> Snapshot:
    """The subtree below `cell`; `dead` belongs to the top of the tree."""
    # Without recursion: a tree may be deeper than Python's stack.
    cells = [cell]
    for one in cells:
        cells.extend(one.children.values())
    rows: dict[Cell, Snapshot] = {}
    for one in reversed(cells):
        below = tuple(rows.pop(child) for child in one.children.values())
        rows[one] = _row(one, now, below, dead if one is cell else ())
    return rows[cell]


def _row(cell: Cell, now: float, children: tuple[Snapshot, ...], dead: tuple[Grave, ...]) -> Snapshot:
    running = cell.state in {State.STARTING, State.RUNNING, State.STOPPING}
    in_hand = cell.in_hand
    return Snapshot(
        path=cell.path,
        kind=cell.actor_class.__name__ if cell.actor_class is not None else "",
        state=cell.state.value,
        incarnation=cell.incarnation,
        restarts=cell.restarts,
        last_exit=cut(str(cell.last_exit), LONGEST_REASON) if cell.last_exit is not None else None,
        uptime=now - cell.started_at if running else 0.0,
        mailbox=len(cell.inbox),
        message=type(in_hand.message).__name__ if in_hand is not None else None,
        busy=now - cell.in_hand_since if in_hand is not None else 0.0,
        waits_for=cell.waits_for.path if cell.waits_for is not None else None,
        cpu=cell.cpu,
        workers=cell.actor.worker_count if cell.actor is not None else 0,
        dead=dead,
        workers_wait_for=tuple(
            dict.fromkeys(
                future.callee.path
                for worker in cell.waiting_workers
                for future in worker.waits or ()
                if future.callee is not None
            )
        ),
        stashed=len(cell.inbox.aside or ()),
        capacity=cell.inbox.bounds.capacity,
        exits=cell.exits,
        links=tuple(other.path for other in cell.links or ()),
        groups=cell.system.groups.of(cell),
        children=children,
    )
