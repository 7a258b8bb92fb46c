"""Attackers below the protocols of names and tunnels: they break messages, handshakes and sessions, or hold them."""

from contextlib import suppress

import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow import Stream
from beam_actors.naming import PROTOCOL as NAMES
from beam_actors.naming import protocol
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Compare, Done, Ranges
from beam_actors.naming.ranges import PREFIX, SALT, TOP, Listing
from beam_actors.tunnels import PROTOCOL as TUNNEL
from beam_actors.values import Multiaddr, cbor
from beam_actors.wire import Role, frame
from beam_actors.wire.yamux import Flag, GoAway, Kind
from simulations.hostile.attacker import Attacker, quietly
from simulations.hostile.frames import opened, yamux
from simulations.hostile.line import DEFENCE, Line

_FIRST = 3
"""The first stream that the session did not open itself."""
_COMPARE = Compare(bytes(SALT), bytes(PREFIX), TOP)
_SPOKEN = (NAMES, TUNNEL, "/beam/peers/1", "/ipfs/id/push/1.0.0")


class Vandal(Attacker):
    """Breaks the multiplexer's rules, one after the other, a session for each."""

    NAME = "vandal"

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        entropy = self.lair.entropy
        stream = _FIRST
        rules = (
            lambda: entropy.token(1 << 12),
            lambda: yamux(Kind.DATA, 0, stream, 1, b"x", version=9),
            lambda: yamux(77, 0, stream, 0),
            lambda: yamux(Kind.DATA, 0xFFF0, stream, 0),
            lambda: yamux(Kind.DATA, 0, 4001, 4, b"lost"),  # a stream that nobody opened
            lambda: yamux(Kind.DATA, Flag.SYN, 4, 4, b"even"),  # a number of the other side's
            lambda: opened(stream, NAMES) + opened(stream, NAMES),  # one number twice
            lambda: opened(stream, NAMES) + yamux(Kind.DATA, 0, stream, 0xFFFFFFFF),  # a length that is no length
            lambda: opened(stream, NAMES) + yamux(Kind.WINDOW_UPDATE, 0, stream, 0xFFFFFFFF) * 3,
            lambda: opened(stream, NAMES, flags=Flag.FIN) + yamux(Kind.DATA, 0, stream, 5, b"after"),
            lambda: opened(stream, "/no/such/thing/1") + opened(stream + 2, "x" * 900),
            lambda: yamux(Kind.GO_AWAY, 0, 0, GoAway.NORMAL) + opened(stream, NAMES),
            lambda: yamux(Kind.PING, Flag.SYN, 0, 7) * 9_000,
            lambda: b"".join(
                yamux(Kind.WINDOW_UPDATE, Flag.SYN, n, 0) + yamux(Kind.WINDOW_UPDATE, Flag.RST, n, 0)
                for n in range(stream, stream + 4000, 2)
            ),
        )
        line.say(rules[self.lair.tally["rules broken"] % len(rules)]())
        self.lair.tally["rules broken"] += 1
        await trio.sleep(5.0)


class Babbler(Attacker):
    """Opens streams of real protocols and says what is no message of theirs."""

    NAME = "babbler"

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        messages = (
            b"\xff" * 9,  # a length without end
            b"\x80\x80\x04",  # one beyond any bound
            frame(self.lair.entropy.token(300)),
            frame(cbor.encode([2, 1, []])),  # another version
            frame(cbor.encode([1, 9])),  # another kind
            frame(cbor.encode([1, 1, [bytes(2000)]])),  # an oversized claim
            frame(cbor.encode([1, 1, [b"x"] * 49])),
            frame(cbor.encode([1, 3, b"short", bytes(8), b""])),
            frame(cbor.encode([1, 6, [[b"b", 0], [b"a", 0]]])),  # ranges that go back
            frame(cbor.encode([1, 2, "NOT A NAME"])),
            frame(cbor.encode([[[[[[1]]]]]])),
            protocol.encode(_COMPARE) + protocol.encode(_COMPARE),  # an exchange within another one
            protocol.encode(_COMPARE) + protocol.encode(Ranges((Listing(b"\x80", (bytes(32),) * 2),))),  # a list twice
            protocol.encode(Done()) * 50,
            b"\x30half of",
        )
        for message in messages:
            talk = line.open(_SPOKEN[self.lair.tally["messages that are none"] % len(_SPOKEN)])
            self.lair.tally["messages that are none"] += 1
            with suppress(ConnectionLost):
                await talk.write(message)
                talk.close()
                with trio.move_on_after(1.0):
                    while await talk.read():
                        pass
            talk.abort()
        await trio.sleep(1.0)


