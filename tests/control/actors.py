"""What a fake node shows of its actors: a trace and a tree."""

import attrs
import trio

from beam_actors.control.api import TraceFeed
from beam_actors.control.results import TraceRow, TreeNode


class FakeFeed:
    """A trace whose rows a test puts in; None is its end."""

    def __init__(self, actor):
        self.actor = actor
        self.ended = None
        self.recorded = 0
        self.missed = 0
        self.closed = False
        self._send, self._receive = trio.open_memory_channel(1000)

    def put(self, **what):
        row = TraceRow(
            **{
                "time": 1_800_000_000.25, "path": self.actor, "incarnation": 1, "kind": "message", "message": "Say",
                "shown": "text=str[5]", "sender": None, "asked": False, "waited_s": 0.001, "took_s": 0.25,
                "outcome": "handled", "detail": "", "missed": 0, **what,
            }
        )  # fmt: skip
        self._send.send_nowait(row)

    def end(self, why):
        self.ended = why
        self._send.send_nowait(None)

    async def next(self):
        row = await self._receive.receive()
        self.recorded += row is not None
        return row

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True


_FEED_CONFORMS: type[TraceFeed] = FakeFeed


def small_tree():
    """A root with two children, of which one crashed."""
    leaf = _node("node/control", "Control")
    crashed = attrs.evolve(
        _node("node/core/x", "Thing"), restarts=1, incarnation=2, last_exit="crashed: ValueError('boom\x1b[31m')"
    )
    return attrs.evolve(_node("node", "Supervisor"), children=(leaf, crashed))


def _node(path, kind):
    return TreeNode(
        path=path,
        kind=kind,
        state="running",
        incarnation=1,
        restarts=0,
        last_exit=None,
        mailbox=0,
        uptime_s=3.0,
        message=None,
        busy_s=0.0,
        cpu_s=0.0,
        waits_for=None,
        workers=0,
        children=(),
    )
