"""The pump's invariants, whatever the network does, in whatever order the pumps have their turns.

Two daemons with a session between them, programs at both ends of several tunnels, and a state machine that decides on
everything: who writes, reads, half-closes or leaves; how many bytes the network hands on; which pump has a turn, and
which of its ready sockets it is told of, in which order; how time passes; what is cut, crashed or tampered with, and
when. See `tunnelled` for what is checked of each byte.
"""

import sys

import pytest
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

from tests.flow.stepped import HandClock, hand_clock
from tests.flow.terms import Terms, terms
from tests.flow.tunnelled import SILENCE, Program, Tunnel, content
from tests.flow.two_daemons import TAGS, UNREAD, TwoDaemons

_TUNNELS = 5
_FLUSH = 1 << 18
"""Sealed bytes that a session may hold while its socket takes none."""
INDEX = st.integers(0, 7)
SIDE = st.integers(0, 1)
SIZE = st.integers(0, 4)
HARM = "reset both", "reset one", "end both", "end one", "silence", "change", "repeat", "drop", "leave", "crash"
"""What the network does to a connection or a byte; a daemon leaves the session in order, or its actor crashes."""


class Tunnels(TwoDaemons, RuleBasedStateMachine):
    """Daemon 0 has the clients, daemon 1 the servers."""

    @initialize(
        terms=st.one_of(terms(fine=True), terms(fine=False)),
        opened=st.lists(st.tuples(SIZE, SIZE), max_size=3),
    )
    def start(self, terms: Terms, opened: list[tuple[int, int]]) -> None:
        """The daemons have a session, and some tunnels through it, of which both ends said something."""
        self._begin(terms)
        for up, _down in opened:
            self.open(up)
        self._settle(answering=False)
        self.write([(index, 0, up) for index, (up, _down) in enumerate(opened)])
        self._settle(answering=False)
        self._settle()
        self.write([(index, 1, down) for index, (_up, down) in enumerate(opened)])

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
    @rule(writes=st.lists(st.tuples(INDEX, SIDE, SIZE), min_size=1, max_size=6))
    def write(self, writes: list[tuple[int, int, int]]) -> None:
        for tunnel, end, size in writes:
            self._program(tunnel, end).write(self.terms.sizes[size])

    @precondition(lambda self: self.tunnels)
    @rule(reads=st.lists(st.tuples(INDEX, SIDE, SIZE), min_size=1, max_size=6))
    def read(self, reads: list[tuple[int, int, int]]) -> None:
        for tunnel, end, size in reads:
            self._tunnel(tunnel).read(end, self.terms.sizes[size])

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE, reading=st.booleans())
    def pour(self, tunnel: int, end: int, reading: bool) -> None:  # noqa: FBT001  # drawn
        """Much is written, while everybody reads, and windows may grow; or nobody, until nothing more is taken."""
        program = self._program(tunnel, end)
        for _ in range(self.terms.rounds):
            before = program.sent
            program.write(self.terms.sizes[-1])
            if program.sent == before:
                break
            self._settle(reading=reading)

    @precondition(lambda self: self.tunnels)
    @rule(tunnel=INDEX, end=SIDE, behind=st.integers(0, 4))
    def half_close(self, tunnel: int, end: int, behind: int) -> None:
        """A program says that this was all, perhaps behind much that the network doesn't take yet."""
        program = self._program(tunnel, end)
        for _ in range(behind):
            program.write(self.terms.sizes[-1])
            self._settle(carrying=False)
        program.finish()
        if behind:
            self._settle(carrying=False)

    # --- what daemons, the network and time do ---

    @rule(side=SIDE, picks=st.lists(INDEX, max_size=5), hint=st.none() | INDEX)
    def turn(self, side: int, picks: list[int], hint: int | None) -> None:
        """One turn of one pump, with some of what is ready, in any order."""
        self._turn(side, picks, hint)

    @rule(moves=st.lists(st.tuples(st.integers(0, 3), SIDE, SIZE), min_size=2, max_size=12))
    def bustle(self, moves: list[tuple[int, int, int]]) -> None:
        """Turns with one ready socket or with all, bytes that are handed on, and tunnels that come to be."""
        for kind, side, size in moves:
            if kind == 0:
                self._turn(side)
            elif kind == 1:
                self._turn(side, [size])
            elif kind == 2:
                self.crossing.middle.carry(side, self.terms.sizes[size])
            elif side == 0:
                self._visit()
            else:
                self._answer(size)

    @rule(carrying=st.booleans(), answering=st.booleans())
    def settle(self, carrying: bool, answering: bool) -> None:  # noqa: FBT001  # drawn
        """All that can happen while no program does anything, and perhaps the network or the owner's daemon neither."""
        self._settle(carrying=carrying, answering=answering)

    @rule(seconds=st.sampled_from([0.01, 3.0, 12.0]))
    def pass_time(self, seconds: float) -> None:
        hand_clock().go_on(seconds)

    @precondition(lambda self: self.crossing.hurt)
    @rule()
    def dial_again(self) -> None:
        """A new session for the tunnels of the future."""
        self._cross()

    # --- what goes wrong ---

    @precondition(lambda self: not self.crossing.middle.harmed)
    @rule(how=st.sampled_from(HARM), side=SIDE, carried=st.none() | SIZE)
    def harm_session(self, how: str, side: int, carried: int | None) -> None:
        """Something happens to the session, or to the bytes that the daemon of that number sent.

        If anything is `carried`, everybody says much before, of which the network hands on so little.
        """
        middle = self.crossing.middle
        if carried is not None:
            self.write([(index, end, 4) for index in range(len(self.tunnels)) for end in (0, 1)])
            self._settle(carrying=False)
            self.bustle([(kind, end, carried) for kind in (2, 0) for end in (0, 1)])
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

    @precondition(lambda self: self.tunnels)
    @rule(how=st.sampled_from(["leave", "withdraw", "crash"]), tunnel=INDEX, side=SIDE)
    def harm_tunnel(self, how: str, tunnel: int, side: int) -> None:
        """A program cuts its connection, or a daemon; or who owns those that are not joined yet ends there."""
        chosen, pump = self._tunnel(tunnel), self.daemons[side].pump
        if how == "leave":
            chosen.cut = True
            self._program(tunnel, side).leave()
        elif how == "withdraw":
            lives = side in chosen.splices and not chosen.splices[side].ended
            chosen.cut = chosen.cut or lives
            assert pump.splices.abort(str(chosen.number)) == lives
        else:
            for each in self.tunnels:
                each.cut = each.cut or side not in each.splices
            pump.owner_ended(self.owners[side].path)

    # --- what must be ---

    @invariant()
    def holds(self) -> None:
        slack = self.terms.splice_read_size + UNREAD
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
            tunnel.check_left()
            tunnel.client.finish()
            if tunnel.server is not None:
                tunnel.server.finish()
        self._settle(reading=True)
        self._harm_is_found_out()
        for tunnel in self.tunnels:
            tunnel.check_over()
        self.holds()
        for crossing in self.crossings:
            assert all(handle.statistics().streams == 0 for handle in crossing.handles)
            crossing.middle.cut("reset")
        self._settle(reading=True)
        self._nothing_is_left()

    def _harm_is_found_out(self) -> None:
        for _ in range(int(3 * SILENCE)):
            if any(one.middle.harmed and not all(one.dead) for one in self.crossings):
                hand_clock().go_on(1.0)
                self._settle(reading=True)
        for crossing in self.crossings:
            if crossing.middle.tampered and not all(crossing.dead):
                # A length that was changed: this end waits for a record of up to 64 KiB, and is not in silence.
                crossing.middle.cut("reset")
                self._settle(reading=True)
            assert all(crossing.dead) or not crossing.hurt, "a session outlives what was done to it"

    def _nothing_is_left(self) -> None:
        for daemon, listeners in zip(self.daemons, (1, 0), strict=True):
            left = daemon.pump.statistics()
            assert (left.links, left.timers, left.bytes_held) == (listeners, 0, 0)
            assert len(daemon.driver.sockets) == listeners
            assert daemon.flow.windows.used == 0
            assert left.resets_for_budget == 0


@pytest.mark.timeout(600)  # a failure is shrunk first, which takes minutes; without one it takes seconds
def test_in_whatever_order_what_comes_out_is_what_went_in() -> None:
    async def main() -> None:
        await trio.lowlevel.checkpoint()
        run_state_machine_as_test(Tunnels, settings=settings(stateful_step_count=40))

    trio.run(main, clock=HandClock())
