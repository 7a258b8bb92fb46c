"""The supervision tree as the control API shows it, and its events as the log keeps them (the crash reports)."""

import structlog

from beam_actors.control.api import TreeNode
from beam_actors.runtime import Event, Snapshot

_log = structlog.get_logger()


def tree_node(snapshot: Snapshot) -> TreeNode:
    """A snapshot in the form and with the names that scripts read."""
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
        children=tuple(tree_node(child) for child in snapshot.children),
    )


def log_event(event: Event) -> None:
    """An observer for `System.observe`: each crash with its cause and the last messages, all other exits in a line."""
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
