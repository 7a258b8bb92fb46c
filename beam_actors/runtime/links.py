"""Links: two incarnations that share their fate.

Invariants: a link is symmetric, it is between incarnations and so ends with the first of them, and both cells forget
it then. The supervision tree is made of no links: a supervisor takes part in one only where its class says so, and
nobody is linked to whom it supervises or is supervised by, since a crash of a child would then be its supervisor's.
"""

from typing import TYPE_CHECKING

from beam_actors.errors import ActorError
from beam_actors.runtime.exits import Down, ExitReason, crashed

if TYPE_CHECKING:
    from beam_actors.runtime.cell import Cell


class LinkedExit(ActorError):
    """An actor that this one is linked to ended abnormally; `origin` is the URN of the one that it began with."""

    code = "linked-exit"

    def __init__(self, message: str, origin: str) -> None:
        super().__init__(message)
        self.origin = origin


class LinkRefused(ActorError):
    """These two may not be linked."""

    code = "link-refused"


def link(mine: "Cell", other: "Cell") -> None:
    """Link the incarnations that run in these cells; linking again, or with itself, does nothing.

    Raises:
        LinkedExit: no incarnation runs in `other`, and mine does not trap exits. If it does, it gets the `Down`.
        LinkRefused: one is above the other in the tree, or is a supervisor whose class does not say `linkable`.
    """
    actor = mine.actor
    if actor is None or other is mine:
        return
    for upper, lower in ((mine, other), (other, mine)):
        if upper.system is lower.system and lower.path.startswith(f"{upper.path}/"):
            raise LinkRefused(f"{upper.path} supervises {lower.path}: they are bound already, and not by a link.")
        if upper.actor is not None and not upper.actor.linkable:
            raise LinkRefused(f"{upper.path} is a supervisor, which is linked only if its class says linkable = True.")
    if other.actor is not None:
        for one, two in ((mine, other), (other, mine)):
            if one.links is None:
                one.links = {}
            one.links[two] = None
        return
    reason = crashed(other.error("it was not running when it was linked"))
    if not actor.trap_exits:
        raise _exit(other, reason)
    mine.inbox.put_system(Down(other.ref, other.path, other.incarnation, reason, linked=True))


def unlink(mine: "Cell", other: "Cell") -> None:
    """Take the link back; nothing happens if there is none."""
    for one, two in ((mine, other), (other, mine)):
        if one.links is not None:
            one.links.pop(two, None)
            if not one.links:
                one.links = None


def pass_on(ended: "Cell", reason: ExitReason) -> None:
    """The incarnation in `ended` is over: all its links are gone, and those at their other ends learn of it."""
    for other in list(ended.links or ()):
        unlink(ended, other)
        actor = other.actor
        if actor is None:
            continue
        if actor.trap_exits:
            if other.alive:
                other.inbox.put_system(Down(ended.ref, ended.path, ended.incarnation, reason, linked=True))
        elif reason.abnormal:
            actor.crash_now(_exit(ended, reason))


def _exit(ended: "Cell", reason: ExitReason) -> LinkedExit:
    urn = f"{ended.path}#{ended.incarnation}"
    origin = reason.error.origin if isinstance(reason.error, LinkedExit) else urn
    error = LinkedExit(f"{urn}, to which it was linked, ended ({reason}).", origin)
    error.__cause__ = reason.error
    return error
