"""What `spread` holds for one connected peer: what it owes the peer, and what it does for it."""

from collections import deque
from math import inf
from typing import TYPE_CHECKING

import trio

from beam_actors.naming.allowance import Allowance
from beam_actors.values import EMPTY, Bucket

if TYPE_CHECKING:
    from beam_actors.naming.network import ByteStream
    from beam_actors.runtime import Worker


class Link:
    """What this node owes one connected peer, and what it does for it."""

    __slots__ = (
        "_room",
        "allowance",
        "answering",
        "behind",
        "comparing",
        "due",
        "in_vain",
        "news",
        "opening",
        "outbox",
        "streams",
        "worker",
    )

    def __init__(self, allowance: Allowance, pace: tuple[Bucket, Bucket], room: int, *, behind: bool) -> None:
        self.allowance = allowance
        self.opening, self.answering = pace
        """How often this node opens an exchange, and how often it answers one."""
        self.comparing = trio.Lock()  # an offer is held in memory: one at a time
        self.outbox: deque[bytes] = EMPTY
        self._room = room
        self.behind = behind  # a full exchange is needed: at first by one side, later when a push was lost
        self.due: float | None = None  # when it may be opened, on the monotonic clock; news is pushed meanwhile
        self.in_vain: float | None = None
        """When this node has waited long enough for the exchange that the peer is to open."""
        self.news = trio.Event()
        self.streams: dict[ByteStream, Worker] = {}
        """Those that the peer opened, the oldest first, and who serves each."""
        self.worker: Worker | None = None

    @property
    def wakes_at(self) -> float:
        """When there may be something to do without any news, on the monotonic clock; never is `inf`."""
        return min((when for when in (self.due, self.in_vain) if when is not None), default=inf)

    def push(self, claims: list[bytes]) -> None:
        """Have the claims pushed; when there is no room, an exchange makes good for the oldest."""
        if len(self.outbox) + len(claims) > self._room:
            self.behind = True
        if self.outbox is EMPTY:
            self.outbox = deque(maxlen=self._room)
        self.outbox.extend(claims)
        self.news.set()

    def fall_behind(self) -> None:
        """Have a full exchange soon."""
        self.behind = True
        self.news.set()

    def __repr__(self) -> str:
        return f"<Link, {len(self.outbox)} to push, {len(self.streams)} streams>"