class Idler(Attacker):
    """Opens streams and leaves them: as many as it may, before the first word, in the middle of one, and after it."""

    NAME = "idler"

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        frames = [yamux(Kind.WINDOW_UPDATE, Flag.SYN, number, 0) for number in range(_FIRST, 203, 2)]
        frames += [opened(number, _SPOKEN[number // 2 % 4], b"\x30half"[: number % 6]) for number in range(203, 603, 2)]
        line.say(b"".join(frames))
        self.lair.tally["streams left"] += len(frames)
        await trio.sleep(120.0)


class Sloth(Attacker):
    """Asks for everything and reads nothing."""

    NAME = "sloth"

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        for _ in range(8):
            await Conversation(line.open(NAMES), timeout=60).send(_COMPARE, Ranges((Listing(TOP, ()),)))
        await trio.sleep(0.5)
        line.sleep()
        self.lair.tally["answers unread"] += 8
        await trio.sleep(300.0)


class Handshaker(Attacker):
    """Begins many handshakes and ends none: silent, noisy, dripping, cut off after each message, or repeated."""

    NAME = "handshaker"
    AT_ONCE = 10

    async def meet(self, stream: Stream, victim: Multiaddr) -> None:
        """See `Attacker`: one connection is not enough."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._begin, stream, victim, 0)
            for way in range(1, self.AT_ONCE):
                try:
                    other = await self.program.connect(stream.remote)  # type: ignore[arg-type]  # it is a TCP one
                except DEFENCE:
                    continue
                nursery.start_soon(self._begin, other, victim, way)

    async def _begin(self, stream: Stream, victim: Multiaddr, way: int) -> None:
        self.lair.tally["handshakes begun"] += 1
        session = self.session(Role.INITIATOR, expected=victim.peer)
        first = bytes(session.data_to_send())
        match way % 5:
            case 0:
                pass
            case 1:
                await quietly(stream, self.lair.entropy.token(4096))
            case 2:
                for byte in first:
                    if not await quietly(stream, bytes([byte])):
                        break
                    await trio.sleep(1.0)
            case 3:
                await quietly(stream, first * 3)
            case _:
                await quietly(stream, first)
        with trio.move_on_after(60.0):
            try:
                while await stream.read():
                    pass
                self.lair.tally["handshakes that the victim ended"] += 1
            except ConnectionLost:
                self.lair.tally["handshakes that the victim ended"] += 1
        stream.abort()


class Legion(Attacker):
    """One peer that has many sessions with its victim, and keeps them all."""

    NAME = "legion"
    AT_ONCE = 10

    async def meet(self, stream: Stream, victim: Multiaddr) -> None:
        """See `Attacker`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super().meet, stream, victim)
            for _ in range(1, self.AT_ONCE):
                with suppress(*DEFENCE):
                    other = await self.program.connect(stream.remote)  # type: ignore[arg-type]  # it is a TCP one
                    nursery.start_soon(super().meet, other, victim)

    async def attack(self, line: Line) -> None:  # noqa: ARG002 (it only stays)
        """See `Attacker`: answer pings, and stay."""
        self.lair.tally["sessions kept"] += 1
        await trio.sleep(60.0)


VANDALS: tuple[type[Attacker], ...] = (Vandal, Babbler, Idler, Sloth, Handshaker, Legion)
