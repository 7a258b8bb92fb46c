"""What lies between virtual machines: links with their conditions, cuts and splits, and single packets on them.

The invariant: a packet that can't pass is gone, and one that passes arrives at whoever has its address then, at most
twice and never before its time. All dice of a network are one stream, thrown in the order of sending. It knows no
connection (`lane`).
"""

from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.testing.agenda import Agenda
from beam_actors.testing.network.conditions import Conditions
from beam_actors.testing.network.link import Link
from beam_actors.testing.network.nat import Protocol
from beam_actors.testing.network.regions import JITTER, latency_between
from beam_actors.testing.network.routes import Landing, Way, arrive, end_of
from beam_actors.testing.seeded import current_clock
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.endpoint import VirtualEndpoint
    from beam_actors.testing.network.host import VirtualHost
    from beam_actors.testing.network.realm import Site

Tap = Callable[["VirtualHost", "Site | None", bytes], None]
"""Called with sender, receiver (None if nobody has the address) and payload, when it leaves."""


class Fabric:
    """Links between sites, made when first used, on which packets travel.

    `patience` is how many seconds TCP waits for a silent peer; `buffer` how many bytes one direction of a connection
    holds in both kernels and on the wire.
    """

    def __init__(self, dice: Random, conditions: Conditions, *, buffer: int, patience: float) -> None:
        self.buffer = buffer
        self.patience = patience
        self._taps: dict[int, Tap] = {}
        self._next_tap = 0
        self.dice = dice
        self._conditions = conditions
        self._by_region: dict[tuple[str, str], Conditions] = {}
        self._version = 0
        self._cuts: dict[Link, None] = {}
        self._clogs: dict[Link, None] = {}
        self._split: tuple[Site, ...] = ()
        self._stalled: dict[Link, None] = {}

    @property
    def agenda(self) -> Agenda:
        """What will happen in this run."""
        return current_clock().agenda

    # --- links ---

    @property
    def conditions(self) -> Conditions:
        """What holds on links of which nothing else was said; between regions, of all but latency and jitter."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._by_region.clear()
        self.refresh()

    def refresh(self) -> None:
        """Let every link look up its conditions again: a site has moved, or the default changed."""
        self._version += 1

    def link(self, source: "Site", target: "Site") -> Link:
        """The way from one site to another, with the conditions of now."""
        link = source.links.get(target)
        if link is None:
            link = source.links[target] = Link(source, target, self.dice)
        return self.current(link)

    def current(self, link: Link) -> Link:
        """The link itself, with the conditions of now."""
        if link.version != self._version:
            link.version = self._version
            link.conditions = link.own or self._between(link.source.region, link.target.region)
        return link

    def set_conditions(self, source: "Site", target: "Site", conditions: Conditions | None) -> None:
        """Let a link have conditions of its own from now on; packets under way keep their time. None: no more."""
        link = self.link(source, target)
        link.own = conditions
        link.conditions = conditions or self._between(source.region, target.region)

    def passes(self, link: Link) -> bool:
        """Whether a packet sent now would get through."""
        source, target = link.source, link.target
        return (
            source.up
            and not link.is_cut
            and (source.side is target.side or source.side is None or target.side is None or source.side == target.side)
        )

    # --- cuts ---

    def cut(self, source: "Site", target: "Site") -> None:
        """Let nothing pass in this direction; what is under way still arrives."""
        link = self.link(source, target)
        link.is_cut = True
        self._cuts[link] = None

    def mend(self, source: "Site", target: "Site") -> None:
        """Undo a cut; connections retransmit what they sent meanwhile."""
        link = self.link(source, target)
        link.is_cut = False
        self._cuts.pop(link, None)
        self._release(link)

    def clog(self, source: "Site", target: "Site", seconds: float) -> None:
        """Let what is sent in this direction from now on leave after so many seconds; nothing is lost."""
        link = self.link(source, target)
        link.clogged_until = max(link.clogged_until, trio.current_time() + seconds)
        self._clogs[link] = None

    def split(self, groups: Iterable[Iterable["Site"]]) -> None:
        """Let nothing pass between groups; a site that is in none reaches all. It takes the place of another split."""
        self._unite()
        members = [(number, site) for number, group in enumerate(groups) for site in group]
        for number, site in members:
            site.side = number
        self._split = tuple(site for _number, site in members)
        self.release_all()

    def heal_all(self) -> None:
        """Undo all cuts, the split, and what is left of clogs."""
        self._unite()
        for link in self._cuts:
            link.is_cut = False
        for link in self._clogs:
            link.clogged_until = 0.0
        self._cuts.clear()
        self._clogs.clear()
        self.release_all()

    def _unite(self) -> None:
        for site in self._split:
            site.side = None
        self._split = ()

    # --- connections that can't get through ---

    def stall(self, link: Link) -> None:
        """A connection on this link waits for it."""
        self._stalled[link] = None

    def release_all(self) -> None:
        """Something changed for many: let every connection that waits try again."""
        for link in list(self._stalled):
            self._release(link)

    def release_of(self, site: "Site") -> None:
        """Something changed for one site: let the connections from and to it try again."""
        for link in [each for each in self._stalled if site in {each.source, each.target}]:
            self._release(link)

    def _release(self, link: Link) -> None:
        for lane in list(link.stalled):
            lane.release()
        if not link.stalled:
            self._stalled.pop(link, None)

    # --- single packets ---

    def observe(self, tap: Tap) -> Callable[[], None]:
        """Show every payload to `tap` from now on, until the returned function is called."""
        self._next_tap += 1
        number = self._next_tap
        self._taps[number] = tap
        return lambda: self._taps.pop(number, None) and None

    def show(self, source: "VirtualHost", target: "Site | None", payload: bytes) -> None:
        """A payload leaves for another machine."""
        for tap in list(self._taps.values()) if self._taps else ():
            tap(source, target, payload)

    def cast(self, packet: "Packet") -> None:
        """Send a packet that nobody retransmits: it is there once, or twice, or never."""
        end = packet.end
        if end is None:
            return
        link = self.link(packet.source, end)
        if not self.passes(link):
            return
        now = trio.current_time()
        for when in link.cast(now, packet.size):
            self.agenda.add(when, partial(packet.land, when))

    def answer(self, source: "VirtualHost", end: "VirtualEndpoint", action: Callable[[], None]) -> None:
        """Send a packet back to an end that is dialling, on the way that its own came: lost if it can't pass."""
        target = end.host
        if source is target:
            action()
            return
        link = self.link(source, target)
        if self.passes(link):
            now = trio.current_time()
            for when in link.cast(now, 0):
                self.agenda.add(when, partial(self._arrive, end, action, when))

    @staticmethod
    def _arrive(end: "VirtualEndpoint", action: Callable[[], None], now: float) -> None:
        if end.is_reachable(now):
            action()

    def _between(self, source: str | None, target: str | None) -> Conditions:
        if source is None or target is None:
            return self._conditions
        found = self._by_region.get((source, target))
        if found is None:
            latency = latency_between(source, target)
            jitter = max(latency * JITTER, self._conditions.jitter)
            found = attrs.evolve(self._conditions, latency=latency, jitter=jitter)
            self._by_region[source, target] = found
        return found

    def __repr__(self) -> str:
        return f"<Fabric {self._conditions}, {len(self._cuts)} cuts>"


@attrs.frozen(slots=True)
class Packet:
    """A datagram or a SYN on its way: `deliver` is called if it arrives at a machine."""

    source: "VirtualHost"
    way: Way
    protocol: Protocol
    target: TcpAddress
    size: int
    deliver: Callable[[Landing], None]

    @property
    def end(self) -> "Site | None":
        """Where it would end now."""
        return None if self.way.realm is None else end_of(self.way.realm, self.protocol, self.target)

    def land(self, now: float) -> None:
        """It is there: let the boxes at that end look at it."""
        if self.way.realm is not None:
            landing = arrive(self.way.realm, self.protocol, self.way.source, self.target, now)
            if landing is not None:
                self.deliver(landing)


__all__ = ["Fabric", "Packet", "Tap"]
