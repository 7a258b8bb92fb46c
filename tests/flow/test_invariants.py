"""The pump's invariants, whatever the network does, in whatever order the pumps have their turns.

Two daemons with a session between them, programs at both ends of several tunnels, and a state machine that decides on
everything: who writes, reads, half-closes or leaves; how many bytes the network hands on; which pump has a turn, and
which of its ready sockets it is told of, in which order; how time passes; what is cut, crashed or tampered with, and
when. See `tunnelled` for what is checked of each byte.
"""

import sys

import attrs
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from beam_actors.errors import NetworkError
from beam_actors.flow import FlowLimits, IncomingStream, SessionDown, SessionUp, Stream
from beam_actors.flow.sockets import ListenerLink, SocketLink
from beam_actors.testing.network import VirtualNetwork
from beam_actors.wire import SessionLimits
from beam_actors.wire.limits import INITIAL_WINDOW
from tests.flow.rig import LOOPBACK, FakeOwner
from tests.flow.sessions import ECHO
from tests.flow.stepped import Daemon, HandClock, hand_clock
from tests.flow.tunnelled import HEAD, MOST, SILENCE, Crossing, Program, Tunnel, content

_TUNNELS = 5
_ROUNDS = 30_000
_FLUSH = 1 << 18
"""Sealed bytes that a session may hold while its socket takes none."""
ALL = 1 << 18
INDEX = st.integers(0, 7)
SIDE = st.integers(0, 1)
SIZE = st.integers(0, 4)
TAGS = "ingress", "tunnel"
HARM = "reset both", "reset one", "end both", "end one", "silence", "change", "repeat", "drop", "leave", "crash"
"""What the network does to a connection, or a byte of it; a daemon leaves the session in order, or its actor crashes."""


@attrs.frozen
class Terms:
    """What one run goes by; sizes in bytes."""

    sizes: tuple[int, ...]
    """Of writes, reads, and of what the network hands on at once."""
    buffer: int
    """Of both kernels, for one direction of a connection."""
    read_size: int
    splice_read_size: int
    stream_buffer: int
    send_buffer: int
    slice_callbacks: int
    slice_bytes: int
    slice_frames: int
    window: int

    @property
    def flow(self) -> FlowLimits:
        return FlowLimits(
            read_size=self.read_size,
            splice_read_size=self.splice_read_size,
            slice_callbacks=self.slice_callbacks,
            slice_bytes=self.slice_bytes,
            slice_frames=self.slice_frames,
        )

    @property
    def session(self) -> SessionLimits:
        return SessionLimits(stream_buffer=self.stream_buffer, send_buffer=self.send_buffer, window=self.window)


def terms(fine: bool) -> st.SearchStrategy[Terms]:  # noqa: FBT001  # one of two
    def one(few: tuple[int, ...], many: tuple[int, ...]) -> st.SearchStrategy[int]:
        return st.sampled_from(few if fine else many)

    return st.builds(
        Terms,
        sizes=st.just((1, 3, 20, 90, 300) if fine else (1, 700, 9_000, 70_000, 300_000)),
        buffer=one((40, 300), (1_500, 1 << 16)),
        read_size=one((1, 50), (4_096, 1 << 18)),
        splice_read_size=one((1, 50), (4_096, 1 << 16)),
        stream_buffer=one((5, 1 << 18), (10_000, 1 << 18)),
        send_buffer=one((20, 1 << 20), (30_000, 1 << 20)),
        slice_callbacks=st.sampled_from([1, 3, 256]),
        slice_bytes=st.sampled_from([1, 1 << 20]),
        slice_frames=st.sampled_from([1, 512]),
        window=st.sampled_from([INITIAL_WINDOW, 4 * INITIAL_WINDOW]),
    )


