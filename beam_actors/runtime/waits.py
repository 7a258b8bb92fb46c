"""Who waits for whom: the loops of actors, their workers, and the replies that they wait for and serve.

An actor's loop waits for at most one reply, a worker for as many as it asks for; either may wait for the start or the
end of an actor instead. A reply is served by the loop of the
actor that was asked; once it was deferred and handed to workers, by those that run. Invariant: an ask that would
close a circle of these edges raises before anything is sent; what a worker does beside the replies that it
serves is nobody's wait and closes none.
"""

from collections.abc import Iterator
from typing import Any

from trio.lowlevel import current_task

from beam_actors.runtime.cell import STARTING, Cell
from beam_actors.runtime.future import Future, Reply
from beam_actors.runtime.workers import WORKING, Worker

Node = Cell | Worker
"""What can wait: the loop in a cell, or a worker."""


def current_node() -> Node | None:
    """The loop or the worker that runs now; None for another task, as one that a handler's own nursery runs."""
    try:
        task = current_task()
    except RuntimeError:
        return None
    cell = task.context.get(STARTING)
    if cell is None or cell.task is task:
        return cell
    worker = task.context.get(WORKING)
    return worker if worker is not None and worker.cell is cell else None


class WaitingFor:
    """Around a wait for the start or the end of the actor in `callee`, whose hooks must then not ask who waits."""

    __slots__ = ("_node", "callee")
    servers = None

    def __init__(self, callee: Cell) -> None:
        self.callee = callee
        self._node = current_node()

    def __enter__(self) -> None:
        if self._node is not None:
            self._node.begin_wait(self, current_task())

    def __exit__(self, *_error: object) -> None:
        if self._node is not None:
            self._node.end_wait(self)


def cycle(asker: Node, callee: Cell) -> tuple[str, ...] | None:
    """The paths round the circle that an ask would close, from the asker to the asker; None if it closes none."""
    if callee is not asker and callee.waits is None:
        return None
    # Each node is looked at once: the graph is small, but two workers may wait for one actor.
    seen: dict[Node, Node | None] = {callee: None}
    stack: list[Node] = [callee]
    while stack:
        node = stack.pop()
        if node is asker:
            path = [asker]
            back = seen[node]
            while back is not None:
                path.append(back)
                back = seen[back]
            path.append(asker)
            return tuple(_path(one) for one in reversed(path))
        for following in _served_by(node):
            if following not in seen:
                seen[following] = node
                stack.append(following)
    return None


def replies_of(loop: Cell, deferred: Reply | None, args: tuple[Any, ...]) -> tuple[Future[Any], ...]:
    """The replies that a worker serves which is spawned now by somebody of `loop`'s actor.

    Those among its arguments; if there are none, that of the message in hand if the loop itself deferred it, or
    what the spawning worker serves.
    """
    given = tuple(arg.future for arg in args if isinstance(arg, Reply) and arg.future is not None)
    if given:
        return given
    node = current_node()
    if isinstance(node, Worker):
        return node.serves
    if node is loop and loop.in_hand is not None and deferred is not None and deferred.future is not None:
        return (deferred.future,)
    return ()


def _served_by(node: Node) -> Iterator[Node]:
    if node.waits is None:
        return
    for future in tuple(node.waits) if isinstance(node.waits, dict) else (node.waits,):
        if future.servers:
            yield from future.servers
        elif future.callee is not None:
            yield future.callee


def _path(node: Node) -> str:
    return node.path if isinstance(node, Cell) else node.cell.path
