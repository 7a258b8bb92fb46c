"""Programs, tunnels and the way between two daemons, as a model of which each byte is known.

    client - kernel - splice - session - kernel - middle - kernel - session - splice - kernel - server

`Program` judges every byte that it reads, and how its reading ends; `Middle` is the network: it hands on as many bytes
as it is told to, and all that a network may do to a connection.
"""

import hashlib
from functools import lru_cache

import attrs
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow import SessionHandle, SessionUp, Splice, Stream
from beam_actors.flow.sockets import SocketLink
from beam_actors.ports import Endpoint
from beam_actors.testing.network import VirtualDriver
from beam_actors.wire import Role, SessionLimits
from tests.flow.rig import LOOPBACK, FakeOwner
from tests.flow.sessions import make_session
from tests.flow.stepped import Daemon

MOST = 1 << 20
"""Bytes that a program sends at most."""
SILENCE = 11.0
"""Seconds without a byte after which a session may end by itself (`FlowLimits.silence_seconds`)."""
HEAD = 4
"""Bytes that a visiting daemon sends ahead of the client's: the number of the tunnel."""

_BUFFER = memoryview(bytearray(MOST))


@lru_cache(maxsize=64)
def content(number: int, way: int) -> bytes:
    """What goes through a tunnel one way: nothing like what goes through another one, or back."""
    return hashlib.shake_128(b"%d %d" % (number, way)).digest(MOST)


class Program:
    """One end: what it sent, and how far it has read what the other end sent."""

    def __init__(self, endpoint: Endpoint, content: bytes) -> None:
        self.endpoint = endpoint
        self.sent = self.got = 0
        self.finished = False
        self.over = ""
        """How its reading ended: with an "end" or a "reset", or because it "left"."""
        self._content = content

    def write(self, size: int) -> None:
        if self.over not in {"reset", "left"} and not self.finished:
            try:
                self.sent += self.endpoint.send(self._content[self.sent : self.sent + size])
            except ConnectionLost:
                self.over = "reset"

    def finish(self) -> None:
        if self.over not in {"reset", "left"} and not self.finished:
            self.finished = True
            self.endpoint.shutdown()

    def leave(self) -> None:
        """Cut the connection."""
        if self.over not in {"reset", "left"}:
            self.over = "left"
            self.endpoint.abort()

    def read(self, size: int, other: "Program | None", expected: bytes) -> bool:
        """Read once, and judge it; whether anything came. `other` is nobody while nothing was connected there."""
        if self.over:
            return False
        try:
            got = self.endpoint.recv_into(_BUFFER[:size])
        except ConnectionLost:
            self.over = "reset"
            return True
        if got is None:
            return False
        if got == 0:
            assert other is not None, "a clean end of what never began"
            assert other.finished, "a clean end that nobody made"
            assert self.got == other.sent, f"a clean end after {self.got} of {other.sent} bytes"
            self.over = "end"
            return True
        assert _BUFFER[:got] == expected[self.got : self.got + got], f"other bytes than were sent, from {self.got} on"
        self.got += got
        assert other is not None, "bytes of nobody"
        assert self.got <= other.sent, "more bytes than were sent"
        return True


class Middle:
    """What lies between two daemons: a connection with each, and what it does with the bytes."""

    def __init__(self, driver: VirtualDriver, daemons: tuple[Daemon, Daemon], owner: FakeOwner) -> None:
        listener = driver.listen(LOOPBACK)
        self.links: list[SocketLink] = []
        self._ends: list[Endpoint] = []
        for daemon in daemons:
            self.links.append(SocketLink(daemon.pump, daemon.driver.dial(listener.local), owner))
            end = listener.accept()
            assert end is not None
            self._ends.append(end)
        listener.close()
        self.harmed = False
        """Whether it did what the ends may see."""
        self.tampered = False
        """Whether it changed bytes, of which the ends may learn late."""
        self._held = bytearray(), bytearray()
        self._ended = [False, False]
        self._told = [False, False]
        self._silent = False

    def carry(self, way: int, size: int) -> bool:
        """Hand on at most `size` bytes that come from the daemon of that number; whether anything moved."""
        if self._silent:
            return False
        held, sink = self._held[way], self._ends[1 - way]
        try:
            moved = self._fetch(way, size)
            sent = sink.send(held[:size]) if held else 0
            del held[:sent]
            if self._ended[way] and not held and not self._told[way]:
                self._told[way] = True
                sink.shutdown()
        except ConnectionLost:  # a daemon cut it: the other one hears of that
            self.cut("reset")
            return True
        return moved or sent > 0

    def tamper(self, way: int, what: str) -> None:
        """Change, repeat or drop one byte of what is under way, if there is one."""
        held = self._held[way]
        try:
            if self._silent or not (held or self._fetch(way, 1)) or not held:
                return
        except ConnectionLost:
            return
        self.harmed = self.tampered = True
        if what == "change":
            held[0] ^= 1
        elif what == "repeat":
            held.insert(0, held[0])
        else:
            del held[0]

    def cut(self, how: str, to: int | None = None) -> None:
        """End it: by a reset, or a clean end as of a killed process, told to one daemon or both; or silently."""
        self.harmed = self._silent = True
        for side, end in enumerate(self._ends):
            if side == to or to is None:
                if how == "reset":
                    end.abort()
                elif how == "end":
                    end.shutdown()

    def _fetch(self, way: int, size: int) -> bool:
        held = self._held[way]
        if self._ended[way] or len(held) >= size:
            return False
        got = self._ends[way].recv_into(_BUFFER[: size - len(held)])
        if got is None:
            return False
        self._ended[way] = got == 0
        held += _BUFFER[:got]
        return True