class Tunnels(RuleBasedStateMachine):
    """Daemon 0 has the clients, daemon 1 the servers."""

    @initialize(terms=st.one_of(terms(fine=True), terms(fine=False)))
    def start(self, terms: Terms) -> None:
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

    # --- what programs do ---

    @precondition(lambda self: len(self.tunnels) < _TUNNELS)
    @rule(size=SIZE)
    def open(self, size: int) -> None:
        """A client connects, and says the first of its bytes."""
        number = len(self.tunnels)
        client = Program(self.programs.dial(self.entrance.local), content(number, 0))
        self.tunnels.append(Tunnel(number, self.crossing, client))
        client.write(self.terms.sizes[size])

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE, size=SIZE)
    def write(self, tunnel: int, end: int, size: int) -> None:
        self._program(tunnel, end).write(self.terms.sizes[size])

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE, size=SIZE)
    def read(self, tunnel: int, end: int, size: int) -> None:
        self._tunnel(tunnel).read(end, self.terms.sizes[size])

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE)
    def half_close(self, tunnel: int, end: int) -> None:
        self._program(tunnel, end).finish()

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE)
    def reset(self, tunnel: int, end: int) -> None:
        self._tunnel(tunnel).cut = True
        self._program(tunnel, end).leave()

    # --- what daemons do ---

    @rule(side=SIDE, picks=st.lists(INDEX, max_size=5), hint=st.none() | INDEX)
    def turn(self, side: int, picks: list[int], hint: int | None) -> None:
        """One turn of one pump, with some of what is ready, in any order."""
        self._turn(side, picks, hint)

    @precondition(lambda self: self.accepted)
    @rule()
    def visit(self) -> None:
        """The visiting daemon opens a stream for a client and joins the two."""
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

    @precondition(lambda self: self.arrived)
    @rule(which=INDEX, limit=st.sampled_from([1, HEAD, 100]))
    def answer(self, which: int, limit: int) -> None:
        """The owner's daemon reads which tunnel a stream is for, and joins it with the service."""
        index = which % len(self.arrived)
        stream, head, crossing = self.arrived[index]
        try:
            if len(head) < HEAD and (data := stream.read_nowait(limit)) is not None:
                assert data, "a clean end within the head"
                head += data
            if len(head) >= HEAD:
                del self.arrived[index]
                self._serve(self.tunnels[int(head[:HEAD])], stream, bytes(head[HEAD:]))
        except NetworkError:
            assert crossing.hurt or any(one.cut for one in self.tunnels)
            stream.abort()
            self.arrived = [entry for entry in self.arrived if entry[0] is not stream]

    @precondition(lambda self: self.crossing.hurt)
    @rule()
    def dial_again(self) -> None:
        """A new session for the tunnels of the future."""
        self._cross()

    # --- what the network and time do ---

    @rule(way=SIDE, size=SIZE)
    def carry(self, way: int, size: int) -> None:
        self.crossing.middle.carry(way, self.terms.sizes[size])

    @rule(moves=st.lists(st.tuples(st.integers(0, 2), SIDE, SIZE), min_size=3, max_size=12))
    def bustle(self, moves: list[tuple[int, int, int]]) -> None:
        """Many small things at once: turns, and bytes that are handed on."""
        for kind, side, size in moves:
            if kind == 0:
                self._turn(side)
            elif kind == 1:
                self._turn(side, [size])
            else:
                self.crossing.middle.carry(side, self.terms.sizes[size])
            self._admit()

    @rule()
    def settle(self) -> None:
        """All that can happen while no program does anything."""
        self._settle()

    @rule(seconds=st.sampled_from([0.01, 3.0, 12.0]))
    def pass_time(self, seconds: float) -> None:
        hand_clock().go_on(seconds)

    # --- what goes wrong ---

    @precondition(lambda self: not self.crossing.middle.harmed)
    @rule(how=st.sampled_from(HARM), side=SIDE)
    def harm(self, how: str, side: int) -> None:
        """Something happens to the session, or to the bytes that the daemon of that number sent."""
        middle = self.crossing.middle
        if how in {"change", "repeat", "drop"}:
            middle.tamper(side, how)
        elif how in {"leave", "crash"}:
            middle.harmed = True
            if how == "leave":
                self.crossing.handles[side]._link.close()
            else:
                self.crossing.dead[side] = True
                self.daemons[side].pump.owner_ended(self.crossing.owners[side].path)
        else:
            what, _, whom = how.partition(" ")
            middle.cut(what, None if whom == "both" else side)

    @rule(side=SIDE)
    def crash(self, side: int) -> None:
        """Who owns connections that are not joined yet ends; what is joined goes on."""
        for tunnel in self.tunnels:
            tunnel.cut = tunnel.cut or side not in tunnel.splices
        self.daemons[side].pump.owner_ended(self.owners[side].path)

    @precondition(lambda self: self.tunnels)
    @rule(side=SIDE, tunnel=INDEX)
    def withdraw(self, side: int, tunnel: int) -> None:
        """Cut the splices of one tag at one daemon."""
        chosen = self._tunnel(tunnel)
        lives = side in chosen.splices and not chosen.splices[side].ended
        chosen.cut = chosen.cut or lives
        assert self.daemons[side].pump.splices.abort(str(chosen.number)) == lives

    # --- what must be ---

    @invariant()
    def holds(self) -> None:
        slack = self.terms.splice_read_size + max(100, HEAD)
        for tunnel in self.tunnels:
            tunnel.check(slack, self.terms.window, self.terms.buffer)
        owners = [self.keeper, *self.owners, *(owner for one in self.crossings for owner in one.owners)]
        assert [crash for owner in owners for crash in owner.crashes] == []
        most = (self.terms.window + 2 * slack) * _TUNNELS + _FLUSH * len(self.crossings)
        for side, daemon in enumerate(self.daemons):
            assert 0 <= daemon.pump.statistics().bytes_held <= most
            splices = [tunnel.splices[side] for tunnel in self.tunnels if side in tunnel.splices]
            traffic = daemon.pump.splices.traffic(TAGS[side])
            assert traffic.opened == len(splices)
            assert traffic.live == sum(not splice.ended for splice in splices) == len(daemon.pump.splices)
            assert traffic.forth == sum(splice.bytes[0] for splice in splices)
            assert traffic.back == sum(splice.bytes[1] for splice in splices)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None and hasattr(self, "terms"):
            self._all_must_end()
        for daemon in getattr(self, "daemons", ()):
            daemon.close()

    def _all_must_end(self) -> None:
        """Everybody reads and says that it was all: then all is whole, or was cut for a reason; and nothing is left."""
        self._settle(reading=True)
        for tunnel in self.tunnels:
            tunnel.client.finish()
            if tunnel.server is not None:
                tunnel.server.finish()
        self._settle(reading=True)
        for _ in range(int(4 * SILENCE)):  # what was harmed is found out by its silence
            if any(one.middle.harmed and not all(one.dead) for one in self.crossings):
                hand_clock().go_on(1.0)
                self._settle(reading=True)
        for crossing in self.crossings:
            assert all(crossing.dead) or not crossing.hurt, f"{crossing.dead} {crossing.middle.harmed} {crossing.handles} {crossing.heard} {trio.current_time()}"
        for tunnel in self.tunnels:
            for reader, _other, _way in tunnel.ends:
                assert reader.over, f"{tunnel!r}: somebody waits for ever"
            if not tunnel.excused:
                tunnel.check_whole()
            assert all(splice.ended for splice in tunnel.splices.values())
        self.holds()
        for crossing in self.crossings:
            assert all(handle.statistics().streams == 0 for handle in crossing.handles)
            crossing.middle.cut("reset")
        self._settle(reading=True)
        self._nothing_is_left()

    def _nothing_is_left(self) -> None:
        for daemon, listeners in zip(self.daemons, (1, 0), strict=True):
            left = daemon.pump.statistics()
            assert (left.links, left.timers, left.bytes_held) == (listeners, 0, 0)
            assert len(daemon.driver.sockets) == listeners
            assert daemon.flow.windows.used == 0
            assert left.resets_for_budget == 0

    # --- inside ---

    @property
    def crossing(self) -> Crossing:
        """The session of now."""
        return self.crossings[-1]

    def _cross(self) -> None:
        self.crossings.append(Crossing(len(self.crossings), self.network, self.daemons, self.terms.session))
        self._settle(admitting=False)
        assert [type(owner.inbox[0]) for owner in self.crossing.owners] == [SessionUp, SessionUp]

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

    def _admit(self) -> bool:
        waiting = len(self.accepted) + len(self.arrived)
        while self.accepted:
            self.visit()
        for index in reversed(range(len(self.arrived))):
            self.answer(index, 100)
        return len(self.arrived) < waiting

    def _settle(self, *, reading: bool = False, admitting: bool = True) -> None:
        for _ in range(_ROUNDS):
            moved = False
            for side, daemon in enumerate(self.daemons):
                if daemon.driver.is_due:
                    self._turn(side)
                    moved = True
            for crossing in self.crossings:
                for way in (0, 1):
                    moved = crossing.middle.carry(way, ALL) or moved
            moved = (admitting and self._admit()) or moved
            for tunnel in self.tunnels if reading else ():
                for end in range(len(tunnel.ends)):
                    moved = tunnel.read(end, MOST) or moved
            if not moved:
                return
        raise AssertionError("it never comes to rest")


def test_in_whatever_order_what_comes_out_is_what_went_in() -> None:
    async def main() -> None:
        await trio.lowlevel.checkpoint()
        run_state_machine_as_test(Tunnels, settings=settings(stateful_step_count=40))

    trio.run(main, clock=HandClock())
