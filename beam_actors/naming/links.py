"""The links of `spread`: one for each peer that is connected, or that has a stream here.

Invariant: there is one link for a peer at any time, and it goes with the last of what it is there for; what the peer
owed is kept then (`allowance`). All peers together have so many streams served, and one that has many makes room.
"""

from collections.abc import Iterator, Mapping

from beam_actors.naming.allowance import Allowances
from beam_actors.naming.limits import Limits
from beam_actors.naming.link import Link
from beam_actors.naming.network import ByteStream
from beam_actors.ports import Clock
from beam_actors.runtime import Worker
from beam_actors.values import PeerId


class Links(Mapping[PeerId, Link]):
    """By peer, in the order in which they came. One holder."""

    __slots__ = ("_allowances", "_by_peer", "_clock", "_limits", "_me", "_serving")

    def __init__(self, limits: Limits, clock: Clock, *, me: PeerId) -> None:
        """Of two nodes, the one with the lower peer id (`me` is this one's) opens the first exchange."""
        self._limits = limits
        self._clock = clock
        self._me = me
        self._allowances = Allowances(limits, clock)
        self._by_peer: dict[PeerId, Link] = {}
        self._serving = 0

    def __getitem__(self, peer: PeerId) -> Link:
        return self._by_peer[peer]

    def __iter__(self) -> Iterator[PeerId]:
        return iter(self._by_peer)

    def __len__(self) -> int:
        return len(self._by_peer)

    def __repr__(self) -> str:
        return f"<Links to {len(self)} peers, {self._serving} streams>"

    @property
    def serving(self) -> int:
        """How many streams are being served."""
        return self._serving

    def of(self, peer: PeerId) -> Link:
        """The link of the peer, a new one if there is none."""
        if peer not in self._by_peer:
            allowance = self._allowances.of(peer)
            self._by_peer[peer] = Link(allowance, self._limits, self._clock, behind=self._me < peer)
        return self._by_peer[peer]

    def drop(self, peer: PeerId) -> None:
        """The peer is gone, if it was there: no more is due to it, and nothing goes on."""
        link = self._by_peer.pop(peer, None)
        if link is not None:
            link.gone(self._clock.monotonic())
            self._allowances.left(peer, link.allowance)
            for worker in (link.worker, *link.streams.values()):
                if worker is not None:
                    worker.cancel()

    def drop_idle(self, peer: PeerId, link: Link) -> bool:
        """Whether nothing was left of a link, so that it went: its peer was not announced, and has no stream."""
        idle = link.worker is None and not link.streams and self._by_peer.get(peer) is link
        if idle:
            self.drop(peer)
        return idle

    def announced(self) -> int:
        """How many peers are connected, and hear of changes."""
        return sum(1 for link in self._by_peer.values() if link.worker is not None)

    # --- streams that peers open --------------------------------------------------------------------------------------

    def has_room(self, link: Link) -> bool:
        """Whether the link may have one more stream served; if all have too many, whoever has most loses the oldest."""
        if len(link.streams) >= self._limits.streams_per_peer:
            return False
        if self._serving < self._limits.streams:
            return True
        greedy = max(self._by_peer.values(), key=lambda one: len(one.streams))
        if len(greedy.streams) <= len(link.streams) + 1:
            return False
        greedy.streams.pop(next(iter(greedy.streams))).cancel()
        return True

    def began(self, link: Link, stream: ByteStream, worker: Worker) -> None:
        """The worker serves the stream."""
        self._serving += 1
        link.streams[stream] = worker

    def ended(self, link: Link, stream: ByteStream) -> None:
        """The stream is served no longer."""
        self._serving -= 1
        link.streams.pop(stream, None)