class Crossing:
    """A session of two daemons over a middle: who is up, and when each end heard of the other."""

    def __init__(
        self, number: int, driver: VirtualDriver, daemons: tuple[Daemon, Daemon], limits: SessionLimits
    ) -> None:
        self.owners = FakeOwner(f"session/visitor/{number}"), FakeOwner(f"session/owner/{number}")
        self.middle = Middle(driver, daemons, self.owners[0])
        self.dead = [False, False]
        self.heard = [trio.current_time()] * 2
        self._received = [0, 0]
        self.handles: list[SessionHandle] = []
        for daemon, link, owner, role in zip(daemons, self.middle.links, self.owners, Role, strict=True):
            session = make_session(role, limits=limits, budget=daemon.flow.windows)
            self.handles.append(daemon.flow.session(Stream(link), session, owner))

    @property
    def is_up(self) -> bool:
        """Whether both ends were told so."""
        return all(owner.inbox and isinstance(owner.inbox[0], SessionUp) for owner in self.owners)

    @property
    def hurt(self) -> bool:
        """Whether something excuses the end of what goes over it."""
        return self.middle.harmed or any(self.dead)

    def listen(self, side: int) -> None:
        """Notice, after a turn of that daemon, whether it heard anything."""
        received = self.handles[side].statistics().wire.received
        if received != self._received[side]:
            self._received[side] = received
            self.heard[side] = trio.current_time()

    def went_down(self, side: int) -> None:
        """That daemon says that the session is over: is that so for a reason?"""
        silent = trio.current_time() - self.heard[side]
        assert self.hurt or silent >= SILENCE, f"a session ended though nothing harmed it, {silent} s after it heard"
        self.dead[side] = True


@attrs.define(eq=False)
class Tunnel:
    """Two programs, what joins them, and what excuses a reset."""

    number: int
    crossing: Crossing
    client: Program
    server: Program | None = None
    splices: dict[int, Splice] = attrs.field(factory=dict)
    """By the number of the daemon, once there."""
    cut: bool = False

    @property
    def ends(self) -> list[tuple[Program, Program | None, int]]:
        """Each end with the other one, and the way of what it reads."""
        ends: list[tuple[Program, Program | None, int]] = [(self.client, self.server, 1)]
        if self.server is not None:
            ends.append((self.server, self.client, 0))
        return ends

    @property
    def excused(self) -> bool:
        """Whether a program may see a reset."""
        return self.cut or self.crossing.hurt

    def read(self, index: int, size: int) -> bool:
        """Let one end read once."""
        reader, other, way = self.ends[index % len(self.ends)]
        came = reader.read(size, other, content(self.number, way))
        assert reader.over != "reset" or self.excused, "a reset of what nobody cut"
        return came

    def check(self, slack: int, window: int, buffer: int) -> None:
        """What came out never exceeds what went in, at any of the places where it is counted; and little is between."""
        up, down = self.client.sent, self.server.sent if self.server is not None else 0
        there = self.server.got if self.server is not None else 0
        forth = [self.splices[side].bytes[0] if side in self.splices else 0 for side in (0, 1)]
        back = [self.splices[side].bytes[1] if side in self.splices else 0 for side in (0, 1)]
        assert there <= forth[1] <= max(0, forth[0] - HEAD) <= up
        assert self.client.got <= back[0] <= back[1] <= down
        assert forth[1] - there <= buffer
        assert back[0] - self.client.got <= buffer
        assert forth[0] - HEAD - forth[1] <= window + slack
        assert back[1] - back[0] <= window
        assert up - (forth[0] - HEAD) <= buffer + slack + HEAD
        assert down - back[1] <= buffer + slack

    def check_left(self) -> None:
        """Everybody read what there is: if a program left, the other one knows, and needs to do nothing for it."""
        overs = [reader.over for reader, _other, _way in self.ends]
        assert self.crossing.hurt or "left" not in overs or all(overs), "a reset that is not passed on"

    def check_over(self) -> None:
        """Everybody finished, and read to the end: nobody waits, and what nothing excuses is whole."""
        assert all(reader.over for reader, _other, _way in self.ends), f"{self!r}: somebody waits for ever"
        assert all(splice.ended for splice in self.splices.values())
        if not self.excused:
            self.check_whole()

    def check_whole(self) -> None:
        """Both programs finished and nothing excused a reset: all has come, and all is over."""
        assert self.server is not None
        for reader, other, _way in self.ends:
            assert other is not None
            assert reader.over == "end", f"{reader.over or 'no'} end, after {reader.got} of {other.sent} bytes"
            assert reader.got == other.sent
        assert self.splices[0].bytes == (HEAD + self.client.sent, self.server.sent)
        assert self.splices[1].bytes == (self.client.sent, self.server.sent)
        assert all(splice.ended and splice.error is None for splice in self.splices.values())

    def __repr__(self) -> str:
        return f"<Tunnel {self.number} {list(self.splices.values())}{' excused' if self.excused else ''}>"
