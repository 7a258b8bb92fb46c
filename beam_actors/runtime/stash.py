"""The stash: messages that an actor can't handle yet, put aside in their order and put back in front of what waits.

Invariants: a stashed message keeps its room in the mailbox, so that waiting and stashed together never exceed its
capacity; it is handled, refused or flushed once, as if it had never been taken. One more than the stash may hold, or
than there is room for, is treated as one that arrives at a full mailbox: an ask is refused, a tell goes by the
overflow rule.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from beam_actors.runtime.mailbox import Overflow

if TYPE_CHECKING:
    from beam_actors.runtime.cell import Cell


def put_aside(cell: "Cell", envelope: Envelope[Any]) -> None:
    """Stash what the actor has in hand."""
    inbox = cell.inbox
    if inbox.aside is None:
        inbox.aside = deque()
    aside = inbox.aside
    if len(aside) >= inbox.bounds.stash_capacity or inbox.full:
        if not aside or envelope.reply_to is not None or inbox.bounds.overflow is Overflow.DROP_NEWEST:
            cell.refuse(envelope)
            return
        inbox.limit += 1
        cell.refuse(aside.popleft())
    aside.append(envelope)
    inbox.limit -= 1
