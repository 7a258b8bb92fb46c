"""Two daemons with a session between them, and what each of them does when its pump has a turn.

Daemon 0 takes the clients in and opens a stream for each; daemon 1 reads which tunnel a stream is for, dials the
service, and joins the two. Nothing happens by itself: somebody calls each step.
"""

from beam_actors.errors import NetworkError
from beam_actors.flow import IncomingStream, SessionDown, Stream
from beam_actors.flow.sockets import ListenerLink, SocketLink
from beam_actors.testing.network import VirtualNetwork
from tests.flow.rig import LOOPBACK, FakeOwner
from tests.flow.sessions import ECHO
from tests.flow.stepped import Daemon, hand_clock
from tests.flow.terms import Terms
from tests.flow.tunnelled import HEAD, MOST, Crossing, Program, Tunnel, content

TAGS = "ingress", "tunnel"
"""What daemon 0 and daemon 1 call the splices of theirs."""
UNREAD = 100
"""Bytes that are read at most to find a tunnel's number, of which the rest is put back."""
_ROUNDS = 30_000
_ALL = 1 << 18


class TwoDaemons:
    """The daemons, their programs, and the tunnels so far."""

    def _begin(self, terms: Terms) -> None:
        """With a session, and without a tunnel."""
        hand_clock().begin()
        self.terms = terms
        host = VirtualNetwork(buffer=terms.buffer).host("a")
        self.programs = host.driver()
        self.network = host.driver()
        self.daemons = Daemon(host, terms.flow), Daemon(host, terms.flow)
        self.owners = FakeOwner("ingress"), FakeOwner("tunnels")
        self.keeper = FakeOwner("listeners")
        self.tunnels: list[Tunnel] = []
        self.accepted: list[Stream] = []
        self.arrived: list[tuple[Stream, bytearray, Crossing]] = []
        self.crossings: list[Crossing] = []
        for daemon, tag in zip(self.daemons, TAGS, strict=True):
            daemon.pump.splices.open_account(tag)
        pump = self.daemons[0].pump
        self.entrance = ListenerLink(pump, pump.driver.listen(LOOPBACK), self._accepted, self.keeper)
        self.services = self.programs.listen(LOOPBACK)
        self._cross()

    @property
    def crossing(self) -> Crossing:
        """The session of now."""
        return self.crossings[-1]

    def _cross(self) -> None:
        self.crossings.append(Crossing(len(self.crossings), self.network, self.daemons, self.terms.session))
        self._settle()
        assert self.crossing.is_up

    def _tunnel(self, index: int) -> Tunnel:
        return self.tunnels[index % len(self.tunnels)]

    def _program(self, index: int, end: int) -> Program:
        tunnel = self._tunnel(index)
        return tunnel.server if end and tunnel.server is not None else tunnel.client

    def _turn(self, side: int, picks: list[int] | None = None, hint: int | None = None) -> None:
        self.daemons[side].turn(picks, hint=hint)
        for crossing in self.crossings:
            crossing.listen(side)
            for message in list(crossing.owners[side].inbox):
                if isinstance(message, SessionDown):
                    crossing.owners[side].inbox.remove(message)
                    crossing.went_down(side)
                elif isinstance(message, IncomingStream):
                    crossing.owners[side].inbox.remove(message)
                    if message.stream.error is None:
                        message.stream.adopt(self.owners[side])
                    self.arrived.append((message.stream, bytearray(), crossing))

    def _accepted(self, link: SocketLink) -> None:
        link.adopt(self.owners[0])
        self.accepted.append(Stream(link))

    def _serve(self, tunnel: Tunnel, stream: Stream, rest: bytes) -> None:
        stream.unread(rest)
        pump = self.daemons[1].pump
        local = Stream(SocketLink(pump, pump.driver.dial(self.services.local), self.owners[1]))
        accepted = self.services.accept()
        assert accepted is not None
        assert tunnel.server is None, "one tunnel came twice"
        tunnel.server = Program(accepted, content(tunnel.number, 1))
        self._join(1, tunnel, stream, local)

    def _join(self, side: int, tunnel: Tunnel, first: Stream, second: Stream) -> None:
        try:
            tunnel.splices[side] = first.splice(second, (TAGS[side], str(tunnel.number)))
        except NetworkError:
            assert tunnel.excused
            first.abort()
            second.abort()

    def _visit(self) -> None:
        """The visiting daemon opens a stream for the client that waits longest, and joins the two."""
        if not self.accepted:
            return
        local = self.accepted.pop(0)
        tunnel = next(one for one in self.tunnels if one.client.endpoint.local == local.remote)
        tunnel.crossing = self.crossing
        try:
            there = self.crossing.handles[0].open(ECHO, self.owners[0])
        except NetworkError:
            assert tunnel.excused
            local.abort()
            return
        local.unread(b"%0*d" % (HEAD, tunnel.number))
        self._join(0, tunnel, local, there)

    def _answer(self, which: int, limit: int | None = None) -> None:
        """The owner's daemon reads which tunnel a stream is for, and joins it with the service."""
        if not self.arrived:
            return
        index = which % len(self.arrived)
        stream, head, crossing = self.arrived[index]
        try:
            if len(head) < HEAD and (data := stream.read_nowait(limit or 1 + 11 * which)) is not None:
                assert data, "a clean end within the head"
                head += data
            if len(head) >= HEAD:
                del self.arrived[index]
                self._serve(self.tunnels[int(head[:HEAD])], stream, bytes(head[HEAD:]))
        except NetworkError:
            assert crossing.hurt or any(one.cut for one in self.tunnels)
            stream.abort()
            self.arrived = [entry for entry in self.arrived if entry[0] is not stream]

    def _settle(self, *, carrying: bool = True, reading: bool = False, answering: bool = True) -> None:
        for _ in range(_ROUNDS):
            moved = self._turns()
            for crossing in self.crossings if carrying else ():
                for way in (0, 1):
                    moved |= crossing.middle.carry(way, _ALL)
            moved |= self._admit(answering=answering)
            for tunnel in self.tunnels if reading else ():
                for end in range(len(tunnel.ends)):
                    moved |= tunnel.read(end, MOST)
            if not moved and not self._rested():
                return
        raise AssertionError("it never comes to rest")

    def _rested(self) -> bool:
        """Let the time pass for which bulk rests, if some of it does."""
        if not any(daemon.pump.pacer.resting for daemon in self.daemons):
            return False
        hand_clock().go_on(self.terms.flow.pace_seconds)
        return True

    def _turns(self) -> bool:
        due = [side for side, daemon in enumerate(self.daemons) if daemon.driver.is_due]
        for side in due:
            self._turn(side)
        return bool(due)

    def _admit(self, *, answering: bool) -> bool:
        waiting = len(self.accepted) + len(self.arrived)
        while self.accepted and self.crossing.is_up:
            self._visit()
        for index in reversed(range(len(self.arrived) if answering else 0)):
            self._answer(index, UNREAD)
        return len(self.accepted) + len(self.arrived) < waiting
