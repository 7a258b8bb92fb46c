"""The supervision tree as the control API shows it, and its events as the log keeps them (the crash reports)."""

import structlog

from beam_actors.control.results import DeadRow, ExitRow, Tree, TreeNode
from beam_actors.runtime import Event, Snapshot

_log = structlog.get_logger()


def tree_of(snapshot: Snapshot, now: float) -> Tree:
    """A snapshot of the root, taken at `now` by the system's clock, with the names that scripts read."""
    dead = tuple(
        DeadRow(
            path=grave.path,
            kind=grave.kind,
            incarnation=grave.incarnation,
            reason=grave.reason,
            ago_s=round(now - grave.at, 3),
            last_messages=grave.last_messages,
        )
        for grave in snapshot.dead
    )
    return Tree(root=tree_node(snapshot, now), dead=dead)


def tree_node(snapshot: Snapshot, now: float) -> TreeNode:
    """One actor and what is below it."""
    return TreeNode(
        path=snapshot.path,
        kind=snapshot.kind,
        state=snapshot.state,
        incarnation=snapshot.incarnation,
        restarts=snapshot.restarts,
        last_exit=snapshot.last_exit,
        mailbox=snapshot.mailbox,
        uptime_s=round(snapshot.uptime, 3),
        message=snapshot.message,
        busy_s=round(snapshot.busy, 3),
        cpu_s=round(snapshot.cpu, 3),
        waits_for=snapshot.waits_for,
        workers=snapshot.workers,
        children=tuple(tree_node(child, now) for child in snapshot.children),
        workers_wait_for=snapshot.workers_wait_for,
        stashed=snapshot.stashed,
        capacity=snapshot.capacity,
        exits=tuple(
            ExitRow(incarnation=past.incarnation, reason=past.reason, ago_s=round(now - past.at, 3))
            for past in snapshot.exits
        ),
        links=snapshot.links,
        groups=snapshot.groups,
    )


def log_event(event: Event) -> None:
    """An observer for `System.observe`: each crash with its cause and the last messages, all other exits in a line.

    How often an actor that holds the loop is a line is the system's `StepLimit`.
    """
    if event.kind == "exited" and event.reason is not None and event.reason.abnormal:
        _log.error(
            "an actor crashed",
            path=event.path,
            incarnation=event.incarnation,
            reason=event.detail,
            last_messages=list(event.history),
            exc_info=event.reason.error,
        )
    elif event.kind == "exited":
        _log.debug("an actor ended", path=event.path, incarnation=event.incarnation, reason=event.detail)
    elif event.kind == "started" and event.incarnation > 1:
        _log.info("an actor was restarted", path=event.path, incarnation=event.incarnation)
    elif event.kind == "dead-letter":
        _log.debug("a message was for nobody", path=event.path, detail=event.detail)
    elif event.kind == "held":
        _log.warning(
            "an actor held the loop",
            path=event.path,
            incarnation=event.incarnation,
            message=event.message,
            ms=round(event.seconds * 1000),
            detail=event.detail,
        )
